"""The JSON of webhooks."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from chalicelib.domain.delivery import EventType
from chalicelib.domain.ids import inbox_id
from chalicelib.domain.webhook import Webhook
from chalicelib.shapes.json_shapes import Shape, Timestamp, timestamp


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
        disabled_reason=webhook.disabled_reason,
        created_at=timestamp(webhook.created_at),
        updated_at=timestamp(webhook.updated_at),
        secret=UNSET if secret is None else secret,
    )
