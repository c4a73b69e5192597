"""Housekeeping over a table and a bucket: after a crash anywhere, what is left goes; whatever lives, stays."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest

from chalicelib.domain.attachment import UploadStatus
from chalicelib.domain.errors import AgentSendError
from chalicelib.domain.ids import AttachmentId, MessageKey, ThreadKey
from chalicelib.domain.message_status import MessageStatus
from tests.factories.attachments import DATA, make_attachment
from tests.operations.incoming import make_mail_with_files, make_receipt
from tests.operations.watched import Crash, Effect, FailingAt, Meanwhile
from tests.operations.world import IDS, INBOX, enclosing
from tests.storage.engines import Engine
from tests.storage.kept_world import KeptWorld

LONG = "".join(random.Random(5).choices("abcdefghijklmnopqrstuvwxyz0123456789 ", k=600_000))
RAW = make_mail_with_files(b"one")
RECEIPT = make_receipt()
DAYS = timedelta(hours=30)

# Every seventh call in the quick run, every one in the long run.
EVERY_CALL = pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.long)])

Act = Callable[[KeptWorld], object]


@dataclass(frozen=True)
class Scene:
    """What is there before, and what is done."""

    before: Act
    act: Act


def upload(world: KeptWorld, number: int = 1) -> AttachmentId:
    attachment = make_attachment(id=AttachmentId(f"att_{number:020}"), created_at=world.clock())
    attachment = make_attachment(
        id=attachment.id, created_at=world.clock(), expires_at=world.clock() + timedelta(hours=24)
    )
    world.attachments.create(attachment, DATA)
    return attachment.id


def upload_directly(world: KeptWorld) -> None:
    attachment = make_attachment(
        id=AttachmentId("att_" + "9" * 20),
        status=UploadStatus.AWAITING_UPLOAD,
        expires_at=world.clock() + timedelta(hours=24),
    )
    world.attachments.begin_upload(attachment)
    world.s3.put_object(Bucket="", Key=f"uploads/{attachment.id}", Body=DATA)
    world.attachments.look_for_upload(attachment)


def arrive(world: KeptWorld) -> None:
    world.mail(RAW, RECEIPT)


def receive(world: KeptWorld) -> None:
    if RECEIPT.blob in world.s3.objects:
        world.receive_message(RECEIPT)


def arrived(world: KeptWorld) -> MessageKey:
    arrive(world)
    receive(world)
    return world.listed()[0]


def forward(world: KeptWorld) -> None:
    (file,) = world.get_message(MessageKey(INBOX, 0), world.caller).content.attachments
    world.submit(enclosing(file.id))


def submit_all(world: KeptWorld) -> None:
    world.submit(enclosing(f"att_{1:020}", body_text=LONG))


def in_a_conversation(world: KeptWorld) -> None:
    upload(world)
    world.sent()


def reply(world: KeptWorld) -> None:
    world.submit(enclosing(f"att_{1:020}", thread=ThreadKey(INBOX, 0)))


def submitted(world: KeptWorld) -> None:
    upload(world)
    submit_all(world)


def send(world: KeptWorld) -> None:
    world.send_message(world.taken())


def sent(world: KeptWorld) -> None:
    submitted(world)
    world.work()


def delete(world: KeptWorld) -> None:
    world.delete_message(MessageKey(INBOX, 0), world.caller)


def half_accepted(world: KeptWorld) -> None:
    upload(world)
    died_before_commit(world, submit_all)
    world.rounds(1)


def keep_house(world: KeptWorld) -> None:
    world.rounds(2)


def nothing(_: KeptWorld) -> None:
    """It begins from nothing."""


SCENES = {
    "accept": Scene(upload, submit_all),
    "accept a reply": Scene(in_a_conversation, reply),
    "forward": Scene(arrived, forward),
    "send": Scene(submitted, send),
    "receive": Scene(arrive, receive),
    "upload": Scene(nothing, upload),
    "upload directly": Scene(nothing, upload_directly),
    "delete": Scene(sent, delete),
    "delete a received one": Scene(arrived, delete),
    "keep house": Scene(half_accepted, keep_house),
}


@pytest.fixture
def make(embedded_engine: Engine, small_buckets: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes worlds, each with a table of its own."""
    with embedded_engine.fresh_table(monkeypatch):

        def made(**sizes: int) -> KeptWorld:
            embedded_engine.another_table()
            return KeptWorld(monkeypatch, **sizes)

        yield made


def prepared(make: Callable[[], KeptWorld], scene: Scene) -> KeptWorld:
    world = make()
    scene.before(world)
    world.rounds(1, timedelta(0))
    return world


def died_at(world: KeptWorld, act: Act, number: int) -> bool:
    """Whether the process died, at the call of this number."""
    failing = FailingAt(number, after_effect=False)
    try:
        with world.watching(failing):
            act(world)
    except Crash:
        return True
    assert number >= len(failing.calls)
    return False


def died_before_commit(world: KeptWorld, act: Act) -> None:
    """All of a message with a file is stored, and its process dies before anybody sees it; the job is lost, too."""
    stored: list[str] = []

    def die(call: str, effect: Effect) -> Any:
        if call == "UpdateItem" and "TransactWriteItems" in stored:
            raise Crash
        stored.append(call)
        return effect()

    with pytest.raises(Crash), world.watching(die):
        act(world)
    assert world.taken().message == MessageKey(INBOX, 0)


@EVERY_CALL
@pytest.mark.parametrize("name", SCENES)
def test_after_a_crash_at_any_call_nothing_is_left_but_what_is_needed(name: str, stride: int, make: Any) -> None:
    scene = SCENES[name]
    for number in count(0, stride):
        world = prepared(make, scene)
        before = set(world.listed())
        died = died_at(world, scene.act, number)
        if died and name == "receive":
            receive(world)  # its notice comes again

        world.come_to_rest()

        world.assert_nothing_is_left()
        nothing_was_sent_twice(world)
        if "delete" not in name:
            assert before <= set(world.listed())
        if not died:
            break
    assert number >= 2


@EVERY_CALL
@pytest.mark.parametrize("name", SCENES)
def test_a_process_that_is_hours_late_loses_nothing_to_housekeeping_between_any_two_of_its_calls(
    name: str, stride: int, make: Any
) -> None:
    scene = SCENES[name]
    for number in count(0, stride):
        world = prepared(make, scene)
        nap = Meanwhile(number, partial(world.unwatched_rounds, 1))
        with world.watching(nap):
            scene.act(world)
        seen = world.listed()

        world.come_to_rest()

        world.assert_nothing_is_left()
        nothing_was_sent_twice(world)
        assert world.listed() == seen
        if not nap.has_happened:
            break
    assert number >= 2


@EVERY_CALL
@pytest.mark.parametrize("name", SCENES)
def test_a_process_that_sleeps_for_days_between_any_two_of_its_calls_is_refused_or_finishes_and_leaves_nothing(
    name: str, stride: int, make: Any
) -> None:
    scene = SCENES[name]
    for number in count(1, stride):
        world = prepared(make, scene)
        nap = Meanwhile(number, partial(world.unwatched_rounds, 3, DAYS))
        known = set(world.listed())
        is_refused = False
        with world.watching(nap):
            try:
                scene.act(world)
            except AgentSendError:
                is_refused = True
        new = set(world.listed()) - known

        world.come_to_rest()

        world.assert_nothing_is_left()
        nothing_was_sent_twice(world)
        assert new <= set(world.listed())
        if name in ("accept", "accept a reply", "forward"):
            assert bool(new) is not is_refused
        if name == "receive":
            assert len(world.listed()) == 1
        if not nap.has_happened:
            break
    assert number >= 2


@pytest.mark.parametrize("number", range(0, 60, 6))
def test_two_runs_that_meet_at_any_call_do_what_one_does(number: int, make: Any) -> None:
    world = prepared(make, SCENES["keep house"])
    with world.watching(Meanwhile(number, lambda: world.unwatched_rounds(1))):
        world.rounds(2)

    world.come_to_rest()

    world.assert_nothing_is_left()
    assert world.listed() == []


def nothing_was_sent_twice(world: KeptWorld) -> None:
    taken = [mail.message_id for mail in world.provider.mails]
    assert len(set(taken)) == len(taken)
    shown = [world.get_message(key, world.caller) for key in world.listed()]
    for message in shown:
        if message.content.arrival is None:
            assert message.status in (MessageStatus.SENT, MessageStatus.FAILED)
            assert (IDS.message_id(message.content.key) in taken) or message.status is MessageStatus.FAILED
