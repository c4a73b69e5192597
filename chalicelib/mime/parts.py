"""MIME parts (RFC 2045, RFC 2046): texts, attachments, and multiparts of them."""

import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.mime.base64_body import HELD_BY_LINE, to_base64
from chalicelib.mime.guard import ComposeError, ExpectedPart, body_text_problem
from chalicelib.mime.header_fields import HeaderField, tokens, with_filename

BOUNDARY_START = "=_"  # neither quoted-printable nor base64 can produce it (RFC 2045 section 6.7)


@dataclass(frozen=True, slots=True)
class AttachmentPart:
    """A file in a mail. `inline` with a `content_id` (no angle brackets): an image the HTML shows as `cid:…`."""

    filename: str
    content_type: str
    data: bytes
    content_id: str | None = None
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A part ready to be written: fields and encoded body, and beside them what a reader must find in it."""

    fields: tuple[HeaderField, ...]
    body: bytes  # empty for a multipart
    content_type: str
    content: bytes | None  # decoded; None for a multipart
    filename: str | None = None
    children: tuple["Part", ...] = ()
    boundary: str | None = None  # of a multipart

    @property
    def is_file(self) -> bool:
        return self.filename is not None

    def pieces(self) -> Iterator["Piece"]:
        """The part as it stands in a mail."""
        yield Piece(header_bytes(self.fields))
        yield from self.body_pieces()

    def body_pieces(self) -> Iterator["Piece"]:
        """The same without its header."""
        if self.boundary is None:
            yield Piece(self.body, self.content if self.is_file else None)
            return
        delimiter = f"--{self.boundary}".encode("ascii")
        for child in self.children:
            yield Piece(delimiter + b"\r\n")
            yield from child.pieces()
            yield Piece(b"\r\n")
        yield Piece(delimiter + b"--\r\n")

    def expected(self, more_names: Sequence[str] = ()) -> Iterator[ExpectedPart]:
        """What this part and those in it must read back as, of a file the first line; `more_names` stand in the same header."""
        names = (*more_names, *(field.name for field in self.fields))
        content = self.content[:HELD_BY_LINE] if self.content is not None and self.is_file else self.content
        yield ExpectedPart(names, self.content_type, content, self.filename)
        for child in self.children:
            yield from child.expected()


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a mail; `file` is what it holds in base64 when it is the whole body of a file."""

    octets: bytes
    file: bytes | None = None


def header_bytes(fields: Sequence[HeaderField]) -> bytes:
    """The fields with the empty line that ends a header."""
    return "".join(f"{field}\r\n" for field in (*fields, "")).encode("ascii")


# ------------------------------------------------------------------------------------------------------------- texts

_BEYOND_7BIT = re.compile(
    rb"[^\t\n\x20-\x7e]"  # other octets than visible ASCII
    rb"|[ \t](?:\n|\Z)"  # spaces at the end of a line, which servers strip
    rb"|^\.$|^From |^--" + BOUNDARY_START.encode(),  # SMTP's last line; mbox's first; ours between two parts
    re.MULTILINE,
)
_LONGEST_7BIT_LINE = 78
_PLAIN_IN_QUOTED_PRINTABLE = bytes({*range(0x20, 0x7F), *b"\t\n"} - {ord("=")})


def text_part(subtype: str, text: str) -> Part:
    """A `text/…` part. Every line ending (CRLF, CR, LF) becomes CRLF; nothing else changes, nothing is added."""
    if problem := body_text_problem(text):
        raise ComposeError(f"the {subtype} body cannot be written: {problem}")
    data = text.replace("\r\n", "\n").replace("\r", "\n").encode()
    encoding, body = _encoded_text(data)
    fields = (
        tokens("Content-Type", (f"text/{subtype};", 'charset="utf-8"')),
        tokens("Content-Transfer-Encoding", (encoding,)),
    )
    return Part(fields, body, f"text/{subtype}", data.replace(b"\n", b"\r\n"))


def _encoded_text(data: bytes) -> tuple[str, bytes]:
    """The Content-Transfer-Encoding that suits the text best, and the text in it; `data` has LF line ends."""
    if not _BEYOND_7BIT.search(data) and max(map(len, data.split(b"\n"))) <= _LONGEST_7BIT_LINE:
        return "7bit", data.replace(b"\n", b"\r\n")
    escaped = len(data.translate(None, delete=_PLAIN_IN_QUOTED_PRINTABLE))
    if escaped * 6 <= len(data):  # three octets for one here, four for three there: even at a sixth
        return "quoted-printable", binascii.b2a_qp(data, istext=True).replace(b"\n", b"\r\n")
    return "base64", to_base64(data.replace(b"\n", b"\r\n"))


# ------------------------------------------------------------------------------------------------------- attachments

_TOKEN = r"[A-Za-z0-9!#$&^_.+-]{1,127}"  # RFC 6838 section 4.2
# An invitation keeps its method, without which calendars do not take it for one (RFC 6047 section 2.4).
_LEAF_TYPE = re.compile(rf"((?!message/|multipart/){_TOKEN}/{_TOKEN})(?:; (method={_TOKEN}))?", re.IGNORECASE)
_CONTENT_ID = re.compile(r"[!-;=?-~]{1,250}")


def is_content_id(text: str) -> bool:
    """Whether a mail of ours can name a file so; a stranger's may be anything."""
    return _CONTENT_ID.fullmatch(text) is not None


def attachment_part(attachment: AttachmentPart) -> Part:
    """An attached file, in base64.

    A type that is malformed becomes `application/octet-stream`, and so do `message/*` and `multipart/*`, which may
    not be in base64 (RFC 2046 section 5) and would let the file's own header fields into the structure of the mail.
    """
    leaf = _LEAF_TYPE.fullmatch(attachment.content_type)
    content_type = leaf[1].lower() if leaf else "application/octet-stream"
    fields = [
        tokens("Content-Type", (f"{content_type};", leaf[2]) if leaf and leaf[2] else (content_type,)),
        tokens("Content-Transfer-Encoding", ("base64",)),
        with_filename("Content-Disposition", "inline" if attachment.inline else "attachment", attachment.filename),
    ]
    if attachment.content_id is not None:
        if not is_content_id(attachment.content_id):
            raise ComposeError(f"{attachment.content_id!r} is not a Content-ID")
        fields.append(tokens("Content-ID", (f"<{attachment.content_id}>",)))
    return Part(tuple(fields), to_base64(attachment.data), content_type, attachment.data, attachment.filename)


# -------------------------------------------------------------------------------------------------------- multiparts


def multipart(subtype: str, children: Sequence[Part], *, boundary: str) -> Part:
    """A `multipart/…` of these parts; `boundary` begins with `BOUNDARY_START`, so that no body can hold it."""
    content_type = f"multipart/{subtype}"
    parameters = [f'boundary="{boundary}"']
    if subtype == "related":
        parameters.insert(0, f'type="{children[0].content_type}";')  # RFC 2387 section 3.1
    fields = (tokens("Content-Type", (f"{content_type};", *parameters)),)
    return Part(fields, b"", content_type, None, children=tuple(children), boundary=boundary)
