"""Transactions that take time, as DynamoDB's do: whoever writes to one of their items meanwhile is refused.

Amazon DynamoDB Developer Guide, "Transaction conflict handling in DynamoDB". The engine of the tests lets them wait.
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.storage.faults import conflict

Place = tuple[str, str]


@dataclass
class BusyItems:
    """Between the stores and the table."""

    client: Any
    seconds: float
    refused: Counter[str] = field(default_factory=Counter)
    _busy: set[Place] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        call = self.client._make_api_call

        def deliver(operation: str, parameters: Any) -> Any:
            if operation == "TransactWriteItems":
                places = [_place(write) for each in parameters["TransactItems"] for write in each.values()]
                self._begin(places)
                try:
                    time.sleep(self.seconds)
                    return call(operation, parameters)
                finally:
                    with self._lock:
                        self._busy.difference_update(places)
            if operation in ("UpdateItem", "PutItem", "DeleteItem"):
                with self._lock:
                    busy = _place(parameters) in self._busy
                if busy:
                    self.refused["writes"] += 1
                    raise conflict(operation)
            return call(operation, parameters)

        monkeypatch.setattr(self.client, "_make_api_call", deliver)

    def _begin(self, places: list[Place]) -> None:
        with self._lock:
            reasons = [{"Code": "TransactionConflict" if place in self._busy else "None"} for place in places]
            if self._busy.isdisjoint(places):
                self._busy.update(places)
                return
        self.refused["transactions"] += 1
        answer: Any = {"Error": {"Code": "TransactionCanceledException", "Message": ""}, "CancellationReasons": reasons}
        raise ClientError(answer, "TransactWriteItems")


def _place(write: Any) -> Place:
    key = write.get("Key") or write["Item"]
    return key["pk"]["S"], key["sk"]["S"]
