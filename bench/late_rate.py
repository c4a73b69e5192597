"""How many late changes a second one inbox takes from 8, 16 and 64 writers at once, in the time of a table like DynamoDB."""

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice

from bench.filled_inbox import FilledInbox
from bench.readme import markdown_table, write_section
from bench.rig import Rig, rig
from bench.table_time import SlowTable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.storage import tables
from chalicelib.wiring import operations

MESSAGES = 100_000
WRITERS = (8, 16, 64)
CHANGES = 640  # by all writers together


class LateRate:
    """One inbox of which all but the newest messages are sealed."""

    def __init__(self, rig: Rig) -> None:
        self.filled = FilledInbox.make(rig, MESSAGES)
        traffic = self.filled.filling.traffic
        self.index = operations().index
        delivered, alone = MessagePhase.DELIVERED, self._alone()
        self._delivered = iter([one for one in _spread(MESSAGES) if traffic.phases[one] is delivered])
        self._alone_ones = iter([one for one in _spread(MESSAGES) if one in alone])
        self._next = MESSAGES + 480
        self._number = self.filled.filling.inbox.number

    def changes(self) -> list[Callable[[], bool]]:
        """Complaints about old messages, each about another."""
        chosen = islice(self._delivered, CHANGES)
        return [partial(self._complain, MessageKey(self._number, sequence)) for sequence in chosen]

    def replies(self) -> list[Callable[[], bool]]:
        """Received answers to old messages that are alone in their threads."""
        first, self._next = self._next, self._next + CHANGES
        chosen = islice(self._alone_ones, CHANGES)
        return [partial(self._reply, first + number, parent) for number, parent in enumerate(chosen)]

    def _complain(self, key: MessageKey) -> bool:
        return self.index.advance(key, MessagePhase.COMPLAINED, {MessagePhase.DELIVERED}).taken

    def _reply(self, sequence: int, parent: int) -> bool:
        key, members = MessageKey(self._number, sequence), (parent, sequence)
        seen = self.index.look(self._number, members)
        committed = self.index.commit(key, MessagePhase.RECEIVED, lambda: members, seen)
        self.index.seal_due(key)
        return committed

    def _alone(self) -> frozenset[int]:
        threads = self.filled.filling.traffic.members
        return frozenset(first for first, members in threads.items() if len(members) == 1 and first < MESSAGES // 2)


def _spread(count: int) -> Iterator[int]:
    """Old messages, neighbours far apart."""
    half = count // 2
    return (number * 7_919 % half for number in range(half))


def measure(changes: Sequence[Callable[[], bool]], writers: int) -> list[str]:
    """Changes a second, how long the median and the slowest took in milliseconds, and how many calls met a transaction."""
    random.seed(20261123)  # the pauses between two tries
    table = SlowTable(tables.client())
    times: list[float] = []

    def work(its_changes: Sequence[Callable[[], bool]]) -> None:
        for change in its_changes:
            began = table.time.now
            if not change():
                raise RuntimeError("a change was not made")
            times.append(table.time.now - began)

    with table.installed():
        table.time.run([partial(work, changes[writer::writers]) for writer in range(writers)])
    times.sort()
    milliseconds = [f"{each * 1000:.0f}" for each in (times[len(times) // 2], times[-1])]
    return [f"{len(changes) / table.time.now:.0f}", *milliseconds, str(table.refused)]


def main() -> None:
    with rig() as made:
        inbox = LateRate(made)
        kinds = {"status changes of sealed messages": inbox.changes, "replies to sealed messages": inbox.replies}
        rows = [[what, str(writers), *measure(make(), writers)] for what, make in kinds.items() for writers in WRITERS]
    text = markdown_table(
        ["What", "writers", "a second", "median ms", "slowest ms", "calls that met a transaction"], rows
    )
    print(text)
    if "--write" in sys.argv:
        write_section("late-rate", text)


if __name__ == "__main__":
    main()
