"""Time as a slow table would tell it: many threads, each call as long as DynamoDB takes, however busy this machine is."""

import heapq
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError

from chalicelib.storage import failures

CALL_SECONDS = (0.003, 0.006)
TRANSACTION_SECONDS = (0.015, 0.030)
_WRITES = ("UpdateItem", "PutItem", "DeleteItem")
Place = tuple[str, str]


@dataclass
class TableTime:
    """Runs threads one at a time, the one whose call is over first; between two calls no time passes."""

    now: float = 0.0
    _waiting: list[tuple[float, int, threading.Event]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        """All of them at once; returns when the last is done."""
        over = threading.Event()
        left = [len(works)]
        errors: list[BaseException] = []

        def live(work: Callable[[], None], turn: threading.Event) -> None:
            turn.wait()
            try:
                work()
            except BaseException as error:  # noqa: BLE001  raised below
                errors.append(error)
            left[0] -= 1
            if left[0]:
                self._wake_next()
            else:
                over.set()

        for work in works:
            turn = threading.Event()
            heapq.heappush(self._waiting, (self.now, next(self._order), turn))
            threading.Thread(target=live, args=(work, turn), daemon=True).start()
        self._wake_next()
        over.wait()
        if errors:
            raise errors[0]

    def sleep(self, seconds: float) -> None:
        turn = threading.Event()
        heapq.heappush(self._waiting, (self.now + seconds, next(self._order), turn))
        self._wake_next()
        turn.wait()

    def _wake_next(self) -> None:
        self.now, _, turn = heapq.heappop(self._waiting)
        turn.set()


@dataclass
class SlowTable:
    """Before the engine: calls take their time, and whoever meets a transaction is refused, as by DynamoDB.

    Amazon DynamoDB Developer Guide, "Transaction conflict handling in DynamoDB".
    """

    client: Any
    time: TableTime = field(default_factory=TableTime)
    refused: int = 0
    _busy: set[Place] = field(default_factory=set)
    _luck: random.Random = field(default_factory=lambda: random.Random(20261123))

    @contextmanager
    def installed(self) -> Iterator[None]:
        call = self.client._make_api_call  # noqa: SLF001  the one place where every call comes by
        deliver = partial(self._deliver, call)
        with mock.patch.object(self.client, "_make_api_call", deliver), mock.patch.object(failures, "time", self.time):
            yield

    def _deliver(self, call: Callable[[str, Any], Any], operation: str, parameters: Any) -> Any:
        if operation == "TransactWriteItems":
            return self._transact(call, parameters)
        self.time.sleep(self._luck.uniform(*CALL_SECONDS))
        if operation in _WRITES and _place(parameters) in self._busy:
            self.refused += 1
            raise ClientError({"Error": {"Code": "TransactionConflictException", "Message": ""}}, operation)
        return call(operation, parameters)

    def _transact(self, call: Callable[[str, Any], Any], parameters: Any) -> Any:
        places = [_place(write) for each in parameters["TransactItems"] for write in each.values()]
        if not self._busy.isdisjoint(places):
            self.refused += 1
            reasons = [{"Code": "TransactionConflict" if place in self._busy else "None"} for place in places]
            self.time.sleep(self._luck.uniform(*CALL_SECONDS))
            told: Any = {
                "Error": {"Code": "TransactionCanceledException", "Message": ""},
                "CancellationReasons": reasons,
            }
            raise ClientError(told, "TransactWriteItems")
        self._busy.update(places)
        self.time.sleep(self._luck.uniform(*TRANSACTION_SECONDS))
        self._busy.difference_update(places)
        return call("TransactWriteItems", parameters)


def _place(write: Any) -> Place:
    key = write.get("Key") or write["Item"]
    return key["pk"]["S"], key["sk"]["S"]
