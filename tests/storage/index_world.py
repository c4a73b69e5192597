"""One inbox's index with the threads it tells of, written to as the operations write, and an oracle beside it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chalicelib.domain.ids import AccountId, MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.thread import Thread
from chalicelib.operations.ports import Advance, Sight
from chalicelib.storage.message_index import DynamoMessageIndex
from tests.fakes.thread_store import FakeThreadStore
from tests.storage.index_oracle import INBOX, Oracle

QUEUED, GONE, RESERVED = MessagePhase.QUEUED, MessagePhase.GONE, MessagePhase.RESERVED


@dataclass
class World:
    """Every method does one thing to the index, asserts the answer, and lets the oracle follow."""

    index: DynamoMessageIndex = field(default_factory=DynamoMessageIndex)
    threads: FakeThreadStore = field(default_factory=FakeThreadStore)
    oracle: Oracle = field(default_factory=Oracle)
    killed: set[int] = field(default_factory=set)
    repeats: bool = False  # whether writes are sent twice: the second finds them done and cannot tell by whom

    def add(self, sequence: int, first: int | None = None, *, seen: bool = False) -> bool:
        """Commit a message that begins a thread, or answers into the one that `first` began; False: it was killed."""
        sight = self.index.look(INBOX, self.members(first)()) if seen and first is not None else None
        self.enter(sequence, first)
        return self.commit(sequence, sight)

    def add_many(self, sequences: Collection[int]) -> None:
        for sequence in sequences:
            assert self.add(sequence)

    def enter(self, sequence: int, first: int | None = None) -> None:
        """What is stored before the commit: the message is in its thread, and invisible."""
        first = sequence if first is None else first
        self.oracle.thread_of[sequence] = first
        if first == sequence or not self.threads.join(ThreadKey(INBOX, first), sequence, ["x"]):
            self.oracle.thread_of[sequence] = sequence
            self.threads.begin(Thread(ThreadKey(INBOX, sequence), AccountId("a"), "s", ("x",), 1, datetime.now(UTC)))

    def commit(self, sequence: int, seen: Sight | None = None) -> bool:
        key = MessageKey(INBOX, sequence)
        committed = self.index.commit(key, QUEUED, self.members(self.oracle.thread_of[sequence]), seen)
        if committed:
            self.oracle.phases.setdefault(sequence, QUEUED)
        else:
            assert sequence not in self.oracle.phases
            self.killed.add(sequence)
            self.leave(sequence)
        return committed

    def advance(self, sequence: int, to: MessagePhase, allowed: Collection[MessagePhase]) -> Advance:
        before = self.oracle.phases.get(sequence)
        answer = self.index.advance(MessageKey(INBOX, sequence), to, allowed)
        if before is not None:
            assert answer.phase is (to if before in allowed else before)
            assert answer.taken == (before in allowed) or self.repeats
            self.oracle.phases[sequence] = answer.phase
        return answer

    def put_back(self, sequence: int) -> None:
        self.index.put_back(MessageKey(INBOX, sequence))
        if self.oracle.phases.get(sequence) is MessagePhase.SUBMITTING:
            self.oracle.phases[sequence] = QUEUED

    def kill(self, sequence: int) -> bool:
        """Give a reservation up; False when it was committed."""
        answer = self.index.advance(MessageKey(INBOX, sequence), GONE, {RESERVED, GONE})
        assert (answer.phase is GONE) == (sequence not in self.oracle.phases)
        return answer.phase is GONE

    def delete(self, sequence: int) -> MessagePhase:
        thread_members = self.members(self.oracle.thread_of[sequence])
        before = self.index.remove(MessageKey(INBOX, sequence), thread_members)
        assert before is self.oracle.phases.pop(sequence, GONE) or (self.repeats and before is GONE)
        self.leave(sequence)
        return before

    def look(self, sequence: int) -> None:
        """What the next process does where one has died: it looks what stands; the oracle follows."""
        phase = self.index.phase(MessageKey(INBOX, sequence))
        if phase.visible:
            self.oracle.phases[sequence] = phase
        elif self.oracle.phases.pop(sequence, None):
            self.leave(sequence)

    def leave(self, sequence: int) -> None:
        self.threads.leave(ThreadKey(INBOX, self.oracle.thread_of[sequence]), sequence)

    def seal(self, newest: int) -> int:
        return self.index.seal_due(MessageKey(INBOX, newest))

    def members(self, first: int) -> Callable[[], Sequence[int]]:
        return lambda: self.threads.newest_members(ThreadKey(INBOX, first))
