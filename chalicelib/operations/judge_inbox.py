"""Suspend an inbox that has lost its good name (domain/reputation.py), once, and tell its owner."""

from dataclasses import dataclass, replace

from chalicelib.domain.inbox import Inbox
from chalicelib.domain.reputation import Suspension
from chalicelib.domain.times import to_milliseconds
from chalicelib.operations.ports import Clock, InboxStore
from chalicelib.operations.tell_events import TellEvents


@dataclass(frozen=True)
class JudgeInbox:
    """Again, by anybody, is harmless, and finishes what somebody began who died over it.

    The news that was one bounce too many comes here, and comes again until it was here; so does whoever sends.
    """

    inboxes: InboxStore
    tell: TellEvents
    clock: Clock

    def __call__(self, inbox_number: int) -> None:
        inbox = self.inboxes.get(inbox_number)
        if inbox is not None:
            self.look_at(inbox)

    def look_at(self, inbox: Inbox) -> Inbox:
        """The inbox as it then stands. One whose name is good costs nothing."""
        if inbox.has_lost_trust:
            suspension = Suspension(to_milliseconds(self.clock()), self.tell.since(inbox.account_id))
            inbox = self.inboxes.suspend(inbox.number, suspension) or inbox
        if inbox.suspension is not None and not inbox.suspension.is_told:
            self.tell.suspended(inbox)
            self.inboxes.note_told(inbox)
            inbox = replace(inbox, suspension=replace(inbox.suspension, is_told=True))
        return inbox
