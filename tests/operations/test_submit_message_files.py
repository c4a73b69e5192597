"""A message with files: each checked by its place, used exactly once, let go of when the message does not come to be."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import count

import pytest

from chalicelib.domain.attachment import MESSAGE_BYTES_LIMIT, UNUSED_LIFETIME, Enclosure, UploadStatus
from chalicelib.domain.errors import AgentSendError, Conflict, ErrorCode, InvalidInput, NotFoundAt, Unavailable
from chalicelib.domain.ids import AccountId, AttachmentId, MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.mime.compose import composed_size_at_most
from chalicelib.operations.ports import SendThrottled
from tests.factories.accounts import make_caller
from tests.factories.attachments import DATA, FILE_ID, NOON, make_attachment
from tests.mime.reading import read as read_mail
from tests.operations import refusals
from tests.operations.refusals import answer
from tests.operations.watched import Crash, Failing, FailingAt, Meanwhile, Recording
from tests.operations.world import ABANDON_AFTER, INBOX, World, enclosing, make_draft

FIRST = MessageKey(INBOX, 0)
UNKNOWN = AttachmentId("att_zzzzzzzzzzzzzzzzzzzz")


def world_with_files() -> tuple[World, list[AttachmentId]]:
    world = World()
    return world, [world.file(1), world.file(2, filename="Grüße.txt", content_type="text/plain")]


def is_used(world: World, file: AttachmentId) -> bool:
    return bool(world.attachments.uses.get(file))


# ------------------------------------------------------------------------------------------------ what is sent


def test_a_message_carries_its_files_in_their_order() -> None:
    world, files = world_with_files()
    key = world.sent(enclosing(*reversed(files)))

    shown = world.get_message(key, world.caller).content.attachments
    assert [(file.id, file.filename, file.size) for file in shown] == [
        (files[1], "Grüße.txt", len(DATA)),
        (files[0], "report.pdf", len(DATA)),
    ]
    mail = read_mail(world.provider.mails[0].mail)
    assert [(part.get_filename(), part.get_payload(decode=True)) for part in mail.iter_attachments()] == [
        ("Grüße.txt", DATA),
        ("report.pdf", DATA),
    ]
    assert world.read_raw(key, world.caller) == world.provider.mails[0].mail


def test_the_same_file_goes_with_several_messages_and_with_the_last_of_them() -> None:
    world, (file, _) = world_with_files()
    keys = [world.sent(enclosing(file)) for _ in range(3)]
    world.clock.advance(30 * UNUSED_LIFETIME.total_seconds())
    keys.append(world.sent(enclosing(file)))
    for key in keys[:-1]:
        world.delete_message(key, world.caller)
    assert world.read_raw(keys[-1], world.caller) == world.provider.mails[-1].mail
    world.delete_message(keys[-1], world.caller)
    assert file not in world.attachments.files
    assert world.attachments.kept == {}


def test_an_image_of_the_html_is_inline() -> None:
    world, (file, _) = world_with_files()
    draft = make_draft(body_html='<img src="cid:a@b">', enclosures=(Enclosure(file, "a@b", inline=True),))
    key = world.sent(draft)
    (part,) = [part for part in read_mail(world.provider.mails[0].mail).walk() if part["Content-ID"]]
    assert (part["Content-ID"], part.get_content_disposition()) == ("<a@b>", "inline")
    assert world.get_message(key, world.caller).content.attachments[0].inline


def test_a_direct_upload_that_has_arrived_is_sent_without_being_looked_at_before() -> None:
    world = World()
    announced = make_attachment(status=UploadStatus.AWAITING_UPLOAD)
    world.attachments.begin_upload(announced)
    world.attachments.uploads[FILE_ID] = DATA
    world.sent(enclosing(FILE_ID))
    assert DATA in [part.get_payload(decode=True) for part in read_mail(world.provider.mails[0].mail).walk()]


# ------------------------------------------------------------------------------------------------ what is refused


def refused(world: World, *ids: str, **changes: object) -> AgentSendError:
    """The refusal; nothing was named, stored or counted for it."""
    before = world.inbox()
    refusal = refusals.refused(world, AgentSendError, lambda: world.submit(enclosing(*ids, **changes)))
    assert world.inbox() == before
    return refusal


def test_unknown_foreign_expired_and_malformed_ids_are_answered_alike_and_by_their_places() -> None:
    world, (file, _) = world_with_files()
    foreign = world.file(3, account_id=AccountId("acc_another"))
    expired = world.file(4, expires_at=NOON)
    answers = {answer(refused(world, file, wrong)) for wrong in (UNKNOWN, foreign, expired, "att_1", "", "é" * 3_000)}
    assert len(answers) == 1
    everything = refused(world, foreign, file, UNKNOWN)
    assert isinstance(everything, NotFoundAt)
    assert everything.code is ErrorCode.NOT_FOUND
    assert list(everything.details) == ["attachmentIds[0]", "attachmentIds[2]"]


def test_a_received_file_is_sent_on_only_by_a_key_that_reaches_its_inbox() -> None:
    world = World()
    received = make_attachment(inbox_number=INBOX + 1, expires_at=None)
    world.attachments.put_received(received, DATA, MessageKey(INBOX + 1, 0))
    with pytest.raises(NotFoundAt):
        world.submit(enclosing(FILE_ID), caller=make_caller(inbox_numbers=frozenset({INBOX})))
    world.sent(enclosing(FILE_ID))


def test_a_file_whose_bytes_have_not_arrived_is_named() -> None:
    world, (file, _) = world_with_files()
    world.attachments.begin_upload(make_attachment(status=UploadStatus.AWAITING_UPLOAD))
    refusal = refused(world, file, FILE_ID)
    assert isinstance(refusal, InvalidInput)
    assert list(refusal.details) == ["attachmentIds[1]"]


def test_a_withheld_file_is_not_sent_on() -> None:
    world, (file, _) = world_with_files()
    world.attachments.put_received(make_attachment(expires_at=None, withheld=True), DATA, MessageKey(INBOX, 99))
    refusal = refused(world, file, FILE_ID)
    assert isinstance(refusal, Conflict)
    assert refusal.code is ErrorCode.ATTACHMENT_WITHHELD
    assert "attachmentIds[1]" in refusal.message


def test_files_together_have_at_most_25_mib() -> None:
    world = World()
    half = MESSAGE_BYTES_LIMIT // 2
    one, other, more = world.file(1, size=half), world.file(2, size=MESSAGE_BYTES_LIMIT - half), world.file(3, size=1)
    assert refused(world, one, other, more).code is ErrorCode.ATTACHMENTS_TOO_LARGE
    assert world.submit(enclosing(one, other)).status is MessageStatus.QUEUED


def test_the_whole_mail_has_at_most_what_ses_takes() -> None:
    world = World()
    file = world.file(1, size=MESSAGE_BYTES_LIMIT)
    refusal = refused(world, file, body_text="報" * 1_000_000, body_html="告" * 1_000_000)
    assert refusal.code is ErrorCode.ATTACHMENTS_TOO_LARGE
    assert "40,000,000" in refusal.message


@pytest.mark.parametrize("size", [0, 1, 57, 58, 100_000])
@pytest.mark.parametrize("body", ["", "plain\n" * 900, "Grüße " * 900, "報告\r" * 900, "\n" * 9_000, "x" * 2_000])
def test_a_composed_mail_is_never_larger_than_it_was_said_to_be(size: int, body: str) -> None:
    world = World()
    files = [world.file(number, size=size) for number in range(10)]
    for file in files:
        world.attachments.uploads[file] = bytes(size)
    key = world.submitted(enclosing(*files, body_text=body, body_html=body))
    source = world.read_raw(key, world.caller)
    assert isinstance(source, bytes)
    assert len(source) <= composed_size_at_most(body, body, [size] * 10)


# ---------------------------------------------------------------------------------------- races and deaths

SUBMITS = 10  # calls that a message with files makes


def try_to_submit(world: World, watch: Recording | FailingAt | Meanwhile, draft: object) -> bool:
    try:
        with world.watching(watch):
            world.submit(draft)  # type: ignore[arg-type]
    except (Crash, AgentSendError):
        return False
    return True


def test_these_are_all_the_calls_of_a_message_with_files() -> None:
    world, files = world_with_files()
    recording = Recording()
    assert try_to_submit(world, recording, enclosing(*files))
    assert recording.calls == [
        "attachments.find",
        "attachments.look_for_upload",
        "attachments.look_for_upload",
        "inboxes.reserve",
        "accounts.reserve",
        "suppressions.find",
        "messages.put",
        "send_queue.put",
        "threads.begin",
        "attachments.use",
        "index.commit",
    ]


def test_a_message_without_files_asks_nothing_of_them() -> None:
    world, recording = World(), Recording()
    with world.watching(recording):
        key = world.submitted()
        world.work()
        world.read_raw(key, world.caller)
        world.delete_message(key, world.caller)
    assert [call for call in recording.calls if call.startswith(("attachments.", "source_links."))] == []


def submissions_failing_at_every_call(
    error: Callable[[], BaseException], *, after_effect: bool
) -> Iterator[tuple[World, list[AttachmentId], bool, str]]:
    for number in count():
        world, files = world_with_files()
        failing = FailingAt(number, after_effect, error())
        accepted = try_to_submit(world, failing, enclosing(*files))
        if len(failing.calls) <= number:
            assert number >= SUBMITS
            return
        yield world, files, accepted, failing.calls[number]


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [Crash, lambda: Unavailable("no answer")], ids=["crash", "error"])
def test_whatever_fails_a_visible_message_has_its_files_and_no_other_keeps_them(
    error: Callable[[], BaseException],
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    for world, files, _, call in submissions_failing_at_every_call(error, after_effect=after_effect):
        visible = world.listed()
        world.clock.advance(ABANDON_AFTER.total_seconds() + 1)
        world.work()
        assert len(world.provider.mails) == len(visible), call
        if visible:
            assert world.read_raw(FIRST, world.caller) == world.provider.mails[0].mail
            world.delete_message(FIRST, world.caller)
            assert world.attachments.kept == {}
        elif world.messages.contents == {}:
            assert not any(is_used(world, file) for file in files), call
        else:
            # Died before its job was queued: what it stored stays until somebody asks for it by its name.
            assert world.abandon_reservation(FIRST)
            assert not any(is_used(world, file) for file in files), call


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
def test_an_error_lets_go_of_the_files_at_once(after_effect: bool) -> None:  # noqa: FBT001 - a table's column
    answers = submissions_failing_at_every_call(lambda: Unavailable("no answer"), after_effect=after_effect)
    for world, files, accepted, call in answers:
        assert all(is_used(world, file) for file in files) == accepted, call
        assert any(is_used(world, file) for file in files) == accepted, call


@pytest.mark.parametrize("error", [Crash, lambda: Unavailable("no answer")], ids=["crash", "error"])
def test_a_request_that_failed_can_come_again_with_the_same_files(error: Callable[[], BaseException]) -> None:
    for world, files, accepted, call in submissions_failing_at_every_call(error, after_effect=False):
        if accepted:
            continue
        if world.named:
            assert world.recover_message(world.named[-1], world.caller) is None, call  # as the API does
        world.sent(enclosing(*files))


def dies_at_each_call(work: Callable[[World], object], made: Callable[[], World]) -> Iterator[tuple[World, str]]:
    for place in count():
        number, after_effect = divmod(place, 2)
        world = made()
        failing = FailingAt(number, bool(after_effect), Crash())
        with world.watching(failing), suppress(Crash):
            work(world)
        if len(failing.calls) <= number:
            return
        yield world, failing.calls[number]


def test_files_can_be_used_again_wherever_both_the_request_and_who_gave_it_up_died() -> None:
    def died() -> World:
        world, files = world_with_files()
        with world.watching(Failing("index.commit", [Crash()])), suppress(Crash):
            world.submit(enclosing(*files))
        return world

    tried = 0
    for world, call in dies_at_each_call(lambda world: world.abandon_reservation(FIRST), died):
        assert world.recover_message(FIRST, world.caller) is None, call
        assert world.leaves_nothing_behind(FIRST), call
        assert len(world.attachments.files) == 2, call
        world.sent(enclosing(*world.attachments.files))
        tried += 1
    assert tried >= 10


def test_files_of_a_queued_message_go_wherever_its_deletion_died() -> None:
    def queued() -> World:
        world, files = world_with_files()
        world.submitted(enclosing(*files))
        return world

    tried = 0
    for world, call in dies_at_each_call(lambda world: world.delete_message(FIRST, world.caller), queued):
        if world.phase(FIRST) is MessagePhase.GONE:
            assert world.abandon_reservation(FIRST), call
            assert (world.attachments.files, world.attachments.kept) == ({}, {}), call
            tried += 1
    assert tried >= 6


@pytest.mark.parametrize("moment", ["inboxes.reserve", "messages.put", "attachments.use"])
def test_a_file_that_is_deleted_meanwhile_refuses_the_message(moment: str) -> None:
    world, files = world_with_files()
    deleting = Meanwhile(moment, lambda: world.attachments.delete_unused(files[1]))
    with world.watching(deleting), pytest.raises(InvalidInput) as refusal:
        world.submit(enclosing(*files))
    assert list(refusal.value.details) == ["attachmentIds[1]"]
    assert world.leaves_nothing_behind(FIRST)
    assert not is_used(world, files[0])
    world.work()
    assert world.provider.mails == []


def test_a_file_that_expires_meanwhile_refuses_the_message() -> None:
    world = World()
    file = world.file(1, expires_at=NOON + timedelta(seconds=1))
    with world.watching(Meanwhile("messages.put", lambda: world.clock.advance(1))), pytest.raises(InvalidInput):
        world.submit(enclosing(file))
    assert world.leaves_nothing_behind(FIRST)


def test_a_request_whose_reservation_was_killed_lets_go_of_its_files() -> None:
    world, files = world_with_files()
    killing = Meanwhile("attachments.use", lambda: world.abandon_reservation(FIRST))
    with world.watching(killing), pytest.raises(Unavailable):
        world.submit(enclosing(*files))
    assert world.leaves_nothing_behind(FIRST)
    assert not any(is_used(world, file) for file in files)


# --------------------------------------------------------------------------------------------------- sending


def test_a_message_whose_file_is_lost_fails_with_the_reason() -> None:
    world, (file, _) = world_with_files()
    key = world.submitted(enclosing(file))
    del world.attachments.kept[file]
    world.work()
    assert (world.status(key), world.provider.calls) == (MessageStatus.FAILED, 0)
    reason = world.delivery(key).recipients[0].reason
    assert reason is not None
    assert reason.code == "compose_failed"
    assert "report.pdf" in reason.message


def test_a_store_that_does_not_answer_sends_the_message_later() -> None:
    world, (file, _) = world_with_files()
    key = world.submitted(enclosing(file))
    with world.watching(FailingAt(4, after_effect=False, error=Unavailable("no answer"))):
        world.deliver_next()
    world.work()
    assert world.status(key) is MessageStatus.SENT
    assert len(world.provider.mails) == 1


def test_a_message_deleted_at_any_moment_of_its_sending_leaves_nothing_behind() -> None:
    for number in count():
        world, files = world_with_files()
        key = world.submitted(enclosing(*files))
        deleting = Meanwhile(number, partial(world.delete_message, key, world.caller))
        with world.watching(deleting):
            world.work()
        if not deleting.has_happened:
            break
        assert world.phase(key) is MessagePhase.GONE
        assert world.leaves_nothing_behind(key), deleting.calls
        assert (world.attachments.files, world.attachments.kept) == ({}, {})
        assert world.provider.calls <= 1
    assert number >= 6


def test_a_message_put_back_is_composed_the_same_again() -> None:
    world, files = world_with_files()
    key = world.submitted(enclosing(*files))
    before = world.read_raw(key, world.caller)
    world.provider.outcomes.append(SendThrottled())
    world.work()
    assert world.provider.mails[-1].mail == before


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
def test_a_deletion_that_died_anywhere_is_finished_by_the_next(
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    for number in count():
        world, files = world_with_files()
        key = world.sent(enclosing(*files))
        failing = FailingAt(number, after_effect)
        try:
            with world.watching(failing):
                world.delete_message(key, world.caller)
        except Crash:
            if world.messages.get(key) is not None:
                world.delete_message(key, world.caller)
        assert world.leaves_nothing_behind(key)
        assert (world.attachments.files, world.attachments.kept) == ({}, {})
        if len(failing.calls) <= number:
            assert number >= 6
            break


def test_a_long_source_is_a_link_that_goes_with_the_message() -> None:
    world = World()
    file = world.file(1, size=4_000_000)
    world.attachments.uploads[file] = bytes(4_000_000)
    key = world.sent(enclosing(file))
    source = world.read_raw(key, world.caller)
    assert not isinstance(source, bytes)
    assert world.source_links.sources == {key: world.provider.mails[0].mail}
    world.delete_message(key, world.caller)
    assert world.source_links.sources == {}
