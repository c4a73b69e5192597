"""How much an inbox and an account send in a day: never more, whoever asks at once, and what comes to nothing counts not."""

from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from chalicelib.domain.account import SwitchStatus
from chalicelib.domain.errors import AgentSendError, ErrorCode, Forbidden, NotFound, TooMany, Unavailable
from chalicelib.domain.inbox import InboxStatus
from chalicelib.operations.ports import AccountSettings
from tests.factories.accounts import ACCOUNT_ID, NOON, make_caller
from tests.operations.refusals import answer, refused
from tests.operations.watched import Failing, Recording
from tests.operations.world import INBOX, World, make_draft
from tests.storage.parallel import at_once

LIMIT = 10


def world_of(account_limit: int, **inbox: object) -> World:
    world = World(**inbox)
    limit(world, account_limit)
    return world


def limit(world: World, messages: int) -> None:
    world.accounts.save_settings(ACCOUNT_ID, AccountSettings(daily_send_limit=messages))


def sent_today(world: World) -> tuple[int, int]:
    """By the inbox, and by the account."""
    account = world.accounts.get(ACCOUNT_ID)
    assert account is not None
    day = f"{world.clock():%Y-%m-%d}"
    return world.inbox().sends_on(day), account.sends_on(day)


def submitted_at_once(world: World, requests: int) -> list[str]:
    """What became of so many requests, every one of which has begun when the first goes on."""
    barrier = Barrier(32)

    def submit() -> str:
        barrier.wait()
        try:
            world.submit()
        except AgentSendError as error:
            return error.code
        return "accepted"

    return at_once([submit] * requests, threads=32)


def test_the_account_may_send_so_many_messages_a_day_and_is_told_to_wait_until_midnight() -> None:
    world = world_of(2)
    world.submit()
    world.submit()
    world.named.clear()
    world.work()

    error = refused(world, TooMany, world.submit)

    assert error.code is ErrorCode.DAILY_LIMIT_EXCEEDED
    assert isinstance(error, TooMany)
    assert error.retry_after == 12 * 3_600
    assert "This account has sent its 2 messages" in error.message
    assert sent_today(world) == (2, 2)  # what was refused is not counted


def test_the_inboxes_of_an_account_share_its_day() -> None:
    world = world_of(2)
    world.inboxes.create(replace(world.inbox(), number=8, address="second@mail.example.com"))
    world.submit()
    world.submit(inbox_number=8)

    for number in (INBOX, 8):
        with pytest.raises(TooMany):
            world.submit(inbox_number=number)


@pytest.mark.parametrize("account", [LIMIT, 10_000])
@pytest.mark.parametrize("inbox", [LIMIT, 10_000])
def test_of_64_requests_by_32_clients_exactly_10_pass_whichever_limit_it_is(inbox: int, account: int) -> None:
    world = world_of(account, daily_send_limit=inbox)
    for _ in range(2):
        outcomes = submitted_at_once(world, 64)
        allowed = min(inbox, account, 64)
        assert outcomes.count("accepted") == allowed
        assert outcomes.count("DAILY_LIMIT_EXCEEDED") == 64 - allowed
        assert sent_today(world) == (allowed, allowed)
        world.clock.advance(86_400)


def test_across_midnight_each_day_has_its_own_limit_whatever_clocks_say() -> None:
    """Clients whose clocks differ by a second meet around midnight: the new day is never begun twice."""
    world = world_of(LIMIT)
    world.clock.now = NOON.replace(hour=23, minute=59, second=59)
    assert submitted_at_once(world, 64).count("accepted") == LIMIT
    world.clock.advance(1)
    assert submitted_at_once(world, 32).count("accepted") == LIMIT
    world.clock.advance(-1)  # a request from before midnight, or a slow clock
    world.named.clear()

    late = refused(world, TooMany, world.submit)

    assert isinstance(late, TooMany)
    assert late.retry_after == 1
    world.clock.advance(1)
    assert sent_today(world) == (LIMIT, LIMIT)


def test_with_plenty_left_both_are_asked_side_by_side_and_else_in_turn() -> None:
    world = world_of(10_000)
    together: list[int] = []
    claims = world.submit_message.reserve
    for messages in (10_000, 1_001, 10_000):
        limit(world, messages)
        world.submit()
        together.append(len(claims(INBOX, world.caller).calls()))
    world.clock.advance(86_400)
    together.append(len(claims(INBOX, world.caller).calls()))  # a new day has all of it again

    assert together == [2, 1, 2, 2]


def test_a_request_that_the_inbox_refuses_takes_nothing_of_the_accounts_day() -> None:
    world = world_of(LIMIT, daily_send_limit=0)
    recording = Recording()
    with world.watching(recording), pytest.raises(TooMany):
        world.submit()
    assert "accounts.reserve" not in recording.calls


@pytest.mark.parametrize("plenty", [False, True])
@pytest.mark.parametrize(
    "call", ["inboxes.reserve", "accounts.reserve", "messages.put", "threads.begin", "index.commit"]
)
def test_what_came_to_nothing_is_given_back_to_both(call: str, *, plenty: bool) -> None:
    world = world_of(1_000_000 if plenty else LIMIT)
    world.submit()
    counted = sent_today(world)

    with world.watching(Failing(call, [Unavailable("no answer")])), pytest.raises(Unavailable):
        world.submit()

    assert sent_today(world) == counted


def test_what_came_to_nothing_after_midnight_leaves_the_new_day_alone() -> None:
    world = world_of(LIMIT)

    def midnight() -> Unavailable:
        world.clock.advance(86_400)
        world.submit()
        return Unavailable("no answer")

    class Late(Failing):
        def __call__(self, call: str, effect: object) -> object:
            if call == "messages.put" and not world.named[1:]:
                raise midnight()
            return effect()  # type: ignore[operator]

    with world.watching(Late("messages.put", [])), pytest.raises(Unavailable):
        world.submit()

    assert sent_today(world) == (1, 1)


# -------------------------------------------------------------------------------------------- suspended


@pytest.mark.parametrize("whose", ["status", "own_status"])
@pytest.mark.parametrize("known", [False, True])
def test_a_suspended_account_does_not_send_and_reads_what_it_has(whose: str, *, known: bool) -> None:
    world = world_of(10_000)
    world.submit()
    if known:
        world.submit()
    world.named.clear()
    account = world.accounts.accounts[ACCOUNT_ID]
    suspended: dict[str, Any] = {whose: SwitchStatus.SUSPENDED}
    world.accounts.accounts[ACCOUNT_ID] = replace(account, **suspended)

    error = refused(world, Forbidden, world.submit)

    assert error.code is ErrorCode.ACCOUNT_SUSPENDED
    assert sent_today(world) == (1 + known, 1 + known)
    assert len(world.listed()) == 1 + known


def test_an_unknown_and_a_foreign_inbox_are_answered_alike_whatever_the_account_may_do() -> None:
    answers = set()
    for messages in (0, LIMIT, 1_000_000):
        world = world_of(messages)
        answers.add(answer(refused(world, NotFound, lambda: world.submit(inbox_number=99))))  # noqa: B023
        stranger = make_caller(account_id="acc_another")
        answers.add(answer(refused(world, NotFound, lambda: world.submit(caller=stranger))))  # noqa: B023
    assert len(answers) == 1


def test_a_suspended_inbox_says_so_before_its_account_is_asked() -> None:
    world = world_of(0, status=InboxStatus.SUSPENDED)
    assert refused(world, Forbidden, world.submit).code is ErrorCode.INBOX_SUSPENDED


def test_replies_and_messages_to_many_count_one_each() -> None:
    world = world_of(LIMIT)
    first = world.submit(make_draft("a@example.com", "b@example.com", "c@example.com"))
    world.clock.now += timedelta(seconds=1)
    world.submit(make_draft(thread=first.content.thread))
    assert sent_today(world) == (2, 2)
