"""Deleting a message: nothing of it stays, its thread follows, and a deletion that died is finished by the next."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

import pytest

from chalicelib.domain.errors import NotFound, Unavailable
from chalicelib.domain.ids import AccountId, MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import PageRequest
from tests.factories.accounts import make_caller
from tests.operations.refusals import answer
from tests.operations.watched import Crash, FailingAt, Meanwhile
from tests.operations.world import INBOX, World, make_draft

THREAD = ThreadKey(INBOX, 0)


def conversation(length: int = 3) -> tuple[World, list[MessageKey]]:
    """A thread of sent messages."""
    world = World()
    return world, [world.sent(), *(world.sent(make_draft(thread=THREAD)) for _ in range(length - 1))]


def test_a_deleted_message_is_gone_for_every_reader() -> None:
    world = World()
    key = world.sent()

    world.delete_message(key, world.caller)

    assert world.leaves_nothing_behind(key)
    assert world.listed() == []
    for read in (world.get_message, world.list_events, world.read_raw):
        with pytest.raises(NotFound):
            read(key, world.caller)


def test_deleting_again_is_answered_like_an_unknown_message() -> None:
    world = World()
    key = world.sent()
    world.delete_message(key, world.caller)

    answers = set()
    for unknown in (key, MessageKey(INBOX, 99)):
        with pytest.raises(NotFound) as refused:
            world.delete_message(unknown, world.caller)
        answers.add(answer(refused.value))

    assert len(answers) == 1


def test_a_message_of_another_account_or_out_of_the_keys_reach_stays() -> None:
    world = World()
    key = world.sent()

    for caller in (make_caller(account_id=AccountId("acc_another")), make_caller(inbox_numbers=frozenset({INBOX + 1}))):
        with pytest.raises(NotFound):
            world.delete_message(key, caller)

    assert world.listed() == [key]


def test_a_queued_message_is_not_sent() -> None:
    world = World()
    key = world.submitted()

    world.delete_message(key, world.caller)
    world.work()

    assert world.provider.calls == 0


def test_the_sequence_number_of_a_deleted_message_is_not_given_out_again() -> None:
    world = World()
    world.delete_message(world.submitted(), world.caller)

    assert world.submitted() == MessageKey(INBOX, 1)


# ------------------------------------------------------------------------------------------------ its thread


def test_the_thread_goes_with_its_last_message() -> None:
    world, keys = conversation(2)
    for key in keys:
        world.delete_message(key, world.caller)

    assert world.threads.get(THREAD) is None
    assert world.list_threads(INBOX, world.caller, PageRequest()).total == 0
    with pytest.raises(NotFound):
        world.get_thread(THREAD, world.caller)


@pytest.mark.parametrize(("deleted", "newest"), [(0, 2), (1, 2), (2, 1)])
def test_the_thread_shows_its_newest_message_that_is_left(deleted: int, newest: int) -> None:
    world, keys = conversation()

    world.delete_message(keys[deleted], world.caller)

    (summary,) = world.list_threads(INBOX, world.caller, PageRequest()).items
    assert summary == world.get_thread(THREAD, world.caller)
    assert summary.last_message.content.key == keys[newest]
    assert summary.thread.message_count == 2


# --------------------------------------------------------------------------------------------------- crashes


def deletions_failing_at_every_call(
    error: Callable[[], BaseException], *, after_effect: bool
) -> Iterator[tuple[World, MessageKey]]:
    """A world for each call, in which a deletion of the newest message of a thread failed there."""
    for number in count():
        world, keys = conversation()
        failing = FailingAt(number, after_effect, error())
        try:
            with world.watching(failing):
                world.delete_message(keys[-1], world.caller)
        except (Crash, Unavailable):
            yield world, keys[-1]
        if len(failing.calls) <= number:
            assert number >= 6
            return


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [Crash, lambda: Unavailable("no answer")], ids=["crash", "error"])
def test_a_deletion_that_failed_anywhere_is_finished_by_the_next_one(
    error: Callable[[], BaseException],
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    for world, key in deletions_failing_at_every_call(error, after_effect=after_effect):
        try:
            world.delete_message(key, world.caller)
        except NotFound:
            assert world.messages.get(key) is None

        assert world.phase(key) is MessagePhase.GONE
        assert world.messages.get(key) is None
        assert world.messages.get_delivery(key) is None
        assert world.threads.newest_members(THREAD) == (0, 1)
        assert world.get_thread(THREAD, world.caller).thread.message_count == 2


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
def test_a_deletion_that_died_has_hidden_the_message_or_done_nothing(
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    for world, key in deletions_failing_at_every_call(Crash, after_effect=after_effect):
        if world.phase(key) is MessagePhase.GONE:
            assert key not in world.listed()
        else:
            assert world.read_raw(key, world.caller)
            assert world.get_thread(THREAD, world.caller).last_message.content.key == key


def test_a_queued_message_whose_deletion_died_is_cleared_away_by_its_job() -> None:
    for number in count(5):  # from the one on that hides the message
        world = World()
        key = world.submitted()
        failing = FailingAt(number, after_effect=True)
        try:
            with world.watching(failing):
                world.delete_message(key, world.caller)
        except Crash:
            world.work()
            assert world.leaves_nothing_behind(key)
            assert world.provider.calls == 0
        if len(failing.calls) <= number:
            break
    assert number >= 4


def test_two_who_delete_at_once_meet_anywhere_and_leave_nothing_behind() -> None:
    for number in count():
        world = World()
        key = world.sent()
        meeting = Meanwhile(number, partial(world.delete_message, key, world.caller))
        try:
            with world.watching(meeting):
                world.delete_message(key, world.caller)
        except NotFound:
            assert meeting.has_happened
        if not meeting.has_happened:
            break
        assert world.leaves_nothing_behind(key)
    assert number >= 4
