"""What concurrent writers of one inbox were answered, and so what its index may show now and must show in the end."""

import random
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from chalicelib.domain.message_phase import MessagePhase
from tests.storage.index_oracle import Oracle

# A phase is only ever raised, so the end does not depend on who came first.
RISING = [
    MessagePhase.QUEUED,
    MessagePhase.CLAIMED,
    MessagePhase.SUBMITTING,
    MessagePhase.SENT,
    MessagePhase.DELIVERED,
    MessagePhase.FAILED,
    MessagePhase.BOUNCED,
    MessagePhase.COMPLAINED,
]


@dataclass
class Known:
    """One message, by what its writers did and were answered."""

    thread: int
    begun: bool = False  # somebody began to commit it
    committed: bool = False
    removing: bool = False  # somebody began to delete it
    gone: bool = False  # deleted, killed, or its commit refused
    phase: MessagePhase = MessagePhase.QUEUED  # the highest that was taken
    busy: int = 0  # writers at it right now
    since: int = 0  # the moment its last writer was answered

    @property
    def is_there(self) -> bool:
        return self.committed and not self.gone

    @property
    def counts(self) -> tuple[bool, bool]:
        """Whether a reader must see it, and whether a reader may."""
        return self.is_there and not self.removing, self.begun and not self.gone


@dataclass
class Bounds:
    """How many messages a reader must see and may see; how many ever ceased to be of the first and began to be of the second."""

    least: int = 0
    most: int = 0
    left: int = 0
    entered: int = 0

    def change(self, before: tuple[bool, bool], after: tuple[bool, bool]) -> None:
        self.least += after[0] - before[0]
        self.most += after[1] - before[1]
        self.left += before[0] and not after[0]
        self.entered += after[1] and not before[1]


@dataclass
class Desk:
    """Where all writers report; moments are counted, not timed."""

    messages: dict[int, Known] = field(default_factory=dict)
    members: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    unsettled: dict[int, int] = field(
        default_factory=dict
    )  # threads at which a writer died -> the last of these deaths
    moment: int = 0
    next_sequence: int = 0
    lock: Lock = field(default_factory=Lock)
    _deaths: int = 0
    _stalled: list[int] = field(default_factory=list)
    _there: list[int] = field(default_factory=list)  # those once committed, to choose from
    _busy_threads: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    _threads_since: dict[int, int] = field(default_factory=dict)
    _bounds: Bounds = field(default_factory=Bounds)

    def reserve(self, luck: random.Random, *, reply: bool) -> int:
        """A sequence number, its message in a thread: its own, or one that is there."""
        with self.lock:
            sequence = self.next_sequence
            self.next_sequence += luck.choice([1] * 12 + [2, 5])
            parent = self._choose(luck) if reply else None
            self._enter(sequence, sequence if parent is None else self.messages[parent].thread)
            return sequence

    def reserve_in(self, thread: int) -> int:
        """The next sequence number, its message in a certain thread."""
        with self.lock:
            sequence = self.next_sequence
            self.next_sequence += 1
            self._enter(sequence, thread)
            return sequence

    def choose(self, luck: random.Random) -> int | None:
        with self.lock:
            return self._choose(luck)

    def thread_members(self, thread: int) -> tuple[int, ...]:
        with self.lock:
            return tuple(sorted(self.members[thread]))

    def leave(self, sequence: int) -> None:
        with self.lock:
            self.members[self.messages[sequence].thread].discard(sequence)

    def unsettle(self, thread: int) -> None:
        with self.lock:
            self._deaths += 1
            self.unsettled[thread] = self._deaths

    def settle(self, thread: int, death: int | None) -> None:
        """Somebody has looked at the thread who began after this death of a writer; one since then is another matter."""
        with self.lock:
            if self.unsettled.get(thread) == death:
                self.unsettled.pop(thread, None)

    def stall(self, sequence: int) -> None:
        with self.lock:
            self._stalled.append(sequence)

    def stalled(self, luck: random.Random) -> int | None:
        """A reservation whose request sleeps; sometimes two writers wake up for the same."""
        with self.lock:
            if not self._stalled:
                return None
            place = luck.randrange(len(self._stalled))
            return self._stalled[place] if luck.random() < 0.3 else self._stalled.pop(place)

    @contextmanager
    def at(self, sequence: int, *, commits: bool = False, removes: bool = False) -> Iterator[Known]:
        """A writer is at a message; what it notes there within counts when it leaves."""
        known = self.messages[sequence]
        with self.lock:
            before = known.counts
            known.begun |= commits
            known.removing |= removes
            known.busy += 1
            self._busy_threads[known.thread] += commits or removes
            self._bounds.change(before, known.counts)
        answered = Known(known.thread)
        yield answered
        with self.lock:
            before = known.counts
            known.committed |= answered.committed
            known.gone |= answered.gone
            known.phase = max(known.phase, answered.phase, key=RISING.index)
            self._bounds.change(before, known.counts)
            self.moment += 1
            known.busy -= 1
            known.since = self.moment
            if commits or removes:
                self._busy_threads[known.thread] -= 1
                self._threads_since[known.thread] = self.moment
            if answered.committed:
                self._there.append(sequence)

    def now(self) -> tuple[int, Bounds]:
        """The moment, and the bounds at it."""
        with self.lock:
            return self.moment, Bounds(**vars(self._bounds))

    def still(self, sequences: Collection[int], since: int) -> dict[int, MessagePhase]:
        """Those of the messages that are there and that nobody touched after a moment."""
        with self.lock:
            found = {sequence: self.messages[sequence] for sequence in sequences if sequence in self.messages}
            return {
                sequence: known.phase
                for sequence, known in found.items()
                if known.is_there and not known.busy and known.since <= since
            }

    def still_heads(self, sequences: Collection[int], since: int) -> set[int]:
        """Those of the messages that stand for a thread in which nobody came or went after a moment."""
        with self.lock:
            threads = {self.messages[sequence].thread for sequence in sequences if sequence in self.messages}
            quiet = [thread for thread in threads if self._is_quiet(thread, since)]
            return {head for thread in quiet if (head := self._head(thread)) is not None} & set(sequences)

    def is_quiet(self, thread: int, since: int) -> bool:
        with self.lock:
            return self._is_quiet(thread, since)

    def oracle(self) -> Oracle:
        """What everything that was answered amounts to."""
        return Oracle(
            {sequence: known.phase for sequence, known in self.messages.items() if known.is_there},
            {sequence: known.thread for sequence, known in self.messages.items()},
        )

    def _enter(self, sequence: int, thread: int) -> None:
        self.messages[sequence] = Known(thread)
        self.members[thread].add(sequence)

    def _choose(self, luck: random.Random) -> int | None:
        """Mostly a young one, as in life."""
        if not self._there:
            return None
        age = luck.randrange(min(12, len(self._there))) if luck.random() < 0.6 else luck.randrange(len(self._there))
        return self._there[-1 - age]

    def _is_quiet(self, thread: int, since: int) -> bool:
        return (
            not self._busy_threads[thread]
            and self._threads_since.get(thread, 0) <= since
            and thread not in self.unsettled
        )

    def _head(self, thread: int) -> int | None:
        return max((member for member in self.members[thread] if self.messages[member].is_there), default=None)
