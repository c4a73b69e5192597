"""Where it is counted what accounts use."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from chalicelib.domain.event import LogPlace
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.domain.usage import Usage


@dataclass(frozen=True, slots=True)
class UsageMark:
    """How far an account's log of events has been counted (None: nothing of it); the version of that note."""

    place: LogPlace | None = None
    version: int = 0


InboxDay = tuple[date, int]
"""A UTC day of an inbox."""


class UsageStore(Protocol):
    """Counts by account, by inbox and by UTC day; kept for 400 days."""

    def mark(self, account_id: AccountId) -> UsageMark: ...

    def add(
        self, account_id: AccountId, counted: Mapping[InboxDay, Usage], mark: UsageMark, end: LogPlace
    ) -> UsageMark | None:
        """Add what was counted from `mark` to `end`, with the mark and exactly once; at most `ADDED_DAYS` of either kind.

        None: somebody else has counted from there; nothing was added.
        """

    def days(
        self, account_id: AccountId, first: date, last: date, inbox_number: int | None = None
    ) -> Mapping[date, Usage]:
        """What was added for each day, of the account or of one inbox; days without anything left out."""

    def requests(self, account_id: AccountId) -> Mapping[KeyId, Mapping[date, int]]:
        """What still stands in the account's keys, which count their requests themselves."""

    def keep_requests(self, account_id: AccountId, key_id: KeyId, day: date, count: int) -> bool:
        """Move a key's count to the account's day, exactly once. False: it has changed since, and nothing was moved."""


ADDED_DAYS = 45
"""Different days of inboxes, and of the account, that `add` takes at once."""
