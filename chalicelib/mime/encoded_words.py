"""Encoded words (RFC 2047) read, as forgivingly as mail programs do."""

import binascii
import re
from dataclasses import dataclass

from chalicelib.domain.header_text import header_text_problem
from chalicelib.mime.charsets import clean_line, decode
from chalicelib.mime.transfer_encodings import decode_base64

# charset, an optional language (RFC 2231 section 5), the encoding, the payload: up to the next "?=", but not past the
# beginning of another word.
_WORD = re.compile(
    r"=\?([^?*\s]{1,60})(?:\*[^?\s]{0,60})?\?([bq])\?((?:(?!=\?[^?=]).)*?)\?=", re.IGNORECASE | re.DOTALL
)


@dataclass(slots=True)
class _Run:
    """Neighbouring words of one charset, decoded together: a character may be divided between two of them."""

    charset: str
    octets: list[bytes]
    base64: str = ""  # not decoded yet: some writers divide even its quadruples

    def add(self, encoding: str, payload: str) -> None:
        if encoding in "bB":
            self.base64 += payload
            if payload.endswith("=") or len(self.base64) % 4 == 0:
                self.flush()
        else:
            self.flush()
            self.octets.append(_from_q(payload))

    def flush(self) -> None:
        self.octets.append(decode_base64(self.base64.encode("utf-8")))
        self.base64 = ""

    def text(self) -> str:
        self.flush()
        return decode(b"".join(self.octets), self.charset)


def decode_words(text: str) -> str:
    """The text with its encoded words decoded, in one line; what is broken stays as it stands."""
    last = text.rfind("?=")
    if last < 0:
        return clean_line(text)
    pieces: list[str] = []
    run: _Run | None = None
    at = 0
    # Cut off after the last "?=", every beginning of a word finds an end, which keeps the search linear.
    for word in _WORD.finditer(text, 0, last + 2):
        between = text[at : word.start()]
        if run and (between.strip() or run.charset.lower() != word[1].lower()):
            pieces.append(run.text())
            run = None
        if between.strip() or (not pieces and not run):
            pieces.append(between)
        run = run or _Run(word[1], [])
        run.add(word[2], word[3])
        at = word.end()
    if run:
        pieces.append(run.text())
    return harmless(clean_line("".join((*pieces, text[at:]))))


def _from_q(payload: str) -> bytes:
    return binascii.a2b_qp(payload.replace("_", " ").replace("=\r", "=3D").encode("utf-8"))


def harmless(line: str) -> str:
    """A word that was encoded twice may hold line ends still; taken apart, no reader decodes it once more."""
    return line.replace("=?", "=_") if "=?" in line and header_text_problem(line) else line
