"""A log of events in memory: one list an account."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from chalicelib.domain.event import Event, LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId
from chalicelib.operations.ports import LogPage, Told

CHUNK = 18  # events


@dataclass
class FakeEventLog:
    """Behaves as the real one, for less than 30 days; its chunks have 18 events each."""

    events: defaultdict[AccountId, list[Event]] = field(default_factory=lambda: defaultdict(list))
    webhooks: dict[AccountId, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def newest_chunk(self, account_id: AccountId, at_least: int | None = None) -> int:
        return max(at_least or 0, len(self.events[account_id]) // CHUNK)

    def tell(self, account_id: AccountId, events: Sequence[Event], since: int) -> Told:
        with self._lock:
            log = self.events[account_id]
            behind = log[since * CHUNK :]
            fresh = [event for event in events if event not in behind]
            log.extend(fresh)
            told = [LoggedEvent(_place(log.index(event, since * CHUNK)), event) for event in events]
            return Told(tuple(told), self.webhooks.get(account_id), frozenset(event.id for event in fresh))

    def read(self, account_id: AccountId, after: LogPlace | None, limit: int) -> LogPage:
        log = self.events[account_id]
        start = after.chunk * CHUNK + after.index if after else 0
        end = max(start, min(start + limit, len(log)))
        stretch = tuple(LoggedEvent(_place(number), log[number]) for number in range(start, end))
        return LogPage(stretch, _place(end), end >= len(log))

    def find(self, account_id: AccountId, event: Event | str, since: int) -> LoggedEvent | None:
        wanted = event if isinstance(event, str) else event.id
        for number, known in enumerate(self.events[account_id]):
            if known.id == wanted and number >= since * CHUNK:
                return LoggedEvent(_place(number), known)
        return None

    def raise_webhooks(self, account_id: AccountId) -> tuple[int, LogPlace]:
        with self._lock:
            self.webhooks[account_id] = self.webhooks.get(account_id, 0) + 1
            return self.webhooks[account_id], _place(len(self.events[account_id]))


def _place(number: int) -> LogPlace:
    return LogPlace(number // CHUNK, number % CHUNK)
