"""The JSON of webhooks."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from chalicelib.domain.delivery import EventType
from chalicelib.domain.event import LogPlace
from chalicelib.domain.ids import InvalidId, PublicIds, inbox_id
from chalicelib.domain.webhook import Webhook, WebhookId
from chalicelib.domain.webhook_delivery import DeliveryState, WebhookDelivery
from chalicelib.shapes.json_shapes import Shape, Timestamp, timestamp

_PREFIX = "dlv_"


class WebhookJson(Shape, frozen=True):
    """Where events are sent to; `secret` stands only in the answer that made it."""

    id: Annotated[str, Meta(examples=["wh_4r8t1v3x6y0a7z5k2m9q"])]
    url: Annotated[str, Meta(examples=["https://example.com/hooks/mail"])]
    description: str | None
    events: Annotated[list[EventType] | None, Meta(description="Null: every event.")]
    inbox_ids: Annotated[list[str] | None, Meta(description="Null: every inbox.")]
    is_active: bool
    disabled_reason: Annotated[str | None, Meta(description="Why it was switched off, if not by you.")]
    created_at: Timestamp
    updated_at: Timestamp
    secret: Annotated[str | UnsetType, Meta(examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])] = UNSET


def webhook_as_json(webhook: Webhook, *, secret: str | None = None) -> WebhookJson:
    """The webhook, with its secret only when that is given."""
    numbers = webhook.inbox_numbers
    return WebhookJson(
        id=webhook.id,
        url=webhook.url,
        description=webhook.description,
        events=sorted(webhook.events) or None,
        inbox_ids=None if numbers is None else [inbox_id(number) for number in sorted(numbers)],
        is_active=webhook.is_active,
        disabled_reason=webhook.disabled.reason if webhook.disabled else None,
        created_at=timestamp(webhook.created_at),
        updated_at=timestamp(webhook.updated_at),
        secret=UNSET if secret is None else secret,
    )


class AttemptJson(Shape, frozen=True):
    """One try to deliver."""

    at: Timestamp
    status_code: Annotated[int | None, Meta(description="Null: there was no answer, and `error` says why.")]
    duration_ms: int
    answer: Annotated[str, Meta(description="The first 1,024 bytes of it.")]
    error: str | None


class DeliveryJson(Shape, frozen=True):
    """One event on its way to one webhook, with its newest 20 attempts, the oldest first."""

    id: Annotated[str, Meta(examples=["dlv_6y0a7z5k2m9q4r8t1v3x"])]
    event_id: str
    event: EventType
    status: DeliveryState
    attempts: list[AttemptJson]
    next_attempt_at: Annotated[Timestamp | None, Meta(description="Null: none is due, or it waits for the endpoint.")]
    created_at: Annotated[Timestamp, Meta(description="When what it tells happened.")]


class DeliveriesJson(Shape, frozen=True):
    """A part of a webhook's deliveries, the newest events first."""

    data: list[DeliveryJson]
    next_cursor: str | None


class ReplayJson(Shape, frozen=True):
    """What will be delivered once more."""

    webhook_id: str
    since: Timestamp
    until: Timestamp


def delivery_as_json(delivery: WebhookDelivery, ids: PublicIds) -> DeliveryJson:
    event, next_at = delivery.logged.event, delivery.next_attempt_at
    return DeliveryJson(
        id=delivery_id(delivery.webhook_id, delivery.logged.place, ids),
        event_id=event.id,
        event=event.type,
        status=delivery.state,
        attempts=[
            AttemptJson(
                at=timestamp(each.at),
                status_code=each.status_code,
                duration_ms=each.duration_ms,
                answer=each.answer,
                error=each.error,
            )
            for each in delivery.attempts
        ],
        next_attempt_at=None if next_at is None else timestamp(next_at),
        created_at=timestamp(event.created_at),
    )


def delivery_id(webhook_id: WebhookId, place: LogPlace, ids: PublicIds) -> str:
    """The id of a delivery is the event's place in the log, sealed for this webhook."""
    return _PREFIX + ids.cursor(place.index, place.chunk, of=f"deliveries:{webhook_id}")


def delivery_place(webhook_id: WebhookId, text: str, ids: PublicIds) -> LogPlace:
    """The place behind a delivery's id; `InvalidId` when it is none of this webhook's."""
    if not text.startswith(_PREFIX):
        raise InvalidId(text)
    index, chunk = ids.cursor_place(text.removeprefix(_PREFIX), of=f"deliveries:{webhook_id}")
    return LogPlace(chunk, index)
