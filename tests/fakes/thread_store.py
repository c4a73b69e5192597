"""Threads and their members in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from chalicelib.domain.ids import ThreadKey
from chalicelib.domain.thread import PARTICIPANTS_LIMIT, Thread
from chalicelib.operations.ports import Run, ThreadMembers


@dataclass
class FakeThreadStore:
    """Behaves as the real one; a test says which members are in runs (`settle`), else all are recent."""

    threads: dict[ThreadKey, Thread] = field(default_factory=dict)
    members: dict[ThreadKey, set[int]] = field(default_factory=dict)
    runs: dict[ThreadKey, list[set[int]]] = field(default_factory=dict)
    counts: dict[ThreadKey, Counter[str]] = field(default_factory=dict)
    doomed_ones: set[ThreadKey] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def settle(self, key: ThreadKey, run: set[int]) -> None:
        """Let these visible members be the thread's next run."""
        assert run <= self.members[key]
        self.runs.setdefault(key, []).append(set(run))

    def begin(self, thread: Thread) -> None:
        with self._lock:
            self.threads.setdefault(thread.key, thread)
            self.members.setdefault(thread.key, {thread.key.first_sequence})
            self.counts.setdefault(thread.key, Counter(thread.participants))

    def doom(self, key: ThreadKey) -> bool:
        with self._lock:
            if key in self.threads:
                self.doomed_ones.add(key)
            return key in self.threads

    def join(self, key: ThreadKey, sequence: int, participants: Sequence[str]) -> tuple[int, ...]:
        with self._lock:
            if key not in self.threads or key in self.doomed_ones:
                return ()
            counts = self.counts[key]
            if sequence not in self.members[key]:
                is_full = len(counts) >= PARTICIPANTS_LIMIT
                counts.update(address for address in dict.fromkeys(participants) if not is_full or address in counts)
            self.members[key].add(sequence)
            return tuple(sorted(self.members[key]))

    def newest_members(self, key: ThreadKey) -> tuple[int, ...]:
        return tuple(sorted(self.members.get(key, ())))

    def get(self, key: ThreadKey) -> ThreadMembers | None:
        return None if key in self.doomed_ones else self.doomed(key)

    def doomed(self, key: ThreadKey) -> ThreadMembers | None:
        with self._lock:
            if (thread := self.threads.get(key)) is None:
                return None
            runs = [run for run in self.runs.get(key, ()) if run]
            recent = self.members[key].difference(*runs)
            return ThreadMembers(
                self._counted(thread),
                tuple(sorted(recent)),
                tuple(Run(min(run), max(run), len(run)) for run in runs),
            )

    def settled_members(self, key: ThreadKey, runs: Sequence[Run]) -> tuple[int, ...]:
        with self._lock:
            settled = {sequence for run in self.runs.get(key, ()) for sequence in run}
            wanted = [range(run.first, run.last + 1) for run in runs]
            return tuple(sorted(sequence for sequence in settled if any(sequence in run for run in wanted)))

    def get_many(self, newest: Mapping[ThreadKey, int]) -> dict[ThreadKey, ThreadMembers]:
        return {key: members for key in newest if (members := self.get(key)) is not None}

    def announce_leave(self, key: ThreadKey, sequence: int) -> None:
        with self._lock:
            self._unsettle(key, sequence)

    def leave(self, key: ThreadKey, sequence: int, participants: Sequence[str] = ()) -> None:
        with self._lock:
            self._unsettle(key, sequence)
            members = self.members.get(key, set())
            if sequence in members:
                self.counts[key] = +(self.counts[key] - Counter(dict.fromkeys(participants, 1)))
            members.discard(sequence)
            if not members:
                self.threads.pop(key, None)
                self.members.pop(key, None)
                self.runs.pop(key, None)
                self.counts.pop(key, None)

    def _unsettle(self, key: ThreadKey, sequence: int) -> None:
        for run in self.runs.get(key, ()):
            run.discard(sequence)

    def _counted(self, thread: Thread) -> Thread:
        participants = tuple(sorted(self.counts[thread.key]))
        return replace(thread, message_count=len(self.members[thread.key]), participants=participants)
