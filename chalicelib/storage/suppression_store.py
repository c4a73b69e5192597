"""Suppressions: one item each in the account's partition, and the account's list of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pynamodb.expressions.condition import Condition

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import AccountId, MessageKey
from chalicelib.domain.suppression import Suppression, SuppressionReason, suppression_name
from chalicelib.operations.ports import Page, PageRequest
from chalicelib.operations.ports.suppressions import Recipient
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import delete
from chalicelib.storage.failures import raises_unavailable, tries
from chalicelib.storage.roster import ADDED_AT_ONCE, Roster
from chalicelib.storage.tables import SuppressionItem, batch_get

_Place = tuple[str, str]


@raises_unavailable
@dataclass(frozen=True)
class DynamoSuppressionStore:
    """`operations.ports.SuppressionStore` over the table."""

    def add(self, suppression: Suppression) -> Suppression:
        account_id, name = suppression.account_id, suppression_name(suppression.address)
        for _ in tries():
            # Looked at first, so that what is there already uses up no place in the list.
            known = self.find(account_id, [name])
            if known:
                return known[name]
            if _list(account_id).add(name, lambda sequence: [_item(suppression, sequence)]):
                return _suppression(_item(suppression, 0))
        raise Unavailable("Too many are changing the same suppression.")

    def add_all(self, account_id: AccountId, suppressions: Sequence[Suppression]) -> int:
        wanted: dict[str, Suppression] = {}
        for each in suppressions:
            wanted.setdefault(suppression_name(each.address), each)
        known = self.find(account_id, wanted)
        left = [name for name in wanted if name not in known]
        added = 0
        for start in range(0, len(left), ADDED_AT_ONCE):
            group = left[start : start + ADDED_AT_ONCE]
            while group:
                things = {name: lambda sequence, each=wanted[name]: _item(each, sequence) for name in group}
                there = _list(account_id).add_all(things)  # somebody else was faster with some
                if not there:
                    added += len(group)
                group = [name for name in group if there and name not in there]
        return added

    def find(self, account_id: AccountId, addresses: Collection[str]) -> Mapping[str, Suppression]:
        partition = keys.account_partition(account_id)
        places = {address: (partition, keys.suppression(suppression_name(address))) for address in addresses}
        found = _read(places.values(), consistent=True)
        return {address: found[place] for address, place in places.items() if place in found}

    def among(self, recipients: Collection[Recipient]) -> frozenset[Recipient]:
        places = {
            (account_id, address): (keys.account_partition(account_id), keys.suppression(suppression_name(address)))
            for account_id, address in recipients
        }
        found = _read(places.values(), consistent=False)
        return frozenset(recipient for recipient, place in places.items() if place in found)

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Suppression]:
        page = _list(account_id).page(request)
        partition = keys.account_partition(account_id)
        places = [(partition, keys.suppression(name)) for name in page.items]
        found = _read(places, consistent=True)
        # One may have been taken off since the list was read.
        return Page(tuple(found[place] for place in places if place in found), page.total, page.next_after)

    def remove(self, account_id: AccountId, address: str) -> bool:
        item = _bare_item(account_id, suppression_name(address))
        for _ in tries():
            try:
                item.refresh(consistent_read=True)
            except SuppressionItem.DoesNotExist:
                return False
            there: Condition = SuppressionItem.list_sequence == item.list_sequence
            if _list(account_id).remove(int(item.list_sequence), delete(item, there), forgets=True):
                return True
        raise Unavailable("Too many are changing the same suppression.")


def _read(places: Collection[_Place], *, consistent: bool) -> dict[_Place, Suppression]:
    raw = batch_get(list(dict.fromkeys(places)), consistent=consistent)
    return {(item.pk, item.sk): _suppression(item) for item in map(SuppressionItem.from_raw_data, raw)}


def _list(account_id: AccountId) -> Roster:
    return Roster(keys.account_partition(account_id), "suppressions")


def _bare_item(account_id: AccountId, name: str) -> SuppressionItem:
    return SuppressionItem(keys.account_partition(account_id), keys.suppression(name))


def _item(suppression: Suppression, sequence: int) -> SuppressionItem:
    message = suppression.message
    return SuppressionItem(
        keys.account_partition(suppression.account_id),
        keys.suppression(suppression_name(suppression.address)),
        reason=suppression.reason.value,
        created_at=suppression.created_at.isoformat(),
        inbox_number=message.inbox_number if message else None,
        sequence=message.sequence if message else None,
        list_sequence=sequence,
    )


def _suppression(item: SuppressionItem) -> Suppression:
    message = None if item.sequence is None else MessageKey(int(item.inbox_number), int(item.sequence))
    return Suppression(
        account_id=AccountId(item.pk.removeprefix(keys.account_partition(""))),
        address=item.sk.removeprefix(keys.SUPPRESSIONS),
        reason=SuppressionReason(item.reason),
        created_at=datetime.fromisoformat(item.created_at),
        message=message,
    )
