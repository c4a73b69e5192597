"""Housekeeping goes on: past a walk that fails, and past a page that cannot be judged."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.operations.dead_messages import Coroner
from chalicelib.operations.housekeeping import KeepHouse, Step
from chalicelib.operations.ports import Walk
from chalicelib.operations.tidy_bucket import TidyBucket
from tests.factories.accounts import NOON
from tests.fakes.clock import FakeClock


@dataclass
class Walks:
    """How far walks have come, in memory."""

    known: dict[str, Walk] = field(default_factory=dict)

    def get(self, name: str) -> Walk:
        return self.known.get(name, Walk(name))

    def save(self, walk: Walk) -> bool:
        self.known[walk.name] = walk
        return True


@dataclass
class OnePage:
    """A walk of one page."""

    name: str
    error: Exception | None = None
    steps: int = 0
    every: timedelta = timedelta(hours=6)

    def step(self, _after: str | None, _now: datetime) -> Step:
        self.steps += 1
        if self.error is not None:
            raise self.error
        return Step(None, 1)


def test_a_walk_that_fails_holds_up_no_other_and_is_told() -> None:
    walks = [OnePage("table", KeyError("a part")), OnePage("bucket"), OnePage("mail")]
    with pytest.raises(ExceptionGroup) as raised:
        KeepHouse(walks, Walks(), FakeClock(NOON))()
    assert [str(error) for error in raised.value.exceptions] == ["'a part'"]
    assert [walk.steps for walk in walks] == [1, 1, 1]


@dataclass(frozen=True)
class Blind(Coroner):
    """Cannot look at a message."""

    error: Exception = field(default_factory=KeyError)

    def look(self, _keys: Iterable[MessageKey], _now: datetime) -> None:  # type: ignore[override]
        raise self.error


class EmptyPages:
    """A bucket of two pages without anything old."""

    def page(self, after: str | None) -> tuple[list[object], str | None]:
        return [], None if after else "second"


def tidy(error: Exception) -> TidyBucket:
    return TidyBucket(EmptyPages(), None, Blind(None, None, None, error))  # type: ignore[arg-type]


def test_a_page_that_cannot_be_judged_is_passed_over() -> None:
    assert tidy(KeyError("a part")).step(None, NOON) == Step("second", 0)


def test_a_page_that_cannot_be_judged_right_now_is_not() -> None:
    with pytest.raises(Unavailable):
        tidy(Unavailable("not now")).step(None, NOON)
