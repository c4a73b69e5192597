"""The metrics of this process: every door writes them down when its work is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from chalicelib.providers.metric_lines import MetricLines
from chalicelib.settings import stack_name


@lru_cache(maxsize=1)
def metrics() -> MetricLines:
    """Needs no other setting, so a door has it even when the rest cannot be built."""
    return MetricLines(stack_name())


@contextmanager
def written_down() -> Iterator[None]:
    """What an invocation has counted is written down when it ends, however it ends."""
    try:
        yield
    finally:
        metrics().flush()
