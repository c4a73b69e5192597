"""A handler that dies, gets no reply, or meets another: each mail is one message, and none is lost."""

from collections.abc import Callable
from functools import partial
from itertools import count

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.mime.parse import parse_mail
from chalicelib.operations.file_received import Delivery
from chalicelib.operations.ports import PageRequest
from chalicelib.operations.received_content import ReceivedMail
from tests.operations.incoming import (
    ADDRESS,
    arrive,
    content,
    make_mail,
    make_mail_with_files,
    make_receipt,
    of_ses,
    only_message,
)
from tests.operations.test_receive_message import SECOND, SECOND_ADDRESS, listed, two_inboxes
from tests.operations.watched import Crash, Failing, FailingAt, Meanwhile, Recording, Watch
from tests.operations.world import ADA, INBOX, World, make_draft

FIRST = MessageKey(INBOX, 0)
RECEIPT = make_receipt()
BOTH = make_receipt(ADDRESS, SECOND_ADDRESS)


def begun() -> World:
    """An inbox whose mail has come."""
    world = World()
    arrive(world)
    return world


def in_a_conversation() -> World:
    """An inbox that has written to Ada, who answers."""
    world = World()
    world.sent()
    arrive(world, make_mail(in_reply_to=of_ses(world, FIRST), message_id="<2@example.com>"))
    return world


def for_both() -> World:
    world = two_inboxes()
    arrive(world, receipt=BOTH)
    return world


def with_files_for_both() -> World:
    world = two_inboxes()
    arrive(world, make_mail_with_files(b"one", b"two"), BOTH)
    return world


SCENES = {
    "begun": (begun, RECEIPT),
    "in a conversation": (in_a_conversation, RECEIPT),
    "for both": (for_both, BOTH),
    "with files, for both": (with_files_for_both, BOTH),
}


def dies(world: World, watch: Watch, receipt: object = RECEIPT) -> bool:
    """Whether the handler failed, so that the notice comes again."""
    try:
        with world.watching(watch):
            world.receive_message(receipt)  # type: ignore[arg-type]
    except (Crash, Unavailable):
        return True
    return False


def is_as_it_should_be(world: World, messages: int) -> None:
    """The mail is in every inbox once, nothing of it waits, and what is shown agrees."""
    arrived = [key for key in world.listed() if content(world, key).arrival]
    assert len(arrived) == 1
    assert world.read_raw(arrived[0], world.caller) == world.mails.copies[arrived[0]][0]
    assert world.mails.stored == {}
    assert len(world.listed()) == messages
    threads = world.list_threads(INBOX, world.caller, PageRequest())
    assert [summary.thread.message_count for summary in threads.items] == [messages]
    files = {file.id for known in world.messages.contents.values() for file in known.attachments}
    assert files == set(world.attachments.files) == set(world.attachments.kept)
    header = content(world, arrived[0]).arrival.message_id_header  # type: ignore[union-attr]
    assert header is not None
    assert world.message_id_headers.find(INBOX, [header]) == {header: arrived[0]}
    if world.inboxes.get(SECOND):
        (second,) = listed(world, SECOND)
        assert set(world.mails.copies) == {arrived[0], second}
        assert set(world.messages.contents) == {*world.listed(), second}
    else:
        assert set(world.mails.copies) == {arrived[0]}
        assert set(world.messages.contents) == set(world.listed())


@pytest.mark.parametrize("error", [Crash(), Unavailable("no answer")], ids=["crash", "error"])
@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("scene", SCENES)
def test_a_notice_whose_handler_failed_at_any_call_is_finished_by_the_next(
    scene: str,
    after_effect: bool,  # noqa: FBT001 - a table's column
    error: BaseException,
) -> None:
    build, receipt = SCENES[scene]
    for number in count():
        world = build()
        failing = FailingAt(number, after_effect, error)
        failed = dies(world, failing, receipt)
        before = world.listed()
        world.receive_message(receipt)

        is_as_it_should_be(world, messages=2 if scene == "in a conversation" else 1)
        assert set(before) <= set(world.listed())
        if number >= len(failing.calls):
            assert not failed
            break
    assert number >= 10


@pytest.mark.parametrize("scene", SCENES)
def test_two_workers_who_meet_at_any_call_make_one_message(scene: str) -> None:
    build, receipt = SCENES[scene]
    for number in count():
        world = build()
        meeting = Meanwhile(number, lambda world=world, receipt=receipt: world.receive_message(receipt))  # type: ignore[misc]
        if dies(world, meeting, receipt):
            world.receive_message(receipt)

        is_as_it_should_be(world, messages=2 if scene == "in a conversation" else 1)
        if not meeting.has_happened:
            break
    assert number >= 10


def test_a_worker_who_is_overtaken_in_one_inbox_follows_what_was_decided_there() -> None:
    """The other has filed the mail there and not finished, so the mail still lies where SES put it."""
    for number in count():
        world = begun()
        delivery = Delivery(ReceivedMail(RECEIPT, parse_mail(make_mail()), 1), INBOX, ADDRESS, from_outside=True)
        overtaking = Meanwhile(number, partial(world.file_received, delivery))

        assert not dies(world, overtaking)

        is_as_it_should_be(world, messages=1)
        if not overtaking.has_happened:
            break
    assert number >= 10


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("first_number", range(14))
def test_two_workers_of_whom_one_dies_make_one_message(
    first_number: int,
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    """The second works on at every call of the first, which then dies there."""
    for meeting_at in range(first_number + 1):
        world = begun()
        dying = FailingAt(first_number, after_effect)
        meeting = Meanwhile(meeting_at, lambda world=world: world.receive_message(RECEIPT))  # type: ignore[misc]
        dies(world, lambda call, effect, a=dying, b=meeting: a(call, lambda: b(call, effect)))  # type: ignore[misc]
        world.receive_message(RECEIPT)

        is_as_it_should_be(world, messages=1)


@pytest.mark.parametrize("scene", SCENES)
def test_a_number_that_is_killed_at_any_moment_costs_no_mail(scene: str) -> None:
    """Sealing does that to one that takes too long."""
    build, receipt = SCENES[scene]
    first = 1 if scene == "in a conversation" else 0
    for number in count():
        world = build()
        kill = Meanwhile(number, lambda world=world: killed(world, first))  # type: ignore[misc]
        if dies(world, kill, receipt):
            world.receive_message(receipt)
        if not kill.has_happened:
            break

        is_as_it_should_be(world, messages=2 if scene == "in a conversation" else 1)
    assert number >= 10


def killed(world: World, sequence: int) -> None:
    world.index.advance(MessageKey(INBOX, sequence), MessagePhase.GONE, {MessagePhase.RESERVED})


def test_a_number_killed_while_the_handler_was_dead_is_replaced() -> None:
    world = begun()
    assert dies(world, Failing("index.commit", [Crash()]))
    killed(world, 0)

    world.receive_message(RECEIPT)

    assert only_message(world).key == MessageKey(INBOX, 1)
    is_as_it_should_be(world, messages=1)


def test_numbers_that_are_killed_again_and_again_send_the_notice_back() -> None:
    world = begun()
    numbers = iter(range(100))

    def kill(call: str, effect: Callable[[], object]) -> object:
        if call == "index.commit":
            killed(world, next(numbers))
        return effect()

    assert dies(world, kill)
    assert world.mails.stored != {}
    world.receive_message(RECEIPT)
    is_as_it_should_be(world, messages=1)


def test_one_inboxs_trouble_does_not_keep_the_mail_from_the_others() -> None:
    world = for_both()

    assert dies(world, Failing("messages.put", [Unavailable("no answer")]), BOTH)

    assert world.listed() == []
    assert len(listed(world, SECOND)) == 1
    assert world.mails.stored != {}
    world.receive_message(BOTH)
    is_as_it_should_be(world, messages=1)


def test_a_thread_that_goes_at_any_moment_leaves_a_message_in_a_thread_of_its_own() -> None:
    """Its other message is deleted while the answer to it comes in."""
    for number in count():
        world = in_a_conversation()
        deletion = Meanwhile(number, lambda world=world: world.delete_message(FIRST, world.caller))  # type: ignore[misc]
        if dies(world, deletion):
            world.receive_message(RECEIPT)
        if not deletion.has_happened:
            break

        (summary,) = world.list_threads(INBOX, world.caller, PageRequest()).items
        message = only_message(world)
        assert (summary.thread.message_count, summary.last_message.content) == (1, message)
        assert message.thread == summary.thread.key
    assert number >= 10


def test_the_calls_of_one_mail_are_counted() -> None:
    world, recording = begun(), Recording()

    assert not dies(world, recording)

    assert recording.calls == [
        "inboxes.owners",
        "mails.read",
        "inboxes.owners",
        "filings.get",
        "inboxes.reserve_received",
        "filings.put",
        "mails.keep_copy",
        "messages.put",
        "threads.begin",
        "message_id_headers.claim",
        "index.commit",
        "log.tell",
        "index.seal_due",
        "mails.delete",
    ]


def test_a_mail_that_comes_as_two_mails_of_ses_is_two_messages() -> None:
    world = begun()
    again = make_receipt(ses_message_id="another", mail_from=ADA)
    arrive(world, receipt=again)

    world.receive_message(RECEIPT)
    world.receive_message(again)

    assert len(world.listed()) == 2
    assert world.message_id_headers.find(INBOX, ["<1@example.com>"]) == {"<1@example.com>": FIRST}


def test_sending_goes_on_beside_it() -> None:
    world = begun()
    with world.watching(Meanwhile("filings.put", lambda: world.submit(make_draft()))):
        world.receive_message(RECEIPT)
    assert sorted(world.listed()) == [FIRST, MessageKey(INBOX, 1)]
