"""Content-Transfer-Encodings (RFC 2045 section 6) undone, whatever state the encoded text is in."""

import binascii
import re

from chalicelib.mime.bounds import Problems

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_NOT_BASE64_OR_PAD = bytes(set(range(256)) - set(_BASE64) - {ord("=")})
_BASE64_LINES = _BASE64 + b"= \t\r\n"
_BETWEEN_WORDS = re.compile(rb"[^\s][ \t]+(?=[^\s])")
_SAMPLE = 4096
_PADDED_LINE = re.compile(rb"={1,2}[ \t\r]*\n")
_PAD = re.compile(rb"=+")
_PADDED_LIMIT = 10_000  # pieces of base64, each with its own padding, in one body

_SOFT_BREAK = re.compile(rb"=[ \t]*\r?\n")
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} ?[^\n]*\n", re.MULTILINE)
_UU_LINE = re.compile(rb"([^\r\n]*)\r*(?:\n|\Z)")
_UU_LINE_LIMIT = 1_000_000  # of 45 octets each, as they are written: more than a mail can hold

_IDENTITY = frozenset({"", "7bit", "7bits", "8bit", "8bits", "binary"})
_UUENCODE = frozenset({"xuuencode", "uuencode", "xuue", "uue"})
_NO_LETTERS = re.compile(r"\([^()]*\)|[\s\"'_-]+")  # comments too (RFC 822 section 3.4.3)


def undo(encoded: bytes, encoding: str, problems: Problems) -> bytes:
    """The octets a part stands for. Damaged text gives what is readable of it; an unknown encoding changes nothing."""
    name = _NO_LETTERS.sub("", encoding.partition(";")[0].lower())
    if name in _IDENTITY:
        return encoded
    if name == "quotedprintable":
        return _from_quoted_printable(encoded)
    if name == "base64":
        return _from_base64_body(encoded, problems)
    if name in _UUENCODE:
        return _from_uuencode(encoded, problems)
    problems.add(f"a part is in the unknown encoding {_shown(encoding)}")
    return encoded


def _shown(name: str) -> str:
    return '"' + "".join(c for c in name[:40] if c.isascii() and c.isprintable()) + '"'


def _from_quoted_printable(encoded: bytes) -> bytes:
    encoded = _SOFT_BREAK.sub(b"", encoded)
    # `a2b_qp` drops one of two "=", and after "=" and a bare CR all up to the next LF. Replaced in pairs, a run of "="
    # needs it twice.
    for _ in range(2):
        encoded = encoded.replace(b"==", b"=3D=")
    return binascii.a2b_qp(encoded.replace(b"=\r", b"=3D\r"))


def _from_base64_body(encoded: bytes, problems: Problems) -> bytes:
    # Some mailing lists put their footer, as it is, below a body in base64.
    last = _PADDED_LINE.search(encoded)
    footer = encoded[last.end() :] if last and _is_prose(encoded[last.end() : last.end() + _SAMPLE]) else b""
    encoded = encoded[: len(encoded) - len(footer)]
    if _is_prose(encoded):
        problems.add("a part is said to be in base64 and is not")
        return encoded + footer
    return decode_base64(encoded) + (b"\n" + footer if footer else b"")


def _is_prose(text: bytes) -> bool:
    """Whether it has far more spaces between words, or other characters, than base64 gets from damage."""
    sample = text[:_SAMPLE].strip()
    spaces = sum(1 for _ in _BETWEEN_WORDS.finditer(sample))
    return spaces * 20 > len(sample) or len(sample.translate(None, _BASE64_LINES)) * 5 > len(sample)


def decode_base64(encoded: bytes) -> bytes:
    """What is base64 in it: foreign characters are passed over, padding may be missing or stand in the middle."""
    if len(encoded) % 4 == 0 and b"=" not in encoded[:-2]:
        try:
            return binascii.a2b_base64(encoded)
        except binascii.Error:
            pass  # damaged: the careful way below reads what can be read
    digits = encoded.translate(None, _NOT_BASE64_OR_PAD)
    pieces = _PAD.split(digits, maxsplit=_PADDED_LIMIT)
    return b"".join(map(_without_padding, pieces))


def _without_padding(digits: bytes) -> bytes:
    digits = digits.replace(b"=", b"")
    if len(digits) % 4 == 1:  # six bits make no octet
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def _from_uuencode(encoded: bytes, problems: Problems) -> bytes:
    begin = _UU_BEGIN.search(encoded)
    if begin is None:
        if not encoded.strip():
            return b""
        problems.add("a part is said to be uuencoded and is not")
        return encoded
    decoded = bytearray()
    for number, line in enumerate(_UU_LINE.finditer(encoded, begin.end())):
        if line[1] == b"end":
            break
        if number >= _UU_LINE_LIMIT:
            problems.add("a uuencoded part has too many lines")
            break
        if line[1]:
            decoded += _uu_line(line[1])
    return bytes(decoded)


def _uu_line(line: bytes) -> bytes:
    length = (line[0] - 32) & 63
    # As many whole quadruples as the length calls for, with spaces for characters that are missing or no uuencode.
    quadruples = (length + 2) // 3
    body = bytes(c if 32 <= c <= 96 else 32 for c in line[1 : 1 + 4 * quadruples]).ljust(4 * quadruples, b" ")
    # All octets of the last one are asked for, and those beyond the length cut off: `a2b_uu` wants them to be empty.
    return binascii.a2b_uu(bytes((32 + 3 * quadruples,)) + body)[:length]
