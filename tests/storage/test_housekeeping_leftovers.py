"""What housekeeping does about each thing by itself: lost jobs, waiting mail, expired files, two heads of one thread."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.account import SwitchStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import AttachmentId, MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.switch import Switch
from chalicelib.operations.ports import PageRequest
from chalicelib.storage import keys
from chalicelib.storage.tables import client, table_name
from tests.operations.incoming import make_mail_with_files, make_receipt
from tests.operations.world import INBOX, make_draft
from tests.storage.engines import Engine
from tests.storage.kept_world import BUCKET, KeptWorld
from tests.storage.test_housekeeping import nothing_was_sent_twice, upload

FIRST = MessageKey(INBOX, 0)
HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture
def world(
    embedded_engine: Engine,
    small_buckets: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    with embedded_engine.fresh_table(monkeypatch):
        yield KeptWorld(monkeypatch)


def lose_jobs(world: KeptWorld) -> None:
    while world.next_job():
        pass


@pytest.mark.parametrize("phase", [MessagePhase.QUEUED, MessagePhase.CLAIMED])
def test_a_message_whose_job_is_lost_gets_another_and_is_sent_once(world: KeptWorld, phase: MessagePhase) -> None:
    key = world.submitted()
    world.index.advance(key, phase, {MessagePhase.QUEUED})
    lose_jobs(world)
    world.rounds(1, timedelta(0))
    assert world.next_job() is None

    world.rounds(2)
    world.work()

    assert world.status(key) is MessageStatus.SENT
    nothing_was_sent_twice(world)


def test_a_held_message_gets_no_job_until_its_switch_is_turned_back_and_that_was_forgotten(world: KeptWorld) -> None:
    key, account_id = world.submitted(), world.caller.account_id
    world.accounts.set_own_status(account_id, SwitchStatus.SUSPENDED)
    world.work()
    world.rounds(4)
    assert world.next_job() is None

    world.accounts.set_own_status(account_id, SwitchStatus.ACTIVE)
    world.rounds(1)
    world.work()

    assert world.status(key) is MessageStatus.SENT
    nothing_was_sent_twice(world)


def test_what_was_given_up_gets_a_job_though_its_switch_is_stopped(world: KeptWorld) -> None:
    key, account_id = world.submitted(), world.caller.account_id
    world.accounts.set_own_status(account_id, SwitchStatus.SUSPENDED)
    world.work()
    world.rounds(2)
    assert world.give_up_held(Switch.of_account(account_id), account_id) is not None
    lose_jobs(world)

    world.rounds(1)
    world.work()

    assert world.status(key) is MessageStatus.FAILED
    assert world.provider.calls == 0


def test_a_message_that_waits_is_not_queued_again_before_a_round_is_over(world: KeptWorld) -> None:
    world.submitted()
    world.rounds(2)
    lose_jobs(world)

    for _ in range(10):
        world.clock.now += HALF_AN_HOUR
        world.keep_house()

    assert world.next_job() is None


def test_a_waiting_mail_is_announced_again_after_an_hour(world: KeptWorld) -> None:
    receipt = make_receipt()
    world.mail(make_mail_with_files(b"one"), receipt)
    world.s3.put_object(Bucket=BUCKET, Key="inbound/without-its-receipt", Body=b"x")
    world.rounds(1, HALF_AN_HOUR)
    assert world.inbound_queue.notices == []

    world.rounds(1)

    assert world.inbound_queue.notices == [receipt]
    world.come_to_rest()
    assert len(world.listed()) == 1
    assert "inbound/without-its-receipt" in world.s3.objects


def test_an_upload_that_no_message_uses_leaves_when_its_day_is_over(world: KeptWorld) -> None:
    upload(world)
    world.rounds(3)
    assert f"uploads/att_{1:020}" in world.s3.objects

    world.rounds(1)

    assert world.s3.objects == {}
    assert [item for item in world.items() if item["pk"]["S"].startswith("U#")] == []


def test_a_link_lives_for_a_day(world: KeptWorld) -> None:
    key = world.sent()
    world.source_links.put(key, b"source")
    world.rounds(3)
    assert len(world.s3.objects) == 1
    world.rounds(1)
    assert world.s3.objects == {}


def test_what_it_does_not_know_is_left_alone(world: KeptWorld) -> None:
    names = [
        "raw/x",
        "bodies/not-an-inbox!/1/text",
        "raw/000000000007/x",
        "elsewhere/1",
        "top",
        "links/1",
        "attachments/",
    ]
    for name in names:
        world.s3.put_object(Bucket=BUCKET, Key=name, Body=b"x")
    odd = {"pk": {"S": "I#!"}, "sk": {"S": "M#1"}}
    client().put_item(TableName=table_name(), Item=odd)

    world.rounds(6)

    assert set(world.s3.objects) == set(names)
    assert odd in world.items()


def test_a_thread_that_shows_two_newest_messages_shows_one_again(world: KeptWorld) -> None:
    first, second = world.sent(), MessageKey(INBOX, world.sent(make_draft(thread=ThreadKey(INBOX, 0))).sequence)
    bucket = {"pk": {"S": keys.inbox_partition(INBOX)}, "sk": {"S": keys.bucket(keys.MESSAGE_CELLS, 0)}}
    client().update_item(
        TableName=table_name(),
        Key=bucket,
        UpdateExpression=f"SET st[{first.sequence}] = :head",
        ExpressionAttributeValues={":head": {"S": "T"}},
    )
    assert world.list_threads(INBOX, world.caller, PageRequest()).total == 2

    world.rounds(1)

    assert world.list_threads(INBOX, world.caller, PageRequest()).total == 1
    assert world.listed() == [second, first]


def test_what_is_long_expired_goes_and_what_is_not_stays(world: KeptWorld) -> None:
    def put(name: str, age: timedelta) -> dict[str, Any]:
        ttl = {"N": str(int((world.clock() - age).timestamp()))}
        item = {"pk": {"S": f"P#{name}"}, "sk": {"S": "P"}, "ttl": ttl}
        client().put_item(TableName=table_name(), Item=item)
        return item

    old, young = put("old", timedelta(days=4)), put("young", timedelta(hours=1))
    world.rounds(1)

    assert old not in world.items()
    assert young in world.items()


def test_a_repair_that_fails_is_tried_again_and_holds_up_no_other(
    world: KeptWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [upload(world, number) for number in (1, 2)]
    remove = world.attachments._remove
    with monkeypatch.context() as patch:

        def fail_for_one(file: AttachmentId) -> None:
            if file == files[0]:
                raise Unavailable("not now")
            remove(file)

        patch.setattr(type(world.attachments), "_remove", lambda _, file: fail_for_one(file))
        world.rounds(5)
    assert set(world.s3.objects) == {f"uploads/{files[0]}"}

    world.rounds(1)

    assert world.s3.objects == {}


def test_rebuilding_the_queues_of_a_healthy_system_changes_nothing_and_sends_nothing_twice(world: KeptWorld) -> None:
    world.sent()
    receipt = make_receipt()
    world.mail(make_mail_with_files(b"one"), receipt)
    world.receive_message(receipt)
    world.submitted()
    for _ in range(3):
        world.requeue_unsent()
        world.requeue_received()
    world.come_to_rest()
    picture = world.picture()

    world.requeue_unsent()
    world.requeue_received()
    world.work()

    assert world.picture() == picture
    assert len(world.provider.mails) == 2
    nothing_was_sent_twice(world)
