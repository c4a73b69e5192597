"""Giving a reservation up: what was not committed never will be, and what was is left alone."""

from functools import partial
from itertools import count

import pytest

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import PageRequest
from tests.operations.watched import Crash, Failing, FailingAt, Meanwhile
from tests.operations.world import INBOX, World, make_draft

THREAD = ThreadKey(INBOX, 0)


def uncommitted(world: World, thread: ThreadKey | None = None) -> MessageKey:
    """A message whose request died right before the commit."""
    with world.watching(Failing("index.commit", [Crash()])), pytest.raises(Crash):
        world.submit(make_draft(thread=thread))
    return world.named[-1]


def test_a_reserved_message_is_given_up_with_all_that_was_stored() -> None:
    world = World()
    key = uncommitted(world)

    assert world.abandon_reservation(key) is True

    assert world.leaves_nothing_behind(key)


def test_what_was_given_up_cannot_be_committed_any_more() -> None:
    world = World()
    key = uncommitted(world)
    world.abandon_reservation(key)

    assert not world.index.commit(key, MessagePhase.QUEUED, lambda: (key.sequence,))
    assert world.listed() == []


@pytest.mark.parametrize("phase", [phase for phase in MessagePhase if phase.visible])
def test_a_committed_message_is_left_alone(phase: MessagePhase) -> None:
    world = World()
    key = world.submitted()
    world.index.advance(key, phase, set(MessagePhase))

    assert world.abandon_reservation(key) is False

    assert world.phase(key) is phase
    assert world.listed() == [key]


def test_a_reply_that_is_given_up_leaves_its_thread_as_it_was() -> None:
    world = World()
    world.sent()
    before = world.get_thread(THREAD, world.caller)

    world.abandon_reservation(uncommitted(world, THREAD))

    assert world.threads.newest_members(THREAD) == (0,)
    assert world.get_thread(THREAD, world.caller).thread.message_count == 1
    assert world.get_thread(THREAD, world.caller).last_message == before.last_message
    assert world.list_threads(INBOX, world.caller, PageRequest()).total == 1


def test_giving_up_again_is_harmless() -> None:
    world = World()
    key = uncommitted(world)

    assert [world.abandon_reservation(key) for _ in range(3)] == [True, True, True]
    assert world.leaves_nothing_behind(key)


def test_a_number_for_which_nothing_was_stored_is_given_up_too() -> None:
    world = World()
    key = MessageKey(INBOX, 5)

    assert world.abandon_reservation(key) is True
    assert world.phase(key) is MessagePhase.GONE


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
def test_a_giving_up_that_died_anywhere_is_finished_by_the_next_one(
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    for number in count():
        world = World()
        key = uncommitted(world)
        failing = FailingAt(number, after_effect)
        try:
            with world.watching(failing):
                world.abandon_reservation(key)
        except Crash:
            assert world.abandon_reservation(key) is True
            assert world.leaves_nothing_behind(key)
        if len(failing.calls) <= number:
            break
    assert number >= 4


def test_of_a_commit_and_a_giving_up_at_once_exactly_one_wins_wherever_they_meet() -> None:
    winners = set()
    for number in count():
        world = World()
        key = uncommitted(world)
        commit = partial(world.index.commit, key, MessagePhase.QUEUED, lambda: (0,))
        meeting = Meanwhile(number, commit)
        with world.watching(meeting):
            given_up = world.abandon_reservation(key)
        if not meeting.has_happened:
            break
        assert world.listed() == ([] if given_up else [key])
        winners.add(given_up)
    assert winners == {True, False}
