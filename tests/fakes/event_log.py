"""A log of events in memory: one list an account."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from chalicelib.domain.event import Event, LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId, EventId
from chalicelib.operations.ports import LogPage, Told

CHUNK = 18  # events


@dataclass
class FakeEventLog:
    """Behaves as the real one, for less than 30 days; its chunks have 18 events each."""

    events: defaultdict[AccountId, list[Event]] = field(default_factory=lambda: defaultdict(list))
    webhooks: dict[AccountId, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def newest_chunk(self, account_id: AccountId, at_least: int | None = None) -> int:
        """A process that has seen nothing yet: with a bound of the caller's it reads nothing."""
        return len(self.events[account_id]) // CHUNK if at_least is None else at_least

    def tell(self, account_id: AccountId, events: Sequence[Event]) -> Told:
        with self._lock:
            log = self.events[account_id]
            fresh = [event for event in events if event not in log]
            log.extend(fresh)
            told = [LoggedEvent(_place(log.index(event)), event) for event in events]
            return Told(tuple(told), self.webhooks.get(account_id), frozenset(event.id for event in fresh))

    def read(self, account_id: AccountId, after: LogPlace | None, limit: int) -> LogPage:
        log = self.events[account_id]
        start = after.chunk * CHUNK + after.index if after else 0
        end = max(start, min(start + limit, len(log)))
        stretch = tuple(LoggedEvent(_place(number), log[number]) for number in range(start, end))
        return LogPage(stretch, _place(end), end >= len(log))

    def find(self, account_id: AccountId, event_id: EventId | str) -> LoggedEvent | None:
        for number, known in enumerate(self.events[account_id]):
            if known.id == event_id:
                return LoggedEvent(_place(number), known)
        return None

    def raise_webhooks(self, account_id: AccountId) -> tuple[int, LogPlace]:
        with self._lock:
            self.webhooks[account_id] = self.webhooks.get(account_id, 0) + 1
            return self.webhooks[account_id], _place(len(self.events[account_id]))


def _place(number: int) -> LogPlace:
    return LogPlace(number // CHUNK, number % CHUNK)
