"""Webhooks: where an account wants its events sent, which of them, and what their signatures are made with."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NewType

from chalicelib.domain.delivery import EventType
from chalicelib.domain.event import LoggedEvent, LogPlace, inbox_of
from chalicelib.domain.ids import AccountId, InvalidId, decode, random_text

WebhookId = NewType("WebhookId", str)

ROTATION = timedelta(hours=24)
"""How long a secret that was replaced signs as well."""

MOST_OLD = 3
"""Secrets that sign beside the newest one, however often it is replaced."""

SUBSCRIBABLE = frozenset(EventType) - {EventType.SENDING, EventType.WEBHOOK_TEST}
_ID_CHARACTERS = 20


@dataclass(frozen=True, slots=True)
class OldSecret:
    """One that has been replaced, and signs beside its successor for a while."""

    text: str = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """What signatures are made with; `previous` were replaced lately, the newest first."""

    current: str = field(repr=False)
    previous: tuple[OldSecret, ...] = ()

    def valid(self, now: datetime) -> tuple[str, ...]:
        """The secrets that sign now, the newest first."""
        return (self.current, *(each.text for each in self.previous if now < each.until))

    def rotated(self, fresh: str, now: datetime) -> "WebhookSecret":
        """With a new one. Of many within a day those between are dropped first: the oldest is what a receiver knows for sure."""
        known = (OldSecret(self.current, now + ROTATION), *(each for each in self.previous if now < each.until))
        return WebhookSecret(fresh, known if len(known) <= MOST_OLD else (*known[: MOST_OLD - 1], known[-1]))


@dataclass(frozen=True, slots=True)
class Disabled:
    """That it was switched off by us: why, when, and from which chunk of the account's log on its owner is told."""

    reason: str
    at: datetime
    log_since: int


@dataclass(frozen=True, slots=True)
class Webhook:
    """An endpoint of an account. It gets what it asks for of the events that stand at `since` or behind it."""

    id: WebhookId
    account_id: AccountId
    url: str
    description: str | None
    events: frozenset[EventType]  # empty: all
    inbox_numbers: frozenset[int] | None  # None: every inbox, and what concerns no inbox
    is_active: bool
    secret: WebhookSecret
    since: LogPlace
    created_at: datetime
    updated_at: datetime
    disabled: Disabled | None = None  # None: it was not switched off, or by its owner
    version: int = 0  # of the stored item; 0: not stored yet

    def wants(self, logged: LoggedEvent) -> bool:
        """Whether the event is to be sent to it."""
        return self.is_active and logged.place >= self.since and self.matches(logged)

    def matches(self, logged: LoggedEvent) -> bool:
        """Whether the event passes its filters, whenever it came to be."""
        event = logged.event
        if event.subject == self.id or (self.events and event.type not in self.events):
            return False  # nobody is told of his own end: it could not arrive
        if self.inbox_numbers is None:
            return True
        return inbox_of(event) in self.inbox_numbers


def new_webhook_id() -> WebhookId:
    return WebhookId("wh_" + random_text(_ID_CHARACTERS))


def webhook_id(text: str) -> WebhookId:
    """The id, if the text is one; `InvalidId` otherwise."""
    if not text.startswith("wh_") or len(text) != len("wh_") + _ID_CHARACTERS:
        raise InvalidId(text)
    decode(text.removeprefix("wh_"))
    return WebhookId(text)
