"""The JSON of an event: the one record that webhooks carry and the event feed shows."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta, structs

from chalicelib.domain.delivery import EventType, TimelineEntry
from chalicelib.domain.ids import PublicIds, inbox_id
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.joined_event import JoinedEvent
from chalicelib.domain.message import Direction, Message, RecipientKind
from chalicelib.domain.own_domain import Domain
from chalicelib.domain.webhook import Webhook
from chalicelib.shapes.domain_shapes import domain_as_json
from chalicelib.shapes.json_shapes import Shape, Timestamp, inbox_as_json, timestamp
from chalicelib.shapes.message_shapes import OpenMessageJson, ReasonJson, message_as_json, reason_as_json
from chalicelib.shapes.webhook_shapes import webhook_as_json

BODY_LIMIT = 256 * 1024
"""Bytes of one event; the bodies of its message are left out, the longest first, until it fits."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BODIES = ("body_html", "body_text", "extracted_text")
_ONLY_THE_OWNERS = ("bcc_addresses",)


class MessageDataJson(OpenMessageJson, frozen=True):
    """What the event of a message carries: the message as it stands now, without blind copies, and what changed."""

    message_id: str
    from_: Annotated[str, Meta(description="The sender's bare address.")] = msgspec.field(name="from")
    to: list[str]
    recipient: Annotated[str | None, Meta(description="Whom the change is about; null: the whole message.")]
    reason: ReasonJson | None


class DeletedDataJson(Shape, frozen=True):
    """What is left of the event of a message that was deleted since."""

    message_id: str
    inbox_id: str


class GoneDataJson(Shape, frozen=True):
    """What is left of an event about something else that was deleted since."""

    id: str | None


class EventJson(Shape, frozen=True):
    """A change, told once; a repeat has the same `id`."""

    id: Annotated[str, Meta(examples=["evt_8t1v3x6y0a7z5k2m9q4r"])]
    event: EventType
    data: Annotated[Any, Meta(description="Of `message.…` a MessageData; else the inbox, domain or webhook itself.")]
    timestamp: Annotated[int, Meta(description="When it happened, in milliseconds since 1970.")]
    created_at: Annotated[Timestamp, Meta(description="The same time.")]
    deleted: Annotated[bool, Meta(description="What it is about was deleted since; `data` has only its ids.")]


class FeedJson(Shape, frozen=True):
    """A stretch of the event feed, oldest first."""

    data: list[EventJson]
    next_cursor: Annotated[str, Meta(description="Always there: `after` of the next request.")]
    poll_after_ms: Annotated[int, Meta(description="When the next request is worth while; 0: at once.")]


def event_as_json(joined: JoinedEvent, ids: PublicIds, limit: int = BODY_LIMIT) -> EventJson:
    """The event as everybody gets it, its bodies left out where it would pass `limit` bytes."""
    event = joined.event
    shown = EventJson(
        id=event.id,
        event=event.type,
        data=_data(joined, ids),
        timestamp=(event.created_at - _EPOCH) // timedelta(milliseconds=1),
        created_at=timestamp(event.created_at),
        deleted=joined.is_deleted,
    )
    while len(msgspec.json.encode(shown)) > limit and isinstance(shown.data, MessageDataJson):
        shorter = _without_longest_body(shown.data)
        if shorter is None:
            break
        shown = structs.replace(shown, data=shorter)
    return shown


def event_body(joined: JoinedEvent, ids: PublicIds) -> bytes:
    """The bytes that a webhook carries."""
    return msgspec.json.encode(event_as_json(joined, ids))


def _data(joined: JoinedEvent, ids: PublicIds) -> Shape:
    key, subject = joined.event.message, joined.subject
    if joined.message is not None:
        return _message_data(joined.message, joined.entry, ids)
    if key is not None:
        return DeletedDataJson(message_id=ids.message_id(key), inbox_id=inbox_id(key.inbox_number))
    if isinstance(subject, Inbox):
        return inbox_as_json(subject, joined.event.created_at.date().isoformat())
    if isinstance(subject, Domain):
        return domain_as_json(subject)
    if isinstance(subject, Webhook):
        return webhook_as_json(subject)
    return GoneDataJson(id=joined.event.subject)


def _message_data(message: Message, entry: TimelineEntry | None, ids: PublicIds) -> MessageDataJson:
    shown = message_as_json(message, ids)
    fields = structs.asdict(shown)
    for name in _ONLY_THE_OWNERS:
        del fields[name]
    # The one place where a blind-copied address may stand is `recipient`, when the change is about it.
    fields["recipients"] = [each for each in shown.recipients if each.kind is not RecipientKind.BCC]
    return MessageDataJson(
        **fields,
        message_id=shown.id,
        from_=shown.from_address,
        to=shown.to_addresses,
        recipient=_recipient(message, entry),
        reason=reason_as_json(entry.reason) if entry else None,
    )


def _recipient(message: Message, entry: TimelineEntry | None) -> str | None:
    if entry is None or message.content.direction is Direction.INBOUND:
        return None
    return entry.recipient


def _without_longest_body(data: MessageDataJson) -> MessageDataJson | None:
    longest = max(_BODIES, key=lambda name: len(getattr(data, name) or ""))
    if not getattr(data, longest):
        return None
    return structs.replace(data, body_truncated=True, **{longest: None})
