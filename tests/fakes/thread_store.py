"""Threads and their members in memory."""

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
    _lock: Lock = field(default_factory=Lock)

    def settle(self, key: ThreadKey, run: set[int]) -> None:
        """Let these visible members be the thread's next run."""
        assert run <= self.members[key]
        self.runs.setdefault(key, []).append(set(run))

    def begin(self, thread: Thread) -> None:
        with self._lock:
            self.threads.setdefault(thread.key, thread)
            self.members.setdefault(thread.key, {thread.key.first_sequence})

    def join(self, key: ThreadKey, sequence: int, participants: Sequence[str]) -> tuple[int, ...]:
        with self._lock:
            if key not in self.threads:
                return ()
            self.members[key].add(sequence)
            known = self.threads[key].participants
            if len(known) < PARTICIPANTS_LIMIT:
                joined = tuple(dict.fromkeys((*known, *participants)))
                self.threads[key] = replace(self.threads[key], participants=joined)
            return tuple(sorted(self.members[key]))

    def newest_members(self, key: ThreadKey) -> tuple[int, ...]:
        return tuple(sorted(self.members.get(key, ())))

    def get(self, key: ThreadKey) -> ThreadMembers | None:
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

    def leave(self, key: ThreadKey, sequence: int) -> None:
        with self._lock:
            self._unsettle(key, sequence)
            members = self.members.get(key, set())
            members.discard(sequence)
            if not members:
                self.threads.pop(key, None)
                self.members.pop(key, None)
                self.runs.pop(key, None)

    def _unsettle(self, key: ThreadKey, sequence: int) -> None:
        for run in self.runs.get(key, ()):
            run.discard(sequence)

    def _counted(self, thread: Thread) -> Thread:
        return replace(thread, message_count=len(self.members[thread.key]))
