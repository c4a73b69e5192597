"""What an account used: by day, and so far today and this month."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chalicelib.domain.account import Caller
from chalicelib.domain.ids import AccountId
from chalicelib.domain.usage import Usage, every_day, total
from chalicelib.operations.access import require_inbox
from chalicelib.operations.count_usage import PATIENCE, CountUsage
from chalicelib.operations.ports import Clock, InboxStore
from chalicelib.operations.ports.usage import UsageStore

SHOWN_DAYS = 30  # of a request that names no first day


@dataclass(frozen=True, slots=True)
class UsageRange:
    """Which days are asked for, in UTC (None: the last 30, up to today), and of which inbox."""

    first: date | None = None
    last: date | None = None
    inbox_number: int | None = None


@dataclass(frozen=True, slots=True)
class DailyUsage:
    """Every day of a stretch, oldest first, and up to when it is counted."""

    days: tuple[tuple[date, Usage], ...]
    counted_until: datetime


@dataclass(frozen=True, slots=True)
class UsageOfNow:
    """What was used today and this month, in UTC."""

    today: Usage
    this_month: Usage


@dataclass(frozen=True)
class UsageFigures:
    """Figures as they stand, counted up to this moment."""

    count: CountUsage
    usage: UsageStore
    clock: Clock

    def __call__(self, account_id: AccountId, first: date, last: date, inbox_number: int | None = None) -> DailyUsage:
        until = self.count(account_id, self.clock() + PATIENCE)
        known = dict(self.usage.days(account_id, first, last, inbox_number))
        for days in {} if inbox_number else self.usage.requests(account_id).values():
            for day, count in days.items():
                known[day] = known.get(day, Usage()) + Usage(requests=count)
        return DailyUsage(every_day(first, last, known), until)


@dataclass(frozen=True)
class ShowUsage:
    """The days that are asked for."""

    figures: UsageFigures
    inboxes: InboxStore
    clock: Clock

    def __call__(self, asked: UsageRange, caller: Caller) -> DailyUsage:
        """Raises NotFound for another's inbox."""
        if asked.inbox_number is not None:
            require_inbox(self.inboxes, asked.inbox_number, caller)
        last = asked.last or self.clock().date()
        first = asked.first or last - timedelta(days=SHOWN_DAYS - 1)
        return self.figures(caller.account_id, first, last, asked.inbox_number)


@dataclass(frozen=True)
class ShowUsageOfNow:
    """Today and this month."""

    figures: UsageFigures
    clock: Clock

    def __call__(self, caller: Caller) -> UsageOfNow:
        today = self.clock().date()
        days = self.figures(caller.account_id, today.replace(day=1), today).days
        return UsageOfNow(days[-1][1], total(used for _, used in days))
