"""What the pages of a thread cost: the same for fifty messages and for five thousand, and one run more to read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.browse_threads import GetThread, ListThreadMessages
from chalicelib.operations.ports import PageRequest
from chalicelib.storage import keys
from chalicelib.storage.cell_pages import BUCKET_CELLS
from chalicelib.storage.message_index import DynamoMessageIndex
from chalicelib.storage.message_store import DynamoMessageStore
from chalicelib.storage.tables import ThreadChunkItem, ThreadItem
from chalicelib.storage.thread_store import CHUNK_LIMIT, DynamoThreadStore
from tests.factories.accounts import ACCOUNT_ID, NOON, make_caller
from tests.factories.messages import make_content
from tests.fakes.blob_store import FakeBlobStore
from tests.storage.engines import NOT_ON_MOTO

INBOX = 7
KEY = ThreadKey(INBOX, 0)
CALLER = make_caller()
RECENT = 50
LIMIT = 20
CHUNK_UNITS = 5  # read units of an item of 20 KB

pytestmark = NOT_ON_MOTO  # moto's units are all the same


@dataclass
class Cost:
    calls: list[str] = field(default_factory=list)
    units: float = 0.0


@contextmanager
def counting(client: Any) -> Iterator[Cost]:
    cost = Cost()
    call = client._make_api_call

    def counted(operation: str, parameters: Any) -> Any:
        answer = call(operation, parameters)
        consumed = answer["ConsumedCapacity"]
        cost.calls.append(operation)
        cost.units += sum(one["CapacityUnits"] for one in (consumed if isinstance(consumed, list) else [consumed]))
        return answer

    client._make_api_call = counted
    try:
        yield cost
    finally:
        client._make_api_call = call


@dataclass
class Conversation:
    """A thread of so many messages, of which those on the pages that are read exist."""

    length: int
    index: DynamoMessageIndex = field(default_factory=DynamoMessageIndex)

    def __post_init__(self) -> None:
        self.threads = DynamoThreadStore()
        self.messages = DynamoMessageStore(FakeBlobStore())
        self.get_thread = GetThread(self.threads, self.messages, self.index)
        self.list_messages = ListThreadMessages(self.threads, self.messages, self.index)
        self._fill()

    @property
    def offsets(self) -> tuple[int, int, int]:
        """Of the first page, one in the middle, and the last."""
        return (0, self.length // 2 - LIMIT // 2, self.length - LIMIT)

    def _fill(self) -> None:
        older = range(self.length - RECENT)
        partition = keys.inbox_partition(INBOX)
        for chunk in _chunks(older):
            ThreadChunkItem(partition, keys.thread_chunk(0, chunk[0]), members=set(chunk)).save()
        ThreadItem(
            partition,
            keys.thread(0),
            account_id=ACCOUNT_ID,
            subject="Lunch",
            created_at=NOON.isoformat(),
            participants={"ada@example.com": self.length},
            members=set(range(len(older), self.length)),
            top=len(older) - 1,
            starts=[chunk[0] for chunk in _chunks(older)],
            older=[len(chunk) for chunk in _chunks(older)],
        ).save()
        shown = {offset + number for offset in self.offsets for number in range(LIMIT)}
        for sequence in sorted({*shown, *range(len(older), self.length)}):
            key = MessageKey(INBOX, sequence)
            self.messages.put(make_content(key=key, thread=KEY, account_id=ACCOUNT_ID))
            self.index.advance(key, MessagePhase.DELIVERED, {MessagePhase.RESERVED})


def _chunks(older: range) -> list[range]:
    return [older[start : start + CHUNK_LIMIT] for start in range(0, len(older), CHUNK_LIMIT)]


def costs(table: Any, length: int, read: Callable[[Conversation, int], Any]) -> list[Cost]:
    """What reading costs at each of the offsets."""
    thread = Conversation(length)
    found = []
    for offset in thread.offsets:
        with counting(table) as cost:
            read(thread, offset)
        found.append(cost)
    return found


def read_page(thread: Conversation, offset: int) -> None:
    page = thread.list_messages(KEY, CALLER, PageRequest(LIMIT, offset))
    assert [message.content.key.sequence for message in page.items] == list(range(offset, offset + LIMIT))
    assert page.total == thread.length


def read_page_behind_a_cursor(thread: Conversation, offset: int) -> None:
    page = thread.list_messages(KEY, CALLER, PageRequest(LIMIT, after=offset - 1))
    assert [message.content.key.sequence for message in page.items] == list(range(offset, offset + LIMIT))
    assert page.total == thread.length


def read_thread(thread: Conversation, _: int) -> None:
    summary = thread.get_thread(KEY, CALLER)
    assert summary.thread.message_count == thread.length
    assert summary.last_message.content.key.sequence == thread.length - 1


@pytest.mark.parametrize("read", [read_page, read_page_behind_a_cursor])
def test_a_page_of_a_long_thread_costs_what_one_of_a_short_thread_costs_and_one_run(
    table: Any, read: Callable[[Conversation, int], None]
) -> None:
    # Authentication is one call more: together at most five, whatever the thread's length and the page's place.
    short = costs(table, RECENT, read)
    long = costs(table, 5_000, read)

    assert {len(cost.calls) for cost in short} == {3}
    assert [len(cost.calls) for cost in long] == [4, 4, 3]
    assert max(cost.units for cost in long) <= max(cost.units for cost in short) + CHUNK_UNITS + 1
    assert long[-1].units == short[-1].units


def test_a_long_thread_is_shown_at_the_cost_of_a_short_one(table: Any) -> None:
    short = costs(table, RECENT, read_thread)
    long = costs(table, 5_000, read_thread)

    assert [cost.calls for cost in long] == [cost.calls for cost in short]
    assert [cost.units for cost in long] == [cost.units for cost in short]


def test_joining_announcing_and_leaving_cost_the_same_in_a_long_thread(table: Any) -> None:
    def write(thread: Conversation, _: int) -> None:
        thread.threads.join(KEY, thread.length, ["ada@example.com"])
        thread.threads.announce_leave(KEY, thread.length)
        thread.threads.leave(KEY, thread.length)

    for length in (RECENT, 5_000):
        for cost in costs(table, length, write):
            assert cost.calls == ["UpdateItem", "UpdateItem", "BatchGetItem", "UpdateItem"]
            assert cost.units == 3 + 1  # write units, one each, and what the look reads


def test_a_page_of_a_hundred_that_lie_far_apart_takes_two_calls_more(table: Any) -> None:
    """Their buckets, and their contents and deliveries, are more than one call reads."""
    thread = Conversation(0)
    sequences = [number * BUCKET_CELLS for number in range(100 + RECENT)]
    partition, older = keys.inbox_partition(INBOX), sequences[:100]
    ThreadChunkItem(partition, keys.thread_chunk(0, 0), members=set(older)).save()
    item = ThreadItem.get(partition, keys.thread(0))
    item.members, item.top = set(sequences[100:]), older[-1]
    item.starts, item.older = [0], [len(older)]  # type: ignore[list-item]  # PynamoDB types what is stored
    item.save()
    for sequence in sequences:
        key = MessageKey(INBOX, sequence)
        thread.messages.put(make_content(key=key, thread=KEY, account_id=ACCOUNT_ID))
        thread.index.advance(key, MessagePhase.DELIVERED, {MessagePhase.RESERVED})
    with counting(table) as cost:
        page = thread.list_messages(KEY, CALLER, PageRequest(100, 0))
    assert [message.content.key.sequence for message in page.items] == older
    assert len(cost.calls) == 6
