"""How the message store reads a page: neighbours together, scattered messages each on its own."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message import Direction, MessageContent
from chalicelib.storage.message_store import NEIGHBOURS, DynamoMessageStore, _stretches
from tests.factories.deliveries import make_delivery
from tests.factories.messages import INBOX_NUMBER, make_content
from tests.fakes.blob_store import FakeBlobStore
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.faults import Network

WANTED = st.sets(st.integers(0, 2**36 - 1) | st.integers(0, 500), min_size=1, max_size=100)


@given(WANTED)
def test_stretches_hold_every_wanted_message_once_and_not_too_much_else(wanted: set[int]) -> None:
    stretches = _stretches(wanted)
    held = [sequence for low, high in stretches for sequence in wanted if low <= sequence <= high]
    assert sorted(held) == sorted(wanted)
    for low, high in stretches:
        assert {low, high} <= wanted
        assert high - low + 1 <= NEIGHBOURS * sum(low <= sequence <= high for sequence in wanted)
    assert stretches == sorted(stretches)


def content(sequence: int) -> MessageContent:
    key = MessageKey(INBOX_NUMBER, sequence)
    return make_content(key=key, thread=ThreadKey(INBOX_NUMBER, sequence), subject=f"Message {sequence}")


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    "sequences",
    [
        pytest.param(range(20), id="neighbours"),
        pytest.param(range(0, 60, 3), id="a third of a stretch"),
        pytest.param(range(0, 5_000, 100), id="scattered, as many as one call reads"),
        pytest.param(range(0, 6_000, 100), id="scattered, more than one call reads"),
        pytest.param([*range(10), *range(500, 560), 9_000], id="stretches and one alone"),
    ],
)
def test_a_page_comes_whole_and_in_the_order_asked_for(sequences: list[int]) -> None:
    store = DynamoMessageStore(FakeBlobStore())
    for sequence in sequences:
        store.put(content(sequence))
        if sequence % 2:
            store.save_delivery(MessageKey(INBOX_NUMBER, sequence), make_delivery())
    store.put(content(1_000_000))

    newest_first = [MessageKey(INBOX_NUMBER, sequence) for sequence in reversed(sequences)]
    page = store.page(newest_first, body_budget=1_000_000)

    assert [message.content for message in page] == [content(key.sequence) for key in newest_first]
    saved = replace(make_delivery(), version=1)
    assert [message.delivery for message in page] == [saved if key.sequence % 2 else None for key in newest_first]


@NOT_ON_MOTO
@pytest.mark.parametrize(("direction", "calls"), [(Direction.OUTBOUND, 2), (Direction.INBOUND, 1)])
def test_a_scattered_page_of_a_hundred_is_two_calls_and_of_received_mail_one(
    direction: Direction, calls: int, network: Network
) -> None:
    store = DynamoMessageStore(FakeBlobStore())
    scattered = [MessageKey(INBOX_NUMBER, sequence * 100) for sequence in range(100)]
    for key in scattered:
        store.put(replace(content(key.sequence), direction=direction))
    heard = network.listen()
    assert len(store.page(scattered, body_budget=1_000_000)) == len(scattered)
    assert heard == ["BatchGetItem"] * calls
