"""A mail's header as SES shows it in its events and notices: a list of fields, the common ones once more, and the time."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from typing import Any

# Past 10 KB SES cuts the list of headers and says so (`headersTruncated`).
_MAX_HEADER_BYTES = 10 * 1024
_BLANK_LINES = (b"\r\n\r\n", b"\n\n", b"\r\n\n", b"\n\r\n")

SENT_MAILBOXES = {"from": "From", "replyTo": "Reply-To", "to": "To", "cc": "Cc"}
RECEIVED_MAILBOXES = {**SENT_MAILBOXES, "sender": "Sender", "bcc": "Bcc"}
_TEXTS = {"date": "Date", "messageId": "Message-ID", "subject": "Subject"}


def read_header(raw: bytes, limit: int | None = None) -> Message:
    """The header of a mail, or what `limit` bytes hold of it."""
    header = raw[:limit]
    ends = [end for end in map(header.find, _BLANK_LINES) if end >= 0]
    return BytesHeaderParser().parsebytes(header[: min(ends)] if ends else header)


def listed_headers(message: Message) -> tuple[list[dict[str, str]], bool]:
    """Every field in order, and whether some did not find room."""
    headers: list[dict[str, str]] = []
    size = 0
    for name, value in message.items():
        text = unfolded(value)
        size += len(name) + len(text.encode())
        if size > _MAX_HEADER_BYTES:
            return headers, True
        headers.append({"name": name, "value": text})
    return headers, False


def common_headers(message: Message, mailboxes: Mapping[str, str]) -> dict[str, Any]:
    """The fields everybody asks for, under SES's names; `mailboxes` are those that hold addresses."""
    common: dict[str, Any] = {}
    for name, header in mailboxes.items():
        values = [unfolded(value) for value in message.get_all(header, [])]
        if values:
            common[name] = _mailboxes(values)
    for name, header in _TEXTS.items():
        if message[header] is not None:
            common[name] = unfolded(message[header])
    return common


def _mailboxes(values: Sequence[str]) -> list[str]:
    try:
        return [f"{name} <{address}>" if name else address for name, address in getaddresses(values)]
    except (RecursionError, ValueError, IndexError):  # a stranger may have nested comments a thousand deep
        return list(values)


def timestamp(at: datetime) -> str:
    """`2026-11-22T10:00:00.123Z`"""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unfolded(value: object) -> str:
    """A header's value on one line; bytes that are not UTF-8 become U+FFFD, as JSON can hold nothing else."""
    text = str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text.replace("\r", "").replace("\n", "")
