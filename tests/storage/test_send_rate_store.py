"""The contract of SendRates (operations/ports): time is given out once, in order, and not beyond what was asked for."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.operations.ports import SendRates, TurnRefused, TurnTaken
from chalicelib.storage.send_rate_store import DynamoSendRates
from tests.factories.accounts import NOON
from tests.fakes.send_rates import FakeSendRates
from tests.storage.faults import Network
from tests.storage.parallel import at_once

SECOND = timedelta(seconds=1)
FAR = NOON + timedelta(hours=1)


@pytest.fixture
def rates(*, is_fake: bool) -> SendRates:
    return FakeSendRates() if is_fake else DynamoSendRates()


def test_before_the_first_there_is_no_rate(rates: SendRates) -> None:
    assert rates.get() is None
    assert rates.slow_down(NOON, 0.5, unless_since=NOON - SECOND) is None
    assert rates.get() is None


def test_time_of_an_unknown_rate_is_not_given_out(rates: SendRates) -> None:
    for is_busy in (False, True):
        with pytest.raises(Unavailable):
            rates.take(NOON, SECOND, FAR, is_busy=is_busy)


def test_a_rate_is_kept_and_replaced_and_the_schedule_stays(rates: SendRates) -> None:
    first = rates.put_rate(14.0, NOON)
    taken = rates.take(NOON, 10 * SECOND, FAR, is_busy=False)
    second = rates.put_rate(2.5, NOON + SECOND)

    assert (first.per_second, first.read_at) == (14.0, NOON)
    assert (second.per_second, second.read_at) == (2.5, NOON + SECOND)
    assert second.free_from == taken.rate.free_from
    assert rates.get() == second


def test_what_ses_said_earlier_replaces_nothing(rates: SendRates) -> None:
    latest = rates.put_rate(14.0, NOON)

    assert rates.put_rate(1.0, NOON - SECOND) == latest
    assert rates.get() == latest


@pytest.mark.parametrize("is_busy", [False, True])
def test_a_turn_begins_now_where_nobody_has_taken_time_that_lies_ahead(rates: SendRates, *, is_busy: bool) -> None:
    rates.put_rate(14.0, NOON)
    now = NOON + timedelta(minutes=5)

    taken = rates.take(now, SECOND, now, is_busy=is_busy)

    assert isinstance(taken, TurnTaken)
    assert (taken.starts_at, taken.rate.free_from) == (now, now + SECOND)


@pytest.mark.parametrize("is_busy", [False, True])
def test_turns_follow_each_other_without_a_gap(rates: SendRates, *, is_busy: bool) -> None:
    rates.put_rate(14.0, NOON)
    starts = []
    for _ in range(4):
        taken = rates.take(NOON + SECOND, 3 * SECOND, FAR, is_busy=is_busy)
        assert isinstance(taken, TurnTaken)
        starts.append(taken.starts_at)

    assert [later - earlier for earlier, later in pairwise(starts)] == [3 * SECOND] * 3
    assert starts[0] == NOON + SECOND


@pytest.mark.parametrize("is_busy", [False, True])
def test_a_turn_that_would_begin_too_late_is_refused_and_takes_nothing(rates: SendRates, *, is_busy: bool) -> None:
    rates.put_rate(14.0, NOON)
    rates.take(NOON, 10 * SECOND, FAR, is_busy=True)
    before = rates.get()

    refused = rates.take(NOON, SECOND, NOON + 9 * SECOND, is_busy=is_busy)

    assert isinstance(refused, TurnRefused)
    assert refused.rate == before == rates.get()
    assert isinstance(rates.take(NOON, SECOND, NOON + 10 * SECOND, is_busy=is_busy), TurnTaken)


def test_workers_who_meet_share_no_time(rates: SendRates) -> None:
    rates.put_rate(14.0, NOON)

    def take() -> Any:
        return rates.take(NOON, SECOND, FAR, is_busy=True)

    starts = sorted(taken.starts_at for taken in at_once([take] * 16))

    assert starts == [NOON + number * SECOND for number in range(16)]


def test_throttling_counts_once_in_its_time(rates: SendRates) -> None:
    rates.put_rate(14.0, NOON)
    first = rates.slow_down(NOON, 0.5, unless_since=NOON - SECOND)
    again = rates.slow_down(NOON + SECOND / 2, 0.25, unless_since=NOON - SECOND / 2)
    later = rates.slow_down(NOON + 2 * SECOND, 0.25, unless_since=NOON + SECOND)

    assert first is not None
    assert again == first
    assert later is not None
    assert (first.slowed_at, first.slowed_to) == (NOON, 0.5)
    assert (later.slowed_at, later.slowed_to) == (NOON + 2 * SECOND, 0.25)


def test_a_right_guess_takes_one_call_and_a_wrong_one_two(network: Network) -> None:
    rates = DynamoSendRates()
    rates.put_rate(14.0, NOON)
    calls = network.listen()

    rates.take(NOON + SECOND, SECOND, FAR, is_busy=False)
    rates.take(NOON + SECOND, SECOND, FAR, is_busy=True)
    assert calls == ["UpdateItem"] * 2
    rates.take(NOON + SECOND, SECOND, FAR, is_busy=False)
    assert calls == ["UpdateItem"] * 4


def test_a_call_that_the_sdk_repeats_loses_time_and_never_gives_it_out_twice(network: Network) -> None:
    rates = DynamoSendRates()
    rates.put_rate(14.0, NOON)
    network.repeat("UpdateItem")

    starts = []
    for is_busy in (False, True, True):
        taken = rates.take(NOON + SECOND, SECOND, FAR, is_busy=is_busy)
        assert isinstance(taken, TurnTaken)
        starts.append(taken.starts_at)

    assert all(later - earlier >= SECOND for earlier, later in pairwise(starts))
