"""What is stored of a received mail in one inbox."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import Arrival, MessageWarning, WarningCode
from chalicelib.domain.attachment import MessageAttachment
from chalicelib.domain.ids import AccountId
from chalicelib.domain.message import DeliveryMode, Direction, MessageContent
from chalicelib.domain.receipt import Receipt
from chalicelib.domain.times import to_milliseconds
from chalicelib.mime.parsed_mail import ParsedMail
from chalicelib.operations.ports import Filing

EXTRACTED_CHARACTERS = 200_000
# A content must fit into its item whatever a stranger writes; past these bounds it is cut, and says so.
HEADER_BYTES = 150_000  # of addresses, names and ids
FILE_NAME_BYTES = 100_000  # of all files together
ADDRESSES_LEFT = 50
FILE_NAME_CHARACTERS_LEFT = 40
_TOO_LONG = "Its header fields or file names are longer than can be stored; the source has them whole."


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """A mail as it came in: the receipt, and what could be read of its bytes, cut to what can be stored (`fitting`)."""

    receipt: Receipt
    parsed: ParsedMail
    raw_size: int

    @property
    def sender(self) -> Mailbox:
        """From; where it names nobody, the envelope's return path, which may be empty."""
        return self.parsed.sender or Mailbox(self.receipt.mail_from)

    @property
    def received_at(self) -> datetime:
        return to_milliseconds(self.receipt.received_at)

    @property
    def trusted_sender(self) -> str:
        """Whose word a reference in it is; nobody's (empty) unless the address is the one that DMARC has judged.

        With two From fields, none, or several addresses in it, SES may have judged one and we show another.
        """
        return self.parsed.sender.address if self.parsed.sender and self.parsed.is_sender_sure else ""

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
    parsed = mail.parsed
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
        created_at=mail.received_at,
        attachments=attachments,
        log_since=filing.log_since,
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
        is_sender_sure=parsed.is_sender_sure,
    )


def fitting(parsed: ParsedMail) -> ParsedMail:
    """The mail with as much of its header fields and file names as can be stored; what is cut stands in the source."""
    cut = parsed
    if _header_bytes(cut) > HEADER_BYTES:
        cut = replace(
            cut,
            to=cut.to[:ADDRESSES_LEFT],
            cc=cut.cc[:ADDRESSES_LEFT],
            reply_to=cut.reply_to[:1],
            in_reply_to=cut.in_reply_to[:1],
            references=(),
        )
    if _header_bytes(cut) > HEADER_BYTES:
        cut = replace(cut, to=(), cc=(), reply_to=(), in_reply_to=())
    if _bytes(text for file in cut.attachments for text in (file.filename, file.content_id or "")) > FILE_NAME_BYTES:
        files = (
            replace(file, filename=file.filename[-FILE_NAME_CHARACTERS_LEFT:], content_id=None)
            for file in cut.attachments
        )
        cut = replace(cut, attachments=tuple(files))
    if cut is parsed:
        return parsed
    warning = MessageWarning(WarningCode.DEGRADED, _TOO_LONG)
    return replace(cut, warnings=(*parsed.warnings, warning), degraded=parsed.degraded or _TOO_LONG)


def _header_bytes(parsed: ParsedMail) -> int:
    mailboxes = (*parsed.to, *parsed.cc, *parsed.reply_to)
    ids = (parsed.message_id_header or "", *parsed.in_reply_to, *parsed.references)
    return _bytes(text for mailbox in mailboxes for text in (mailbox.address, mailbox.name)) + _bytes(ids)


def _bytes(texts: Iterable[str]) -> int:
    return sum(len(text.encode()) for text in texts)
