"""What requests about webhooks may hold."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from chalicelib.api.json_reading import RequestShape
from chalicelib.domain.delivery import EventType
from chalicelib.domain.ids import inbox_number
from chalicelib.domain.webhook import SUBSCRIBABLE, Webhook
from chalicelib.domain.webhook_url import URL_CHARACTERS
from chalicelib.operations.manage_webhooks import WebhookWish

_MOST_INBOXES = 100


def subscription_problem(event: EventType) -> str | None:
    """What keeps an event from being sent to webhooks."""
    return None if event in SUBSCRIBABLE else f"{event} is not sent to webhooks by filter; leave it out"


UrlText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=URL_CHARACTERS,
        description="https, port 443 or 8443, on the public internet.",
        examples=["https://example.com/hooks/mail"],
    ),
]
Description = Annotated[str, Meta(max_length=500)]
Events = Annotated[
    list[Annotated[EventType, Meta(extra={"problem": subscription_problem})]],
    Meta(max_length=50, description="Only these events; null or empty: all."),
]
InboxIds = Annotated[
    list[str], Meta(min_length=1, max_length=_MOST_INBOXES, description="Only these inboxes; null: every inbox.")
]


class NewWebhookJson(RequestShape, frozen=True):
    """A webhook to create."""

    url: UrlText
    description: Description | None = None
    events: Events | None = None
    inbox_ids: InboxIds | None = None
    is_active: bool = True

    def to_wish(self) -> WebhookWish:
        return WebhookWish(
            self.url, self.description, frozenset(self.events or ()), _numbers(self.inbox_ids), self.is_active
        )


class WebhookChangeJson(RequestShape, frozen=True):
    """What to change of a webhook; a field that is left out stays as it is."""

    url: UrlText | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    events: Events | UnsetType | None = UNSET
    inbox_ids: InboxIds | UnsetType | None = UNSET
    is_active: Annotated[bool, Meta(description="Whether it is told of anything.")] | UnsetType = UNSET

    def to_wish(self, known: Webhook) -> WebhookWish:
        """The webhook as it stands with these changes."""
        return WebhookWish(
            known.url if self.url is UNSET else self.url,
            known.description if self.description is UNSET else self.description,
            known.events if self.events is UNSET else frozenset(self.events or ()),
            known.inbox_numbers if self.inbox_ids is UNSET else _numbers(self.inbox_ids),
            known.is_active if self.is_active is UNSET else self.is_active,
        )


class ReplayRangeJson(RequestShape, frozen=True):
    """A stretch of time, at most the last 30 days."""

    since: Annotated[datetime, Meta(tz=True, examples=["2026-11-22T12:00:00Z"])]
    until: Annotated[datetime, Meta(tz=True, examples=["2026-11-22T13:00:00Z"])] | None = None


class DeliveriesQuery(RequestShape, frozen=True):
    """Which part of a webhook's deliveries."""

    limit: Annotated[int, Meta(ge=1, le=100, description="How many deliveries, at most.")] = 20
    cursor: Annotated[str, Meta(description="The `nextCursor` of the page before.")] | None = None


def _numbers(inbox_ids: list[str] | None) -> frozenset[int] | None:
    return None if inbox_ids is None else frozenset(map(inbox_number, inbox_ids))
