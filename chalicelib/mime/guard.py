"""The guard against header injection: what may enter a mail, and proof that nothing else came out.

Before: `header_text_problem`, `body_text_problem` and `check_header_name` say what may go in. After: `verify_composed`
reads the finished bytes back with the `email` package's old parser, which only cuts lines and never rewrites, and
requires the fields, recipients, texts and bodies that were asked for, no more and no fewer. Files are read back by
themselves (base64_body.py), and what is parsed has the first line of each: base64 holds neither a field nor a boundary,
and the parser would take eight times a file's size.
"""

import email
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from io import BytesIO

from chalicelib.domain.address import Mailbox
from chalicelib.domain.header_text import body_text_problem, header_text_problem

__all__ = [
    "ComposeError",
    "Expected",
    "ExpectedPart",
    "HeaderNameError",
    "body_text_problem",
    "check_header_name",
    "header_text_problem",
    "verify_composed",
    "verify_lines",
]

LONGEST_LINE = 998  # RFC 5322 section 2.1.1, without CRLF


class ComposeError(ValueError):
    """The message cannot be written as a mail, or what was written is not the message."""


class HeaderNameError(ComposeError):
    """A caller may not set a header field of this name; the message goes on after the name and says why."""


# -------------------------------------------------------------------------------------------------- what may go in

_CUSTOM_NAME = re.compile(r"(?:(?:x|list)-[a-z0-9_-]+|auto-submitted|importance)", re.IGNORECASE | re.ASCII)
_LONGEST_NAME = 76


def check_header_name(name: str) -> None:
    """Raise `HeaderNameError` unless callers may set this field: `X-*`, `List-*`, `Auto-Submitted`, `Importance`."""
    if len(name) > _LONGEST_NAME:
        raise HeaderNameError(f"is longer than {_LONGEST_NAME} characters")
    if not _CUSTOM_NAME.fullmatch(name):
        raise HeaderNameError(
            "is not a header that can be set; X-*, List-*, Auto-Submitted and Importance can, in letters, digits, - and _"
        )
    if name.lower().startswith("x-ses-"):
        # Amazon SES obeys them: X-SES-CONFIGURATION-SET, X-SES-MESSAGE-TAGS, X-SES-SOURCE-ARN …
        raise HeaderNameError("begins with X-SES-, which is an instruction to Amazon SES and not a header")


# ------------------------------------------------------------------------------------------------- what came out


@dataclass(frozen=True, slots=True)
class ExpectedPart:
    """A part of a mail: its fields' names, its type, and for a leaf its decoded content and file name."""

    header_names: tuple[str, ...]
    content_type: str
    content: bytes | None
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a mail must say: the parts outermost first, who stands in which field, and the free texts."""

    parts: tuple[ExpectedPart, ...]
    mailboxes: tuple[tuple[str, tuple[Mailbox, ...]], ...]
    texts: tuple[tuple[str, str], ...]


def verify_composed(mail: bytes, expected: Expected) -> None:
    """Read `mail` back and raise `ComposeError` unless it says exactly what was expected."""
    verify_lines(mail)
    parsed = email.message_from_bytes(mail)
    parts = list(parsed.walk())
    if len(parts) != len(expected.parts):
        raise ComposeError(f"the mail has {len(parts)} parts instead of {len(expected.parts)}")
    for number, (part, wanted) in enumerate(zip(parts, expected.parts, strict=True)):
        _verify_part(part, wanted, number)
    for name, members in expected.mailboxes:
        if _mailboxes_in(parsed, name) != list(members):
            raise ComposeError(f"{name} does not hold the mailboxes it should")
    for name in {name.lower() for name, _ in expected.texts}:
        if _texts_in(parsed, name) != [text for other, text in expected.texts if other.lower() == name]:
            raise ComposeError(f"{name} does not say what it should")


def verify_lines(mail: bytes) -> None:
    """Raise `ComposeError` unless the mail is ASCII in CRLF lines of a length that every server takes."""
    if not mail.isascii():
        raise ComposeError("the mail holds octets outside ASCII")
    if not mail.count(b"\r") == mail.count(b"\n") == mail.count(b"\r\n"):
        raise ComposeError("the mail has a CR or LF that ends no line")
    if max(map(len, BytesIO(mail))) > LONGEST_LINE + len(b"\r\n"):  # line by line, never all lines at once
        raise ComposeError(f"the mail has a line of more than {LONGEST_LINE} octets")


def _verify_part(part: "Message[str, str]", wanted: ExpectedPart, number: int) -> None:
    names = sorted(name.lower() for name in part.keys())  # noqa: SIM118 - iterating it would leave repeated names out
    if names != sorted(name.lower() for name in wanted.header_names):
        raise ComposeError(f"part {number} has the header fields {names} and should have {wanted.header_names}")
    if part.get_content_type() != wanted.content_type:
        raise ComposeError(f"part {number} is {part.get_content_type()} and should be {wanted.content_type}")
    if _filename(part) != wanted.filename:
        raise ComposeError(f"part {number} has another file name than it should")
    if part.defects or (part.get_payload(decode=True) if wanted.content is not None else None) != wanted.content:
        raise ComposeError(f"part {number} does not hold what it should")


def _filename(part: "Message[str, str]") -> str | None:
    # Not get_filename(): it takes <…> around a name for quotes and strips spaces.
    value = part.get_param("filename", None, "content-disposition")
    if isinstance(value, tuple):  # RFC 2231: charset, language, octets one a character
        return value[2].encode("latin-1").decode(value[0] or "ascii", "replace")
    return value


def _mailboxes_in(parsed: "Message[str, str]", name: str) -> list[Mailbox]:
    pairs = getaddresses([_unfolded(value) for value in parsed.get_all(name, ())])
    return [Mailbox(address, _decoded(display_name)) for display_name, address in pairs]


def _texts_in(parsed: "Message[str, str]", name: str) -> Sequence[str]:
    return [_decoded(_unfolded(value)) for value in parsed.get_all(name, ())]


def _unfolded(value: str) -> str:
    return value.replace("\r\n", "")


def _decoded(value: str) -> str:
    return "".join(
        text if isinstance(text, str) else text.decode(charset or "ascii") for text, charset in decode_header(value)
    )
