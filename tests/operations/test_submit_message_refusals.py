"""Who may not send, and how they are told; of a refused message nothing is stored."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import ErrorCode, Forbidden, NotFound, TooMany
from chalicelib.domain.ids import AccountId, MessageKey
from chalicelib.domain.inbox import InboxStatus
from chalicelib.domain.message_status import MessageStatus
from tests.factories.accounts import NOON, make_caller
from tests.operations.refusals import answer, refused
from tests.operations.world import INBOX, World

FIRST = MessageKey(INBOX, 0)


def test_over_the_days_limit_the_caller_is_told_to_wait_until_midnight() -> None:
    world = World(daily_send_limit=2)
    world.submit()
    world.submit()
    world.named.clear()
    world.work()

    error = refused(world, TooMany, world.submit)

    assert error.code is ErrorCode.DAILY_LIMIT_EXCEEDED
    assert isinstance(error, TooMany)
    assert error.retry_after == 12 * 3_600
    assert "2" in error.message


@given(st.integers(0, 86_399))
def test_the_wait_ends_right_at_midnight(second: int) -> None:
    world = World(daily_send_limit=0)
    world.clock.now = NOON.replace(hour=0) + timedelta(seconds=second)

    error = refused(world, TooMany, world.submit)

    assert isinstance(error, TooMany)
    assert world.clock() + timedelta(seconds=error.retry_after) == NOON.replace(hour=0) + timedelta(days=1)


def test_the_next_day_begins_with_a_new_count() -> None:
    world = World(daily_send_limit=1)
    world.submit()
    world.clock.advance(86_400)

    world.submit()

    assert world.inbox().sends_on("2026-11-23") == 1


def test_a_suspended_inbox_does_not_send() -> None:
    world = World(status=InboxStatus.SUSPENDED)

    assert refused(world, Forbidden, world.submit).code is ErrorCode.INBOX_SUSPENDED


def test_a_deleted_a_foreign_an_unknown_and_an_unreachable_inbox_are_answered_alike() -> None:
    deleted = World()
    deleted.inboxes.delete(deleted.inbox())
    foreign = World(account_id=AccountId("acc_another"))
    ours = World()
    bound = make_caller(inbox_numbers=frozenset({INBOX + 1}))

    answers = {
        answer(error)
        for error in (
            refused(deleted, NotFound, deleted.submit),
            refused(foreign, NotFound, foreign.submit),
            refused(ours, NotFound, lambda: ours.submit(inbox_number=99)),
            refused(ours, NotFound, lambda: ours.submit(caller=bound)),
        )
    }

    assert len(answers) == 1


def test_a_key_bound_to_the_inbox_sends_from_it() -> None:
    world = World()

    assert world.submit(caller=make_caller(inbox_numbers=frozenset({INBOX}))).status is MessageStatus.QUEUED
