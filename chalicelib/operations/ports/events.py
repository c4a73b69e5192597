"""What operations ask of the log of events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.event import Event, LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId, EventId


@dataclass(frozen=True, slots=True)
class Told:
    """Where events stand now, and which version of the account's webhooks stood beside them (None: it has none)."""

    events: tuple[LoggedEvent, ...]
    webhooks: int | None
    fresh: frozenset[EventId] = frozenset()  # those of them that were written just now


@dataclass(frozen=True, slots=True)
class LogPage:
    """A stretch of the log, oldest first; `end` is the place behind the last event looked at, from where reading goes on."""

    events: tuple[LoggedEvent, ...]
    end: LogPlace
    is_newest: bool  # nothing stood behind `end` when it was read


class EventLog(Protocol):
    """An account's events in the order in which they were written; kept 30 days."""

    def newest_chunk(self, account_id: AccountId, at_least: int | None = None) -> int:
        """A lower bound of the chunk that the next event will stand in.

        With `at_least`, a lower bound that the caller has, nothing is read for it.
        """

    def tell(self, account_id: AccountId, events: Sequence[Event]) -> Told:
        """Write those of the events that do not stand there yet, however long ago they happened. Again changes nothing.

        The id of each names a chunk that was open when it happened, or later: what comes before is not looked at.
        """

    def read(self, account_id: AccountId, after: LogPlace | None, limit: int) -> LogPage:
        """Up to `limit` events from `after` on (None: from the oldest that is kept)."""

    def find(self, account_id: AccountId, event_id: EventId | str) -> LoggedEvent | None:
        """The event with this id."""

    def raise_webhooks(self, account_id: AccountId) -> tuple[int, LogPlace]:
        """Note that the account's webhooks have changed: the new version, and the place behind which it holds."""


class WebhookNotices(Protocol):
    """Where the workers of webhooks hear of what was told."""

    def put(self, account_id: AccountId, told: Told) -> None:
        """Events of an account that has webhooks; again is harmless. Returns when it is durable."""
