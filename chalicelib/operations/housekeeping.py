"""Repair what crashes left, a little at a time: three walks, through the table, the bucket and the waiting mail.

    run ──▶ each walk: where it was ──▶ a few pages ──▶ where it is now
                                          │
                                          └ what is seen is judged by the message index, now, and repaired

A run costs the same whatever the size of the table; a walk comes round in time, and then rests until its next round is
due. Each step may be repeated, and two runs may meet: every removal is on a condition that a live message does not meet.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.log_lines import log_of
from chalicelib.operations.ports import Clock, WalkStore

T = TypeVar("T")
logger = log_of(__name__)

PAGES_A_RUN = 4


@dataclass(frozen=True, slots=True)
class Step:
    """A page was worked on: where to go on (None: the round is over), and how many things were repaired."""

    after: str | None
    repaired: int


class Round(Protocol):
    """One kind of walk."""

    @property
    def name(self) -> str: ...

    @property
    def every(self) -> timedelta:
        """How long after the beginning of a round the next one may begin."""

    def step(self, after: str | None, now: datetime) -> Step:
        """Work on the page that follows."""


@dataclass(frozen=True)
class KeepHouse:
    """One run of housekeeping."""

    rounds: Sequence[Round]
    walks: WalkStore
    clock: Clock
    pages_a_run: int = PAGES_A_RUN

    def __call__(self) -> int:
        """How many things were repaired."""
        repaired = 0
        failures: list[Exception] = []
        for each in self.rounds:
            try:
                repaired += self._go_on(each)
            except Exception as error:  # noqa: BLE001 - it is logged, without its text
                logger.error(
                    "a walk of housekeeping stopped; the others go on: %s", trace_of(error), extra={"walk": each.name}
                )
                failures.append(error)
        if repaired:
            logger.info("housekeeping has repaired what crashes left", extra={"repaired": repaired})
        if failures:
            raise ExceptionGroup("housekeeping could not do all of its walks", failures)
        return repaired

    def _go_on(self, each: Round) -> int:
        walk, repaired = self.walks.get(each.name), 0
        for _ in range(self.pages_a_run):
            now = self.clock()
            if walk.after is None:
                if walk.round_began is not None and now < walk.round_began + each.every:
                    break
                walk = replace(walk, round_began=now)
            step = each.step(walk.after, now)
            repaired += step.repaired
            walk = replace(walk, after=step.after)
            if not self.walks.save(walk):
                break  # another run is at it
            walk = replace(walk, version=walk.version + 1)
        return repaired


def repair_each(repairs: Sequence[tuple[str, "Repair"]]) -> int:
    """Carry out repairs, each whatever becomes of the others; how many found something to do."""
    done = 0
    for name, repair in repairs:
        try:
            done += repair()
        except Exception as error:  # noqa: BLE001 - it is logged, without its text
            # It is found again in the next round; a walk that stopped here would keep everything behind it from repair.
            logger.error("a repair failed; the next round tries again: %s", trace_of(error), extra={"repair": name})
    return done


def judged(judge: Callable[[], T]) -> T | None:
    """What judges a page; None when something on it cannot be read: it is passed over, so that it does not stop the walk."""
    try:
        return judge()
    except Unavailable:
        raise  # that passes; the next run begins with the same page
    except Exception as error:  # noqa: BLE001 - it is logged, without its text
        logger.error("a page cannot be judged; it is passed over until the next round: %s", trace_of(error))
        return None


class Repair(Protocol):
    """Finds out whether something is to be repaired, and does it."""

    def __call__(self) -> bool: ...
