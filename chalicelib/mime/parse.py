"""Reads a mail: its header fields and its plain text, no more than that yet."""

from email import message_from_bytes
from email.policy import default
from email.utils import getaddresses

from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import MessageKind
from chalicelib.mime.parsed_mail import ParsedMail


def parse_mail(raw: bytes) -> ParsedMail:
    """What a plain mail says."""
    mail = message_from_bytes(raw, policy=default)

    def mailboxes(name: str) -> tuple[Mailbox, ...]:
        texts = [str(value) for value in mail.get_all(name, [])]
        return tuple(Mailbox(address, shown) for shown, address in getaddresses(texts) if address)

    def ids(name: str) -> tuple[str, ...]:
        return tuple(str(mail.get(name, "")).split())

    body = mail.get_body(("plain",))
    text = None if body is None else body.get_content()
    senders = mailboxes("From")
    return ParsedMail(
        sender=senders[0] if senders else None,
        to=mailboxes("To"),
        cc=mailboxes("Cc"),
        reply_to=mailboxes("Reply-To"),
        subject=str(mail.get("Subject", "")),
        message_id_header=next(iter(ids("Message-ID")), None),
        in_reply_to=ids("In-Reply-To"),
        references=ids("References"),
        date=None,
        body_text=text,
        body_html=None,
        extracted_text=text,
        attachments=(),
        kind=MessageKind.NORMAL,
        automatic=False,
        warnings=(),
        degraded=None,
    )
