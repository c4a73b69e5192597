"""Where inboxes live."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.ids import AccountId
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.reputation import Suspension
from chalicelib.operations.ports.lists import Page, PageRequest


@dataclass(frozen=True, slots=True)
class Heard:
    """What an inbox notes of a mail it gets: against two programs that answer each other for ever."""

    at: datetime
    automatic: bool
    from_outside: bool  # not from another inbox of this deployment


@dataclass(frozen=True, slots=True)
class Reservation:
    """A sequence number given out; the inbox as it now stands."""

    inbox: Inbox
    sequence: int


class InboxStore(Protocol):
    """Inboxes, their addresses and their counters."""

    def create(self, inbox: Inbox) -> bool:
        """Store a new inbox and claim its address for good; False when the address was ever given out."""

    def get(self, inbox_number: int) -> Inbox | None:
        """The inbox, deleted ones included."""

    def reserve(self, inbox_number: int, account_id: AccountId, day: str) -> Reservation | Inbox | None:
        """Give out the next sequence number and count the send on UTC `day` (YYYY-MM-DD), in one conditional write.

        Refused, it returns the inbox as it stands (suspended or about to be, or the day's limit reached); None when there
        is no such inbox of this account.
        """

    def reserve_received(self, inbox_number: int, heard: Heard) -> Reservation | None:
        """Give out the next sequence number to a received mail, and note what kind it is, in one write.

        Suspended inboxes receive. None: there is no such inbox, or it is deleted.
        """

    def owners(self, addresses: Collection[str]) -> Mapping[str, int]:
        """The inbox numbers behind addresses, deleted inboxes among them; unknown ones left out. One read."""

    def hand_over_address(self, address: str, *, before: int, to: int) -> bool:
        """Give an address that inbox `before` has to a new inbox: its domain is another account's now. Again is harmless.

        False when it is not that inbox's any more.
        """

    def give_back(self, reserved: Inbox) -> None:
        """Uncount one send of the day `reserved` shows: its message was refused after all. The number stays used."""

    def save_settings(self, before: Inbox, after: Inbox) -> Inbox | None:
        """Change display name, daily limit and status; the inbox as it then stands.

        Set to active, it begins a new period of its reputation. None: somebody else has changed its status since.
        """

    def suspend(self, inbox_number: int, suspension: Suspension) -> Inbox | None:
        """Suspend an active inbox that has lost its good name; the inbox as it then stands, whoever was faster."""

    def note_told(self, inbox: Inbox) -> None:
        """Note that the event of its suspension was told; again, or after it was set to active, is harmless."""

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Inbox]:
        """The account's inboxes, newest first, deleted ones left out."""

    def delete(self, inbox: Inbox) -> bool:
        """Mark the inbox deleted; its address stays taken. False when it was not there to be deleted."""
