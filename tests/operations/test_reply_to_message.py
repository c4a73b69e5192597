"""Answering a message: its thread, its headers, its recipients, and what refuses it."""

from dataclasses import replace
from email import message_from_bytes

import pytest

from chalicelib.domain.account import Caller
from chalicelib.domain.errors import ErrorCode, Forbidden, InvalidInput, NotFound, TooMany, Unavailable
from chalicelib.domain.ids import AccountId, MessageKey
from chalicelib.domain.inbox import InboxStatus
from chalicelib.domain.message import Message, MessageContent
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.thread import REFERENCES_LIMIT
from chalicelib.operations.reply_to_message import Words
from tests.factories.accounts import make_caller, make_inbox
from tests.factories.messages import make_mailbox
from tests.operations.incoming import ADDRESS, make_mail, make_receipt, received
from tests.operations.refusals import answer, refused
from tests.operations.watched import Crash, FailingAt, Meanwhile, Recording, Watch
from tests.operations.world import ADA, BOB, EVE, INBOX, World, make_draft

WORDS = Words(body_text="Certainly.\n")


def reply(
    world: World, to: MessageKey, words: Words = WORDS, *, reply_all: bool = False, caller: Caller | None = None
) -> Message:
    return world.reply_to_message(
        words, to, reply_all=reply_all, caller=caller or world.caller, name_resource=world.named.append
    )


def arrived(world: World, number: int = 1, sender: str = ADA, **mail: object) -> MessageContent:
    """One more mail to the inbox, with a Message-ID of its own."""
    made = make_mail(sender, message_id=f"<{number}@example.com>", **mail)  # type: ignore[arg-type]
    return received(world, made, make_receipt(ses_message_id=f"ses-in-{number}"))


def test_a_reply_goes_to_the_sender_into_the_thread_and_names_what_it_answers() -> None:
    world = World()
    original = arrived(world, references=["<0@example.com>"])

    message = reply(world, original.key)

    content = message.content
    assert message.status is MessageStatus.QUEUED
    assert (content.to, content.cc, content.subject) == ((make_mailbox(ADA),), (), "Re: Hello")
    assert (content.thread, content.body_text) == (original.thread, "Certainly.\n")
    assert (content.in_reply_to, content.references) == ("<1@example.com>", ("<0@example.com>", "<1@example.com>"))
    assert world.listed() == [content.key, original.key]
    assert world.named == [content.key]


def test_what_the_recipient_gets_says_the_same() -> None:
    world = World()
    reply(world, arrived(world).key)
    world.work()

    mail = message_from_bytes(world.provider.mails[0].mail)

    assert (mail["To"], mail["Subject"]) == (ADA, "Re: Hello")
    assert (mail["In-Reply-To"], mail["References"]) == ("<1@example.com>", "<1@example.com>")


def test_a_reply_answers_exactly_that_message_though_the_thread_has_gone_on() -> None:
    world = World()
    first = arrived(world)
    second = arrived(world, 2, in_reply_to="<1@example.com>", references=["<1@example.com>"])
    assert second.thread == first.thread

    content = reply(world, first.key).content

    assert (content.in_reply_to, content.references) == ("<1@example.com>", ("<1@example.com>",))
    assert content.thread == first.thread
    assert world.get_thread(first.thread, world.caller).last_message.content.key == content.key


def test_a_reply_to_an_old_message_of_a_long_thread_finds_it() -> None:
    world = World()
    first = arrived(world)
    for _ in range(40):
        world.submit(make_draft(thread=first.thread))

    assert reply(world, first.key).content.in_reply_to == "<1@example.com>"


def test_a_long_chain_is_cut_in_the_middle() -> None:
    world = World()
    chain = [f"<c{number}@example.com>" for number in range(40)]

    references = reply(world, arrived(world, references=chain).key).content.references

    assert len(references) == REFERENCES_LIMIT
    assert (references[0], references[-1]) == (chain[0], "<1@example.com>")


def test_a_reply_to_our_own_message_goes_on_to_its_recipients_under_ses_message_id() -> None:
    world = World()
    first = world.sent(make_draft(ADA, cc=(make_mailbox(BOB),), bcc=(make_mailbox(EVE),)))

    content = reply(world, first, reply_all=True).content

    assert (content.to, content.cc, content.bcc) == ((make_mailbox(ADA),), (make_mailbox(BOB),), ())
    assert content.in_reply_to == world.delivery(first).message_id_header


def test_reply_all_goes_to_the_others_but_not_to_us() -> None:
    world = World()
    original = arrived(world, to=f"{ADDRESS}, {BOB}", headers=[f"Cc: {EVE}, agent+x@mail.example.com"])

    content = reply(world, original.key, reply_all=True).content

    assert [mailbox.address for mailbox in (*content.to, *content.cc)] == [ADA, BOB, EVE]


def test_the_callers_words_are_taken_over() -> None:
    world = World()
    words = Words(
        subject="Something else",
        body_html="<p>Yes</p>",
        reply_to=(make_mailbox(BOB),),
        headers={"X-Order": "7"},
        metadata={"order": "7"},
    )

    content = reply(world, arrived(world).key, words).content

    assert (content.subject, content.body_text, content.body_html) == ("Something else", None, "<p>Yes</p>")
    assert (content.reply_to, content.headers, content.metadata) == (words.reply_to, words.headers, words.metadata)


def test_a_hostile_mail_is_answered_like_any_other() -> None:
    world = World()
    hostile = (
        b'From: "=?utf-8?q?a=0D=0ABcc:_eve@example.org?=" <ada@example.com>\r\n'
        b"Subject: =?utf-8?q?a=0D=0ABcc:_eve@example.org?=\r\n"
        b"Message-ID: <a b>\r\nReferences: <x\xff> <ok@example.com> junk\r\n\r\nx"
    )

    content = reply(world, received(world, hostile).key).content
    world.work()

    mail = message_from_bytes(world.provider.mails[0].mail)
    assert world.status(content.key) is MessageStatus.SENT
    assert mail["Bcc"] is None
    assert world.provider.mails[0].envelope.rcpt_tos == (ADA,)


# ------------------------------------------------------------------------------------------------------ refusals


def test_a_mail_from_nobody_is_refused_before_anything_is_stored() -> None:
    world = World()
    original = received(world, b"Subject: x\r\n\r\nwords\r\n", make_receipt(mail_from=""))

    error = refused(world, InvalidInput, lambda: reply(world, original.key))

    assert "names no sender" in error.message
    assert world.inbox().sends_today == 0


def test_a_foreign_an_unknown_an_unreachable_and_a_deleted_message_are_answered_alike() -> None:
    world = World()
    world.inboxes.create(make_inbox(number=9, address="third@mail.example.com", next_sequence=0))
    unreachable = world.submit(inbox_number=9).content.key
    mine, gone = arrived(world).key, arrived(world, 2).key
    world.delete_message(gone, world.caller)
    world.named.clear()
    world.work()
    stranger = replace(world.caller, account_id=AccountId("acc_another"))

    answers = {
        answer(error)
        for error in (
            refused(world, NotFound, lambda: reply(world, mine, caller=stranger)),
            refused(world, NotFound, lambda: reply(world, MessageKey(INBOX, 77))),
            refused(
                world, NotFound, lambda: reply(world, unreachable, caller=make_caller(inbox_numbers=frozenset({INBOX})))
            ),
            refused(world, NotFound, lambda: reply(world, gone)),
        )
    }

    assert len(answers) == 1


@pytest.mark.parametrize("call", ["inboxes.get", "threads.get", "index.look"])
def test_a_message_deleted_meanwhile_is_not_answered(call: str) -> None:
    world = World()
    original, other = arrived(world), arrived(world, 2, in_reply_to="<1@example.com>")
    assert other.thread == original.thread

    deleting = Meanwhile(call, lambda: world.delete_message(original.key, world.caller))
    with world.watching(deleting), pytest.raises(NotFound):
        reply(world, original.key)

    assert deleting.has_happened
    assert world.listed() == [other.key]
    assert {job.message for _, job in world.waiting()} == {original.key}  # the deletion, which sees itself through


def test_a_used_up_day_and_a_suspended_or_deleted_inbox_refuse_a_reply_like_any_send() -> None:
    world = World(daily_send_limit=0)
    original = arrived(world)
    assert refused(world, TooMany, lambda: reply(world, original.key)).code is ErrorCode.DAILY_LIMIT_EXCEEDED

    world.inboxes.inboxes[INBOX] = replace(world.inbox(), status=InboxStatus.SUSPENDED)
    assert refused(world, Forbidden, lambda: reply(world, original.key)).code is ErrorCode.INBOX_SUSPENDED

    world.inboxes.inboxes[INBOX] = replace(world.inbox(), status=InboxStatus.DELETED)
    refused(world, NotFound, lambda: reply(world, original.key))


# ------------------------------------------------------------------------------------------------------- crashes

CALLS = 14


def try_to_reply(world: World, to: MessageKey, watch: Watch) -> bool:
    try:
        with world.watching(watch):
            reply(world, to)
    except (Crash, Unavailable):
        return False
    return True


def test_these_are_all_the_calls_a_reply_makes() -> None:
    world, recording = World(), Recording()
    original = arrived(world)

    assert try_to_reply(world, original.key, recording)
    assert len(recording.calls) == CALLS
    assert recording.calls[-1] == "index.commit"
    assert not any(call.startswith("peers.") for call in recording.calls)


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("error", [Crash(), Unavailable("no answer")])
@pytest.mark.parametrize("number", range(CALLS))
def test_whatever_fails_a_reply_is_there_and_sent_once_or_not_at_all(
    number: int,
    error: BaseException,
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    world = World()
    original = arrived(world)

    accepted = try_to_reply(world, original.key, FailingAt(number, after_effect, error))
    visible = world.listed()
    world.work()

    is_committed = number == CALLS - 1 and after_effect
    assert (len(visible) == 2) == (accepted or is_committed)
    assert world.listed() == visible
    assert len(world.provider.mails) == len(visible) - 1
    assert world.get_thread(original.thread, world.caller).thread.message_count == len(visible)
