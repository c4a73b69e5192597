"""Carry out large deletions: a little within the request that asks for one, the rest in runs every minute.

    register ──due──▶ held for a while ──▶ steps, each bounded ──▶ how far it has come, or nothing is left

The register is the truth: it is written before anything goes. A run that dies leaves its erasures held, and the next takes
them up when that time is over. Every step may come again, and two runs may meet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.domain.erasure import Erasure, ErasureKind
from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.log_lines import log_of
from chalicelib.operations.ports import Clock, ErasureStore

logger = log_of(__name__)

RUN = timedelta(seconds=40)  # of the function's minute
SLICE = timedelta(seconds=10)  # of one erasure, before others have their turn
HELD = timedelta(seconds=90)  # by a run that may have died
STEPS_A_SLICE = 1_000


class ErasureWork(Protocol):
    """How one kind of erasure is carried out."""

    def step(self, erasure: Erasure, now: datetime, /) -> Erasure | None:
        """Let a bounded part go; how far it has come, or None when nothing is left.

        What cannot go on yet is due later than `now`.
        """


@dataclass(frozen=True)
class CarryOutErasures:
    """One run; what it does not get to, the next one does."""

    erasures: ErasureStore
    works: Mapping[ErasureKind, ErasureWork]
    clock: Clock
    run: timedelta = RUN

    def __call__(self) -> int:
        """How many erasures it worked on."""
        until, worked_on = self.clock() + self.run, 0
        waiting = list(self.erasures.due(self.clock()))
        while waiting and self.clock() < until:
            erasure = waiting.pop(0)
            worked_on += 1
            try:
                left = self._slice(erasure, until)
            except Exception as error:  # noqa: BLE001 - the others must not wait for it; it is tried again in its time
                logger.error("a deletion did not get on; it is tried again: %s", trace_of(error))
                continue
            if left is not None and left.due_at <= self.clock():
                waiting.append(left)
        return worked_on

    def note(self, wanted: Erasure) -> Erasure:
        """From here on it goes, whatever becomes of the request; how far it has come, for it may be under way."""
        return self.erasures.add(wanted)

    def begin(self, noted: Erasure, steps: int = 1) -> None:
        """Let the first parts of it go at once."""
        erasure: Erasure | None = noted
        for _ in range(steps):
            if erasure is None or erasure.due_at > self.clock():
                return
            erasure = self._slice(erasure, self.clock() + SLICE, steps=1)

    def _slice(self, erasure: Erasure, until: datetime, steps: int = STEPS_A_SLICE) -> Erasure | None:
        """How far it has come; None when nothing is left, or somebody else is at it."""
        now = self.clock()
        held = self.erasures.save(replace(erasure, due_at=now + HELD))
        if held is None:
            return None
        until = min(until, now + SLICE)
        left: Erasure | None = replace(held, due_at=now)
        for _ in range(steps):
            if left is None or left.due_at > now or now >= until:
                break
            left = self.works[left.kind].step(left, now)
            now = self.clock()
        if left is None:
            self.erasures.finish(held)
            return None
        return self.erasures.save(left)
