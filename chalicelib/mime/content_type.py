"""What a part says of itself: media type, disposition, encoding, charset, name (RFC 2045, RFC 2183)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.domain.header_text import header_text_problem
from chalicelib.mime.header_block import Field, Header
from chalicelib.mime.read_parameters import read_parameters, readable

_TOKEN = r"[a-z0-9!#$&^_.+-]{1,127}"  # RFC 6838 section 4.2
_TYPE = re.compile(rf"({_TOKEN})\s*/\s*({_TOKEN})\s*(?:[;,(\s]|\Z)", re.IGNORECASE)
# Spaces are wrong in it (RFC 2045 section 7), but the HTML names the picture by it all the same.
_CONTENT_ID = re.compile(r"(?=.{1,250}\Z)[!-;=?-~]+(?: [!-;=?-~]+)*")


@dataclass(frozen=True, slots=True)
class ContentType:
    """`type/subtype` in lower case, None where it is missing or malformed, and the parameters."""

    media_type: str | None
    parameters: Mapping[str, str]
    octets: bytes = b""  # of the whole field: a boundary is compared as octets

    @property
    def is_multipart(self) -> bool:
        return self.media_type is not None and self.media_type.startswith("multipart/")

    def boundary(self) -> bytes | None:
        value = read_parameters(self.octets.decode("latin-1")).get("boundary", "")
        # What is left of a mangled extended parameter can be written in Latin-1 no more, and then is no boundary.
        return value.rstrip().encode("latin-1", "ignore") or None


NO_TYPE = ContentType(None, {})


def read_content_type(header: Header) -> ContentType:
    """The first Content-Type that can be read; later ones do not count."""
    for field in header.all("content-type"):
        text = field.text().strip()
        if found := _TYPE.match(text):
            media_type = f"{found[1]}/{found[2]}".lower()
            return ContentType(media_type, read_parameters(text), field.octets)
    field = header.first("content-type") or Field(b"")
    return ContentType(None, read_parameters(field.text()), field.octets)


@dataclass(frozen=True, slots=True)
class Disposition:
    """`attachment`, `inline`, another word, or empty; and the file name as it is written."""

    kind: str
    filename: str


def read_disposition(header: Header, content_type: ContentType) -> Disposition:
    """The name is the disposition's, else the media type's, as older programs write it."""
    text = header.text("content-disposition")
    written = read_parameters(text).get("filename") or content_type.parameters.get("name") or ""
    return Disposition(text.partition(";")[0].strip().lower(), readable(written))


def read_content_id(header: Header) -> str | None:
    """The Content-ID without its angle brackets, if a URL could name it."""
    text = header.text("content-id").strip().removeprefix("<").partition(">")[0].strip()
    return text if _CONTENT_ID.fullmatch(text) and header_text_problem(text) is None else None
