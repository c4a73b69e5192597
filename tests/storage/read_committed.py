"""Reads of several items as DynamoDB does them: each item is right, but they need not be of one moment.

Amazon DynamoDB Developer Guide, "Isolation levels for DynamoDB transactions": Query and BatchGetItem are serializable
with a transaction item by item, not as a whole. The engines of the tests answer from one moment; here each item is read
alone, and others may write in between. An eventually consistent read may also show an item as it was before.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

Call = Callable[[str, Any], Any]


@dataclass
class ReadCommitted:
    """Between the stores and the table; `between` is called before each item."""

    client: Any
    luck: random.Random
    between: Callable[[], None] = lambda: None
    share: float = 1.0  # of the reads that are taken apart
    _call: Call = field(init=False)
    _seen: dict[tuple[str, str], deque[Any]] = field(default_factory=dict)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._call = self.client._make_api_call
        monkeypatch.setattr(self.client, "_make_api_call", self)

    def __call__(self, operation: str, parameters: Any) -> Any:
        if operation not in ("Query", "BatchGetItem") or self.luck.random() >= self.share:
            return self._call(operation, parameters)
        if operation == "Query":
            answer = self._call(operation, parameters)
            table = parameters["TableName"]
            consistent = parameters.get("ConsistentRead", False)
            read = self._items(table, [_key(item) for item in answer["Items"]], consistent=consistent)
            return {**answer, "Items": [read[_place(item)] for item in answer["Items"] if _place(item) in read]}
        ((table, wanted),) = parameters["RequestItems"].items()
        read = self._items(table, wanted["Keys"], consistent=wanted.get("ConsistentRead", False))
        return {"Responses": {table: list(read.values())}, "UnprocessedKeys": {}}

    def _items(self, table: str, wanted: list[Any], *, consistent: bool) -> dict[tuple[str, str], Any]:
        found: dict[tuple[str, str], Any] = {}
        for key in self.luck.sample(wanted, len(wanted)):
            self.between()
            answer = self._call("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})
            if "Item" in answer:
                found[_place(key)] = self._aged(_place(key), answer["Item"], consistent=consistent)
        return found

    def _aged(self, place: tuple[str, str], item: Any, *, consistent: bool) -> Any:
        seen = self._seen.setdefault(place, deque(maxlen=3))
        seen.append(item)
        return item if consistent else self.luck.choice([item, *seen])


def _key(item: Any) -> Any:
    return {"pk": item["pk"], "sk": item["sk"]}


def _place(item: Any) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]
