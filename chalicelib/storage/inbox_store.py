"""Inboxes: one item each, their addresses, and the account's list of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import AccountId
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.operations.ports import Heard, Page, PageRequest, Reservation
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Refused, Written, put, update, update_if, write_together
from chalicelib.storage.domain_store import inbox_comes, inbox_goes
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.roster import Roster
from chalicelib.storage.tables import AddressItem, InboxItem, batch_get

MIDNIGHT_TRIES = 3  # of a send that meets others at the change of the day; the first two settle it


@raises_unavailable
@dataclass(frozen=True)
class DynamoInboxStore:
    """`operations.ports.InboxStore` over the table."""

    def create(self, inbox: Inbox) -> bool:
        place = keys.address(inbox.address)
        claim = AddressItem(place.pk, place.sk, inbox_number=inbox.number)
        # Looked at first, so that asking for taken addresses uses up no places in the list.
        if _owner(inbox.address) in (None, inbox.number) and _inboxes(inbox.account_id).add(
            str(inbox.number),
            lambda sequence: [_item(inbox, sequence)],
            put(claim, AddressItem.pk.does_not_exist() | (AddressItem.inbox_number == inbox.number)),
            *([inbox_comes(inbox.account_id, inbox.domain_id)] if inbox.domain_id else []),
        ):
            return True
        # The address is somebody's, or this very inbox was created before and only the answer was lost.
        known = self.get(inbox.number)
        return known is not None and (known.account_id, known.address) == (inbox.account_id, inbox.address)

    def get(self, inbox_number: int) -> Inbox | None:
        try:
            item = InboxItem.get(keys.inbox_partition(inbox_number), keys.INBOX, consistent_read=True)
        except InboxItem.DoesNotExist:
            return None
        return _inbox(inbox_number, item)

    def reserve(self, inbox_number: int, account_id: AccountId, day: str) -> Reservation | Inbox | None:
        for _ in range(MIDNIGHT_TRIES):
            outcome = _count_send(inbox_number, account_id, day)
            if isinstance(outcome, Refused):
                found = None if outcome.found is None else _inbox(inbox_number, outcome.found)
                if found is None or found.account_id != account_id:
                    return None
                if found.status is not InboxStatus.ACTIVE or found.sends_day >= day or found.daily_send_limit < 1:
                    return found
                outcome = _begin_day(inbox_number, account_id, day)
            if isinstance(outcome, Written):
                inbox = _inbox(inbox_number, outcome.item)
                return Reservation(inbox, inbox.next_sequence - 1)
        raise Unavailable("Too many writers are at the same inbox.")

    def reserve_received(self, inbox_number: int, heard: Heard) -> Reservation | None:
        numbered, at = InboxItem.next_sequence.add(1), heard.at.isoformat()
        newest = InboxItem.automatic_at if heard.automatic or not heard.from_outside else InboxItem.heard_at
        there = InboxItem.pk.exists() & (InboxItem.status != InboxStatus.DELETED.value)
        is_newest = newest.does_not_exist() | (newest < at)
        outcome = update_if(_bare_item(inbox_number), [numbered, newest.set(at)], there & is_newest)
        if isinstance(outcome, Refused) and outcome.found is not None:  # a mail of later is noted already
            outcome = update_if(_bare_item(inbox_number), [numbered], there)
        if isinstance(outcome, Refused):
            return None
        inbox = _inbox(inbox_number, outcome.item)
        return Reservation(inbox, inbox.next_sequence - 1)

    def owners(self, addresses: Collection[str]) -> Mapping[str, int]:
        places = {keys.address(address): address for address in addresses}
        found = map(AddressItem.from_raw_data, batch_get([(place.pk, place.sk) for place in places]))
        return {places[keys.ItemKey(item.pk, item.sk)]: int(item.inbox_number) for item in found}

    def hand_over_address(self, address: str, *, before: int, to: int) -> bool:
        place = keys.address(address)
        outcome = update_if(
            AddressItem(place.pk, place.sk), [AddressItem.inbox_number.set(to)], AddressItem.inbox_number == before
        )
        return isinstance(outcome, Written) or (outcome.found is not None and int(outcome.found.inbox_number) == to)

    def give_back(self, reserved: Inbox) -> None:
        # Transactions, because they carry a token: a repeat after a lost reply does not count twice.
        item = _bare_item(reserved.number)
        uncounted: list[Action] = [InboxItem.total_sent.add(-1)]
        same_day = (InboxItem.sends_day == reserved.sends_day) & (InboxItem.sends_today > 0)
        if write_together([update(item, [*uncounted, InboxItem.sends_today.add(-1)], same_day)]):
            write_together([update(item, uncounted, InboxItem.pk.exists())])

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Inbox]:
        page = _inboxes(account_id).page(request)
        numbers = [int(name) for name in page.items]
        raw = batch_get([(keys.inbox_partition(number), keys.INBOX) for number in numbers])
        items = {item.pk: item for item in map(InboxItem.from_raw_data, raw)}
        inboxes = [_inbox(number, items[keys.inbox_partition(number)]) for number in numbers]
        # One may have been deleted since the list was read.
        found = tuple(inbox for inbox in inboxes if not inbox.is_deleted)
        return Page(found, page.total - (len(page.items) - len(found)), page.next_after)

    def delete(self, inbox: Inbox) -> bool:
        item = _bare_item(inbox.number)
        try:
            item.refresh(consistent_read=True)
        except InboxItem.DoesNotExist:
            return False
        there = (InboxItem.account_id == inbox.account_id) & (InboxItem.status != InboxStatus.DELETED.value)
        mark = update(item, [InboxItem.status.set(InboxStatus.DELETED.value)], there)
        left = [inbox_goes(inbox.account_id, item.domain_id)] if item.domain_id else []
        return _inboxes(inbox.account_id).remove(int(item.list_sequence), mark, *left)


def _count_send(inbox_number: int, account_id: AccountId, day: str) -> Written[InboxItem] | Refused[InboxItem]:
    """Count a send on the day the inbox is at; a request from before midnight counts on the day others have begun."""
    return update_if(
        _bare_item(inbox_number),
        [*_numbered(), InboxItem.sends_today.add(1)],
        (InboxItem.account_id == account_id)
        & (InboxItem.status == InboxStatus.ACTIVE.value)
        & (InboxItem.sends_day >= day)
        & (InboxItem.sends_today < InboxItem.daily_send_limit),
    )


def _begin_day(inbox_number: int, account_id: AccountId, day: str) -> Written[InboxItem] | Refused[InboxItem]:
    """Count the first send of a day; refused when somebody else has just begun it."""
    return update_if(
        _bare_item(inbox_number),
        [*_numbered(), InboxItem.sends_today.set(1), InboxItem.sends_day.set(day)],
        (InboxItem.account_id == account_id)
        & (InboxItem.status == InboxStatus.ACTIVE.value)
        & (InboxItem.sends_day < day)
        & (InboxItem.daily_send_limit >= 1),
    )


def _numbered() -> list[Action]:
    return [InboxItem.next_sequence.add(1), InboxItem.total_sent.add(1)]


def _owner(address: str) -> int | None:
    """The inbox that the address was given to; None: it never was."""
    place = keys.address(address)
    try:
        return int(AddressItem.get(place.pk, place.sk, consistent_read=True).inbox_number)
    except AddressItem.DoesNotExist:
        return None


def _bare_item(inbox_number: int) -> InboxItem:
    return InboxItem(keys.inbox_partition(inbox_number), keys.INBOX)


def _inboxes(account_id: AccountId) -> Roster:
    return Roster(keys.account_partition(account_id), "inboxes")


def _item(inbox: Inbox, sequence: int) -> InboxItem:
    return InboxItem(
        keys.inbox_partition(inbox.number),
        keys.INBOX,
        account_id=inbox.account_id,
        address=inbox.address,
        display_name=inbox.display_name,
        status=inbox.status.value,
        daily_send_limit=inbox.daily_send_limit,
        sends_day=inbox.sends_day,
        sends_today=inbox.sends_today,
        total_sent=inbox.total_sent,
        bounce_count=inbox.bounce_count,
        complaint_count=inbox.complaint_count,
        next_sequence=inbox.next_sequence,
        created_at=inbox.created_at.isoformat(),
        list_sequence=sequence,
        domain_id=inbox.domain_id,
    )


def inbox_from_raw(number: int, raw: Mapping[str, Any]) -> Inbox:
    """An inbox from its raw item."""
    return _inbox(number, InboxItem.from_raw_data(dict(raw)))


def _inbox(number: int, item: InboxItem) -> Inbox:
    return Inbox(
        number=number,
        account_id=AccountId(item.account_id),
        address=item.address,
        display_name=item.display_name,
        status=InboxStatus(item.status),
        daily_send_limit=int(item.daily_send_limit),
        sends_day=item.sends_day,
        sends_today=int(item.sends_today),
        total_sent=int(item.total_sent),
        bounce_count=int(item.bounce_count),
        complaint_count=int(item.complaint_count),
        next_sequence=int(item.next_sequence),
        created_at=datetime.fromisoformat(item.created_at),
        domain_id=item.domain_id,
        automatic_at=datetime.fromisoformat(item.automatic_at) if item.automatic_at else None,
        heard_at=datetime.fromisoformat(item.heard_at) if item.heard_at else None,
    )
