"""The bench fills an inbox as life would have: compared with messages that were committed and sealed one by one."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bench.filling import Filling
from bench.traffic import Traffic
from chalicelib.domain.ids import AccountId, MessageKey, ThreadKey
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.storage import keys
from chalicelib.storage.cell_list import to_bucket
from chalicelib.storage.inbox_store import DynamoInboxStore
from chalicelib.storage.message_index import DynamoMessageIndex
from chalicelib.storage.message_store import DynamoMessageStore
from chalicelib.storage.tables import query
from chalicelib.storage.tally_items import directory_from, head_from
from chalicelib.storage.thread_store import DynamoThreadStore
from tests.factories.messages import NOON
from tests.fakes.blob_store import FakeBlobStore
from tests.storage.engines import Engine

COUNT = 600  # a sealed bucket and an open one
LIVED, FILLED = 1, 2


@pytest.fixture(autouse=True)
def table(embedded_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with embedded_engine.fresh_table(monkeypatch) as client:
        yield client


@pytest.fixture
def traffic() -> Traffic:
    return Traffic.of(COUNT)


def make_inbox(number: int) -> Inbox:
    inbox = Inbox(
        number=number,
        account_id=AccountId("acc_0123456789abcdefghjk"),
        address=f"agent{number}@mail.example.com",
        display_name="Agent",
        status=InboxStatus.ACTIVE,
        daily_send_limit=1_000_000,
        sends_day=f"{NOON:%Y-%m-%d}",
        sends_today=0,
        total_sent=0,
        bounce_count=0,
        complaint_count=0,
        next_sequence=0,
        created_at=NOON,
    )
    assert DynamoInboxStore().create(inbox)
    return inbox


def live(inbox: Inbox, traffic: Traffic) -> None:
    """Every message committed, sent and reported on in its turn; the sender seals what is due."""
    index, inboxes = DynamoMessageIndex(), DynamoInboxStore()
    for sequence, phase in enumerate(traffic.phases):
        inboxes.reserve(inbox.number, inbox.account_id, inbox.sends_day)
        key = MessageKey(inbox.number, sequence)
        so_far = [member for member in traffic.members[traffic.threads[sequence]] if member <= sequence]
        assert index.commit(key, MessagePhase.QUEUED, lambda so_far=so_far: so_far)  # type: ignore[misc]
        assert index.advance(key, phase, {MessagePhase.QUEUED}).taken
        index.seal_due(key)


def items(inbox: Inbox, beginning: str) -> list[Mapping[str, Any]]:
    prefix = {":prefix": {"S": beginning}}
    return list(query(keys.inbox_partition(inbox.number), "begins_with(sk, :prefix)", prefix))


def test_a_filled_index_is_the_one_that_life_would_have_made(traffic: Traffic) -> None:
    lived, filled = make_inbox(LIVED), make_inbox(FILLED)
    live(lived, traffic)
    Filling(filled, traffic).write_index()

    for inbox in (lived, filled):
        buckets = [to_bucket(item) for item in items(inbox, keys.MESSAGE_CELLS)]
        assert "".join(bucket.cells for bucket in buckets).rstrip("-") == traffic.cells
        assert [bucket.changes for bucket in buckets] == [0, None]
    heads = [head_from(item) for inbox in (lived, filled) for item in items(inbox, keys.HEAD)]
    assert heads[0].sealed == heads[1].sealed == 1
    assert heads[0].directories == heads[1].directories
    directories = [directory_from(item) for inbox in (lived, filled) for item in items(inbox, "D#")]
    assert directories[0] == directories[1]
    assert DynamoInboxStore().get(FILLED).next_sequence == COUNT  # type: ignore[union-attr]


def test_filled_messages_are_what_the_store_would_have_written(traffic: Traffic) -> None:
    filling = Filling(make_inbox(FILLED), traffic)
    store = DynamoMessageStore(FakeBlobStore())
    for sequence in [traffic.phases.index(phase) for phase in set(traffic.phases)]:
        filling.write_messages([sequence])
        written = items(filling.inbox, keys.message(sequence))
        store.put(filling.content(sequence))
        assert items(filling.inbox, keys.message(sequence)) == written
        stored = store.get(MessageKey(FILLED, sequence))
        assert stored is not None
        assert (stored.content, stored.delivery) == (filling.content(sequence), filling.delivery(sequence))
        status = MessageStatus.RECEIVED if stored.delivery is None else stored.delivery.message_status
        assert status is traffic.phases[sequence].status


def test_filled_threads_have_the_members_of_the_traffic(traffic: Traffic) -> None:
    filling = Filling(make_inbox(FILLED), traffic)
    longest = max(traffic.members.values(), key=len)
    filling.write_threads(longest)
    assert DynamoThreadStore().newest_members(ThreadKey(FILLED, longest[0])) == tuple(longest)


@pytest.mark.parametrize("count", [1, 96, 10_000])
def test_every_thread_of_the_traffic_has_one_capital(count: int) -> None:
    traffic = Traffic.of(count)
    assert sum(character.isupper() for character in traffic.cells) == len(traffic.members)
    assert sorted(sequence for members in traffic.members.values() for sequence in members) == list(range(count))
    assert max(map(len, traffic.members.values())) <= 5
