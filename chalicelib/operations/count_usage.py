"""Count what accounts use, behind the back of whoever sends and receives: from the log of events, which has each once.

    log: queued, received ──▶ sizes of those messages ──▶ days of account and inboxes, and the mark, in one transaction

A death before the transaction counts nothing, one after it everything; two who count at once write one mark, and the slower
begins anew from it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from chalicelib.domain.delivery import EventType
from chalicelib.domain.event import LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId, KeyId, MessageKey
from chalicelib.domain.log_lines import log_of
from chalicelib.domain.usage import MessageSize, Usage
from chalicelib.operations.housekeeping import Step, repair_each
from chalicelib.operations.ports import AccountStore, Clock, EventLog, MessageStore, PageRequest
from chalicelib.operations.ports.usage import ADDED_DAYS, InboxDay, UsageMark, UsageStore

logger = log_of(__name__)

EVENTS_AT_ONCE = 500
PATIENCE = timedelta(seconds=2)  # of a request that shows usage
ROUND_PATIENCE = timedelta(seconds=20)  # of housekeeping, for a page of accounts
ACCOUNTS_A_STEP = 20
EVERY = timedelta(minutes=10)
_COUNTED = frozenset({EventType.QUEUED, EventType.RECEIVED})


@dataclass(frozen=True)
class CountUsage:
    """Count an account's usage up to now, or as far as time allows; the time up to which it is counted."""

    log: EventLog
    messages: MessageStore
    usage: UsageStore
    clock: Clock

    def __call__(self, account_id: AccountId, until: datetime) -> datetime:
        """`until` is when to stop, whatever is left; a log that is read to its end is counted up to now."""
        mark = self.usage.mark(account_id)
        while True:
            began = self.clock()
            page = self.log.read(account_id, mark.place, EVENTS_AT_ONCE)
            events, is_all = _first(page.events)
            end = page.end if is_all else _behind(events[-1].place)
            added: UsageMark | None = mark
            if end != (mark.place or LogPlace(0, 0)):  # also past events that are too old to be read
                added = self._add(account_id, events, mark, end)
            if page.is_newest and is_all and added is not None:
                return began
            if self.clock() >= until:
                return events[0].event.created_at if events else began
            mark = added or self.usage.mark(account_id)  # somebody else has counted from there

    def _add(
        self, account_id: AccountId, events: Sequence[LoggedEvent], mark: UsageMark, end: LogPlace
    ) -> UsageMark | None:
        counted = [each for each in events if each.event.type in _COUNTED and each.event.message is not None]
        keys = [each.event.message for each in counted if each.event.message is not None]
        sizes = self.messages.sizes(keys) if keys else {}
        return self.usage.add(account_id, _tallied(counted, sizes), mark, end)


@dataclass(frozen=True)
class KeepRequestsOfKey:
    """A key that is about to be deleted leaves its counts behind; what it counts this very moment is lost."""

    usage: UsageStore

    def __call__(self, account_id: AccountId, key_id: KeyId) -> None:
        for day, count in self.usage.requests(account_id).get(key_id, {}).items():
            self.usage.keep_requests(account_id, key_id, day, count)


@dataclass(frozen=True)
class CountEverybody:
    """A round through all accounts (`housekeeping.Round`); what it counts is no repair."""

    accounts: AccountStore
    usage: UsageStore
    count: CountUsage
    name: str = "usage"
    every: timedelta = EVERY

    def step(self, after: str | None, now: datetime) -> Step:
        request = PageRequest(ACCOUNTS_A_STEP, after=None if after is None else int(after))
        page = self.accounts.page(request)
        until = now + ROUND_PATIENCE

        def counting(account_id: AccountId) -> bool:
            self._keep_requests(account_id, now.date())
            self.count(account_id, until)
            return False

        repair_each([(each.id, partial(counting, each.id)) for each in page.items])
        return Step(None if page.next_after is None else str(page.next_after), 0)

    def _keep_requests(self, account_id: AccountId, today: date) -> None:
        """Days that are over, by every clock, go from the keys to the account's days."""
        for key_id, days in self.usage.requests(account_id).items():
            for day, count in days.items():
                if day < today - timedelta(days=1):
                    self.usage.keep_requests(account_id, key_id, day, count)


def _first(events: Sequence[LoggedEvent]) -> tuple[Sequence[LoggedEvent], bool]:
    """As many as one transaction can count, and whether they are all."""
    days: set[InboxDay] = set()
    for number, each in enumerate(events):
        if each.event.type in _COUNTED and each.event.message is not None:
            days.add(_day_of(each, each.event.message))
        if len(days) > ADDED_DAYS:
            return events[:number], False
    return events, True


def _behind(place: LogPlace) -> LogPlace:
    return LogPlace(place.chunk, place.index + 1)


def _day_of(each: LoggedEvent, key: MessageKey) -> InboxDay:
    day: date = each.event.created_at.date()
    return day, key.inbox_number


def _tallied(events: Sequence[LoggedEvent], sizes: Mapping[MessageKey, MessageSize]) -> Mapping[InboxDay, Usage]:
    tallies: dict[InboxDay, Usage] = defaultdict(Usage)
    for each in events:
        key = each.event.message
        if key is None:
            continue
        is_sent = each.event.type is EventType.QUEUED
        size = sizes.get(key, MessageSize(0, 0))  # deleted before it was counted
        tallies[_day_of(each, key)] += Usage(
            sends=int(is_sent),
            recipients=size.recipients if is_sent else 0,
            inbound=int(not is_sent),
            bytes_stored=size.bytes_stored,
        )
    return tallies
