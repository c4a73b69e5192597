"""Inboxes: our addresses, each with its messages and its limits."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.ids import AccountId
from chalicelib.domain.reputation import UNTRIED, Reputation, Suspension


class InboxStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Inbox:
    """An address of ours. Counters count messages; `sends_today` belongs to the UTC day `sends_day`."""

    number: int
    account_id: AccountId
    address: str
    display_name: str | None
    status: InboxStatus
    daily_send_limit: int
    sends_day: str  # YYYY-MM-DD
    sends_today: int
    total_sent: int
    bounce_count: int
    complaint_count: int
    next_sequence: int  # the sequence number the next message gets
    created_at: datetime
    domain_id: str | None = None
    automatic_at: datetime | None = (
        None  # when the latest mail came in that a program may have written (domain/loop.py)
    )
    heard_at: datetime | None = None  # when the latest mail of a person outside this deployment came in
    reputation: Reputation = UNTRIED
    suspension: Suspension | None = None  # that it was suspended by itself; None: it was not, or by a request

    @property
    def is_deleted(self) -> bool:
        return self.status is InboxStatus.DELETED

    @property
    def has_lost_trust(self) -> bool:
        """Whether it sends and should not: too much of what it sent came back or was complained of."""
        return self.status is InboxStatus.ACTIVE and self.reputation.is_bad

    def sends_on(self, day: str) -> int:
        """How many messages were accepted on this UTC day."""
        return self.sends_today if self.sends_day == day else 0
