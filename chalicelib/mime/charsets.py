"""Octets to text: the declared charset, then UTF-8, then Windows-1252; and the characters no text may hold."""

import codecs
import re

from webencodings.labels import LABELS

# What mail programs write for charsets that Python knows under another name, or whose superset is what they mean
# (as in the WHATWG Encoding Standard, section 4.2). Names that Python does not know are looked up in that standard's table.
_ALIASES = {
    "ansi-x3-110-1983": "cp1252",
    "big5": "big5hkscs",
    "cp-850": "cp850",
    "euc-kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-8859-1": "cp1252",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-8-i": "iso8859-8",
    "koi8-ru": "koi8-u",
    "ks-c-5601-1987": "cp949",
    "latin1": "cp1252",
    "macintosh": "mac-roman",
    "shift-jis": "cp932",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "windows-31j": "cp932",
    "windows-874": "cp874",
    "x-gbk": "gb18030",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-roman": "mac-roman",
    "x-sjis": "cp932",
    "x-unknown": "utf-8",
    "x-user-defined": "cp1252",
}
# Python's codecs that are escapes and not character sets; the decoder of idna takes quadratic time.
_NOT_CHARACTER_SETS = frozenset({"unicode-escape", "raw-unicode-escape", "punycode", "idna", "undefined"})
# RuntimeError: CPython's codecs of ISO 2022 end in an "internal codec error" at some octets.
_UNREADABLE = (UnicodeError, LookupError, RuntimeError)
_LONGEST_NAME = 60
_MULTI_BYTE = re.compile(r"utf|gb|big5|cp9[345]|euc|shift|iso2022|hz|johab", re.IGNORECASE)


def decode(octets: bytes, charset: str | None) -> str:
    """The text of `octets`, whatever `charset` says; what nobody can read becomes U+FFFD."""
    declared = _codec(charset)
    for codec in (declared, "utf-8"):
        if codec is not None and (text := _strictly(octets, codec)) is not None:
            return text
    for codec in (declared, "utf-8"):
        # A long text with a little damage: the few wrong octets say nothing about the charset of all the others.
        if codec is not None and _MULTI_BYTE.match(codec) and (text := _with_little_damage(octets, codec)) is not None:
            return text
    return octets.decode("cp1252", "replace")


def _codec(charset: str | None) -> str | None:
    """Python's name of a charset; None when there is none that decodes octets to text."""
    name = (charset or "").strip(" \t\"'").lower()
    if not 0 < len(name) <= _LONGEST_NAME or not name.isascii():
        return None
    known = _known(name)
    if known is None:
        return None
    canonical = known.name.replace("_", "-")
    if canonical in _NOT_CHARACTER_SETS or not known._is_text_encoding:  # noqa: SLF001 - nothing public tells it
        return None
    return "cp1252" if canonical == "iso8859-1" else known.name


def _known(name: str) -> codecs.CodecInfo | None:
    for candidate in (name, LABELS.get(name)):
        if candidate is not None:
            try:
                return codecs.lookup(_ALIASES.get(candidate.replace("_", "-"), candidate))
            except (LookupError, ValueError):
                continue
    return None


def _strictly(octets: bytes, codec: str) -> str | None:
    try:
        return octets.decode(codec)
    except _UNREADABLE:
        return None


def _with_little_damage(octets: bytes, codec: str) -> str | None:
    """The text, if at least four of its characters outside ASCII could be read for every place that could not."""
    try:
        text = octets.decode(codec, "replace")
    except _UNREADABLE:
        return None
    damaged = text.count("\ufffd")
    readable = len(text) - damaged - len(text.encode("ascii", "ignore"))
    return text if readable >= 4 * damaged else None


# ------------------------------------------------------------------------------------- characters no text may hold

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_FOLD = re.compile(r"\r?\n(?=[ \t])")  # RFC 5322 section 2.2.3: what is unfolded keeps its white space
_LINE_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_PIECE = 1 << 16  # characters; a text of nothing but controls is not cut into millions of pieces at once


def clean_text(text: str) -> str:
    """A text of several lines: LF at their ends, no other control characters than tabs, no lone surrogates."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROLS.search(text):
        text = "".join(_CONTROLS.sub("", text[at : at + _PIECE]) for at in range(0, len(text), _PIECE))
    return without_surrogates(text)


def clean_line(text: str) -> str:
    """A text of one line: unfolded, with a space for every run of control characters, and no spaces at the ends."""
    return without_surrogates(_LINE_CONTROLS.sub(" ", _FOLD.sub("", text)).strip(" "))


def without_surrogates(text: str) -> str:
    """The text with U+FFFD for lone surrogates, which UTF-8 cannot express."""
    return _SURROGATES.sub("\ufffd", text)
