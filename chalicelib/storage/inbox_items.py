"""How an inbox is stored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.domain.ids import AccountId
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.domain.reputation import SENDS_A_BOUNCE, SENDS_A_COMPLAINT, Reputation, Suspension
from chalicelib.storage import keys
from chalicelib.storage.tables import InboxItem


def bare_item(inbox_number: int) -> InboxItem:
    return InboxItem(keys.inbox_partition(inbox_number), keys.INBOX)


def to_item(inbox: Inbox, sequence: int) -> InboxItem:
    """A new inbox, at its place in the account's list."""
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
        period_sends=inbox.reputation.sends,
        bounce_room=inbox.reputation.bounce_room,
        complaint_room=inbox.reputation.complaint_room,
        period_sequence=inbox.reputation.since_sequence,
    )


def inbox_from_raw(number: int, raw: Mapping[str, Any]) -> Inbox:
    """An inbox from its raw item."""
    return from_item(number, InboxItem.from_raw_data(dict(raw)))


def from_item(number: int, item: InboxItem) -> Inbox:
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
        reputation=_reputation(item),
        suspension=_suspension(item),
    )


def _reputation(item: InboxItem) -> Reputation:
    """Rooms are what is stored, for the table compares them with zero; they fall by a whole step for each bounce."""
    sends = int(item.period_sends or 0)
    return Reputation(
        sends,
        (sends - int(item.bounce_room or 0)) // SENDS_A_BOUNCE,
        (sends - int(item.complaint_room or 0)) // SENDS_A_COMPLAINT,
        int(item.period_sequence or 0),
    )


def _suspension(item: InboxItem) -> Suspension | None:
    at: str | None = item.suspended_at
    if at is None:
        return None
    return Suspension(datetime.fromisoformat(at), int(item.suspended_log_since or 0), bool(item.suspension_told))
