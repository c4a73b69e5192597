"""What a text must not hold if it is to stand in a mail header: the rule against header injection."""

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

# Everything that some reader of mail takes for the end of a line or of the text (C0, DEL, C1, U+2028, U+2029), and
# lone surrogates, which cannot be written in UTF-8 at all.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAMES = {
    "\0": "a NUL character",
    "\t": "a tab",
    "\n": "a line feed",
    "\r": "a carriage return",
    "\x7f": "a DEL character",
    "\u2028": "a line separator",
    "\u2029": "a paragraph separator",
}

_ENCODED_WORD = re.compile(r"=\?([^?]*)\?([bq])\?(.*?)\?=", re.IGNORECASE)
_ESCAPED_OCTET = re.compile(rb"=([0-9A-Fa-f]{2})")
_LINE_END = re.compile(rb"[\r\n]")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")

# Codecs that Python's email package would follow, but that are escapes and not character sets.
_NOT_CHARACTER_SETS = frozenset({"unicode-escape", "raw-unicode-escape", "punycode", "idna"})


def header_text_problem(text: str) -> str | None:
    """What keeps `text` out of a header, as a sentence about "it"; None when it may stand there.

    Encoded words (RFC 2047 section 2) are looked into: a reader somewhere on the way may decode them and write the
    outcome into a header of its own.
    """
    if found := _FORBIDDEN.search(text):
        return f"it holds {_named(found[0])} at character {found.start() + 1}, which no mail header can carry"
    words = list(_encoded_words(text))
    for word in words:
        if word.charset in _NOT_CHARACTER_SETS:
            return f"it holds an encoded word (RFC 2047) in {word.charset}, which is no character set"
    for decoded in _readings(words):
        if found := _FORBIDDEN.search(decoded):
            return f"it holds an encoded word (RFC 2047) that decodes to {_named(found[0])}; write the text itself"
    return None


def body_text_problem(text: str) -> str | None:
    """What keeps `text` out of a body, as a sentence about "it": only what UTF-8 cannot express."""
    for index, character in enumerate(text if not text.isascii() else ""):
        if "\ud800" <= character <= "\udfff":
            return f"it holds {_named(character)} at character {index + 1}, which UTF-8 cannot express"
    return None


@dataclass(frozen=True, slots=True)
class _EncodedWord:
    charset: str  # the codec's own name where there is one, else what the word says
    octets: bytes


def _named(character: str) -> str:
    usual = "half of a surrogate pair" if "\ud800" <= character <= "\udfff" else "a control character"
    return f"{_NAMES.get(character, usual)} (U+{ord(character):04X})"


def _encoded_words(text: str) -> Iterator[_EncodedWord]:
    # Up to the last "?=" every beginning of a word finds an end, which keeps the search linear.
    for charset, encoding, payload in _ENCODED_WORD.findall(text[: text.rfind("?=") + 2]):
        octets = _from_base64(payload) if encoding in "bB" else _from_q(payload)
        yield _EncodedWord(_codec_name(charset.partition("*")[0]), octets)  # RFC 2231 section 5: charset*language


def _codec_name(charset: str) -> str:
    try:
        return codecs.lookup(charset).name.replace("_", "-")
    except (LookupError, ValueError):
        return charset.lower()


def _from_q(payload: str) -> bytes:
    return _ESCAPED_OCTET.sub(lambda escape: bytes((int(escape[1], 16),)), payload.encode("utf-8"))


def _from_base64(payload: str) -> bytes:
    """As lenient as the most lenient reader: foreign characters are skipped, missing padding is added."""
    digits = _NOT_BASE64.sub("", payload)
    if len(digits) % 4 == 1:  # six bits make no octet
        digits = digits[:-1]
    return binascii.a2b_base64(digits + "=" * (-len(digits) % 4))


def _readings(words: list[_EncodedWord]) -> Iterator[str]:
    """Every text a reader may make of the words: each alone, and neighbours of one charset joined before decoding."""
    for charset, group in groupby(words, key=lambda word: word.charset):
        run = [word.octets for word in group]
        for octets in (*run, b"".join(run)):
            if line_end := _LINE_END.search(octets):
                yield line_end[0].decode()  # it is one for a reader that takes any charset for ASCII
            try:
                yield octets.decode(charset, "replace")
            except (LookupError, ValueError):
                yield octets.decode("latin-1")  # unknown: every control octet counts
