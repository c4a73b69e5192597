"""The JSON of messages: the message object, its recipients, its timeline."""

from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import Arrival, MessageKind, Verdict, WarningCode
from chalicelib.domain.delivery import EventType, Reason, RecipientDelivery, TimelineEntry
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import PublicIds, inbox_id
from chalicelib.domain.message import DeliveryMode, Direction, Message, RecipientKind, own_message_id_header
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.suppression import SUPPRESSED
from chalicelib.shapes.attachment_shapes import MessageAttachmentJson, message_attachment_as_json
from chalicelib.shapes.json_shapes import Shape, Timestamp, timestamp


class ReasonJson(Shape, frozen=True):
    """Why a delivery stands where it stands; `diagnostic` is what the other server said."""

    code: str
    message: str
    diagnostic: str | None


class FailureJson(Shape, frozen=True):
    """Why a message failed or bounced, and whether sending the same again may work."""

    code: str
    message: str
    retryable: bool


class RecipientJson(Shape, frozen=True):
    """One recipient and where the message stands with them."""

    address: str
    name: str | None
    kind: RecipientKind
    status: MessageStatus
    reason: ReasonJson | None
    updated_at: Timestamp


class AuthenticationJson(Shape, frozen=True):
    """Inbound: what was found out about where it comes from.

    `fromVerified` is true only on a DMARC pass, and only when From names one address, the one that is shown.
    """

    spf: Verdict
    dkim: Verdict
    dmarc: Verdict
    spam: Verdict
    virus: Verdict
    from_verified: bool


class WarningJson(Shape, frozen=True):
    """Inbound: one reason to be careful with the message."""

    code: WarningCode
    message: str


class OpenMessageJson(Shape, frozen=True):
    """One email as far as anybody may know it who is on it: without blind copies."""

    id: Annotated[str, Meta(examples=["msg_7z5k2m9q4r8t1v3x6y0a"])]
    inbox_id: str
    thread_id: str
    direction: Direction
    from_address: str
    from_name: str | None
    to_addresses: list[str]
    cc_addresses: list[str]
    reply_to: list[str]
    subject: str
    body_text: str | None
    body_html: str | None
    extracted_text: Annotated[str | None, Meta(description="Inbound: the new words, without quotes and signature.")]
    body_truncated: Annotated[bool, Meta(description="A body was left out to keep the answer small.")]
    body_text_url: Annotated[str | None, Meta(description="Where a body too long for an answer is read, for an hour.")]
    body_html_url: Annotated[str | None, Meta(description="The same for the HTML body.")]
    delivery: DeliveryMode
    status: MessageStatus
    recipients: list[RecipientJson]
    failure_reason: FailureJson | None
    attachments: list[MessageAttachmentJson]
    message_id_header: Annotated[
        str, Meta(description="As received; one under `.invalid` stands for a Message-ID that a received mail lacks.")
    ]
    in_reply_to: str | None
    references: list[str]
    authentication: AuthenticationJson | None
    kind: MessageKind
    warnings: list[WarningJson]
    parse_status: Annotated[
        Literal["complete", "degraded"] | None,
        Meta(description="Inbound: whether everything in the mail could be read; the source has it whole."),
    ]
    parse_problem: Annotated[str | None, Meta(description="Why not everything could be read.")]
    date_header: Annotated[
        Timestamp | None, Meta(description="Inbound: what the sender's Date field says; anyone can write one.")
    ]
    metadata: dict[str, str]
    created_at: Timestamp
    updated_at: Timestamp


class MessageJson(OpenMessageJson, frozen=True):
    """One email an inbox sent or received; immutable except for its status."""

    bcc_addresses: list[str]


class TimelineEntryJson(Shape, frozen=True):
    """One thing that happened to a message."""

    id: str
    type: EventType
    status: MessageStatus
    recipient: str | None
    reason: ReasonJson | None
    created_at: Timestamp


def message_as_json(message: Message, ids: PublicIds) -> MessageJson:
    """A message as its owner sees it, blind copies included."""
    content, delivery = message.content, message.delivery
    public_id = ids.message_id(content.key)
    arrival, urls = content.arrival, message.body_urls
    return MessageJson(
        id=public_id,
        inbox_id=inbox_id(content.key.inbox_number),
        thread_id=ids.thread_id(content.thread),
        direction=content.direction,
        from_address=content.sender.address,
        from_name=content.sender.name or None,
        to_addresses=[mailbox.address for mailbox in content.to],
        cc_addresses=[mailbox.address for mailbox in content.cc],
        bcc_addresses=[mailbox.address for mailbox in content.bcc],
        reply_to=[_mailbox_text(mailbox) for mailbox in content.reply_to],
        subject=content.subject,
        body_text=None if urls else content.body_text,
        body_html=None if urls else content.body_html,
        extracted_text=arrival.extracted_text if arrival else None,
        body_truncated=content.body_truncated or urls is not None,
        body_text_url=urls.text if urls else None,
        body_html_url=urls.html if urls else None,
        delivery=content.mode,
        status=message.status,
        recipients=_recipients_as_json(message),
        failure_reason=_failure_as_json(message),
        attachments=[message_attachment_as_json(attachment) for attachment in content.attachments],
        message_id_header=_message_id_header(message, public_id),
        # What the mail was composed with, once it was; until then what is known.
        in_reply_to=(delivery.in_reply_to if delivery else None) or content.in_reply_to,
        references=list((delivery.references if delivery else ()) or content.references),
        authentication=_authentication_as_json(arrival) if arrival else None,
        kind=arrival.kind if arrival else MessageKind.NORMAL,
        warnings=[WarningJson(code=known.code, message=known.message) for known in arrival.warnings] if arrival else [],
        parse_status=_parse_status(arrival),
        parse_problem=arrival.degraded if arrival else None,
        date_header=timestamp(arrival.date) if arrival and arrival.date else None,
        metadata=dict(content.metadata),
        created_at=timestamp(content.created_at),
        updated_at=timestamp(delivery.updated_at if delivery else content.created_at),
    )


def _message_id_header(message: Message, public_id: str) -> str:
    content = message.content
    if content.arrival is not None:
        # `.invalid` never resolves (RFC 6761), so nobody takes it for one that the sender gave.
        return content.arrival.message_id_header or own_message_id_header(public_id, "no-message-id.invalid")
    final = message.delivery.message_id_header if message.delivery else None
    return final or own_message_id_header(public_id, content.sender.domain)


def _authentication_as_json(arrival: Arrival) -> AuthenticationJson:
    found = arrival.authentication
    return AuthenticationJson(
        spf=found.spf,
        dkim=found.dkim,
        dmarc=found.dmarc,
        spam=found.spam,
        virus=found.virus,
        from_verified=arrival.from_verified,
    )


def _parse_status(arrival: Arrival | None) -> Literal["complete", "degraded"] | None:
    if arrival is None:
        return None
    return "degraded" if arrival.degraded else "complete"


def timeline_entry_as_json(entry: TimelineEntry) -> TimelineEntryJson:
    return TimelineEntryJson(
        id=entry.id,
        type=entry.type,
        status=entry.status,
        recipient=entry.recipient,
        reason=reason_as_json(entry.reason),
        created_at=timestamp(entry.occurred_at),
    )


def _recipients_as_json(message: Message) -> list[RecipientJson]:
    content = message.content
    known: dict[str, RecipientDelivery] = {}
    if message.delivery is not None:
        known = {recipient.address: recipient for recipient in message.delivery.recipients}
    # Before any news a recipient stands where the message began; also when SES refused a first try for the moment.
    at_first = MessageStatus.RECEIVED if content.direction is Direction.INBOUND else MessageStatus.QUEUED
    waiting = message.status is MessageStatus.QUEUED
    shown = []
    for kind, mailbox in content.recipients:
        delivery = known.get(mailbox.address)
        if delivery is None and mailbox.address in content.suppressed:
            delivery = RecipientDelivery(mailbox.address, DeliveryStatus.FAILED, content.created_at, SUPPRESSED)
        is_first = delivery is None or (waiting and delivery.status <= DeliveryStatus.SENDING)
        shown.append(
            RecipientJson(
                address=mailbox.address,
                name=mailbox.name or None,
                kind=kind,
                status=at_first if delivery is None or is_first else delivery.status.shown,
                reason=reason_as_json(delivery.reason) if delivery else None,
                updated_at=timestamp(delivery.updated_at if delivery else content.created_at),
            )
        )
    return shown


def _failure_as_json(message: Message) -> FailureJson | None:
    """The reason of the first recipient that made the message fail or bounce."""
    if message.delivery is None or message.status not in (MessageStatus.FAILED, MessageStatus.BOUNCED):
        return None
    for recipient in message.delivery.recipients:
        if recipient.status.shown is message.status and recipient.reason is not None:
            reason = recipient.reason
            return FailureJson(code=reason.code, message=reason.message, retryable=reason.retryable)
    return None


def reason_as_json(reason: Reason | None) -> ReasonJson | None:
    if reason is None:
        return None
    return ReasonJson(code=reason.code, message=reason.message, diagnostic=reason.diagnostic)


def _mailbox_text(mailbox: Mailbox) -> str:
    return f"{mailbox.name} <{mailbox.address}>" if mailbox.name else mailbox.address
