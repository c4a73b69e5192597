"""A message that others are at while it is sent: another worker, a slow request, somebody who deletes it."""

import pytest

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.evidence import LOOKS
from chalicelib.operations.ports import SendJob
from chalicelib.operations.send_delays import RIVAL_DELAY, UNCOMMITTED_DELAY
from tests.factories.accounts import NOON
from tests.operations.watched import Crash, Failing, Meanwhile
from tests.operations.world import ABANDON_AFTER, EVIDENCE_WINDOW, INBOX, World

NEXT_LOOK = EVIDENCE_WINDOW.total_seconds() / LOOKS


def test_a_worker_that_finds_another_at_the_message_comes_back_later() -> None:
    world = World()
    key = world.submitted()
    job = world.taken()

    with world.watching(Meanwhile("provider.send", lambda: world.send_message(job))):
        world.send_message(job)

    assert world.provider.calls == 1
    assert world.status(key) is MessageStatus.SENT
    delay, again = world.only_job()
    assert (delay, again.message) == (NEXT_LOOK, key)


def test_a_worker_overtaken_before_the_mark_comes_back_later() -> None:
    world = World()
    world.submitted()
    job = world.taken()

    with world.watching(Meanwhile("messages.save_delivery", lambda: world.send_message(job))):
        world.send_message(job)

    assert world.provider.calls == 1
    assert world.only_job()[0] == RIVAL_DELAY


def uncommitted() -> tuple[World, MessageKey]:
    """A message whose request died right before the commit, with its job in the queue."""
    world = World()
    with world.watching(Failing("index.commit", [Crash()])), pytest.raises(Crash):
        world.submit()
    return world, world.named[0]


def test_a_job_waits_for_a_message_that_is_not_committed_yet() -> None:
    world, key = uncommitted()

    world.deliver_next()

    assert world.phase(key) is MessagePhase.RESERVED
    assert world.only_job() == (UNCOMMITTED_DELAY, SendJob(key, NOON, deferrals=1, thread=ThreadKey(INBOX, 0)))


def test_when_no_request_can_be_alive_any_more_the_reservation_is_killed() -> None:
    world, key = uncommitted()

    world.work()

    assert world.clock() - NOON > ABANDON_AFTER
    assert world.leaves_nothing_behind(key)
    assert world.provider.calls == 0


def test_a_commit_in_the_very_moment_of_giving_up_is_not_lost() -> None:
    world, key = uncommitted()
    world.clock.advance(ABANDON_AFTER.total_seconds() + 1)

    def commit() -> None:
        assert world.index.commit(key, MessagePhase.QUEUED, lambda: (key.sequence,))

    # The worker looks, finds nothing committed, and is about to kill.
    with world.watching(Meanwhile("index.advance", commit, skip=1)):
        world.deliver_next()
    world.work()

    assert world.status(key) is MessageStatus.SENT
    assert world.provider.calls == 1


def test_a_killing_that_died_half_way_is_finished_by_the_next_job() -> None:
    world, key = uncommitted()
    world.clock.advance(ABANDON_AFTER.total_seconds() + 1)

    with world.watching(Failing("threads.leave", [Crash()])):
        world.deliver_next()
    assert world.messages.get(key) is not None
    world.work()

    assert world.leaves_nothing_behind(key)


def test_a_message_deleted_while_it_is_queued_is_not_sent() -> None:
    world = World()
    key = world.submitted()
    world.delete_message(key, world.caller)

    world.work()

    assert world.provider.calls == 0
    assert world.leaves_nothing_behind(key)


@pytest.mark.parametrize("moment", ["messages.get", "messages.save_delivery"])
def test_a_message_deleted_between_claim_and_mark_is_not_sent(moment: str) -> None:
    world = World()
    key = world.submitted()

    with world.watching(Meanwhile(moment, lambda: world.delete_message(key, world.caller))):
        world.work()

    assert world.provider.calls == 0
    assert world.leaves_nothing_behind(key)


def test_a_message_deleted_while_ses_takes_it_leaves_nothing_behind() -> None:
    world = World()
    key = world.submitted()

    with world.watching(Meanwhile("provider.send", lambda: world.delete_message(key, world.caller))):
        world.work()

    assert world.provider.calls == 1
    assert world.leaves_nothing_behind(key)


def test_a_worker_that_died_with_a_deleted_message_in_its_hands_leaves_nothing_behind() -> None:
    world = World()
    key = world.submitted()
    deleting = Meanwhile("messages.save_delivery", lambda: world.delete_message(key, world.caller))
    dying = Failing("messages.save_delivery", [Crash()], after_effect=True)

    with world.watching(lambda call, effect: deleting(call, lambda: dying(call, effect))):
        world.deliver_next()
    assert world.messages.get_delivery(key) is not None
    world.work()

    assert world.messages.get_delivery(key) is None
    assert world.provider.calls == 0
