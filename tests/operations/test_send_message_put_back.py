"""SES certainly did not take the mail: it is throttled, sending is paused, or SES was not reached."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.delivery import EventType
from chalicelib.domain.ids import ThreadKey
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import SendJob, SendNotReached, SendPaused, SendThrottled
from chalicelib.operations.send_delays import GROWING_DELAYS, PAUSE_DELAY, PAUSE_LIMIT
from chalicelib.operations.send_reasons import Wait
from tests.factories.accounts import NOON
from tests.operations.watched import Crash, Failing, Meanwhile
from tests.operations.world import INBOX, World

REASONS = {
    SendThrottled: Wait.THROTTLED.value.code,
    SendPaused: Wait.PAUSED.value.code,
    SendNotReached: Wait.NOT_REACHED.value.code,
}


def test_a_throttled_message_is_queued_again_and_comes_back_with_growing_delay() -> None:
    world = World()
    world.provider.outcomes = [SendThrottled()] * (len(GROWING_DELAYS) + 2)
    key = world.submitted()
    world.deliver_next()
    delays = []

    while world.status(key) is MessageStatus.QUEUED:
        delays.append(world.only_job()[0])
        world.deliver_next()

    assert delays == [*GROWING_DELAYS, GROWING_DELAYS[-1], GROWING_DELAYS[-1]]
    assert sorted(delays) == delays
    assert world.status(key) is MessageStatus.SENT


def test_throttling_never_fails_a_message_however_long_it_takes() -> None:
    world = World()
    world.provider.outcomes = [SendThrottled()] * 3
    key = world.submitted()

    for _ in range(3):
        world.clock.advance(2 * PAUSE_LIMIT.total_seconds())
        world.deliver_next()
        assert world.status(key) is MessageStatus.QUEUED
    world.work()

    assert world.status(key) is MessageStatus.SENT


def test_a_put_back_job_remembers_its_age_and_counts_its_deferrals() -> None:
    world = World()
    world.provider.outcomes = [SendThrottled(), SendPaused(), SendNotReached()]
    key = world.submitted()

    for deferrals in (1, 2, 3):
        world.deliver_next()
        job = replace(world.only_job()[1], paused=None)
        assert job == SendJob(key, queued_at=NOON, deferrals=deferrals, thread=ThreadKey(INBOX, 0))


def test_while_sending_is_paused_the_message_stays_queued_and_probes_once_a_minute() -> None:
    world = World()
    world.provider.outcomes = [SendPaused()] * 5
    key = world.submitted()

    for _ in range(5):
        world.deliver_next()
        assert world.status(key) is MessageStatus.QUEUED
        assert world.only_job()[0] == PAUSE_DELAY == 60
    world.work()

    assert world.status(key) is MessageStatus.SENT


@pytest.mark.parametrize("error", [SendPaused, SendNotReached])
def test_after_24_hours_of_pause_the_message_fails_and_may_be_sent_again(error: type[Exception]) -> None:
    world = World()
    world.provider.outcomes = [error() for _ in range(2_000)]
    key = world.submitted()
    world.deliver_next()
    while world.clock() <= NOON + timedelta(hours=24):
        assert world.status(key) is MessageStatus.QUEUED
        world.clock.advance(1_000)
        world.deliver_next()
    world.work()
    assert world.clock() < NOON + timedelta(hours=24, minutes=20)

    assert world.status(key) is MessageStatus.FAILED
    reason = world.delivery(key).recipients[0].reason
    assert reason is not None
    assert (reason.code, reason.retryable) == ("sending_paused", True)
    assert world.waiting() == []


@pytest.mark.parametrize("error", [SendPaused, SendNotReached])
def test_only_a_pause_without_a_break_counts(error: type[Exception]) -> None:
    world = World()
    key = world.submitted()
    while world.clock() < NOON + timedelta(hours=60):
        world.provider.outcomes = [SendThrottled()] if world.provider.calls % 40 == 39 else [error()]
        world.deliver_next()
        world.clock.advance(1_800)
    world.work()
    assert world.status(key) is MessageStatus.SENT


@pytest.mark.parametrize("error", [SendPaused, SendNotReached])
def test_a_dead_letter_that_is_put_back_after_days_does_not_fail_at_its_first_refusal(error: type[Exception]) -> None:
    world = World()
    world.provider.outcomes = [error()]
    key = world.submitted()
    world.deliver_next()
    world.clock.advance(timedelta(days=3).total_seconds())
    world.provider.outcomes = [error()]
    world.work()
    assert world.status(key) is MessageStatus.SENT


def test_when_ses_is_not_reached_the_message_is_tried_again_soon() -> None:
    world = World()
    world.provider.outcomes = [SendNotReached()] * 2
    key = world.submitted()

    world.deliver_next()
    assert world.only_job()[0] == GROWING_DELAYS[0]
    assert world.status(key) is MessageStatus.QUEUED
    world.work()

    assert world.status(key) is MessageStatus.SENT


@given(
    st.lists(st.sampled_from([SendThrottled, SendPaused, SendNotReached]), max_size=20).map(
        lambda kinds: [kind() for kind in kinds]
    )
)
def test_whatever_ses_certainly_did_not_take_is_sent_in_the_end_and_once(outcomes: list[Exception]) -> None:
    world = World()
    tries = len(outcomes) + 1
    reasons = list(dict.fromkeys(REASONS[type(outcome)] for outcome in outcomes))
    world.provider.outcomes = [*outcomes]
    key = world.submitted()

    world.work()

    assert world.status(key) is MessageStatus.SENT
    assert (world.provider.calls, len(world.provider.mails)) == (tries, 1)
    waits = [entry.reason.code for entry in world.delivery(key).timeline if entry.reason]
    assert waits == reasons
    others = [entry.type for entry in world.delivery(key).timeline if not entry.reason]
    assert others == [EventType.SENDING, EventType.SENT]


def test_the_timeline_tells_why_a_message_waits() -> None:
    world = World()
    world.provider.outcomes = [SendThrottled()]
    key = world.submitted()
    world.deliver_next()

    entry = world.delivery(key).timeline[-1]

    assert (entry.type, entry.status, entry.recipient) == (EventType.QUEUED, MessageStatus.QUEUED, None)
    assert entry.reason == Wait.THROTTLED.value


def test_waiting_that_cannot_be_noted_any_more_delays_nothing() -> None:
    world = World()
    world.provider.outcomes = [SendThrottled()]
    key = world.submitted()

    def moved_on() -> None:
        world.messages.save_delivery(key, world.delivery(key))

    with world.watching(Meanwhile("messages.save_delivery", moved_on, skip=1)):
        world.deliver_next()

    assert world.only_job()[0] == GROWING_DELAYS[0]
    world.work()
    assert world.status(key) is MessageStatus.SENT


@pytest.mark.parametrize(
    ("outcome", "level"), [(SendThrottled(), "WARNING"), (SendPaused(), "ERROR"), (SendNotReached(), "ERROR")]
)
def test_the_log_names_the_reason_for_a_metric_filter_and_calls_an_operator_where_one_is_needed(
    outcome: Exception, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    world.provider.outcomes = [outcome]
    world.submitted()

    world.deliver_next()

    (record,) = [record for record in caplog.records if "goes back to the queue" in record.getMessage()]
    assert record.getMessage().endswith(f": {REASONS[type(outcome)]}")
    assert record.levelname == level


def test_a_crash_behind_the_mark_that_is_taken_back_leaves_a_message_that_is_sent() -> None:
    """The mark goes back first: otherwise it would stay, and nobody could know whether SES had the mail."""
    world = World()
    world.provider.outcomes = [SendThrottled()]
    key = world.submitted()
    with world.watching(Failing("messages.save_delivery", [None, Crash()])):
        world.deliver_next()

    world.work()

    assert world.status(key) is MessageStatus.SENT
    assert len(world.provider.mails) == 1
