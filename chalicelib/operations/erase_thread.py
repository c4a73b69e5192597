"""Delete a thread: it is not there any more at once, and its messages go one after the other, the newest first."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.domain.account import Caller
from chalicelib.domain.erasure import Erasure, of_thread
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.abandon_reservation import AbandonReservation
from chalicelib.operations.access import require_thread
from chalicelib.operations.carry_out_erasures import CarryOutErasures
from chalicelib.operations.delete_message import DeleteMessage
from chalicelib.operations.ports import Clock, MessageIndex, MessageStore, ThreadMembers, ThreadStore

MESSAGES_A_STEP = 25
LOOK_AGAIN = timedelta(minutes=1)  # for a message that was being accepted; within the hour housekeeping gives it up


@dataclass(frozen=True)
class EraseMessage:
    """Delete one message of a thread, whatever of it is there."""

    messages: MessageStore
    threads: ThreadStore
    index: MessageIndex
    delete: DeleteMessage
    abandon: AbandonReservation

    def __call__(self, key: MessageKey, thread: ThreadKey, phase: MessagePhase) -> bool:
        """False when it is being accepted just now."""
        if phase is MessagePhase.RESERVED:
            return False
        stored = self.messages.get(key)
        if phase.visible and stored is not None:
            self.delete.erase(key, stored)
            return True
        if phase.visible:  # its content was lost
            self.index.remove(key, lambda: self.threads.newest_members(thread))
        self.abandon(key, thread)
        self.threads.leave(thread, key.sequence)
        return True


@dataclass(frozen=True)
class EraseThread:
    """The work on a thread that is to go (`ErasureWork`)."""

    threads: ThreadStore
    index: MessageIndex
    erase: EraseMessage
    messages_a_step: int = MESSAGES_A_STEP

    def step(self, erasure: Erasure, now: datetime) -> Erasure | None:
        thread = erasure.thread
        if not self.threads.doom(thread):
            return None
        members = self.threads.doomed(thread)
        if members is None:
            return None
        sequences = list(self._newest(members))
        phases = self.index.phases(thread.inbox_number, sequences)
        there = [sequence for sequence in sequences if phases[sequence] is not MessagePhase.RESERVED]
        for sequence in there[: self.messages_a_step]:
            self.erase(MessageKey(thread.inbox_number, sequence), thread, phases[sequence])
        if self.threads.doomed(thread) is None:
            return None
        return erasure if there else replace(erasure, due_at=now + LOOK_AGAIN)

    def _newest(self, members: ThreadMembers) -> Iterator[int]:
        """More than a step takes, if there are more."""
        yield from sorted(members.recent, reverse=True)
        if len(members.recent) < self.messages_a_step and members.runs:
            settled = self.threads.settled_members(members.thread.key, members.runs[-1:])
            yield from sorted({*settled}.difference(members.recent), reverse=True)[: self.messages_a_step]


@dataclass(frozen=True)
class DeleteThread:
    """From the answer on it is in no list and answers 404; what it held goes within minutes."""

    threads: ThreadStore
    carry_out: CarryOutErasures
    clock: Clock

    def __call__(self, key: ThreadKey, caller: Caller) -> None:
        require_thread(self.threads, key, caller)
        noted = self.carry_out.note(of_thread(key, caller.account_id, self.clock()))
        self.threads.doom(key)
        self.carry_out.begin(noted)
