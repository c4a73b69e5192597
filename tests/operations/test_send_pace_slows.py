"""After SES has said "not so fast" all workers go more slowly for a while."""

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.operations.send_pace import RECOVERY, SHARE, SLOWEST, SendPace
from tests.operations.pace_desk import PATIENCE, RATE, SECOND, Desk


def pace_of(desk: Desk, pace: SendPace) -> float:
    """Recipients a second that the next turns give."""
    begun = desk.clock.now
    assert pace.turn(1, PATIENCE)
    begun = max(begun, desk.clock.now)
    assert pace.turn(1, PATIENCE)
    return SECOND / (desk.clock.now - begun)


def test_throttling_halves_the_pace_down_to_a_quarter_and_counts_once_a_second() -> None:
    desk = Desk()
    pace = desk.pace()
    seen = [pace_of(desk, pace)]
    for _ in range(4):
        for _ in range(10):
            pace.slow_down()
        seen.append(pace_of(desk, pace))
        desk.clock.advance(1.1)

    full = RATE * SHARE
    assert seen[0] == pytest.approx(full, rel=0.01)
    assert seen[1] == pytest.approx(full / 2, rel=0.05)
    assert seen[2:] == [pytest.approx(full * SLOWEST, rel=0.1)] * 3
    assert desk.rates.calls.count("slow_down") == 4


def test_the_other_processes_are_slower_too() -> None:
    desk = Desk()
    one, other = desk.pace(), desk.pace()
    assert one.turn(1, PATIENCE)
    assert other.turn(1, PATIENCE)
    one.slow_down()
    assert other.turn(1, PATIENCE)  # with this answer it hears of it

    assert pace_of(desk, other) == pytest.approx(RATE * SHARE / 2, rel=0.05)


def test_after_a_while_the_pace_is_the_full_one_again() -> None:
    desk = Desk()
    pace = desk.pace()
    assert pace.turn(1, PATIENCE)
    pace.slow_down()
    desk.clock.advance(RECOVERY.total_seconds() / 4)
    assert pace_of(desk, pace) == pytest.approx(RATE * SHARE * 3 / 4, rel=0.05)
    desk.clock.advance(RECOVERY.total_seconds() / 4)

    assert pace_of(desk, pace) == pytest.approx(RATE * SHARE, rel=0.01)


def test_a_pace_that_cannot_be_lowered_does_not_lose_the_answer_of_ses() -> None:
    desk = Desk()
    pace = desk.pace()
    assert pace.turn(1, PATIENCE)

    def fail(*_: object, **__: object) -> None:
        raise Unavailable("no answer")

    desk.rates.slow_down = fail  # type: ignore[method-assign]
    pace.slow_down()

    assert pace.turn(1, PATIENCE)
