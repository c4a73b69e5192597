"""How much a piece of work takes, counted and not timed."""

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType


def calls(work: Callable[[], object]) -> int:
    """How many functions, Python's and C's, are called meanwhile."""
    number = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal number
        number += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return number


def peak(work: Callable[[], object]) -> int:
    """How many bytes are held at the most meanwhile, besides what was there before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
