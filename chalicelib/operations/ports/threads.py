"""Where threads live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.ids import ThreadKey
from chalicelib.domain.thread import Thread


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of a thread's older messages: `count` of them have sequence numbers `first` to `last`."""

    first: int
    last: int
    count: int


@dataclass(frozen=True, slots=True)
class ThreadMembers:
    """A thread, and where its messages are.

    `recent` are sequence numbers, oldest first, of messages that the index must be asked about: some may not be
    visible, or not yet. They are the newest, and those that were late or are being deleted, wherever these lie. All
    others are in `runs`, oldest first, and visible. `leaving` are those of the recent that somebody began to delete.
    """

    thread: Thread
    recent: tuple[int, ...]
    runs: tuple[Run, ...]
    leaving: frozenset[int] = frozenset()

    def has(self, sequence: int) -> bool:
        """Whether a message is among them, or may be in a run; one that is not has joined since, or left."""
        return sequence in self.recent or bool(self.runs and sequence <= self.runs[-1].last)


class ThreadStore(Protocol):
    """Threads and which messages are in them."""

    def begin(self, thread: Thread) -> None:
        """Store a new thread whose only message is its first; again is harmless."""

    def doom(self, key: ThreadKey) -> bool:
        """All of it is to go: from now on it is not there for `get`, `get_many` and `join`. False when it is not there."""

    def doomed(self, key: ThreadKey) -> ThreadMembers | None:
        """The thread and its recent members, also when it is doomed."""

    def join(self, key: ThreadKey, sequence: int, participants: Sequence[str]) -> tuple[int, ...]:
        """Add a message, with those it brings, to a thread; again is harmless. Its newest members by now; none: it is gone."""

    def newest_members(self, key: ThreadKey) -> tuple[int, ...]:
        """The sequence numbers of its newest messages, at least 32 if it has them; empty when the thread is gone."""

    def get(self, key: ThreadKey) -> ThreadMembers | None:
        """The thread and its recent members, at the same cost whatever its length."""

    def settled_members(self, key: ThreadKey, runs: Sequence[Run]) -> tuple[int, ...]:
        """The messages in some neighbouring runs of a thread, oldest first; those that have left since are missing."""

    def get_many(self, newest: Mapping[ThreadKey, int]) -> dict[ThreadKey, ThreadMembers]:
        """Several threads of one inbox at once, as they stood when these messages had joined; missing ones left out."""

    def announce_leave(self, key: ThreadKey, sequence: int) -> None:
        """Before a visible message is made invisible: from now on it is among the recent ones. Again is harmless."""

    def leave(self, key: ThreadKey, sequence: int, participants: Sequence[str] = ()) -> None:
        """Take a message out, and those whom no other brought; the thread goes with its last message. Again is harmless."""
