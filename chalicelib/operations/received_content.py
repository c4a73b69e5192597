"""What is stored of a received mail in one inbox."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import Arrival, MessageWarning, WarningCode
from chalicelib.domain.attachment import MessageAttachment
from chalicelib.domain.ids import AccountId
from chalicelib.domain.message import DeliveryMode, Direction, MessageContent, to_milliseconds
from chalicelib.domain.receipt import Receipt
from chalicelib.mime.parsed_mail import ParsedMail
from chalicelib.operations.ports import Filing

EXTRACTED_CHARACTERS = 200_000
HEADER_BYTES = 150_000  # of addresses, names and ids, so that a content fits into its item whatever a stranger writes
SUBJECT_CHARACTERS = 2_000
REFERENCES_LIMIT = 100
ADDRESSES_LEFT = 50
_TOO_LONG = "The header fields are longer than can be stored; the source has them whole."


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """A mail as it came in: the receipt, and what could be read of its bytes."""

    receipt: Receipt
    parsed: ParsedMail
    raw_size: int

    @property
    def sender(self) -> Mailbox:
        """From; where it names nobody, the envelope's return path, which may be empty."""
        return self.parsed.sender or Mailbox(self.receipt.mail_from)

    @property
    def is_automatic(self) -> bool:
        """RFC 3834 section 2: a program's mail has a null return path, if it has no header field that says so."""
        return self.parsed.automatic or not self.receipt.mail_from


def received_content(
    mail: ReceivedMail,
    filing: Filing,
    *,
    account_id: AccountId,
    recipient: str,
    mode: DeliveryMode,
    attachments: tuple[MessageAttachment, ...],
) -> MessageContent:
    """The content of one inbox's message; `recipient` is the inbox as the envelope names it.

    Of the envelope's recipients it shows only this one: as a blind copy when no header field names it.
    """
    parsed = _fitting(mail.parsed)
    is_named = recipient.casefold() in {mailbox.address.casefold() for mailbox in (*parsed.to, *parsed.cc)}
    doubt = filing.trust.warning if filing.trust else None
    return MessageContent(
        key=filing.message,
        thread=filing.thread,
        account_id=account_id,
        direction=Direction.INBOUND,
        mode=mode,
        sender=mail.sender,
        to=parsed.to,
        cc=parsed.cc,
        bcc=() if is_named else (Mailbox(recipient),),
        reply_to=parsed.reply_to,
        subject=parsed.subject,
        body_text=parsed.body_text,
        body_html=parsed.body_html,
        headers={},
        metadata={},
        in_reply_to=parsed.in_reply_to[0] if parsed.in_reply_to else None,
        references=parsed.references,
        created_at=to_milliseconds(mail.receipt.received_at),
        attachments=attachments,
        arrival=_arrival(mail, parsed, (*parsed.warnings, *((doubt,) if doubt else ()))),
    )


def _arrival(mail: ReceivedMail, parsed: ParsedMail, warnings: tuple[MessageWarning, ...]) -> Arrival:
    extracted = parsed.extracted_text
    return Arrival(
        ses_message_id=mail.receipt.ses_message_id,
        mail_from=mail.receipt.mail_from,
        message_id_header=parsed.message_id_header,
        date=parsed.date,
        kind=parsed.kind,
        automatic=mail.is_automatic,
        authentication=mail.receipt.authentication,
        extracted_text=None if extracted is None else extracted[:EXTRACTED_CHARACTERS],
        warnings=warnings,
        degraded=parsed.degraded,
        raw_size=mail.raw_size,
    )


def _fitting(parsed: ParsedMail) -> ParsedMail:
    """The mail with header fields that fit; what is cut is said, and stands in the source."""
    fitting = replace(
        parsed,
        subject=parsed.subject[:SUBJECT_CHARACTERS],
        references=parsed.references[-REFERENCES_LIMIT:],
        in_reply_to=parsed.in_reply_to[:1],
    )
    if _header_bytes(fitting) > HEADER_BYTES:
        fitting = replace(
            fitting,
            to=fitting.to[:ADDRESSES_LEFT],
            cc=fitting.cc[:ADDRESSES_LEFT],
            reply_to=fitting.reply_to[:1],
            references=(),
        )
    if _header_bytes(fitting) > HEADER_BYTES:
        fitting = replace(fitting, to=(), cc=(), reply_to=(), in_reply_to=(), message_id_header=None)
    if fitting == parsed:
        return parsed
    warning = MessageWarning(WarningCode.DEGRADED, _TOO_LONG)
    return replace(fitting, warnings=(*parsed.warnings, warning), degraded=parsed.degraded or _TOO_LONG)


def _header_bytes(parsed: ParsedMail) -> int:
    mailboxes = (*parsed.to, *parsed.cc, *parsed.reply_to)
    ids = (parsed.message_id_header or "", *parsed.in_reply_to, *parsed.references)
    return _bytes(text for mailbox in mailboxes for text in (mailbox.address, mailbox.name)) + _bytes(ids)


def _bytes(texts: Iterable[str]) -> int:
    return sum(len(text.encode()) for text in texts)
