"""The worst day: a thousand messages are on their way at SES's rate, and one call stops them."""

from collections import Counter
from datetime import timedelta

import pytest

from chalicelib.domain.delivery import EventType
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.switch import Switch
from tests.factories.accounts import ACCOUNT_ID, NOON
from tests.operations.stops import ALL, discard, release, stop
from tests.operations.storm import Storm

RATE, MESSAGES = 14.0, 1_000
STOPPED_AFTER, TURNED_AFTER = 30.0, 100.0  # seconds; a job is put back for a minute at most
A_SECOND = 1.0


def storm_of(messages: int = MESSAGES, *, throttled: float = 0.0) -> Storm:
    return Storm(messages, rate=RATE, throttled=throttled, workers=10, seed=20261123)


def seconds_of_calls(storm: Storm) -> list[float]:
    """When each mail reached SES, from the beginning of the storm."""
    return [(at - NOON).total_seconds() for at, _ in storm.ses.meter.arrivals]


@pytest.mark.parametrize(
    ("switch", "throttled"),
    [
        (ALL[0], 0.0),
        *(pytest.param(switch, 0.3, marks=pytest.mark.long) for switch in ALL),
    ],
)
def test_no_mail_reaches_ses_later_than_a_second_after_the_stop_and_a_release_sends_each_once(
    switch: Switch, throttled: float
) -> None:
    storm = storm_of(throttled=throttled)
    world = storm.world
    waiting: list[int] = []

    storm.pass_by(
        (STOPPED_AFTER, lambda: stop(world, switch)),
        (TURNED_AFTER - 1, lambda: waiting.append(len(storm.queue))),
        (TURNED_AFTER, lambda: release(world, switch)),
    )

    calls = seconds_of_calls(storm)
    assert any(STOPPED_AFTER - 1 < at < STOPPED_AFTER for at in calls)  # it was at full speed
    assert [at for at in calls if STOPPED_AFTER + A_SECOND < at < TURNED_AFTER] == []
    assert waiting == [0]  # what is held costs nothing
    assert {world.status(key) for key in storm.keys} == {MessageStatus.SENT}
    assert Counter(handed.message_id for handed in storm.ses.mails).most_common(1)[0][1] == 1
    assert len(storm.ses.mails) == MESSAGES
    assert storm.queue.dead == []
    assert storm.queue.most_receives == 1
    assert storm.ses.meter.busiest_second() <= RATE


def test_a_discard_in_a_storm_fails_each_that_was_not_sent_once() -> None:
    messages = 600
    storm = storm_of(messages)
    world, switch = storm.world, ALL[0]

    storm.pass_by(
        (STOPPED_AFTER, lambda: stop(world, switch)),
        (STOPPED_AFTER + 0.01, lambda: discard(world, switch)),
        (TURNED_AFTER, lambda: release(world, switch)),
    )

    assert [at for at in seconds_of_calls(storm) if at > STOPPED_AFTER + A_SECOND] == []
    sent = len(storm.ses.mails)
    assert Counter(world.status(key) for key in storm.keys) == {
        MessageStatus.SENT: sent,
        MessageStatus.FAILED: messages - sent,
    }
    told = Counter(event.type for event in world.log.events[ACCOUNT_ID])
    assert told == {EventType.QUEUED: messages, EventType.SENT: sent, EventType.FAILED: messages - sent}
    assert storm.queue.dead == []
    assert world.clock() - NOON < timedelta(seconds=TURNED_AFTER + 5)
