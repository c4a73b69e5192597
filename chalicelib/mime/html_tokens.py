"""HTML as tags and texts, cut as browsers do (HTML standard, section 13.2.5), in one walk that only goes forward."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from types import MappingProxyType

# Everything up to their own end tag is text; the others of this kind are read like any element.
RAW_TEXT = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes"})
_ESCAPABLE_RAW_TEXT = frozenset({"title", "textarea"})

_TAG_OPEN = re.compile(r"<(?=[a-zA-Z/!?])")
_TAG_NAME = re.compile(r"[a-zA-Z][^\s/>]*")
_BETWEEN_ATTRIBUTES = re.compile(r"[\s/]*")
_ATTRIBUTE_NAME = re.compile(r"[^\s/>][^\s/>=]*")
# A quote that is never closed takes all that follows, as in browsers; so no character is looked at again.
_ATTRIBUTE_VALUE = re.compile(r"""\s*=\s*(?:"([^"]*)(?:"|\Z)|'([^']*)(?:'|\Z)|([^\s>]*))""")
_COMMENT_END = re.compile(r"--!?>|\Z")
_MARKUP_END = re.compile(r">|\Z")
_RAW_TEXT_END = {name: re.compile(rf"</{name}(?=[\s/>])|\Z", re.IGNORECASE) for name in RAW_TEXT | _ESCAPABLE_RAW_TEXT}
# No character has a number this long, and `unescape` refuses numbers of thousands of digits with a ValueError.
_ABSURD_REFERENCE = re.compile(r"&#(?:[0-9]{9,}|[xX][0-9a-fA-F]{8,});?")

NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StartTag:
    name: str  # in lower case
    attributes: Mapping[str, str]  # names in lower case, values decoded


@dataclass(frozen=True, slots=True)
class EndTag:
    name: str


@dataclass(frozen=True, slots=True)
class RawText:
    """What stands in an element whose content is no markup, such as a style sheet."""

    element: str
    text: str


Token = StartTag | EndTag | RawText | str


def html_tokens(html: str) -> Iterator[Token]:
    """The tags and, as plain strings, the decoded texts of `html`; comments and declarations are left out.

    Every kind of text is read; it never raises. A tag that is cut off by the end of the text is left out, as browsers
    leave it out.
    """
    at = 0
    while opening := _TAG_OPEN.search(html, at):
        start = opening.start()
        if start > at:
            yield decoded(html[at:start])
        ending = html[start + 1] == "/"
        name = _TAG_NAME.match(html, start + 2 if ending else start + 1)
        if name is None:  # `<!`, `<?`, and `</` before anything that begins no name
            at = _after_markup(html, start)
            continue
        tag, at = _tag(html, name)
        if tag is None:
            continue
        yield EndTag(tag.name) if ending else tag
        if not ending and tag.name in _RAW_TEXT_END:
            raw, at = _raw_text(html, at, tag.name)
            yield raw
    if at < len(html):
        yield decoded(html[at:])


def decoded(text: str) -> str:
    """Text with its character references resolved."""
    return unescape(_ABSURD_REFERENCE.sub("\ufffd", text)) if "&" in text else text


def _after_markup(html: str, start: int) -> int:
    """Where a comment, or what browsers take for one, that begins at `start` is over."""
    if not html.startswith("<!--", start):
        return _end(_MARKUP_END, html, start + 2)
    for empty in ("<!-->", "<!--->"):
        if html.startswith(empty, start):
            return start + len(empty)
    return _end(_COMMENT_END, html, start + 4)


def _tag(html: str, name: re.Match[str]) -> tuple[StartTag | None, int]:
    """The tag of this name with its attributes, and where it is over; None when the text ends within it."""
    at = name.end()
    attributes: dict[str, str] = {}
    while True:
        at = _end(_BETWEEN_ATTRIBUTES, html, at)
        attribute = _ATTRIBUTE_NAME.match(html, at)
        if attribute is None:
            break
        at = attribute.end()
        value = ""
        if given := _ATTRIBUTE_VALUE.match(html, at):
            at = given.end()
            value = given[given.lastindex or 0]
        attributes.setdefault(attribute[0].lower(), value)
    if at >= len(html):
        return None, at
    known = {attribute: decoded(value) for attribute, value in attributes.items()} if attributes else NO_ATTRIBUTES
    return StartTag(name[0].lower(), known), at + 1


def _raw_text(html: str, at: int, name: str) -> tuple[RawText | str, int]:
    end = _end_start(_RAW_TEXT_END[name], html, at)
    text = html[at:end]
    return (decoded(text) if name in _ESCAPABLE_RAW_TEXT else RawText(name, text)), end


def _end(pattern: re.Pattern[str], html: str, at: int) -> int:
    found = pattern.search(html, at)
    return found.end() if found else len(html)


def _end_start(pattern: re.Pattern[str], html: str, at: int) -> int:
    found = pattern.search(html, at)
    return found.start() if found else len(html)
