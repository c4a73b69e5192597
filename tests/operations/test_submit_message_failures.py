"""A request that dies, sleeps or gets no reply: nothing half-accepted is seen, and no answer is untrue."""

from typing import Any

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from tests.operations.watched import Crash, Effect, Failing, FailingAt, Meanwhile, Recording, Watch
from tests.operations.world import ABANDON_AFTER, INBOX, World, make_draft

FIRST = MessageKey(INBOX, 0)
STORE_CALLS = 7  # that a submitted message makes; the last of them is the commit
COUNTING = 3  # the first of them, before anything is stored: two counts, and who is suppressed
FAILURES = [(number, after) for number in range(STORE_CALLS) for after in (False, True)]
COMMITTED = (STORE_CALLS - 1, True)


def try_to_submit(world: World, watch: Watch) -> bool:
    """Whether the caller got an answer that says accepted."""
    try:
        with world.watching(watch):
            world.submit()
    except (Crash, Unavailable):
        return False
    return True


def test_these_are_all_the_calls_a_submitted_message_makes() -> None:
    world, recording = World(), Recording()

    assert try_to_submit(world, recording)
    assert len(recording.calls) == STORE_CALLS
    assert recording.calls[COMMITTED[0]] == "index.commit"


@pytest.mark.parametrize(("number", "after_effect"), FAILURES)
def test_after_a_crash_anywhere_nothing_is_visible_or_the_message_is_sent_once(
    number: int,
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    world = World()
    accepted = try_to_submit(world, FailingAt(number, after_effect))
    visible = world.listed()
    world.work()

    assert visible == ([FIRST] if accepted or (number, after_effect) == COMMITTED else [])
    assert world.listed() == visible
    assert len(world.provider.mails) == len(visible)


@pytest.mark.parametrize(("number", "after_effect"), FAILURES)
def test_after_an_error_anywhere_the_answer_tells_the_truth(
    number: int,
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    world = World()
    accepted = try_to_submit(world, FailingAt(number, after_effect, Unavailable("no answer from the table")))
    visible = world.listed()
    world.work()

    assert visible == ([FIRST] if accepted else [])
    assert world.listed() == visible
    assert len(world.provider.mails) == len(visible)


@pytest.mark.parametrize(
    ("number", "after_effect"), [case for case in FAILURES if case[0] >= COUNTING and case != COMMITTED]
)
def test_an_error_leaves_nothing_behind(number: int, after_effect: bool) -> None:  # noqa: FBT001 - a table's column
    world = World()

    assert not try_to_submit(world, FailingAt(number, after_effect, Unavailable("no answer from the table")))
    world.work()

    assert world.leaves_nothing_behind(FIRST)


def test_a_commit_whose_reply_was_lost_is_still_accepted() -> None:
    world = World()
    with world.watching(Failing("index.commit", [Unavailable("no answer from the table")], after_effect=True)):
        assert world.submit().status is MessageStatus.QUEUED
    world.work()

    assert len(world.provider.mails) == 1


def test_a_commit_that_failed_is_refused_for_good() -> None:
    world = World()
    failing = Failing("index.commit", [Unavailable("no answer from the table")])

    with world.watching(failing), pytest.raises(Unavailable) as refusal:
        world.submit()

    assert refusal.value.retryable
    assert world.phase(FIRST) is MessagePhase.GONE


def test_a_request_that_slept_until_its_reservation_was_killed_is_refused() -> None:
    world = World()

    def give_up() -> None:
        world.clock.advance(ABANDON_AFTER.total_seconds() + 1)
        world.deliver_next()

    with world.watching(Meanwhile("index.commit", give_up)), pytest.raises(Unavailable):
        world.submit()
    world.work()

    assert world.leaves_nothing_behind(FIRST)
    assert world.provider.mails == []


@pytest.mark.parametrize("moment", ["messages.put", "threads.begin"])
def test_a_request_that_is_killed_before_it_stored_anything_clears_away_what_it_then_stores(moment: str) -> None:
    world = World()
    killing = Meanwhile(moment, lambda: world.abandon_reservation(FIRST))

    with world.watching(killing), pytest.raises(Unavailable):
        world.submit()

    assert world.leaves_nothing_behind(FIRST)


class LandsLate:
    """The commit gets no answer, and is carried out only later."""

    def __init__(self) -> None:
        self.late: Effect | None = None

    def __call__(self, call: str, effect: Effect) -> Any:
        if call == "index.commit" and self.late is None:
            self.late = effect
            raise Unavailable("no answer")
        return effect()


def test_a_commit_that_lands_behind_the_refusal_makes_nothing_visible() -> None:
    world, commit = World(), LandsLate()
    with world.watching(commit), pytest.raises(Unavailable):
        world.submit()

    assert commit.late is not None
    assert not commit.late()
    world.work()

    assert world.provider.calls == 0
    assert world.leaves_nothing_behind(FIRST)


def test_a_message_whose_request_cannot_be_named_is_not_counted() -> None:
    world = World()

    def name(_key: MessageKey) -> None:
        raise Unavailable("no answer")

    with pytest.raises(Unavailable):
        world.submit_message(make_draft(), inbox_number=INBOX, caller=world.caller, name_resource=name)

    assert (world.inbox().sends_today, world.inbox().total_sent) == (0, 40)


@pytest.mark.parametrize("call", ["messages.put", "send_queue.put", "index.commit"])
def test_a_refused_message_is_not_counted(call: str) -> None:
    world = World()

    for _ in range(3):
        with world.watching(Failing(call, [Unavailable("no answer")])), pytest.raises(Unavailable):
            world.submit()

    assert (world.inbox().sends_today, world.inbox().total_sent) == (0, 40)


def test_the_request_after_a_refused_one_is_accepted_under_the_next_number() -> None:
    world = World()
    with world.watching(Failing("send_queue.put", [Unavailable("no queue")])), pytest.raises(Unavailable):
        world.submit()

    assert world.submitted() == MessageKey(INBOX, 1)
