"""When domains are checked next, in the order of their times: one partition, read every few minutes from its beginning."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib.domain.ids import AccountId
from chalicelib.domain.own_domain import DomainId
from chalicelib.operations.ports.domains import DueDomain
from chalicelib.storage import keys
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.tables import DueDomainItem

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@raises_unavailable
@dataclass(frozen=True)
class DynamoDueDomains:
    """`operations.ports.domains.DueDomains` over the table."""

    def add(self, due: DueDomain) -> None:
        item = _item(due)
        item.account_id, item.due_at = due.account_id, (due.due_at - _EPOCH) // _MILLISECOND
        item.name = due.name
        item.save()

    def due(self, before: datetime, limit: int) -> Sequence[DueDomain]:
        found = DueDomainItem.query(
            keys.DUE_DOMAINS,
            DueDomainItem.sk < keys.due_time(int(before.timestamp()) + 1),
            limit=limit,
            consistent_read=True,
        )
        dues = [
            DueDomain(
                AccountId(item.account_id),
                DomainId(item.sk.rpartition("#")[2]),
                _EPOCH + int(item.due_at) * _MILLISECOND,
                item.name,
            )
            for item in found
        ]
        return [due for due in dues if due.due_at <= before]

    def remove(self, due: DueDomain) -> None:
        _item(due).delete()


def _item(due: DueDomain) -> DueDomainItem:
    time = f"{keys.due_time(int(due.due_at.timestamp()))}#{due.due_at.microsecond // 1000:03}"
    return DueDomainItem(keys.DUE_DOMAINS, f"{time}#{due.domain_id}")
