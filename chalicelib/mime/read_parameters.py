"""Parameters of Content-Type and Content-Disposition (RFC 2045, RFC 2183, RFC 2231), read forgivingly."""

import re
from collections.abc import Mapping
from itertools import islice
from urllib.parse import unquote_to_bytes

from chalicelib.mime.bounds import PARAMETER_LIMIT
from chalicelib.mime.charsets import clean_line, decode
from chalicelib.mime.encoded_words import decode_words

_PARAMETER = re.compile(r';[\s;]*([^\s=;"]{1,100})\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
# Only what must be escaped: Windows programs write paths with plain backslashes.
_ESCAPED = re.compile(r'\\(["\\])')
_SECTION = re.compile(r"([^*]+)\*(?:([0-9]{1,4})(\*?))?")
_CHARSET = re.compile(r"([^']{0,60})'[^']{0,60}'")


class _Exact(str):
    """A value in the form of RFC 2231, which says all that is to be decoded in it."""

    __slots__ = ()


def read_parameters(field: str) -> Mapping[str, str]:
    """The parameters after the first semicolon, by their names in lower case; the first of a name counts."""
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    start = field.find(";")
    if start < 0:
        return plain
    for found in islice(_PARAMETER.finditer(field, start), PARAMETER_LIMIT):
        name, value = found[1].lower(), _unquoted(found[2].strip())
        if section := _SECTION.fullmatch(name):
            number = int(section[2] or 0)
            is_extended = section[2] is None or section[3] == "*"
            sections.setdefault(section[1], {}).setdefault(number, (value, is_extended))
        else:
            plain.setdefault(name, value)
    # The extended form is the exact one where a mail has both (RFC 6266 section 4.3 says so for HTTP).
    return plain | {name: _joined(by_number) for name, by_number in sections.items()}


def readable(value: str) -> str:
    """A parameter for people, in one line: encoded words do not belong there, but many programs write them."""
    return decode_words(value) if "=?" in value and not isinstance(value, _Exact) else clean_line(value)


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return _ESCAPED.sub(r"\1", value[1:-1])
    return value.strip('"')


def _joined(by_number: Mapping[int, tuple[str, bool]]) -> str:
    """The sections in the order of their numbers; the first names the charset of all."""
    charset = None
    octets = []
    for place, (_, (value, is_extended)) in enumerate(sorted(by_number.items())):
        text = value
        if place == 0 and is_extended and (declared := _CHARSET.match(text)):
            charset = declared[1]
            text = text[declared.end() :]
        octets.append(unquote_to_bytes(text) if is_extended else text.encode("utf-8", "replace"))
    text = decode(b"".join(octets), charset)
    return _Exact(text) if any(is_extended for _, is_extended in by_number.values()) else text
