"""Inboxes in memory."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import Any

from chalicelib.domain.ids import AccountId, MessageKey
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.domain.reputation import Reputation, Suspension
from chalicelib.operations.ports import Heard, Outcome, Page, PageRequest, Reservation
from tests.fakes.domains import FakeDomainStore
from tests.fakes.paging import page_of


@dataclass
class FakeInboxStore:
    """Behaves as the real one."""

    inboxes: dict[int, Inbox] = field(default_factory=dict)  # by number, in order of creation
    owners_of: dict[str, int] = field(default_factory=dict)  # of every address ever given out
    domains: FakeDomainStore = field(default_factory=FakeDomainStore)  # where it is counted how many live on each
    _lock: Lock = field(default_factory=Lock)

    def create(self, inbox: Inbox) -> bool:
        with self._lock:
            if self.owners_of.get(inbox.address, inbox.number) != inbox.number or inbox.number in self.inboxes:
                known = self.inboxes.get(inbox.number)  # the same inbox again is harmless
                return known is not None and _identity(known) == _identity(inbox)
            if inbox.domain_id is not None and not self.domains.inbox_comes(inbox.account_id, inbox.domain_id):
                return False
            self.owners_of[inbox.address] = inbox.number
            self.inboxes[inbox.number] = inbox
            return True

    def get(self, inbox_number: int) -> Inbox | None:
        return self.inboxes.get(inbox_number)

    def reserve(self, inbox_number: int, account_id: AccountId, day: str) -> Reservation | Inbox | None:
        with self._lock:
            inbox = self.inboxes.get(inbox_number)
            if inbox is None or inbox.account_id != account_id:
                return None
            day = max(day, inbox.sends_day)  # a request from before midnight counts on the day others have begun
            if inbox.status is not InboxStatus.ACTIVE or inbox.has_lost_trust:
                return inbox
            if inbox.sends_on(day) >= inbox.daily_send_limit:
                return inbox
            after = replace(
                inbox,
                sends_day=day,
                sends_today=inbox.sends_on(day) + 1,
                total_sent=inbox.total_sent + 1,
                next_sequence=inbox.next_sequence + 1,
                reputation=_counted(inbox, sends=1),
            )
            self.inboxes[inbox_number] = after
            return Reservation(after, inbox.next_sequence)

    def reserve_received(self, inbox_number: int, heard: Heard) -> Reservation | None:
        with self._lock:
            inbox = self.inboxes.get(inbox_number)
            if inbox is None or inbox.is_deleted:
                return None
            after = replace(inbox, next_sequence=inbox.next_sequence + 1)
            if heard.automatic or not heard.from_outside:
                after = replace(after, automatic_at=_later(after.automatic_at, heard.at))
            else:
                after = replace(after, heard_at=_later(after.heard_at, heard.at))
            self.inboxes[inbox_number] = after
            return Reservation(after, inbox.next_sequence)

    def owners(self, addresses: Collection[str]) -> Mapping[str, int]:
        return {address: self.owners_of[address] for address in addresses if address in self.owners_of}

    def hand_over_address(self, address: str, *, before: int, to: int) -> bool:
        with self._lock:
            if self.owners_of.get(address) == before:
                self.owners_of[address] = to
            return self.owners_of.get(address) == to

    def give_back(self, reserved: Inbox) -> None:
        with self._lock:
            inbox = self.inboxes[reserved.number]
            today = inbox.sends_today - (inbox.sends_day == reserved.sends_day and inbox.sends_today > 0)
            self.inboxes[inbox.number] = replace(
                inbox, total_sent=inbox.total_sent - 1, sends_today=today, reputation=_counted(inbox, sends=-1)
            )

    def save_settings(self, before: Inbox, after: Inbox) -> Inbox | None:
        with self._lock:
            known = self.inboxes.get(before.number)
            if known is None or (known.account_id, known.status) != (before.account_id, before.status):
                return None
            changes: dict[str, Any] = {}
            for name in ("display_name", "daily_send_limit", "status"):
                if getattr(after, name) != getattr(before, name):
                    changes[name] = getattr(after, name)
            if changes.get("status") is InboxStatus.ACTIVE:
                changes |= {"suspension": None, "reputation": Reputation(since_sequence=known.next_sequence)}
            self.inboxes[before.number] = replace(known, **changes)
            return self.inboxes[before.number]

    def suspend(self, inbox_number: int, suspension: Suspension) -> Inbox | None:
        with self._lock:
            known = self.inboxes.get(inbox_number)
            if known is not None and known.has_lost_trust:
                known = replace(known, status=InboxStatus.SUSPENDED, suspension=suspension)
                self.inboxes[inbox_number] = known
            return known

    def note_told(self, inbox: Inbox) -> None:
        with self._lock:
            known = self.inboxes[inbox.number]
            if known.suspension and inbox.suspension and known.suspension.at == inbox.suspension.at:
                told = replace(known.suspension, is_told=True)
                self.inboxes[inbox.number] = replace(known, suspension=told)

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Inbox]:
        places = enumerate(inbox for inbox in self.inboxes.values() if inbox.account_id == account_id)
        return page_of(((place, inbox) for place, inbox in places if not inbox.is_deleted), request)

    def delete(self, inbox: Inbox) -> bool:
        with self._lock:
            known = self.inboxes.get(inbox.number)
            if known is None or known.account_id != inbox.account_id or known.is_deleted:
                return False
            if known.domain_id is not None:
                self.domains.inbox_goes(known.account_id, known.domain_id)
            self.inboxes[inbox.number] = replace(known, status=InboxStatus.DELETED)
            return True

    def count(self, key: MessageKey, outcome: Outcome) -> bool:
        """What the message store does to an inbox when it saves a first bounce or complaint; whether to judge it."""
        with self._lock:
            inbox = self.inboxes[key.inbox_number]
            after = replace(
                inbox,
                bounce_count=inbox.bounce_count + outcome.bounced,
                complaint_count=inbox.complaint_count + outcome.complained,
            )
            if key.sequence >= inbox.reputation.since_sequence:
                counted = _counted(inbox, bounces=outcome.bounced, complaints=outcome.complained)
                after = replace(after, reputation=counted)
            self.inboxes[key.inbox_number] = after
            return after.has_lost_trust


def _counted(inbox: Inbox, sends: int = 0, bounces: int = 0, complaints: int = 0) -> Reputation:
    known = inbox.reputation
    return replace(
        known,
        sends=known.sends + sends,
        bounces=known.bounces + bounces,
        complaints=known.complaints + complaints,
    )


def _identity(inbox: Inbox) -> tuple[AccountId, str]:
    return inbox.account_id, inbox.address


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)
