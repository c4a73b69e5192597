"""Messages that answer others: the thread they join, and the headers that say so."""

from dataclasses import replace

import pytest

from chalicelib.domain.errors import AgentSendError, ErrorCode, NotFound
from chalicelib.domain.ids import AccountId, MessageKey, ThreadKey
from chalicelib.domain.message import RecipientKind
from tests.factories.accounts import ACCOUNT_ID, make_account, make_caller, make_inbox
from tests.factories.messages import make_mailbox
from tests.operations.refusals import answer, refused
from tests.operations.watched import Crash, Failing, Meanwhile
from tests.operations.world import ADA, BOB, EVE, INBOX, World, make_draft

FIRST = MessageKey(INBOX, 0)


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
    world.accounts.create(make_account(id=stranger))
    foreign = world.submit(caller=make_caller(account_id=stranger), inbox_number=8).content.thread
    unreachable = world.submit(inbox_number=9).content.thread
    bound = make_caller(inbox_numbers=frozenset({INBOX}))
    world.named.clear()
    world.work()

    answers = {
        answer(error)
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
    world.delete_message(FIRST, world.caller)
    world.work()

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


def test_a_reply_to_a_message_not_yet_sent_names_ours_for_the_time_being() -> None:
    world = World()
    parent = world.submitted()

    reply = world.submit(make_draft(thread=ThreadKey(INBOX, 0))).content

    assert reply.in_reply_to == own_header(world, parent)
    assert reply.references == (own_header(world, parent),)


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
