"""Deleting a received message: nothing of it stays, and no notice that comes late brings it back."""

from itertools import count

import pytest

from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import MessageKey
from chalicelib.operations.ports import PageRequest
from tests.operations.incoming import (
    ADDRESS,
    SES_ID,
    arrive,
    make_mail,
    make_mail_with_files,
    make_receipt,
    received,
)
from tests.operations.test_receive_message import SECOND, SECOND_ADDRESS, listed, two_inboxes
from tests.operations.test_receive_message_crashes import dies
from tests.operations.watched import Crash, FailingAt, Meanwhile
from tests.operations.world import INBOX, World

FIRST = MessageKey(INBOX, 0)
RECEIPT = make_receipt()


MAIL = make_mail_with_files(b"one", b"two")


def nothing_is_left(world: World) -> bool:
    stored = (
        world.messages.contents,
        world.mails.copies,
        world.threads.threads,
        world.message_id_headers.known,
        world.attachments.files,
        world.attachments.kept,
    )
    return not any((world.listed(), *stored))


def test_a_deleted_message_is_gone_with_its_source_and_its_message_id() -> None:
    world = World()
    received(world, MAIL)

    world.delete_message(FIRST, world.caller)

    assert nothing_is_left(world)
    with pytest.raises(NotFound):
        world.read_raw(FIRST, world.caller)


def test_its_message_id_is_free_for_the_next_mail() -> None:
    world = World()
    received(world, MAIL)
    world.delete_message(FIRST, world.caller)

    message = received(world, receipt=make_receipt(ses_message_id="another"))

    assert world.message_id_headers.find(INBOX, ["<1@example.com>"]) == {"<1@example.com>": message.key}


def test_one_that_never_had_the_message_id_leaves_it_to_its_owner() -> None:
    world = World()
    first = received(world)
    second = received(world, receipt=make_receipt(ses_message_id="another"))

    world.delete_message(second.key, world.caller)

    assert world.message_id_headers.find(INBOX, ["<1@example.com>"]) == {"<1@example.com>": first.key}


@pytest.mark.parametrize("has_mail", [False, True])
def test_a_notice_that_comes_after_the_deletion_changes_nothing(
    has_mail: bool,  # noqa: FBT001 - a table's column
) -> None:
    world = World()
    received(world, MAIL)
    world.delete_message(FIRST, world.caller)
    if has_mail:
        arrive(world, MAIL)

    world.receive_message(RECEIPT)
    world.receive_message(RECEIPT)

    assert nothing_is_left(world)
    assert world.mails.stored == {}


def test_a_deletion_in_one_inbox_leaves_the_others_message() -> None:
    world = two_inboxes()
    receipt = arrive(world, receipt=make_receipt(ADDRESS, SECOND_ADDRESS))
    world.receive_message(receipt)
    (second,) = listed(world, SECOND)

    world.delete_message(FIRST, world.caller)
    world.receive_message(receipt)

    assert world.listed() == []
    assert listed(world, SECOND) == [second]
    assert world.read_raw(second, world.caller) == make_mail()


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
def test_a_deletion_that_died_anywhere_with_a_late_notice_is_finished_or_leaves_the_message_whole(
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    for number in count():
        world = World()
        received(world, MAIL)
        failing = FailingAt(number, after_effect)
        try:
            with world.watching(failing):
                world.delete_message(FIRST, world.caller)
        except Crash:
            arrive(world, MAIL)
            world.receive_message(RECEIPT)
            if world.listed():
                assert world.listed() == [FIRST]
                assert world.read_raw(FIRST, world.caller) == MAIL
                world.delete_message(FIRST, world.caller)
        assert nothing_is_left(world)
        if len(failing.calls) <= number:
            break
    assert number >= 6


def test_a_message_that_is_deleted_while_a_second_worker_still_stores_it_stays_deleted() -> None:
    """The second began before the first had finished; whatever it stores late is cleared away."""
    for number in count():
        world = World()
        arrive(world, MAIL)

        def finish_and_delete(world: World = world) -> None:
            world.receive_message(RECEIPT)
            (key,) = world.listed()
            world.delete_message(key, world.caller)

        meanwhile = Meanwhile(number, finish_and_delete)
        if dies(world, meanwhile):
            world.receive_message(RECEIPT)
        if not meanwhile.has_happened:
            break

        assert nothing_is_left(world)
        filing = world.filings.get(SES_ID, INBOX)
        assert filing is not None
        assert filing.is_deleted
    assert number >= 10


def test_the_thread_follows() -> None:
    world = World()
    first = received(world)
    second = received(
        world,
        make_mail(message_id="<2@example.com>", in_reply_to="<1@example.com>"),
        make_receipt(ses_message_id="another"),
    )
    assert second.thread == first.thread

    world.delete_message(first.key, world.caller)

    (summary,) = world.list_threads(INBOX, world.caller, PageRequest()).items
    assert (summary.thread.message_count, summary.last_message.content.key) == (1, second.key)


def test_of_a_sent_message_the_id_that_ses_gave_it_goes_too() -> None:
    world = World()
    key = world.sent()
    assert list(world.ses_message_ids.known.values()) == [key]

    world.delete_message(key, world.caller)

    assert world.ses_message_ids.known == {}
