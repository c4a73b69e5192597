"""What accounts used: an item a day of the account, one a day of each inbox, and how far their log is counted.

Requests are counted by the key itself, in the write that proves it: an attribute a day, moved here when the day is over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from chalicelib.domain.event import LogPlace
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.domain.usage import USAGE_KEPT, Usage
from chalicelib.operations.ports import PageRequest
from chalicelib.operations.ports.usage import InboxDay, UsageMark
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Write, put, update, write_together
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.roster import Roster
from chalicelib.storage.tables import KeyItem, UsageItem, UsageMarkItem, batch_get, query

_REQUESTS = "r20"  # begins the names of a key's attributes: r20261122
_DAY = "r%Y%m%d"
_KEYS_AT_ONCE = 100


def requests_on(moment: datetime) -> Path:
    """Where a key counts its requests of a UTC day; for the update that proves the key."""
    return Path(f"{moment:{_DAY}}")


@raises_unavailable
@dataclass(frozen=True)
class DynamoUsageStore:
    """`operations.ports.usage.UsageStore` over the table."""

    def mark(self, account_id: AccountId) -> UsageMark:
        try:
            item = UsageMarkItem.get(keys.account_partition(account_id), keys.USAGE_MARK, consistent_read=True)
        except UsageMarkItem.DoesNotExist:
            return UsageMark()
        return UsageMark(LogPlace(int(item.chunk), int(item.index)), int(item.version))

    def add(
        self, account_id: AccountId, counted: Mapping[InboxDay, Usage], mark: UsageMark, end: LogPlace
    ) -> UsageMark | None:
        following = UsageMark(end, mark.version + 1)
        by_day: dict[date, Usage] = {}
        for (day, _), used in counted.items():
            by_day[day] = by_day.get(day, Usage()) + used
        partition = keys.account_partition(account_id)
        item = UsageMarkItem(partition, keys.USAGE_MARK, chunk=end.chunk, index=end.index, version=following.version)
        there: Condition = UsageMarkItem.version == mark.version
        writes = [put(item, there if mark.version else UsageMarkItem.pk.does_not_exist())]
        writes += [_add(partition, keys.usage_of_account(day), day, used) for day, used in by_day.items()]
        writes += [
            _add(partition, keys.usage_of_inbox(number, day), day, used) for (day, number), used in counted.items()
        ]
        return None if write_together(writes) else following

    def days(
        self, account_id: AccountId, first: date, last: date, inbox_number: int | None = None
    ) -> Mapping[date, Usage]:
        def place(day: date) -> str:
            return keys.usage_of_account(day) if inbox_number is None else keys.usage_of_inbox(inbox_number, day)

        span = {":first": {"S": place(first)}, ":last": {"S": place(last)}}
        raw = query(keys.account_partition(account_id), "sk BETWEEN :first AND :last", span)
        items = map(UsageItem.from_raw_data, raw)
        return {date.fromisoformat(item.sk.rpartition("#")[2]): _usage(item) for item in items}

    def requests(self, account_id: AccountId) -> Mapping[KeyId, Mapping[date, int]]:
        found: dict[KeyId, Mapping[date, int]] = {}
        request = PageRequest(_KEYS_AT_ONCE)
        while True:
            page = Roster(keys.account_partition(account_id), "keys").page(request)
            places = [keys.api_key(name) for name in page.items]
            for item in batch_get([(place.pk, place.sk) for place in places]):
                found[KeyId(item["pk"]["S"].removeprefix("K#"))] = _requests(item)
            if page.next_after is None:
                return found
            request = PageRequest(_KEYS_AT_ONCE, after=page.next_after)

    def keep_requests(self, account_id: AccountId, key_id: KeyId, day: date, count: int) -> bool:
        place = keys.api_key(key_id)
        counter = Path(f"{day:{_DAY}}")
        unchanged: Condition = counter == count
        moved = _add(keys.account_partition(account_id), keys.usage_of_account(day), day, Usage(requests=count))
        return not write_together([moved, update(KeyItem(place.pk, place.sk), [counter.remove()], unchanged)])


def _add(partition: str, sort_key: str, day: date, used: Usage) -> Write:
    counts = (
        (UsageItem.requests, used.requests),
        (UsageItem.sends, used.sends),
        (UsageItem.recipients, used.recipients),
        (UsageItem.inbound, used.inbound),
        (UsageItem.bytes_stored, used.bytes_stored),
    )
    expires = datetime.combine(day, time(), UTC) + USAGE_KEPT
    actions: list[Action] = [attribute.add(count) for attribute, count in counts if count]
    return update(UsageItem(partition, sort_key), [*actions, UsageItem.ttl.set(expires)])


def _usage(item: UsageItem) -> Usage:
    return Usage(
        *(int(count or 0) for count in (item.requests, item.sends, item.recipients, item.inbound, item.bytes_stored))
    )


def _requests(item: Mapping[str, Any]) -> Mapping[date, int]:
    return {
        datetime.strptime(name, _DAY).replace(tzinfo=UTC).date(): int(count["N"])
        for name, count in item.items()
        if name.startswith(_REQUESTS) and len(name) == len("r20261122")
    }
