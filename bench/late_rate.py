"""How many late changes a second one inbox takes from 8, 16 and 64 writers at once, over a table that answers as slowly as
DynamoDB does and refuses whoever meets a transaction.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from bench.filled_inbox import FilledInbox
from bench.readme import markdown_table, write_section
from bench.rig import Rig, rig
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.storage import tables
from chalicelib.wiring import operations

MESSAGES = 100_000
WRITERS = (8, 16, 64)
CHANGES = 600  # by all writers together
CALL_SECONDS = 0.005
TRANSACTION_SECONDS = 0.015
_WRITES = ("UpdateItem", "PutItem", "DeleteItem")
Place = tuple[str, str]


@dataclass
class SlowTable:
    """Before the engine, which answers within a millisecond and lets whoever meets a transaction wait.

    Amazon DynamoDB Developer Guide, "Transaction conflict handling in DynamoDB".
    """

    client: Any
    refused: int = 0
    _busy: set[Place] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def installed(self) -> Iterator[None]:
        call = self.client._make_api_call  # noqa: SLF001  the one place where every call comes by
        self.client._make_api_call = partial(self._deliver, call)  # noqa: SLF001
        try:
            yield
        finally:
            self.client._make_api_call = call  # noqa: SLF001

    def _deliver(self, call: Callable[[str, Any], Any], operation: str, parameters: Any) -> Any:
        if operation == "TransactWriteItems":
            places = [_place(write) for each in parameters["TransactItems"] for write in each.values()]
            self._begin(places)
            try:
                time.sleep(TRANSACTION_SECONDS)
                return call(operation, parameters)
            finally:
                with self._lock:
                    self._busy.difference_update(places)
        time.sleep(CALL_SECONDS)
        if operation in _WRITES and _place(parameters) in self._busy:
            self.refused += 1
            raise ClientError({"Error": {"Code": "TransactionConflictException", "Message": ""}}, operation)
        return call(operation, parameters)

    def _begin(self, places: Sequence[Place]) -> None:
        with self._lock:
            reasons = [{"Code": "TransactionConflict" if place in self._busy else "None"} for place in places]
            if self._busy.isdisjoint(places):
                self._busy.update(places)
                return
        self.refused += 1
        time.sleep(CALL_SECONDS)
        answer: Any = {"Error": {"Code": "TransactionCanceledException", "Message": ""}, "CancellationReasons": reasons}
        raise ClientError(answer, "TransactWriteItems")


def _place(write: Any) -> Place:
    key = write.get("Key") or write["Item"]
    return key["pk"]["S"], key["sk"]["S"]


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


def measure(changes: Sequence[Callable[[], bool]], writers: int, table: SlowTable) -> list[str]:
    """Changes a second, and how long the median and the slowest took in milliseconds."""
    table.refused = 0

    def timed(change: Callable[[], bool]) -> float:
        began = time.perf_counter()
        if not change():
            raise RuntimeError("a change was not made")
        return time.perf_counter() - began

    began = time.perf_counter()
    with table.installed(), ThreadPoolExecutor(writers) as pool:
        times = sorted(pool.map(timed, changes))
    rate = len(changes) / (time.perf_counter() - began)
    return [f"{rate:.0f}", f"{times[len(times) // 2] * 1000:.0f}", f"{times[-1] * 1000:.0f}", str(table.refused)]


def main() -> None:
    with rig() as made:
        inbox, table = LateRate(made), SlowTable(tables.client())
        kinds = {"status changes of sealed messages": inbox.changes, "replies to sealed messages": inbox.replies}
        rows = [
            [what, str(writers), *measure(make(), writers, table)]
            for what, make in kinds.items()
            for writers in WRITERS
        ]
    text = markdown_table(["What", "writers", "a second", "median ms", "slowest ms", "refused and tried again"], rows)
    print(text)
    if "--write" in sys.argv:
        write_section("late-rate", text)


if __name__ == "__main__":
    main()
