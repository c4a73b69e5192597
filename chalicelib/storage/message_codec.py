"""How contents and delivery items are written: msgpack, compressed, with the number of the format in front.

Field names are one or two letters because they are stored with every message. A field may be added with a default;
one that changes its meaning needs a new format number and a reader for the old one.
"""

import zlib
from datetime import datetime

import msgspec

from chalicelib.domain.address import Mailbox
from chalicelib.domain.attachment import MessageAttachment
from chalicelib.domain.delivery import Begun, EventType, MessageDelivery, Reason, RecipientDelivery, TimelineEntry
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import AccountId, AttachmentId, EventId, KeyId, MessageKey, ThreadKey
from chalicelib.domain.message import DeliveryMode, Direction, MessageContent
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.usage import MessageSize
from chalicelib.storage.arrival_codec import StoredArrival, from_stored_arrival, to_stored_arrival

FORMAT = b"\x01"
ITEM_LIMIT = 390_000  # bytes of a compressed content without bodies; an item may have 400 KB


class _Struct(msgspec.Struct, frozen=True, omit_defaults=True):
    pass


class _StoredAttachment(_Struct, frozen=True, omit_defaults=True):
    id: str = msgspec.field(name="i")
    filename: str = msgspec.field(name="f")
    content_type: str = msgspec.field(name="t")
    size: int = msgspec.field(name="s")
    content_id: str | None = msgspec.field(name="c", default=None)
    inline: bool = msgspec.field(name="l", default=False)


class StoredContent(_Struct, frozen=True, omit_defaults=True):
    """A message's content; bodies that live in the bucket have their size here (bytes of UTF-8) and no text."""

    account: str = msgspec.field(name="ac")
    thread: int = msgspec.field(name="th")
    direction: str = msgspec.field(name="di")
    mode: str = msgspec.field(name="mo")
    sender: tuple[str, str] = msgspec.field(name="fr")
    created_at: datetime = msgspec.field(name="ca")
    subject: str = msgspec.field(name="su", default="")
    to: list[tuple[str, str]] = msgspec.field(name="to", default_factory=list)
    cc: list[tuple[str, str]] = msgspec.field(name="cc", default_factory=list)
    bcc: list[tuple[str, str]] = msgspec.field(name="bc", default_factory=list)
    reply_to: list[tuple[str, str]] = msgspec.field(name="rt", default_factory=list)
    headers: dict[str, str] = msgspec.field(name="he", default_factory=dict)
    metadata: dict[str, str] = msgspec.field(name="me", default_factory=dict)
    in_reply_to: str | None = msgspec.field(name="ir", default=None)
    references: list[str] = msgspec.field(name="re", default_factory=list)
    body_text: str | None = msgspec.field(name="bt", default=None)
    body_html: str | None = msgspec.field(name="bh", default=None)
    attachments: list[_StoredAttachment] = msgspec.field(name="at", default_factory=list)
    arrival: StoredArrival | None = msgspec.field(name="ar", default=None)
    text_blob_size: int | None = msgspec.field(name="tb", default=None)
    html_blob_size: int | None = msgspec.field(name="hb", default=None)
    log_since: int = msgspec.field(name="ls", default=0)
    key_id: str | None = msgspec.field(name="ki", default=None)
    suppressed: list[str] = msgspec.field(name="sp", default_factory=list)

    @property
    def body_size(self) -> int:
        """Bytes of UTF-8 in both bodies, wherever they live."""
        inline = sum(len(body.encode()) for body in (self.body_text, self.body_html) if body is not None)
        return inline + (self.text_blob_size or 0) + (self.html_blob_size or 0)


class _StoredReason(_Struct, frozen=True, omit_defaults=True):
    code: str = msgspec.field(name="c")
    message: str = msgspec.field(name="m")
    diagnostic: str | None = msgspec.field(name="d", default=None)
    retryable: bool = msgspec.field(name="r", default=False)


class _StoredRecipient(_Struct, frozen=True, omit_defaults=True):
    address: str = msgspec.field(name="a")
    status: int = msgspec.field(name="s")
    updated_at: datetime = msgspec.field(name="u")
    reason: _StoredReason | None = msgspec.field(name="r", default=None)


class _StoredEntry(_Struct, frozen=True, omit_defaults=True):
    id: str = msgspec.field(name="i")
    type: str = msgspec.field(name="t")
    status: str = msgspec.field(name="s")
    occurred_at: datetime = msgspec.field(name="o")
    recipient: str | None = msgspec.field(name="a", default=None)
    reason: _StoredReason | None = msgspec.field(name="r", default=None)
    is_note: bool = msgspec.field(name="n", default=False)
    change: int = msgspec.field(name="c", default=0)


class _StoredBegun(_Struct, frozen=True, omit_defaults=True):
    account: str = msgspec.field(name="ac")
    at: datetime = msgspec.field(name="at")
    log_since: int = msgspec.field(name="ls", default=0)


class _StoredDelivery(_Struct, frozen=True, omit_defaults=True):
    recipients: list[_StoredRecipient] = msgspec.field(name="r")
    timeline: list[_StoredEntry] = msgspec.field(name="t", default_factory=list)
    submitted_at: datetime | None = msgspec.field(name="s", default=None)
    ses_message_id: str | None = msgspec.field(name="i", default=None)
    message_id_header: str | None = msgspec.field(name="h", default=None)
    in_reply_to: str | None = msgspec.field(name="ir", default=None)
    references: list[str] = msgspec.field(name="re", default_factory=list)
    overtaken_at: datetime | None = msgspec.field(name="oa", default=None)
    resent_at: datetime | None = msgspec.field(name="ra", default=None)
    begun: _StoredBegun | None = msgspec.field(name="b", default=None)


_encoder = msgspec.msgpack.Encoder()
_content_decoder = msgspec.msgpack.Decoder(StoredContent)
_delivery_decoder = msgspec.msgpack.Decoder(_StoredDelivery)


class UnreadableItem(Exception):
    """An item was written in a format this version does not know."""


def pack(value: msgspec.Struct) -> bytes:
    return FORMAT + zlib.compress(_encoder.encode(value), level=6)


def pack_without_bodies(stored: StoredContent) -> bytes:
    """A content without bodies, packed; its extracted text is cut where that alone is too much for an item."""
    data, arrival = pack(stored), stored.arrival
    while len(data) > ITEM_LIMIT and arrival is not None and arrival.extracted_text:
        shorter = arrival.extracted_text[: len(arrival.extracted_text) // 2]
        arrival = msgspec.structs.replace(arrival, extracted_text=shorter)
        data = pack(msgspec.structs.replace(stored, arrival=arrival))
    return data


def _unpack(data: bytes) -> bytes:
    if data[:1] != FORMAT:
        raise UnreadableItem(f"stored in format {data[:1].hex()}, this version reads {FORMAT.hex()}")
    return zlib.decompress(data[1:])


def to_stored(content: MessageContent) -> StoredContent:
    return StoredContent(
        account=content.account_id,
        thread=content.thread.first_sequence,
        direction=content.direction.value,
        mode=content.mode.value,
        sender=_pair(content.sender),
        created_at=content.created_at,
        subject=content.subject,
        to=[_pair(mailbox) for mailbox in content.to],
        cc=[_pair(mailbox) for mailbox in content.cc],
        bcc=[_pair(mailbox) for mailbox in content.bcc],
        reply_to=[_pair(mailbox) for mailbox in content.reply_to],
        headers=dict(content.headers),
        metadata=dict(content.metadata),
        in_reply_to=content.in_reply_to,
        references=list(content.references),
        body_text=content.body_text,
        body_html=content.body_html,
        attachments=[
            _StoredAttachment(known.id, known.filename, known.content_type, known.size, known.content_id, known.inline)
            for known in content.attachments
        ],
        arrival=to_stored_arrival(content.arrival, content.body_text),
        log_since=content.log_since,
        key_id=content.key_id,
        suppressed=list(content.suppressed),
    )


def read_content(data: bytes) -> StoredContent:
    return _content_decoder.decode(_unpack(data))


def size_of(stored: StoredContent) -> MessageSize:
    """Of a received message the whole mail as it came; of one that is sent its bodies and files."""
    if stored.arrival is not None:
        return MessageSize(0, stored.arrival.raw_size)
    files = sum(known.size for known in stored.attachments)
    recipients = len(stored.to) + len(stored.cc) + len(stored.bcc)
    return MessageSize(recipients - len(stored.suppressed), stored.body_size + files)


def from_stored(
    key: MessageKey, stored: StoredContent, *, body_text: str | None, body_html: str | None, truncated: bool = False
) -> MessageContent:
    return MessageContent(
        key=key,
        thread=ThreadKey(key.inbox_number, stored.thread),
        account_id=AccountId(stored.account),
        direction=Direction(stored.direction),
        mode=DeliveryMode(stored.mode),
        sender=Mailbox(*stored.sender),
        to=_mailboxes(stored.to),
        cc=_mailboxes(stored.cc),
        bcc=_mailboxes(stored.bcc),
        reply_to=_mailboxes(stored.reply_to),
        subject=stored.subject,
        body_text=body_text,
        body_html=body_html,
        headers=stored.headers,
        metadata=stored.metadata,
        in_reply_to=stored.in_reply_to,
        references=tuple(stored.references),
        created_at=stored.created_at,
        attachments=tuple(
            MessageAttachment(
                AttachmentId(known.id), known.filename, known.content_type, known.size, known.content_id, known.inline
            )
            for known in stored.attachments
        ),
        arrival=from_stored_arrival(stored.arrival, stored.body_text),
        log_since=stored.log_since,
        body_truncated=truncated,
        key_id=None if stored.key_id is None else KeyId(stored.key_id),
        suppressed=tuple(stored.suppressed),
    )


def write_delivery(delivery: MessageDelivery) -> bytes:
    return pack(
        _StoredDelivery(
            recipients=[
                _StoredRecipient(known.address, int(known.status), known.updated_at, _stored_reason(known.reason))
                for known in delivery.recipients
            ],
            timeline=[
                _StoredEntry(
                    entry.id,
                    entry.type.value,
                    entry.status.value,
                    entry.occurred_at,
                    entry.recipient,
                    _stored_reason(entry.reason),
                    not entry.is_change,
                    entry.change,
                )
                for entry in delivery.timeline
            ],
            submitted_at=delivery.submitted_at,
            ses_message_id=delivery.ses_message_id,
            message_id_header=delivery.message_id_header,
            in_reply_to=delivery.in_reply_to,
            references=list(delivery.references),
            overtaken_at=delivery.overtaken_at,
            resent_at=delivery.resent_at,
            begun=_stored_begun(delivery.begun),
        )
    )


def read_delivery(data: bytes, version: int) -> MessageDelivery:
    stored = _delivery_decoder.decode(_unpack(data))
    return MessageDelivery(
        recipients=tuple(
            RecipientDelivery(known.address, DeliveryStatus(known.status), known.updated_at, _reason(known.reason))
            for known in stored.recipients
        ),
        timeline=tuple(
            TimelineEntry(
                EventId(entry.id),
                EventType(entry.type),
                MessageStatus(entry.status),
                entry.occurred_at,
                entry.recipient,
                _reason(entry.reason),
                not entry.is_note,
                entry.change,
            )
            for entry in stored.timeline
        ),
        submitted_at=stored.submitted_at,
        ses_message_id=stored.ses_message_id,
        message_id_header=stored.message_id_header,
        in_reply_to=stored.in_reply_to,
        references=tuple(stored.references),
        overtaken_at=stored.overtaken_at,
        resent_at=stored.resent_at,
        begun=_begun(stored.begun),
        version=version,
    )


def _pair(mailbox: Mailbox) -> tuple[str, str]:
    return mailbox.address, mailbox.name


def _mailboxes(pairs: list[tuple[str, str]]) -> tuple[Mailbox, ...]:
    return tuple(Mailbox(*pair) for pair in pairs)


def _stored_begun(begun: Begun | None) -> _StoredBegun | None:
    return None if begun is None else _StoredBegun(begun.account_id, begun.at, begun.log_since)


def _begun(stored: _StoredBegun | None) -> Begun | None:
    return None if stored is None else Begun(AccountId(stored.account), stored.at, stored.log_since)


def _stored_reason(reason: Reason | None) -> _StoredReason | None:
    if reason is None:
        return None
    return _StoredReason(reason.code, reason.message, reason.diagnostic, reason.retryable)


def _reason(stored: _StoredReason | None) -> Reason | None:
    if stored is None:
        return None
    return Reason(stored.code, stored.message, stored.diagnostic, stored.retryable)
