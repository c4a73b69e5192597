"""Receiving a mail: a message in every inbox that the envelope names, and in no other."""

import logging

import pytest

from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import Authentication, Verdict
from chalicelib.domain.delivery import EventType
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.inbox import InboxStatus
from chalicelib.domain.message import Direction
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.get_message import SourceLink
from chalicelib.operations.ports import PageRequest
from chalicelib.operations.receive_message import MailMissing
from tests.factories.accounts import NOON, make_inbox
from tests.operations.incoming import (
    ADDRESS,
    SES_ID,
    arrive,
    content,
    make_mail,
    make_receipt,
    only_message,
    received,
)
from tests.operations.watched import Crash, Failing
from tests.operations.world import ADA, BOB, INBOX, World

SECOND = 8
SECOND_ADDRESS = "second@mail.example.com"


def two_inboxes() -> World:
    world = World()
    world.inboxes.create(make_inbox(number=SECOND, address=SECOND_ADDRESS, next_sequence=0))
    return world


def listed(world: World, inbox_number: int) -> list[MessageKey]:
    page = world.list_messages(inbox_number, world.caller, PageRequest(limit=100))
    assert page.total == len(page.items)
    return [message.content.key for message in page.items]


def test_a_mail_becomes_a_message_of_the_inbox() -> None:
    world = World()
    verdicts = Authentication(Verdict.PASS, Verdict.FAIL, Verdict.GRAY, Verdict.NONE, Verdict.PASS)

    message = received(world, receipt=make_receipt(authentication=verdicts))

    assert world.status(message.key) is MessageStatus.RECEIVED
    assert message.direction is Direction.INBOUND
    assert (message.sender, message.to) == (Mailbox(ADA), (Mailbox(ADDRESS),))
    assert (message.subject, message.created_at) == ("Hello", NOON)
    assert message.arrival is not None
    assert (message.arrival.ses_message_id, message.arrival.message_id_header) == (SES_ID, "<1@example.com>")
    assert message.arrival.authentication == verdicts
    assert message.arrival.raw_size == len(make_mail())


def test_its_source_is_kept_and_the_mail_as_ses_stored_it_is_gone() -> None:
    world = World()

    message = received(world)

    assert world.read_raw(message.key, world.caller) == make_mail()
    assert world.mails.stored == {}


def test_a_source_of_any_bytes_is_read_as_it_came() -> None:
    world = World()
    mail = b"From: ada@example.com\n\n" + bytes(range(256)) * 3 + b"\r\r\n\n"
    assert world.read_raw(received(world, mail).key, world.caller) == mail


def test_a_source_too_long_for_an_answer_is_read_by_a_link_to_the_copy() -> None:
    world = World()
    message = received(world, make_mail(body="long " * 1_000_000))

    link = world.read_raw(message.key, world.caller)

    assert link == SourceLink(world.mails.copy_url(message.key))


def test_its_timeline_begins_with_its_arrival() -> None:
    world = World()

    (entry,) = world.list_events(received(world).key, world.caller)

    assert (entry.type, entry.status, entry.occurred_at) == (EventType.RECEIVED, MessageStatus.RECEIVED, NOON)


def test_it_counts_against_no_limit_of_sending() -> None:
    world = World(daily_send_limit=0)

    received(world)

    assert (world.inbox().sends_today, world.inbox().total_sent) == (0, 40)


def test_a_suspended_inbox_receives() -> None:
    world = World(status=InboxStatus.SUSPENDED)

    assert received(world).key == MessageKey(INBOX, 0)


@pytest.mark.parametrize(
    "recipient", ["Agent@Mail.Example.COM", "agent+orders@mail.example.com", "AGENT+a+b@mail.example.com"]
)
def test_an_inbox_is_reached_in_any_case_and_with_any_tag(recipient: str) -> None:
    world = World()

    message = received(world, receipt=make_receipt(recipient))

    assert (message.bcc == ()) is (recipient.lower() == ADDRESS)


def test_an_inbox_that_the_envelope_names_twice_gets_one_message() -> None:
    world = World()

    world.receive_message(arrive(world, receipt=make_receipt("agent+a@mail.example.com", ADDRESS, ADDRESS.upper())))

    assert only_message(world).bcc == (Mailbox("agent+a@mail.example.com"),)


def test_each_inbox_gets_a_message_of_its_own_and_sees_no_other_recipient_of_the_envelope() -> None:
    world = two_inboxes()

    world.receive_message(arrive(world, receipt=make_receipt(SECOND_ADDRESS, ADDRESS, "eve@mail.example.com")))

    first, second = only_message(world), content(world, listed(world, SECOND)[0])
    assert (first.to, first.bcc) == ((Mailbox(ADDRESS),), ())
    assert (second.to, second.bcc) == ((Mailbox(ADDRESS),), (Mailbox(SECOND_ADDRESS),))
    assert [copy.recipients for _, copy in world.mails.copies.values()] == [(SECOND_ADDRESS,), (ADDRESS,)]


def test_the_to_field_names_no_inbox() -> None:
    world = two_inboxes()

    world.receive_message(arrive(world, make_mail(to=f"{ADDRESS}, {BOB}"), make_receipt(SECOND_ADDRESS)))

    assert world.listed() == []
    assert len(listed(world, SECOND)) == 1


def test_unknown_and_deleted_inboxes_are_dropped_and_counted_without_an_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = two_inboxes()
    world.inboxes.delete(make_inbox(number=SECOND))
    recipients = (SECOND_ADDRESS, "nobody@mail.example.com", "ﬁ@mail.example.com", "a" * 5_000 + "@x.example", ADDRESS)

    with caplog.at_level(logging.INFO):
        world.receive_message(arrive(world, receipt=make_receipt(*recipients)))

    assert len(world.listed()) == 1
    (record,) = [each for each in caplog.records if "dropped" in each.getMessage()]
    assert vars(record)["recipients"] == 4
    assert "@" not in caplog.text


def test_an_inbox_that_the_envelope_names_twice_is_nobody_dropped(caplog: pytest.LogCaptureFixture) -> None:
    world = World()

    with caplog.at_level(logging.INFO):
        world.receive_message(arrive(world, receipt=make_receipt(ADDRESS, ADDRESS.replace("@", "+tag@"))))

    assert len(world.listed()) == 1
    assert [record.getMessage() for record in caplog.records] == ["message received"]


def test_a_mail_whose_filing_is_resumed_does_not_get_into_an_inbox_deleted_meanwhile() -> None:
    world = World()
    with world.watching(Failing("index.commit", [Crash()])), pytest.raises(Crash):
        world.receive_message(arrive(world))
    world.inboxes.delete(make_inbox())

    world.receive_message(make_receipt())

    assert world.index.phase(MessageKey(INBOX, 0)) is MessagePhase.GONE
    assert world.mails.stored == {}
    assert world.mails.copies == {}


def test_a_mail_for_nobody_goes() -> None:
    world = World()

    world.receive_message(arrive(world, receipt=make_receipt("nobody@mail.example.com")))

    assert world.mails.stored == {}
    assert world.mails.copies == {}


def test_a_notice_whose_mail_is_nowhere_goes_back_to_its_queue() -> None:
    world = World()

    with pytest.raises(MailMissing):
        world.receive_message(make_receipt())


def test_the_notice_that_comes_again_changes_nothing() -> None:
    world = World()
    message = received(world)

    world.receive_message(make_receipt())

    assert only_message(world) == message
    assert world.inbox().next_sequence == 1
