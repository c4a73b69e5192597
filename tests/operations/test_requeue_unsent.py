"""Rebuilding the send queue: a job for whatever is unfinished, and none too many that does harm."""

import pytest

from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import SendJob
from tests.operations.watched import FailingAt
from tests.operations.world import World

UNFINISHED = {MessagePhase.QUEUED, MessagePhase.CLAIMED, MessagePhase.SUBMITTING}


@pytest.mark.parametrize("phase", MessagePhase)
def test_exactly_the_unfinished_messages_get_a_job(phase: MessagePhase) -> None:
    world = World()
    key = world.submitted()
    world.index.advance(key, phase, set(MessagePhase))
    world.taken()
    world.clock.advance(60)

    assert world.requeue_unsent() == (phase in UNFINISHED)

    assert [job for _, job in world.waiting()] == ([SendJob(key, world.clock())] if phase in UNFINISHED else [])


def test_a_lost_queue_is_made_up_for() -> None:
    world = World()
    keys = [world.submitted() for _ in range(3)]
    for _ in keys:
        world.taken()  # and lost

    assert world.requeue_unsent() == 3
    world.work()

    assert [world.status(key) for key in keys] == [MessageStatus.SENT] * 3
    assert len(world.provider.mails) == 3


def test_a_job_too_many_sends_nothing_twice() -> None:
    world = World()
    key = world.submitted()

    world.requeue_unsent()
    world.requeue_unsent()
    world.work()

    assert world.provider.calls == 1
    assert world.status(key) is MessageStatus.SENT


def test_a_message_whose_sending_is_in_doubt_is_not_sent_again() -> None:
    world = World()
    key = world.submitted()
    with world.watching(FailingAt(6, after_effect=True)):  # SES has the mail, and the worker dies
        world.deliver_next()
    assert world.phase(key) is MessagePhase.SUBMITTING

    world.requeue_unsent()
    world.work()

    assert world.provider.calls == 1
    assert world.status(key) is MessageStatus.FAILED


def test_nothing_unfinished_queues_nothing() -> None:
    world = World()
    world.sent()

    assert world.requeue_unsent() == 0
    assert world.waiting() == []
