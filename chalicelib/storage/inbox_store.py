"""Inboxes: one item each, their addresses, and the account's list of them; `inbox_items.py` has how they are stored."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.ids import AccountId
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.domain.reputation import LEAST_SENDS, Suspension
from chalicelib.operations.ports import Heard, Page, PageRequest, Reservation
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Refused, Written, check, put, update, update_if
from chalicelib.storage.daily_limit import count_send, uncount_send
from chalicelib.storage.domain_store import inbox_comes, inbox_goes
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.id_key_store import load_or_create_id_key
from chalicelib.storage.inbox_items import bare_item, from_item, to_item
from chalicelib.storage.roster import Roster
from chalicelib.storage.tables import AddressItem, ForgottenAddressItem, InboxItem, batch_get

# True also of an item that counts nothing yet: a comparison with an attribute that is not there is false.
_TRUSTED: Condition = ~(
    (InboxItem.period_sends >= LEAST_SENDS) & ((InboxItem.bounce_room < 0) | (InboxItem.complaint_room < 0))
)


@raises_unavailable
@dataclass(frozen=True)
class DynamoInboxStore:
    """`operations.ports.InboxStore` over the table."""

    def create(self, inbox: Inbox) -> bool:
        place = keys.address(inbox.address)
        claim = AddressItem(place.pk, place.sk, inbox_number=inbox.number)
        # Looked at first, so that asking for taken addresses uses up no places in the list.
        forgotten = _forgotten(inbox.address)
        if _owner(inbox.address) in (None, inbox.number) and _inboxes(inbox.account_id).add(
            str(inbox.number),
            lambda sequence: [to_item(inbox, sequence)],
            put(claim, AddressItem.pk.does_not_exist() | (AddressItem.inbox_number == inbox.number)),
            check(forgotten, ForgottenAddressItem.pk.does_not_exist()),
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
        return from_item(inbox_number, item)

    def reserve(self, inbox_number: int, account_id: AccountId, day: str) -> Reservation | Inbox | None:
        outcome = count_send(
            bare_item(inbox_number),
            day,
            (InboxItem.account_id == account_id) & (InboxItem.status == InboxStatus.ACTIVE.value) & _TRUSTED,
            lambda found: found.account_id == account_id and _may_send(from_item(inbox_number, found)),
            [InboxItem.next_sequence.add(1), *_sent(1)],
        )
        if isinstance(outcome, Written):
            inbox = from_item(inbox_number, outcome.item)
            return Reservation(inbox, inbox.next_sequence - 1)
        if outcome.found is None or outcome.found.account_id != account_id:
            return None
        return from_item(inbox_number, outcome.found)

    def reserve_received(self, inbox_number: int, heard: Heard) -> Reservation | None:
        numbered, at = InboxItem.next_sequence.add(1), heard.at.isoformat()
        newest = InboxItem.automatic_at if heard.automatic or not heard.from_outside else InboxItem.heard_at
        there = InboxItem.pk.exists() & (InboxItem.status != InboxStatus.DELETED.value)
        is_newest = newest.does_not_exist() | (newest < at)
        outcome = update_if(bare_item(inbox_number), [numbered, newest.set(at)], there & is_newest)
        if isinstance(outcome, Refused) and outcome.found is not None:  # a mail of later is noted already
            outcome = update_if(bare_item(inbox_number), [numbered], there)
        if isinstance(outcome, Refused):
            return None
        inbox = from_item(inbox_number, outcome.item)
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
        # Set to active this very moment, it counts one message too few of the hundred and more that are judged.
        uncount_send(bare_item(reserved.number), reserved.sends_day, _sent(-1))

    def save_settings(self, before: Inbox, after: Inbox) -> Inbox | None:
        name, limit = after.display_name, after.daily_send_limit
        actions: list[Action] = []
        if name != before.display_name:
            actions.append(InboxItem.display_name.remove() if name is None else InboxItem.display_name.set(name))
        if limit != before.daily_send_limit:
            actions.append(InboxItem.daily_send_limit.set(limit))
        if after.status is not before.status:
            actions.append(InboxItem.status.set(after.status.value))
            actions += _activated() if after.status is InboxStatus.ACTIVE else []
        if not actions:
            return before
        as_it_was = (InboxItem.account_id == before.account_id) & (InboxItem.status == before.status.value)
        outcome = update_if(bare_item(before.number), actions, as_it_was)
        return from_item(before.number, outcome.item) if isinstance(outcome, Written) else None

    def suspend(self, inbox_number: int, suspension: Suspension) -> Inbox | None:
        actions: list[Action] = [
            InboxItem.status.set(InboxStatus.SUSPENDED.value),
            InboxItem.suspended_at.set(suspension.at.isoformat()),
            InboxItem.suspended_log_since.set(suspension.log_since),
        ]
        due = (InboxItem.status == InboxStatus.ACTIVE.value) & ~_TRUSTED
        outcome = update_if(bare_item(inbox_number), actions, due)
        found = outcome.item if isinstance(outcome, Written) else outcome.found
        return None if found is None else from_item(inbox_number, found)

    def note_told(self, inbox: Inbox) -> None:
        if inbox.suspension is not None:
            same = InboxItem.suspended_at == inbox.suspension.at.isoformat()
            update_if(bare_item(inbox.number), [InboxItem.suspension_told.set(True)], same)

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Inbox]:
        page = _inboxes(account_id).page(request)
        numbers = [int(name) for name in page.items]
        raw = batch_get([(keys.inbox_partition(number), keys.INBOX) for number in numbers])
        items = {item.pk: item for item in map(InboxItem.from_raw_data, raw)}
        inboxes = [from_item(number, items[keys.inbox_partition(number)]) for number in numbers]
        # One may have been deleted since the list was read.
        found = tuple(inbox for inbox in inboxes if not inbox.is_deleted)
        return Page(found, page.total - (len(page.items) - len(found)), page.next_after)

    def delete(self, inbox: Inbox) -> bool:
        item = bare_item(inbox.number)
        try:
            item.refresh(consistent_read=True)
        except InboxItem.DoesNotExist:
            return False
        there = (InboxItem.account_id == inbox.account_id) & (InboxItem.status != InboxStatus.DELETED.value)
        mark = update(item, [InboxItem.status.set(InboxStatus.DELETED.value)], there)
        left = [inbox_goes(inbox.account_id, item.domain_id)] if item.domain_id else []
        return _inboxes(inbox.account_id).remove(int(item.list_sequence), mark, *left)


def _may_send(inbox: Inbox) -> bool:
    return inbox.status is InboxStatus.ACTIVE and not inbox.reputation.is_bad


def _sent(number: int) -> list[Action]:
    """So many sends more, for the total and for the reputation."""
    counted = (InboxItem.total_sent, InboxItem.period_sends, InboxItem.bounce_room, InboxItem.complaint_room)
    return [attribute.add(number) for attribute in counted]


def _activated() -> list[Action]:
    """What begins a new period of its reputation."""
    return [
        InboxItem.period_sends.set(0),
        InboxItem.bounce_room.set(0),
        InboxItem.complaint_room.set(0),
        InboxItem.period_sequence.set(InboxItem.next_sequence),
        *(each.remove() for each in (InboxItem.suspended_at, InboxItem.suspended_log_since, InboxItem.suspension_told)),
    ]


def _owner(address: str) -> int | None:
    """The inbox that the address was given to; None: it never was."""
    place = keys.address(address)
    try:
        return int(AddressItem.get(place.pk, place.sk, consistent_read=True).inbox_number)
    except AddressItem.DoesNotExist:
        return None


def _forgotten(address: str) -> ForgottenAddressItem:
    """What stands where an inbox that is emptied had this address."""
    place = keys.forgotten_address(address, load_or_create_id_key())
    return ForgottenAddressItem(place.pk, place.sk)


def _inboxes(account_id: AccountId) -> Roster:
    return Roster(keys.account_partition(account_id), "inboxes")
