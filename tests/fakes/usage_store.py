"""Counts of what accounts use, in memory."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from threading import Lock

from chalicelib.domain.event import LogPlace
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.domain.usage import Usage
from chalicelib.operations.ports.usage import ADDED_DAYS, InboxDay, UsageMark

Place = tuple[AccountId, int | None, date]


@dataclass
class FakeUsageStore:
    """Behaves as the real one; a test says what keys have counted."""

    marks: dict[AccountId, UsageMark] = field(default_factory=dict)
    counts: defaultdict[Place, Usage] = field(default_factory=lambda: defaultdict(Usage))
    keys: dict[AccountId, dict[KeyId, dict[date, int]]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def mark(self, account_id: AccountId) -> UsageMark:
        return self.marks.get(account_id, UsageMark())

    def add(
        self, account_id: AccountId, counted: Mapping[InboxDay, Usage], mark: UsageMark, end: LogPlace
    ) -> UsageMark | None:
        assert len(counted) <= ADDED_DAYS
        with self._lock:
            if self.mark(account_id).version != mark.version:
                return None
            for (day, number), used in counted.items():
                self.counts[account_id, None, day] += used
                self.counts[account_id, number, day] += used
            following = self.marks[account_id] = UsageMark(end, mark.version + 1)
            return following

    def days(
        self, account_id: AccountId, first: date, last: date, inbox_number: int | None = None
    ) -> Mapping[date, Usage]:
        return {
            day: used
            for (owner, number, day), used in self.counts.items()
            if (owner, number) == (account_id, inbox_number) and first <= day <= last
        }

    def requests(self, account_id: AccountId) -> Mapping[KeyId, Mapping[date, int]]:
        return {key_id: dict(days) for key_id, days in self.keys.get(account_id, {}).items()}

    def keep_requests(self, account_id: AccountId, key_id: KeyId, day: date, count: int) -> bool:
        with self._lock:
            counted = self.keys.get(account_id, {}).get(key_id, {})
            if counted.get(day) != count:
                return False
            del counted[day]
            self.counts[account_id, None, day] += Usage(requests=count)
            return True
