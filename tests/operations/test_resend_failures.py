"""The late resend happens once, whoever else is at the message and wherever its worker dies."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import SendJob
from tests.factories.accounts import NOON
from tests.operations.unanswered import hear_of_another, overdue
from tests.operations.watched import Crash, Effect, FailingAt, Meanwhile
from tests.operations.world import World

FAILURES: dict[str, Callable[[], BaseException]] = {"crash": Crash, "error": lambda: Unavailable("no answer")}


def rivals_at_every_call() -> Iterator[World]:
    """A world for each call of the resending job, in which another job of the message came right before that call."""
    for number in count():
        world, key = overdue()
        job = world.taken()
        meanwhile = Meanwhile(number, partial(world.deliver, SendJob(key, NOON)))
        with world.watching(meanwhile):
            world.deliver(job)
        world.work()
        if not meanwhile.has_happened:
            assert number > 6, "a resend makes more calls than that"
            return
        assert world.status(key) is MessageStatus.SENT
        yield world


def test_two_workers_resend_once_wherever_they_meet() -> None:
    for world in rivals_at_every_call():
        assert len(world.provider.mails) == 1


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_at_any_call_of_the_resend_is_harmless(
    kind: str,
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    for number in count():
        world, key = overdue()
        failing = FailingAt(number, after_effect, FAILURES[kind]())
        with world.watching(failing):
            world.work()
        assert len(world.provider.mails) <= 1
        assert world.waiting() == []
        wanted = {MessageStatus.SENT, MessageStatus.FAILED} if world.provider.mails else {MessageStatus.FAILED}
        assert world.status(key) in wanted
        assert world.status(key) is world.delivery(key).message_status
        if len(failing.calls) <= number:
            assert number > 6, "a resend makes more calls than that"
            assert world.status(key) is MessageStatus.SENT
            return


def test_a_message_deleted_at_any_call_of_the_resend_leaves_nothing_behind() -> None:
    for number in count():
        world, key = overdue()
        meanwhile = Meanwhile(number, partial(world.delete_message, key, world.caller))
        with world.watching(meanwhile):
            world.work()
        if not meanwhile.has_happened:
            assert number > 6
            return
        assert world.leaves_nothing_behind(key)
        assert len(world.provider.mails) <= 1


HAPPENINGS = st.dictionaries(
    st.integers(0, 30), st.sampled_from(["crash", "error", "another worker", "news of another", "hours"]), max_size=6
)


@settings(max_examples=200)
@given(HAPPENINGS)
@example({0: "hours", 4: "another worker", 5: "hours", 15: "crash"})  # died over showing a failure that was overtaken
def test_in_any_turmoil_a_message_is_handed_over_at_most_once_more(happenings: dict[int, str]) -> None:
    world, key = overdue()
    numbers = count()

    def turmoil(_: str, effect: Effect) -> Any:
        match happenings.get(next(numbers)):
            case "crash":
                raise Crash
            case "error":
                raise Unavailable("no answer")
            case "another worker":
                world.deliver(SendJob(key, NOON))
            case "news of another":
                with suppress(Crash, Unavailable):
                    hear_of_another(world, world.clock())
            case "hours":
                world.clock.advance(7_200)
        return effect()

    with world.watching(turmoil):
        world.work()

    assert len(world.provider.mails) <= 1
    assert world.status(key) is world.delivery(key).message_status
    assert world.phase(key) in (MessagePhase.SENT, MessagePhase.FAILED)
