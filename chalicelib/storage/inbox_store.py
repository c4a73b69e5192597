"""Inboxes: one item each, their addresses, and the account's list of them."""

from dataclasses import dataclass
from datetime import datetime

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.update import Action

from chalicelib.domain.ids import AccountId
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.operations.ports import Page, PageRequest, Reservation
from chalicelib.storage import keys
from chalicelib.storage.roster import AlreadyThere, Roster
from chalicelib.storage.tables import AddressItem, InboxItem, batch_get, condition_failed


@dataclass(frozen=True)
class DynamoInboxStore:
    """`operations.ports.InboxStore` over the table."""

    def create(self, inbox: Inbox) -> bool:
        existing = self.get(inbox.number)
        if existing is not None:
            return existing.address == inbox.address and existing.account_id == inbox.account_id
        roster = _inboxes(inbox.account_id)
        sequence = roster.next_sequence()
        place = keys.address(inbox.address)
        claim = AddressItem(place.pk, place.sk, inbox_number=inbox.number)
        try:
            roster.add(sequence, str(inbox.number), [_item(inbox, sequence), claim])
        except AlreadyThere:
            # The address is somebody's, or this very write had succeeded and only its answer was lost.
            return self._is_stored(inbox)
        return True

    def get(self, inbox_number: int) -> Inbox | None:
        try:
            item = InboxItem.get(keys.inbox_partition(inbox_number), keys.INBOX, consistent_read=True)
        except InboxItem.DoesNotExist:
            return None
        return _inbox(inbox_number, item)

    def reserve(self, inbox_number: int, account_id: AccountId, day: str) -> Reservation | Inbox | None:
        item = InboxItem(keys.inbox_partition(inbox_number), keys.INBOX)
        ours = (InboxItem.account_id == account_id) & (InboxItem.status == InboxStatus.ACTIVE.value)
        today = (InboxItem.sends_day == day) & (InboxItem.sends_today < InboxItem.daily_send_limit)
        new_day = (InboxItem.sends_day < day) & (InboxItem.daily_send_limit > 0)
        given: list[Action] = [InboxItem.next_sequence.add(1), InboxItem.total_sent.add(1)]
        count: list[Action] = [*given, InboxItem.sends_today.add(1)]
        # At midnight somebody else may begin the new day between our two tries; the third then counts on it.
        for actions, condition in (
            (count, today),
            ([*given, InboxItem.sends_today.set(1), InboxItem.sends_day.set(day)], new_day),
            (count, today),
        ):
            try:
                item.update(actions=actions, condition=ours & condition)
            except UpdateError as error:
                if not condition_failed(error):
                    raise
                continue
            inbox = _inbox(inbox_number, item)
            return Reservation(inbox, inbox.next_sequence - 1)
        found = self.get(inbox_number)
        return found if found is not None and found.account_id == account_id else None

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Inbox]:
        page = _inboxes(account_id).page(request)
        numbers = [int(name) for name in page.names]
        raw = batch_get([(keys.inbox_partition(number), keys.INBOX) for number in numbers])
        items = {item.pk: item for item in map(InboxItem.from_raw_data, raw)}
        found = [(number, items.get(keys.inbox_partition(number))) for number in numbers]
        return Page(
            tuple(_inbox(number, item) for number, item in found if item is not None), page.total, page.next_after
        )

    def delete(self, inbox: Inbox) -> bool:
        item = InboxItem(keys.inbox_partition(inbox.number), keys.INBOX)
        there = (InboxItem.account_id == inbox.account_id) & (InboxItem.status != InboxStatus.DELETED.value)
        try:
            item.update(actions=[InboxItem.status.set(InboxStatus.DELETED.value)], condition=there)
            deleted = True
        except UpdateError as error:
            if not condition_failed(error):
                raise
            item.refresh(consistent_read=True)
            deleted = False
        # Again even when it was deleted before: whoever did that may have died before the list followed.
        return _inboxes(inbox.account_id).remove(int(item.list_sequence)) or deleted

    def _is_stored(self, inbox: Inbox) -> bool:
        stored = self.get(inbox.number)
        return stored is not None and stored.address == inbox.address and stored.account_id == inbox.account_id


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
    )


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
    )
