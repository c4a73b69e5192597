"""A batch of jobs claims and reads its messages together, and each is sent as if it had come alone."""

from datetime import timedelta
from itertools import count

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.look_ahead import UNKNOWN, Ahead
from chalicelib.operations.ports import SendJob
from chalicelib.operations.send_pace import Unpaced
from tests.operations.watched import Crash, Failing, FailingAt, Meanwhile, Recording
from tests.operations.world import World

BATCH = 3


class Full(Unpaced):
    """SES takes nothing so soon."""

    def is_full(self, patience: timedelta) -> bool:
        return True


def batch() -> tuple[World, list[SendJob]]:
    world = World()
    for _ in range(BATCH):
        world.submitted()
    return world, [world.taken() for _ in range(BATCH)]


def keys(jobs: list[SendJob]) -> list[MessageKey]:
    return [job.message for job in jobs]


def test_the_messages_of_a_batch_are_claimed_and_read_together() -> None:
    world, jobs = batch()
    recording = Recording()

    with world.watching(recording):
        world.deliver_together(jobs)

    assert [world.status(key) for key in keys(jobs)] == [MessageStatus.SENT] * BATCH
    assert recording.calls.count("index.advance_together") == 1
    assert recording.calls.count("messages.get_together") == 1
    assert recording.calls.count("messages.get") == 0


def test_one_job_alone_shares_nothing() -> None:
    world, jobs = batch()
    assert world.look_ahead(jobs[:1]) == {}
    assert world.look_ahead([jobs[0], jobs[0]]) == {}
    assert {world.phase(key) for key in keys(jobs)} == {MessagePhase.QUEUED}


def test_nothing_is_claimed_while_ses_takes_nothing() -> None:
    world, jobs = batch()
    world.pace = Full()
    world._wire()
    assert world.look_ahead(jobs) == {}
    assert {world.phase(key) for key in keys(jobs)} == {MessagePhase.QUEUED}


def test_what_cannot_be_claimed_is_told_and_not_read() -> None:
    world, jobs = batch()
    world.delete_message(jobs[1].message, world.caller)
    ahead = world.look_ahead(jobs)
    assert ahead[jobs[1].message] == Ahead(MessagePhase.GONE)
    assert [ahead[key].phase for key in keys(jobs)] == [MessagePhase.CLAIMED, MessagePhase.GONE, MessagePhase.CLAIMED]


@pytest.mark.parametrize("call", ["index.advance_together", "messages.get_together"])
def test_a_batch_that_cannot_be_looked_at_is_sent_when_it_comes_again(call: str) -> None:
    world, jobs = batch()
    with world.watching(Failing(call, [Unavailable("not now")])):
        world.deliver_together(jobs)
    world.work()
    assert world.provider.calls == BATCH
    assert [world.status(key) for key in keys(jobs)] == [MessageStatus.SENT] * BATCH


def test_a_message_deleted_behind_the_look_is_not_sent() -> None:
    world, jobs = batch()
    ahead = world.look_ahead(jobs)
    world.delete_message(jobs[0].message, world.caller)
    for job in jobs:
        world.send_message(job, ahead.get(job.message, UNKNOWN))
    world.work()
    assert world.provider.calls == BATCH - 1
    assert world.leaves_nothing_behind(jobs[0].message)


def test_two_workers_with_the_same_batch_send_each_message_once() -> None:
    for place in count():
        world, jobs = batch()
        rival = Meanwhile(place, lambda world=world, jobs=jobs: world.deliver_together(jobs))  # type: ignore[misc]
        with world.watching(rival):
            world.deliver_together(jobs)
        world.work()
        assert world.provider.calls == BATCH, place
        if not rival.has_happened:
            break
    assert place > BATCH


def test_a_worker_may_die_at_each_call_of_a_batch() -> None:
    for place in count():
        number, after_effect = divmod(place, 2)
        world, jobs = batch()
        failing = FailingAt(number, bool(after_effect), Crash())
        with world.watching(failing):
            world.deliver_together(jobs)
        world.work()
        if len(failing.calls) <= number:
            break
        for key in keys(jobs):
            assert world.status(key) is world.delivery(key).message_status, failing.calls[-1]
        sent = [mail.message_id for mail in world.provider.mails]
        assert len(sent) == len(set(sent)) >= BATCH - 1, failing.calls[-1]
    assert place > 2 * BATCH
