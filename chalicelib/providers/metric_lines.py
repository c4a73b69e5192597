"""Metrics as lines of the log, from which CloudWatch makes metrics: the embedded metric format.

CloudWatch User Guide, "Specification: Embedded metric format". The lines go to the standard output as they are: Lambda does
not put JSON into JSON (Lambda guide, "Configuring JSON and plain text log formats"). One line an invocation is cheaper than
one a message, and a call of PutMetricData would be dearer than both.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from threading import Lock

from chalicelib.operations.ports.metrics import Metric

NAMESPACE = "AgentSend"
DIMENSION = "Stack"  # the only one: each more multiplies what CloudWatch asks a month
_MOST_VALUES = 100  # of one metric in a line, by the specification


def _to_output(line: str) -> None:
    sys.stdout.write(line + "\n")  # in one call, so that no other line gets in between
    sys.stdout.flush()


class MetricLines:
    """`operations.ports.metrics.Metrics`: collected by any thread until the invocation ends."""

    def __init__(self, stack: str, write: Callable[[str], None] = _to_output) -> None:
        self._stack = stack
        self.write = write
        self._lock = Lock()
        self._values: dict[Metric, list[float]] = {}

    def add(self, metric: Metric, value: float = 1) -> None:
        with self._lock:
            self._values.setdefault(metric, []).append(value)

    def flush(self) -> None:
        """Write what was collected, in as few lines as the format allows; nothing when there is nothing."""
        with self._lock:
            values, self._values = self._values, {}
        for part in _parts(values):
            self.write(self._line(part))

    def _line(self, values: dict[Metric, float | list[float]]) -> str:
        dimensions: dict[str, str] = {DIMENSION: self._stack} if self._stack else {}
        document: dict[str, object] = {
            "_aws": {
                "Timestamp": time.time_ns() // 1_000_000,
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [list(dimensions)],
                        "Metrics": [{"Name": name, "Unit": _unit(name)} for name in values],
                    }
                ],
            },
            **dimensions,
            **{str(name): value for name, value in values.items()},
        }
        return json.dumps(document, separators=(",", ":"))


def _parts(values: dict[Metric, list[float]]) -> Iterator[dict[Metric, float | list[float]]]:
    """Counts as their sum; times one by one, for their percentiles, a hundred a line."""
    first: dict[Metric, float | list[float]] = {}
    for metric, each in values.items():
        first[metric] = [round(time_, 3) for time_ in each[:_MOST_VALUES]] if metric.is_time else sum(each)
    if first:
        yield first
        more = {metric: each[_MOST_VALUES:] for metric, each in values.items() if metric.is_time}
        yield from _parts({metric: each for metric, each in more.items() if each})


def _unit(metric: Metric) -> str:
    return "Seconds" if metric.is_time else "Count"
