"""Texts and files of a mail, from its parts: what a mail program shows, and what it offers for download."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from chalicelib.mime.attachment_names import clean_filename, made_up_filename
from chalicelib.mime.bounds import Problems
from chalicelib.mime.charsets import clean_text, decode
from chalicelib.mime.content_type import Disposition, read_content_id, read_disposition
from chalicelib.mime.guarded import guarded
from chalicelib.mime.parsed_mail import ParsedAttachment
from chalicelib.mime.split_parts import Part
from chalicelib.mime.transfer_encodings import undo

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_PLAIN = frozenset({"text/plain", "text/markdown", "text/enriched", "text/richtext"})
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-z0-9_.:-]{1,60})", re.IGNORECASE)
_META_WITHIN = 4096
_METHOD = re.compile(rb"^METHOD(?:;[^:\r\n]{0,100})?:([A-Za-z-]{1,40})[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_METHOD_WITHIN = 64 * 1024
_METHOD_TOKEN = re.compile(r"[A-Za-z-]{1,40}")
_CID = re.compile(r"""cid:([^"'\s<>)]{1,250})""", re.IGNORECASE)
_BASE64_FILE = re.compile(rb"[A-Za-z0-9+/=\s]*")


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is shown, as HTML or plain."""

    content: str
    is_html: bool


@dataclass(slots=True)
class Contents:
    """What the parts hold: texts in the order they are shown, each in one or two versions; and files."""

    blocks: list[list[Text]] = field(default_factory=list)
    files: list["_File"] = field(default_factory=list)

    def htmls(self) -> Iterator[str]:
        """What came as HTML, piece by piece."""
        return (text.content for block in self.blocks for text in block if text.is_html)


@dataclass(frozen=True, slots=True)
class _File:
    part: Part
    disposition: Disposition
    data: bytes
    in_related: bool


def read_contents(raw: bytes, root: Part, problems: Problems) -> Contents:
    """The texts and files of the mail, decoded."""
    contents = Contents()
    _Reader(raw, problems).walk(root, contents, _Place(is_root=True))
    return contents


class _Reader:
    def __init__(self, raw: bytes, problems: Problems) -> None:
        self._raw = memoryview(raw)
        self._problems = problems

    def walk(self, part: Part, contents: Contents, place: "_Place") -> None:
        """Recursion is bounded: the tree is never deeper than `DEPTH_LIMIT`."""
        if not part.children:
            self._leaf(part, contents, place)
            return
        media_type = part.content_type.media_type
        if media_type == "multipart/alternative":
            self._alternative(part, contents)
            return
        for number, child in enumerate(part.children):
            self.walk(child, contents, _Place(in_related=media_type == "multipart/related", is_first=number == 0))

    def _alternative(self, part: Part, contents: Contents) -> None:
        """One block of all versions. Those in further formats say the same (RFC 2046 section 5.1.4) and are left out."""
        inner = Contents(files=contents.files)
        versions = [child for child in part.children if not _is_other_version(child)]
        for child in versions or part.children:
            self.walk(child, inner, _Place())
        if inner.blocks:
            contents.blocks.append(_different(inner.blocks))

    def _leaf(self, part: Part, contents: Contents, place: "_Place") -> None:
        disposition = read_disposition(part.header, part.content_type)
        media_type = part.content_type.media_type
        if part.content_type.is_multipart and self._raw[part.start : part.end].tobytes().strip():
            self._problems.add("a multipart has no parts")
        if self._is_shown(part, disposition, place):
            text = self._text(part)
            if text.strip():
                contents.blocks.append([Text(text, media_type in _HTML)])
            return
        data = self._data(part)
        if data or disposition.filename:
            contents.files.append(_File(part, disposition, data, place.in_related))

    def _is_shown(self, part: Part, disposition: Disposition, place: "_Place") -> bool:
        if disposition.kind == "attachment" or (disposition.filename and not (place.is_root and not disposition.kind)):
            return False
        if place.in_related and not place.is_first and part.header.first("content-id"):
            return False
        media_type = part.content_type.media_type
        if media_type is None or part.content_type.is_multipart:
            return not (part.in_digest and media_type is None)
        return media_type in _HTML or media_type in _PLAIN

    def _data(self, part: Part) -> bytes:
        encoding = part.header.text("content-transfer-encoding")
        content = bytes(self._raw[part.start : part.end])
        if _is_message(part) and not (encoding.lower() == "base64" and _BASE64_FILE.fullmatch(content)):
            return content  # RFC 2046 section 5.2.1 allows it no encoding, so what is claimed is mostly untrue
        return guarded("a part", lambda: undo(content, encoding, self._problems), content, self._problems)

    def _text(self, part: Part) -> str:
        octets = self._data(part)
        charset = part.content_type.parameters.get("charset")
        if charset is None and part.content_type.media_type in _HTML:
            meta = _META_CHARSET.search(octets, 0, _META_WITHIN)
            charset = meta[1].decode("ascii") if meta else None
        return clean_text(decode(octets, charset))


@dataclass(frozen=True, slots=True)
class _Place:
    is_root: bool = False
    in_related: bool = False
    is_first: bool = False


def _is_message(part: Part) -> bool:
    media_type = part.content_type.media_type
    return (media_type or "").startswith("message/") or (part.in_digest and media_type is None)


def _is_other_version(part: Part) -> bool:
    """Whether it is a text that is neither plain nor HTML nor a file: for a watch, say, or in an old format."""
    media_type = part.content_type.media_type or ""
    if not media_type.startswith("text/") or media_type in {"text/plain", "text/html", "text/calendar"}:
        return False
    disposition = read_disposition(part.header, part.content_type)
    return disposition.kind != "attachment" and not disposition.filename


def _different(blocks: list[list[Text]]) -> list[Text]:
    """The versions of an alternative, equal ones once; a program that writes two plain texts there means both."""
    return list(dict.fromkeys(text for block in blocks for text in block))


# ------------------------------------------------------------------------------------------------------- texts


def html_of(contents: Contents) -> str | None:
    """What came as HTML, in order; None when nothing did."""
    return _joined(contents.htmls())


def text_of(contents: Contents, from_html: Callable[[str], str]) -> str | None:
    """Everything that is shown, as text: a block that came only as HTML is put into words."""
    return _joined(
        text.content if not text.is_html else from_html(text.content)
        for block in contents.blocks
        for text in ([version for version in block if not version.is_html] or block)
    )


def _joined(texts: Iterator[str]) -> str | None:
    pieces = list(texts)
    if len(pieces) < 2:
        return pieces[0] if pieces else None
    return "".join(
        text if text.endswith("\n") or number == len(pieces) else text + "\n" for number, text in enumerate(pieces, 1)
    )


# ------------------------------------------------------------------------------------------------------- files


def attachments_of(contents: Contents) -> tuple[ParsedAttachment, ...]:
    """The files with their names; `inline` are those the HTML shows, or that ask to be shown."""
    shown = {name.lower() for html in contents.htmls() for name in _CID.findall(html)}
    return tuple(_attachment(file, number, shown) for number, file in enumerate(contents.files, 1))


def _attachment(file: _File, number: int, shown: set[str]) -> ParsedAttachment:
    media_type = _media_type(file)
    content_id = read_content_id(file.part.header)
    is_shown = content_id is not None and (file.in_related or content_id.lower() in shown)
    return ParsedAttachment(
        filename=clean_filename(file.disposition.filename) or made_up_filename(media_type, number),
        content_type=_with_method(file, media_type),
        data=file.data,
        content_id=content_id,
        inline=file.disposition.kind == "inline" or (is_shown and file.disposition.kind != "attachment"),
    )


def _media_type(file: _File) -> str:
    media_type = file.part.content_type.media_type
    if media_type is None:
        return "message/rfc822" if file.part.in_digest else "application/octet-stream"
    return media_type if not media_type.startswith("multipart/") else "application/octet-stream"


def _with_method(file: _File, media_type: str) -> str:
    """An invitation's type says what it asks for (RFC 6047 section 2.4), or else its text does."""
    if media_type != "text/calendar":
        return media_type
    method = file.part.content_type.parameters.get("method", "").strip()
    if not _METHOD_TOKEN.fullmatch(method):
        found = _METHOD.search(file.data, 0, _METHOD_WITHIN)
        method = found[1].decode("ascii") if found else ""
    return f"{media_type}; method={method.upper()}" if method else media_type
