"""Counts what a piece of work asks of AWS: calls, round trips, and DynamoDB's capacity units."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

# A refused conditional write is billed like one that succeeds, by the size of the item it looked at, but its error
# carries no figure (DynamoDB guide, "Condition expressions"). Every item this product writes on a condition except the
# contents stays under 1 KB.
REFUSED_WRITE = 1.0
_REFUSED = "ConditionalCheckFailedException"
_READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"})


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an AWS service."""

    service: str
    operation: str
    read_units: float
    write_units: float
    began: float
    ended: float


@dataclass
class Count:
    """What one piece of work took."""

    calls: list[Call] = field(default_factory=list)

    @property
    def read_units(self) -> float:
        return sum(call.read_units for call in self.calls)

    @property
    def write_units(self) -> float:
        return sum(call.write_units for call in self.calls)

    @property
    def round_trips(self) -> int:
        """How many calls had to wait for one another: the most that do not overlap in time."""
        trips, free_from = 0, 0.0
        for call in sorted(self.calls, key=lambda call: call.ended):
            if call.began >= free_from:
                trips, free_from = trips + 1, call.ended
        return trips

    @property
    def names(self) -> list[str]:
        return [f"{call.service}.{call.operation}" for call in self.calls]


class Meter:
    """Listens to boto3 clients through their own event hooks."""

    def __init__(self) -> None:
        self._counts: list[Count] = []
        self._began = threading.local()

    def listen(self, client: Any) -> None:
        events = client.meta.events
        events.register("before-call", self._before)
        events.register("after-call", self._after)
        events.register("after-call-error", self._after_error)

    @contextmanager
    def counting(self) -> Iterator[Count]:
        """Everything called within, whichever thread calls it."""
        count = Count()
        self._counts.append(count)
        try:
            yield count
        finally:
            self._counts.remove(count)

    def _before(self, **_: Any) -> None:
        self._began.at = time.perf_counter()

    def _after(self, model: Any, parsed: dict[str, Any], **_: Any) -> None:
        consumed = parsed.get("ConsumedCapacity") or []
        units = sum(float(part["CapacityUnits"]) for part in ([consumed] if isinstance(consumed, dict) else consumed))
        if parsed.get("Error", {}).get("Code") == _REFUSED:
            units += REFUSED_WRITE
        self._note(model.service_model.service_id, model.name, units)

    def _after_error(self, **_: Any) -> None:
        self._note("none", "no answer", 0.0)

    def _note(self, service: str, operation: str, units: float) -> None:
        reads = operation in _READS
        call = Call(service, operation, units * reads, units * (not reads), self._began.at, time.perf_counter())
        for count in self._counts:
            count.calls.append(call)
