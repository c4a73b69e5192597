"""Turns in handing mail to SES: all workers together keep to the rate, at a small price, and nothing waits for long."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from itertools import cycle, islice
from random import Random

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.operations.ports import TurnRefused, TurnTaken
from chalicelib.operations.send_pace import LOOK_PAUSE, RATE_LIFE, SHARE, SendPace, Unpaced
from tests.factories.accounts import NOON
from tests.fakes.clock import FakeClock
from tests.fakes.send_rates import FakeSendQuota, FakeSendRates
from tests.operations.pace_desk import PATIENCE, RATE, SECOND, TURN, Desk
from tests.operations.ses_meter import SesMeter
from tests.operations.virtual_time import VirtualTime

# ----------------------------------------------------------------------------------------------- the rate


@pytest.mark.parametrize(("workers", "patience"), [(1, 3600), (30, 3600), (30, 10)])
def test_however_many_workers_there_are_the_rate_is_kept_and_used(workers: int, patience: int) -> None:
    desk, meter, chance = Desk(), SesMeter(), Random(5)
    virtual = VirtualTime(desk.clock)
    paces = [desk.pace(virtual.sleep) for _ in range(workers)]

    def send(pace: SendPace, mails: int) -> None:
        for _ in range(mails):
            while not pace.turn(1, patience * SECOND):
                virtual.sleep(chance.uniform(0.1, 5))
            meter.note(desk.clock.now)
            virtual.sleep(chance.uniform(0, 0.3))  # SES's own time

    threads = [partial(send, pace, 10) for pace in islice(cycle(paces), 60)]
    virtual.run(threads)

    assert len(meter.arrivals) == 600
    assert meter.busiest_second() <= RATE
    assert desk.clock.now - NOON <= 600 * TURN * 1.5 + 5 * SECOND


def test_a_mail_to_several_counts_by_its_recipients() -> None:
    desk, meter, chance = Desk(), SesMeter(), Random(7)
    virtual = VirtualTime(desk.clock)

    def send(pace: SendPace) -> None:
        for _ in range(5):
            recipients = chance.randint(1, 50)
            assert pace.turn(recipients, timedelta(hours=1))
            meter.note(desk.clock.now, recipients)

    virtual.run([partial(send, desk.pace(virtual.sleep)) for _ in range(30)])

    assert len(meter.arrivals) == 150
    assert meter.largest_debt(RATE) > 0  # SES would not have refused any


def test_a_lone_mail_waits_for_nothing() -> None:
    desk = Desk()
    pace = desk.pace()

    for minute in range(5):
        desk.clock.now = NOON + timedelta(minutes=minute)
        assert pace.turn(1, PATIENCE)
        assert desk.clock.now == NOON + timedelta(minutes=minute)


def test_a_turn_that_lies_too_far_ahead_is_not_taken_and_leaves_no_gap() -> None:
    desk = Desk()
    pace = desk.pace()
    assert pace.turn(200, PATIENCE)
    before = desk.rates.rate

    assert not pace.turn(1, PATIENCE)
    assert desk.rates.rate == before
    assert pace.is_full(PATIENCE)
    desk.clock.advance(10)
    assert not pace.is_full(PATIENCE)
    assert pace.turn(1, PATIENCE)
    assert desk.clock.now == NOON + 200 * TURN


def test_a_worker_without_time_left_takes_no_turn() -> None:
    desk = Desk()
    assert not desk.pace().turn(1, -SECOND)
    assert desk.rates.rate is not None
    assert desk.rates.rate.free_from == NOON


# ---------------------------------------------------------------------------------------------- its price


class SlowRates(FakeSendRates):
    """The first turn is not answered before all others of a batch have come."""

    def __init__(self, until: Callable[[], bool]) -> None:
        super().__init__()
        self._until = until
        self.somebody_asks = threading.Event()

    def take(self, now: datetime, length: timedelta, latest: datetime, *, is_busy: bool) -> TurnTaken | TurnRefused:
        if not self.somebody_asks.is_set():
            self.somebody_asks.set()
            while not self._until():
                time.sleep(0.001)
        return super().take(now, length, latest, is_busy=is_busy)


def batch_of(threads: int, rates: SlowRates, pace: SendPace) -> list[bool]:
    """What each thread of a batch is told; the first one asks alone."""
    with ThreadPoolExecutor(threads) as workers:
        first = workers.submit(pace.turn, 1, PATIENCE)
        assert rates.somebody_asks.wait(10)
        others = [workers.submit(pace.turn, 1, PATIENCE) for _ in range(threads - 1)]
        return [turn.result() for turn in (first, *others)]


def test_the_threads_of_a_batch_take_their_turns_together() -> None:
    rates = SlowRates(until=lambda: len(pace._gathered) == 9)
    pace = SendPace(rates, FakeSendQuota(1_000.0), FakeClock(NOON), lambda _: None)

    assert batch_of(10, rates, pace) == [True] * 10
    assert rates.calls == ["get", "put_rate", "take", "take"]


def test_of_a_batch_those_get_a_turn_for_whom_there_is_time() -> None:
    rates = SlowRates(until=lambda: len(pace._gathered) == 9)
    pace = SendPace(rates, FakeSendQuota(1 / (2 * SHARE)), FakeClock(NOON), lambda _: None)  # a turn takes two seconds

    assert sorted(batch_of(10, rates, pace)) == [False] * 4 + [True] * 6
    assert rates.rate is not None
    assert rates.rate.free_from == NOON + 12 * SECOND


def test_when_the_table_fails_everybody_who_waits_hears_it_and_the_next_turn_is_asked_for_anew() -> None:
    desk = Desk()
    pace = desk.pace()
    assert pace.turn(1, PATIENCE)
    desk.rates.rate = None  # the table was emptied

    with pytest.raises(Unavailable):
        pace.turn(1, PATIENCE)

    desk.clock.advance(LOOK_PAUSE.total_seconds())
    assert pace.turn(1, PATIENCE)


def test_the_rate_is_asked_for_once_in_its_life() -> None:
    desk = Desk()
    pace = desk.pace()
    for _ in range(10):
        desk.clock.advance(RATE_LIFE.total_seconds() / 10)
        assert pace.turn(1, PATIENCE)

    assert desk.quota.calls == 1
    assert desk.rates.calls == ["get", "put_rate", *["take"] * 10]


def test_a_process_that_starts_finds_the_rate_in_the_table() -> None:
    desk = Desk()
    assert desk.pace().turn(1, PATIENCE)

    assert desk.pace().turn(1, PATIENCE)

    assert desk.quota.calls == 1


def test_a_rate_that_ses_has_changed_is_used_by_all_once_one_of_them_has_asked() -> None:
    desk = Desk()
    old, other = desk.pace(), desk.pace()
    assert old.turn(1, PATIENCE)
    assert other.turn(1, PATIENCE)
    desk.quota.per_second = 1.0
    desk.clock.advance(RATE_LIFE.total_seconds())
    assert old.turn(1, PATIENCE)
    assert other.turn(1, PATIENCE)

    begun = desk.clock.now
    assert other.turn(1, PATIENCE)
    assert old.turn(1, PATIENCE)

    assert desk.quota.calls == 2
    assert desk.clock.now - begun == 2 * SECOND / SHARE


def test_while_ses_does_not_tell_the_last_rate_holds_and_ses_is_asked_once_a_minute() -> None:
    desk = Desk()
    pace = desk.pace()
    assert pace.turn(1, PATIENCE)
    desk.quota.fails = True
    desk.clock.advance(RATE_LIFE.total_seconds())
    begun = desk.clock.now

    for _ in range(100):
        assert pace.turn(14, PATIENCE)

    assert desk.clock.now - begun >= 99 * 14 * TURN
    assert desk.quota.calls == 1 + 2  # almost two minutes have passed


@pytest.mark.parametrize("quota", [FakeSendQuota(None), FakeSendQuota(fails=True)])
def test_without_a_known_rate_nobody_waits(quota: FakeSendQuota) -> None:
    desk = Desk(quota=quota)
    pace = desk.pace()

    for _ in range(100):
        assert pace.turn(50, -SECOND)

    assert desk.clock.now == NOON
    assert not pace.is_full(PATIENCE)
    assert quota.calls == 1
    pace.slow_down()
    assert desk.rates.calls == ["get"]


def test_a_provider_without_a_rate_costs_nothing() -> None:
    pace = Unpaced()
    pace.slow_down()
    assert pace.turn(50, -SECOND)
    assert not pace.is_full(-SECOND)


def test_what_the_account_may_not_send_is_not_tried_for_a_minute() -> None:
    desk = Desk()
    pace = desk.pace()

    pace.pause()

    assert pace.is_full(PATIENCE)
    assert not desk.pace().is_full(PATIENCE)
    desk.clock.advance(60)
    assert not pace.is_full(PATIENCE)
    assert desk.rates.calls == []
