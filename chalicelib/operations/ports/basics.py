"""The clock, and calls that run side by side."""

from collections.abc import Callable, Sequence
from datetime import datetime

Clock = Callable[[], datetime]
"""The time now, aware and in UTC. Injected everywhere, so that days pass in a test in milliseconds."""

Together = Callable[[Sequence[Callable[[], None]]], None]
"""Runs independent calls at once and returns when all are done; the first error is raised after the last has ended."""
