"""What a mail says, once it is read: the result of mime/parse."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import MessageKind, MessageWarning


@dataclass(frozen=True, slots=True)
class ParsedAttachment:
    """A file found in a mail: a name without paths, controls and direction marks, and its decoded bytes."""

    filename: str
    content_type: (
        str  # type/subtype in lower case; a calendar invitation keeps its method: `text/calendar; method=REQUEST`
    )
    data: bytes
    content_id: str | None = None  # without angle brackets
    inline: bool = False


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """A mail as it could be read. No text holds NUL or other control characters than tab and line feed."""

    sender: Mailbox | None  # From; None when it names nobody
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    subject: str
    message_id_header: str | None  # with angle brackets
    in_reply_to: tuple[str, ...]  # with angle brackets, as they stand
    references: tuple[str, ...]  # the same, oldest first
    date: datetime | None  # aware, UTC; None when missing or absurd
    body_text: str | None  # as received, or derived from the HTML when there is only that
    body_html: str | None  # as received
    extracted_text: str | None  # the new words only, without quotes and signature
    attachments: tuple[ParsedAttachment, ...]
    kind: MessageKind
    automatic: bool
    warnings: tuple[MessageWarning, ...]
    degraded: str | None  # why not everything could be read
    # From names more than one address, so a check of From (DMARC) may have judged another than `sender`.
    several_senders: bool = False
    # There is one From field and it names one address: whoever judged From (DMARC) judged `sender`.
    is_sender_sure: bool = True
