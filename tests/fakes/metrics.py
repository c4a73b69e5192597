"""Metrics that are looked at."""

from collections import defaultdict

from chalicelib.operations.ports.metrics import Metric


class FakeMetrics:
    """Keeps every value, in the order in which they came."""

    def __init__(self) -> None:
        self.values: dict[Metric, list[float]] = defaultdict(list)

    def add(self, metric: Metric, value: float = 1) -> None:
        self.values[metric].append(value)

    def count(self, metric: Metric) -> float:
        return sum(self.values[metric])
