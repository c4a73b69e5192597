"""Accepting a message: what is stored and in which order, who is refused, and that nothing half-accepted is seen."""

from datetime import timedelta

import pytest

from chalicelib.domain.address import Mailbox
from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message import DeliveryMode, Direction, MessageContent
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import PageRequest, SendJob
from tests.factories.accounts import ACCOUNT_ID, KEY_ID, NOON
from tests.factories.messages import make_mailbox
from tests.operations.watched import Meanwhile, Recording
from tests.operations.world import ADA, BOB, EVE, INBOX, World, make_draft

FIRST = MessageKey(INBOX, 0)


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
        created_at=NOON,
        key_id=KEY_ID,
    )
    assert world.get_message(FIRST, world.caller) == message


def test_a_message_is_queued_for_a_worker() -> None:
    world = World()
    world.submit()

    assert world.waiting() == [(0, SendJob(FIRST, queued_at=NOON, thread=ThreadKey(INBOX, 0)))]


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


# ----------------------------------------------------------------------------------------------- the order of things


def test_the_name_comes_before_anything_is_stored_and_the_commit_after_everything() -> None:
    world = World()
    recording = Recording()

    def named(key: MessageKey) -> None:
        recording.calls.append("named")
        assert key == FIRST

    with world.watching(recording):
        world.submit_message(make_draft(), inbox_number=INBOX, caller=world.caller, name_resource=named)

    stored = ["messages.put", "threads.begin", "send_queue.put"]
    assert recording.calls[:4] == ["inboxes.reserve", "accounts.reserve", "suppressions.find", "named"]
    assert sorted(recording.calls[4:7]) == sorted(stored)
    assert recording.calls[7:] == ["index.commit"]


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
