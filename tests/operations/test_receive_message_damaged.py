"""Whatever happens to a mail on its way, the handler makes one message of it, which can be stored and shown."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, target

from chalicelib.shapes.message_shapes import message_as_json
from chalicelib.storage.message_codec import ITEM_LIMIT, from_stored, pack, pack_without_bodies, read_content, to_stored
from tests.fakes.operations import IDS
from tests.mime.damaged_mails import DAMAGED_MAILS
from tests.operations.incoming import ADDRESS, arrive, make_receipt, only_message
from tests.operations.test_receive_message import SECOND, SECOND_ADDRESS, listed, two_inboxes
from tests.operations.world import World
from tests.work import calls, peak

# Functions called for a mail of no size at the most, and for each octet of it; bytes held at the most. Each is some times
# what any of 2,000 cases took. Work that grew with the square of the size would take a hundred times as much.
WORK = 20_000
WORK_PER_OCTET = 10
MEMORY = 2 * 1024 * 1024


def check_received(raw: bytes) -> None:
    world = two_inboxes()
    receipt = arrive(world, raw, make_receipt(ADDRESS, SECOND_ADDRESS))

    world.receive_message(receipt)
    world.receive_message(receipt)

    message = only_message(world)
    assert len(listed(world, SECOND)) == 1
    assert world.read_raw(message.key, world.caller) == raw
    assert world.mails.stored == {}
    assert all(world.attachments.data(file.id) is not None for file in message.attachments)
    stored = to_stored(message)
    read = read_content(pack(stored))
    assert from_stored(message.key, read, body_text=read.body_text, body_html=read.body_html) == message
    assert len(pack_without_bodies(stored)) <= ITEM_LIMIT
    assert msgspec.json.encode(message_as_json(world.get_message(message.key, world.caller), IDS))


def check_work(raw: bytes) -> None:
    first, second = World(), World()
    receipts = arrive(first, raw), arrive(second, raw)

    work = calls(lambda: first.receive_message(receipts[0]))

    target(work / (len(raw) + 1_000))  # the search goes on where mails are the most expensive for their size
    assert work <= WORK + WORK_PER_OCTET * len(raw)
    assert peak(lambda: second.receive_message(receipts[1])) <= MEMORY


@settings(max_examples=100)
@given(raw=DAMAGED_MAILS)
def test_a_damaged_mail_becomes_one_message_of_each_inbox(raw: bytes) -> None:
    check_received(raw)


@settings(max_examples=50)
@given(raw=DAMAGED_MAILS)
def test_a_damaged_mail_takes_work_and_memory_within_bounds(raw: bytes) -> None:
    check_work(raw)


@pytest.mark.long
@settings(max_examples=5_000, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(raw=DAMAGED_MAILS)
def test_5000_damaged_mails_become_one_message_each(raw: bytes) -> None:
    check_received(raw)


@pytest.mark.long
@settings(max_examples=2_000, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(raw=DAMAGED_MAILS)
def test_2000_damaged_mails_take_work_and_memory_within_bounds(raw: bytes) -> None:
    check_work(raw)
