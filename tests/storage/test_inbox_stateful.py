"""Whatever is done to an inbox, in whatever order, and whoever dies at it: lists, totals and counts are the oracle's.

`make fuzz` runs the long one; hypothesis prints the shortest story that fails.
"""

from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.storage.engines import NOT_ON_MOTO, Engine
from tests.storage.inbox_machine import InboxMachine

pytestmark = [
    pytest.mark.usefixtures("table", "small_buckets"),
    NOT_ON_MOTO,
]
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def live(engine: Engine, lives: int, acts: int) -> Counter[str]:
    """So many lives of so many acts; what happened in them."""

    class Machine(InboxMachine):
        pass

    Machine.engine, Machine.figures = engine, Counter()
    long = settings(
        max_examples=lives,
        stateful_step_count=acts,
        deadline=None,
        suppress_health_check=QUIET,
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(Machine, settings=long)
    return Machine.figures


def test_an_inbox_shows_what_was_done_to_it(embedded_engine: Engine) -> None:
    figures = live(embedded_engine, lives=6, acts=25)
    assert min(figures[name] for name in ("deaths", "deletions", "pages", "sealed")) > 0


@pytest.mark.long
def test_an_inbox_shows_what_was_done_to_it_in_many_lives(embedded_engine: Engine) -> None:
    figures = live(embedded_engine, lives=400, acts=50)
    assert min(figures[name] for name in ("deaths", "deletions", "pages", "sealed")) > 100
