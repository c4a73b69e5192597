"""Accepting a message: what is stored and in which order, who is refused, and that nothing half-accepted is seen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.address import Mailbox
from chalicelib.domain.errors import AgentSendError, ErrorCode, Forbidden, NotFound, TooMany, Unavailable
from chalicelib.domain.ids import AccountId, MessageKey, ThreadKey
from chalicelib.domain.inbox import InboxStatus
from chalicelib.domain.message import DeliveryMode, Direction, MessageContent, RecipientKind
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import PageRequest, SendJob
from tests.factories.accounts import ACCOUNT_ID, NOON, make_caller, make_inbox
from tests.factories.messages import make_mailbox
from tests.operations.watched import Crash, Failing, FailingAt, Meanwhile, Recording, Watch
from tests.operations.world import ABANDON_AFTER, ADA, BOB, EVE, INBOX, World, make_draft

FIRST = MessageKey(INBOX, 0)
STORE_CALLS = 5  # that a submitted message makes; the last of them is the commit
FAILURES = [(number, after) for number in range(STORE_CALLS) for after in (False, True)]
COMMITTED = (STORE_CALLS - 1, True)


# ----------------------------------------------------------------------------------------------- accepted


def test_the_answer_shows_the_message_queued_with_what_the_caller_wrote() -> None:
    world = World()
    draft = make_draft(
        ADA,
        cc=(make_mailbox(BOB, "Bob"),),
        bcc=(make_mailbox(EVE),),
        reply_to=(make_mailbox("desk@example.com"),),
        body_html="<p>Hi.</p>",
        headers={"X-Order": "17"},
        metadata={"order": "17"},
    )

    message = world.submit(draft)

    assert message.status is MessageStatus.QUEUED
    assert message.delivery is None
    assert message.content == MessageContent(
        key=FIRST,
        thread=ThreadKey(INBOX, 0),
        account_id=ACCOUNT_ID,
        direction=Direction.OUTBOUND,
        mode=DeliveryMode.EMAIL,
        sender=Mailbox("agent@mail.example.com", "Agent"),
        to=draft.to,
        cc=draft.cc,
        bcc=draft.bcc,
        reply_to=draft.reply_to,
        subject="Hello",
        body_text="Hi.\n",
        body_html="<p>Hi.</p>",
        headers={"X-Order": "17"},
        metadata={"order": "17"},
        in_reply_to=None,
        references=(),
        awaits_parent=None,
        created_at=NOON,
    )
    assert world.get_message(FIRST, world.caller) == message


def test_a_message_is_queued_for_a_worker() -> None:
    world = World()
    world.submit()

    assert world.waiting() == [(0, SendJob(FIRST, queued_at=NOON))]


def test_messages_of_an_inbox_are_numbered_in_the_order_they_come_and_listed_newest_first() -> None:
    world = World()

    keys = [world.submitted() for _ in range(3)]

    assert [key.sequence for key in keys] == [0, 1, 2]
    assert world.listed() == keys[::-1]


def test_the_accepted_time_is_what_the_api_can_show() -> None:
    world = World()
    world.clock.now += timedelta(microseconds=123_456)

    assert world.submit().content.created_at == NOON + timedelta(milliseconds=123)


def test_an_inbox_without_a_display_name_sends_under_its_address() -> None:
    assert World(display_name=None).submit().content.sender == Mailbox("agent@mail.example.com", "")


def test_each_accepted_message_counts_against_the_day() -> None:
    world = World()
    for _ in range(3):
        world.submit()

    assert world.inbox().sends_on("2026-11-22") == 3


# ------------------------------------------------------------------------------------- the order of things


def test_the_name_comes_before_anything_is_stored_and_the_commit_after_everything() -> None:
    world = World()
    recording = Recording()

    def named(key: MessageKey) -> None:
        recording.calls.append("named")
        assert key == FIRST

    with world.watching(recording):
        world.submit_message(make_draft(), inbox_number=INBOX, caller=world.caller, name_resource=named)

    stored = ["messages.put", "threads.begin", "send_queue.put"]
    assert recording.calls[:2] == ["inboxes.reserve", "named"]
    assert sorted(recording.calls[2:5]) == sorted(stored)
    assert recording.calls[5:] == ["index.commit"]
    assert len(recording.calls) == STORE_CALLS + 1


@pytest.mark.parametrize("moment", ["messages.put", "threads.begin", "send_queue.put", "index.commit"])
def test_nothing_is_visible_before_the_commit(moment: str) -> None:
    world = World()
    seen: list[object] = []

    def look() -> None:
        seen.append(world.listed())
        seen.append(world.list_threads(INBOX, world.caller, PageRequest()).total)
        with pytest.raises(NotFound):
            world.get_message(FIRST, world.caller)
        with pytest.raises(NotFound):
            world.get_thread(ThreadKey(INBOX, 0), world.caller)

    with world.watching(Meanwhile(moment, look)):
        world.submit()

    assert seen == [[], 0]
    assert world.listed() == [FIRST]


def test_a_worker_that_is_faster_than_the_commit_waits_for_it() -> None:
    world = World()
    with world.watching(Meanwhile("index.commit", world.deliver_next)):
        world.submit()
    world.work()

    assert world.status(FIRST) is MessageStatus.SENT
    assert len(world.provider.mails) == 1


# ---------------------------------------------------------------------------------- crashes and lost replies


def try_to_submit(world: World, watch: Watch) -> bool:
    """Whether the caller got an answer that says accepted."""
    try:
        with world.watching(watch):
            world.submit()
    except (Crash, Unavailable):
        return False
    return True


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


@pytest.mark.parametrize(("number", "after_effect"), [case for case in FAILURES if case[0] > 0 and case != COMMITTED])
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


def test_the_request_after_a_refused_one_is_accepted_under_the_next_number() -> None:
    world = World()
    with world.watching(Failing("send_queue.put", [Unavailable("no queue")])), pytest.raises(Unavailable):
        world.submit()

    assert world.submitted() == MessageKey(INBOX, 1)


# ------------------------------------------------------------------------------------------- who is refused


def refused(world: World, error: type[AgentSendError], submit: Callable[[], object]) -> AgentSendError:
    """The refusal, after making sure that nothing was named, stored or queued."""
    recording = Recording()
    with world.watching(recording), pytest.raises(error) as caught:
        submit()
    assert world.named == []
    assert not {"messages.put", "threads.begin", "threads.join", "send_queue.put", "index.commit"} & set(
        recording.calls
    )
    assert world.waiting() == []
    return caught.value


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
        (error.code, error.message, error.fix)
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


# ----------------------------------------------------------------------------------------------- threads


def test_a_first_message_begins_a_thread_with_the_sender_and_everyone_but_blind_copies() -> None:
    world = World()
    world.submit(make_draft(ADA, ADA, cc=(make_mailbox(BOB),), bcc=(make_mailbox(EVE),), subject="Lunch"))

    summary = world.get_thread(ThreadKey(INBOX, 0), world.caller)

    assert summary.thread.subject == "Lunch"
    assert sorted(summary.thread.participants) == [ADA, "agent@mail.example.com", BOB]
    assert summary.thread.message_count == 1
    assert summary.thread.account_id == ACCOUNT_ID
    assert summary.last_message.content.key == FIRST


def test_a_reply_joins_the_thread_and_brings_its_recipients_but_not_its_blind_copies() -> None:
    world = World()
    thread = world.submit().content.thread
    world.clock.advance(60)

    reply = world.submit(make_draft(BOB, bcc=(make_mailbox(EVE),), thread=thread, subject="Re: Hello"))

    summary = world.get_thread(thread, world.caller)
    assert reply.content.thread == thread
    assert summary.thread.message_count == 2
    assert summary.thread.subject == "Hello"
    assert sorted(summary.thread.participants) == [ADA, "agent@mail.example.com", BOB]
    assert summary.last_message.content.key == reply.content.key


def test_a_thread_of_another_of_the_callers_inboxes_is_a_mismatch() -> None:
    world = World()
    world.inboxes.create(make_inbox(number=8, address="second@mail.example.com"))
    thread = world.submit().content.thread
    world.named.clear()
    world.work()

    error = refused(world, AgentSendError, lambda: world.submit(make_draft(thread=thread), inbox_number=8))

    assert error.code is ErrorCode.THREAD_INBOX_MISMATCH


def test_a_foreign_an_unknown_and_an_unreachable_thread_are_answered_alike() -> None:
    world = World()
    stranger = AccountId("acc_another")
    world.inboxes.create(make_inbox(number=8, address="other@mail.example.com", account_id=stranger, next_sequence=0))
    world.inboxes.create(make_inbox(number=9, address="third@mail.example.com", next_sequence=0))
    foreign = world.submit(caller=make_caller(account_id=stranger), inbox_number=8).content.thread
    unreachable = world.submit(inbox_number=9).content.thread
    bound = make_caller(inbox_numbers=frozenset({INBOX}))
    world.named.clear()
    world.work()

    answers = {
        (error.code, error.message, error.fix)
        for error in (
            refused(world, NotFound, lambda: world.submit(make_draft(thread=foreign))),
            refused(world, NotFound, lambda: world.submit(make_draft(thread=ThreadKey(INBOX, 77)))),
            refused(world, NotFound, lambda: world.submit(make_draft(thread=unreachable), caller=bound)),
        )
    }

    assert len(answers) == 1


def test_a_thread_of_which_nothing_is_left_cannot_be_answered() -> None:
    world = World()
    thread = world.submit().content.thread
    world.named.clear()
    world.work()
    world.delete_message(FIRST, world.caller)

    refused(world, NotFound, lambda: world.submit(make_draft(thread=thread)))


def test_a_thread_that_goes_while_it_is_answered_is_not_found_and_nothing_stays() -> None:
    world = World()
    thread = world.sent()
    reply = make_draft(thread=ThreadKey(INBOX, thread.sequence))
    deleting = Meanwhile("inboxes.reserve", lambda: world.delete_message(FIRST, world.caller))

    with world.watching(deleting), pytest.raises(NotFound):
        world.submit(reply)
    world.work()

    assert world.leaves_nothing_behind(FIRST)
    assert world.leaves_nothing_behind(MessageKey(INBOX, 1))
    assert len(world.provider.mails) == 1


# -------------------------------------------------------------------------------------------- reply headers


def own_header(world: World, key: MessageKey) -> str:
    return f"<{world.submit_message.public_ids.message_id(key)}@mail.example.com>"


def test_a_reply_names_the_final_message_id_once_ses_has_given_it() -> None:
    world = World()
    parent = world.sent()
    final = world.delivery(parent).message_id_header
    assert final is not None

    reply = world.submit(make_draft(thread=ThreadKey(INBOX, 0))).content

    assert reply.in_reply_to == final
    assert reply.references == (final,)
    assert reply.awaits_parent is None


def test_a_reply_to_a_message_not_yet_sent_names_ours_and_waits_for_the_final_one() -> None:
    world = World()
    parent = world.submitted()

    reply = world.submit(make_draft(thread=ThreadKey(INBOX, 0))).content

    assert reply.in_reply_to == own_header(world, parent)
    assert reply.references == (own_header(world, parent),)
    assert reply.awaits_parent == parent.sequence


def test_a_reply_answers_the_newest_visible_message_with_its_whole_chain() -> None:
    world = World()
    thread = ThreadKey(INBOX, 0)
    first = world.sent()
    second = world.sent(make_draft(thread=thread))
    with world.watching(Failing("send_queue.put", [Crash()])), pytest.raises(Crash):
        world.submit(make_draft(thread=thread))  # joined the thread, but never committed

    third = world.submit(make_draft(thread=thread)).content

    headers = [world.delivery(key).message_id_header for key in (first, second)]
    assert third.in_reply_to == headers[1]
    assert list(third.references) == headers


def test_a_reply_leaves_a_deleted_message_out_of_what_it_answers() -> None:
    world = World()
    thread = ThreadKey(INBOX, 0)
    first = world.sent()
    second = world.sent(make_draft(thread=thread))
    world.delete_message(second, world.caller)

    reply = world.submit(make_draft(thread=thread)).content

    assert reply.in_reply_to == world.delivery(first).message_id_header


def test_the_chain_of_a_long_thread_keeps_its_first_and_its_newest_nineteen() -> None:
    world = World()
    thread = ThreadKey(INBOX, 0)
    keys = [world.sent(), *(world.sent(make_draft(thread=thread)) for _ in range(24))]

    reply = world.submit(make_draft(thread=thread)).content

    headers = [world.delivery(key).message_id_header for key in keys]
    assert list(reply.references) == [headers[0], *headers[-19:]]


def test_every_recipient_keeps_its_place() -> None:
    draft = replace(make_draft(ADA), cc=(make_mailbox(BOB),), bcc=(make_mailbox(EVE),))

    content = World().submit(draft).content

    assert [(kind, mailbox.address) for kind, mailbox in content.recipients] == [
        (RecipientKind.TO, ADA),
        (RecipientKind.CC, BOB),
        (RecipientKind.BCC, EVE),
    ]
