"""The breaker opens after failures in a row, lets one probe through, and a slow endpoint gets only a few calls at once."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.endpoint_health import (
    FAILURES_IN_A_ROW,
    FIRST_PAUSE,
    LEASE,
    LONGEST_PAUSE,
    SLOTS,
    SLOW_FOR,
    STALLED_FOR,
    EndpointHealth,
)
from tests.factories.webhooks import NOON

QUICK, SLOW = timedelta(milliseconds=50), timedelta(seconds=6)


def failed(health: EndpointHealth, times: int, now: datetime = NOON) -> EndpointHealth:
    for _ in range(times):
        health = health.after_failure(now, QUICK, timed_out=False)
    return health


def test_the_breaker_opens_after_five_failures_in_a_row() -> None:
    health = failed(EndpointHealth(), FAILURES_IN_A_ROW - 1)
    assert health.free_slots(NOON) is None

    health = failed(health, 1)

    assert health.open_until == NOON + FIRST_PAUSE
    assert health.free_slots(NOON) == 0


def test_calls_that_were_under_way_do_not_prolong_a_pause() -> None:
    health = failed(EndpointHealth(), FAILURES_IN_A_ROW + 20)
    assert health.open_until == NOON + FIRST_PAUSE


def test_one_probe_at_a_time_comes_after_the_pause() -> None:
    health = failed(EndpointHealth(), FAILURES_IN_A_ROW)
    now = NOON + FIRST_PAUSE

    assert health.free_slots(now) == 1
    probing = health.taking_slot(now)
    assert probing.free_slots(now) == 0
    assert probing.free_slots(now + LEASE) == 1  # its process died
    assert probing.after_success(now, QUICK, probing.leases[-1]).is_healthy


def test_each_failed_probe_doubles_the_pause_up_to_a_quarter_of_an_hour() -> None:
    health, now, pauses = failed(EndpointHealth(), FAILURES_IN_A_ROW), NOON, []
    for _ in range(7):
        assert health.open_until is not None
        pauses.append(health.open_until - now)
        now = health.open_until
        health = health.taking_slot(now)
        health = health.after_failure(now, QUICK, timed_out=False, lease=health.leases[-1])

    assert pauses == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 15, 15, 15)]
    assert pauses[-1] == LONGEST_PAUSE


def test_a_slow_answer_makes_the_next_calls_few_for_a_while() -> None:
    health = EndpointHealth().after_success(NOON, SLOW)

    for taken in range(SLOTS):
        assert health.free_slots(NOON) == SLOTS - taken
        health = health.taking_slot(NOON)
    assert health.free_slots(NOON) == 0
    assert health.after_success(NOON, QUICK, health.leases[-1]).free_slots(NOON) == 1
    assert health.free_slots(NOON + SLOW_FOR) is None


def test_a_call_that_took_no_slot_gives_none_back() -> None:
    health = EndpointHealth().after_success(NOON, SLOW)
    for second in range(SLOTS):
        health = health.taking_slot(NOON + timedelta(seconds=second))
    begun_before = health.after_success(NOON + timedelta(seconds=9), SLOW)

    assert begun_before.free_slots(NOON + timedelta(seconds=9)) == 0
    assert begun_before.without_slot(health.leases[1]).leases == (health.leases[0], health.leases[2])
    assert begun_before.without_slot(NOON) == begun_before


def test_an_endpoint_that_is_stuck_gets_a_few_calls_until_they_have_told_how_it_is() -> None:
    health = EndpointHealth().stalled(NOON)

    assert health.free_slots(NOON) == SLOTS
    assert health.after_success(NOON, SLOW).stalled(NOON).free_slots(NOON + SLOW_FOR / 2) == SLOTS
    assert health.free_slots(NOON + STALLED_FOR) is None


def test_one_failure_after_weeks_of_silence_does_not_make_five_days_of_failures() -> None:
    health = EndpointHealth()
    for day in range(4):
        health = failed(health, 3, NOON + timedelta(days=day))
    later = NOON + timedelta(days=20)

    health = failed(health, 9, later)
    assert not health.is_hopeless(later)
    for day in range(1, 6):
        assert not health.is_hopeless(later + timedelta(days=day) - timedelta(seconds=1))
        health = failed(health, 1, later + timedelta(days=day))
    assert health.is_hopeless(later + timedelta(days=5))


def test_five_days_of_nothing_but_failures_are_hopeless() -> None:
    health = failed(EndpointHealth(), 6)
    days = [timedelta(days=5) - timedelta(seconds=1), timedelta(days=5)]

    assert [health.is_hopeless(NOON + each) for each in days] == [False, True]
    assert not health.after_success(NOON, QUICK).is_hopeless(NOON + timedelta(days=9))


steps = st.tuples(
    st.sampled_from(["success", "failure", "time-out"]), st.timedeltas(timedelta(0), timedelta(minutes=20))
)


@given(st.lists(steps, max_size=60))
def test_an_endpoint_is_always_called_again_within_its_longest_pause(happened: list[tuple[str, timedelta]]) -> None:
    health, now = EndpointHealth(), NOON
    for what, pause in happened:
        now += pause
        if health.free_slots(now) == 0:
            continue
        health = health.taking_slot(now) if health.free_slots(now) else health
        lease = health.leases[-1] if health.leases else None
        if what == "success":
            health = health.after_success(now, QUICK, lease)
            assert health.open_until is None
        else:
            health = health.after_failure(now, QUICK, timed_out=what == "time-out", lease=lease)
    assert health.free_slots(now + max(LONGEST_PAUSE, LEASE)) != 0
