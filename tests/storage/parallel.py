"""Several callers at the same moment."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def at_once(calls: Sequence[Callable[[], T]], threads: int = 8) -> list[T]:
    """What the calls return, in their order, when so many of them run at a time."""
    with ThreadPoolExecutor(threads) as workers:
        return [future.result() for future in [workers.submit(call) for call in calls]]
