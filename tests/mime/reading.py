"""Mails read back by the `email` package's modern parser, which shares no code with the writer."""

import email
import email.policy
from email.headerregistry import AddressHeader
from email.message import EmailMessage

from chalicelib.domain.message import MessageContent
from tests.factories.mails import compose_mail


def read(mail: bytes) -> EmailMessage:
    return email.message_from_bytes(mail, policy=email.policy.default)


def composed(content: MessageContent, **more: object) -> EmailMessage:
    return read(compose_mail(content, **more))  # type: ignore[arg-type]


def addresses(message: EmailMessage, name: str) -> list[tuple[str, str]]:
    header = message[name]
    assert isinstance(header, AddressHeader)
    return [(address.display_name, address.addr_spec) for address in header.addresses]


def text_of(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def with_crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
