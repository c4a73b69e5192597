"""Mails as they come in, written by hand: every header and every line end as a test wants it."""

from collections.abc import Sequence

from chalicelib.mime.parse import parse_mail
from chalicelib.mime.parsed_mail import ParsedMail

BOUNDARY = "=_test"


def mail(*fields: str, body: str | bytes = "Hello\n", sender: str = "Ada <ada@example.com>") -> bytes:
    """A mail with these header lines below From."""
    header = "\n".join((f"From: {sender}", *fields)).encode()
    return header + b"\n\n" + (body.encode() if isinstance(body, str) else body)


def part(*fields: str, body: str | bytes = "") -> bytes:
    """A part with these header lines."""
    header = "".join(f"{field}\n" for field in fields).encode()
    return header + b"\n" + (body.encode() if isinstance(body, str) else body)


def text(body: str, subtype: str = "plain") -> bytes:
    return part(f"Content-Type: text/{subtype}; charset=utf-8", body=body)


def multipart(subtype: str, *parts: bytes, boundary: str = BOUNDARY, end: bool = True, parameters: str = "") -> bytes:
    """A multipart with its own header line, to stand in a mail or in another multipart."""
    lines = [line for each in parts for line in (f"--{boundary}".encode(), each)]
    field = f'Content-Type: multipart/{subtype}; boundary="{boundary}"{parameters}\n'.encode()
    return field + b"\n" + b"\n".join((*lines, f"--{boundary}--\n".encode() if end else b""))


def mail_of(structure: bytes, *fields: str) -> bytes:
    """A mail whose content is what `part`, `text` or `multipart` made."""
    return "".join(f"{field}\n" for field in ("From: ada@example.com", *fields)).encode() + structure


def parsed(*fields: str, body: str | bytes = "Hello\n", sender: str = "Ada <ada@example.com>") -> ParsedMail:
    return parse_mail(mail(*fields, body=body, sender=sender))


def parsed_of(structure: bytes, *fields: str) -> ParsedMail:
    return parse_mail(mail_of(structure, *fields))


def mixed(*parts: bytes) -> ParsedMail:
    return parsed_of(multipart("mixed", *parts))


def names(message: ParsedMail) -> Sequence[str]:
    return [attachment.filename for attachment in message.attachments]


def types(message: ParsedMail) -> Sequence[str]:
    return [attachment.content_type for attachment in message.attachments]


def addresses(message: ParsedMail) -> Sequence[str]:
    return [mailbox.address for mailbox in message.to]
