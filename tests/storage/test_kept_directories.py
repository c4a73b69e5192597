"""Directories are read once a process, until a change in what they count."""

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import PageRequest
from chalicelib.storage import kept_directories
from chalicelib.storage.cell_pages import BUCKET_CELLS
from chalicelib.storage.tallies import EMPTY_TALLY, Tally, added, tally_of
from chalicelib.storage.tally_items import Directory, Head, is_as_counted
from tests.storage.engines import NOT_ON_MOTO, Engine
from tests.storage.faults import Network
from tests.storage.index_oracle import INBOX, VISIBLE, random_request
from tests.storage.index_world import QUEUED, World

pytestmark = NOT_ON_MOTO

small = pytest.mark.usefixtures("table", "small_buckets")
DELIVERED = MessagePhase.DELIVERED
DEEP = PageRequest(limit=3, offset=30)
EVERYWHERE = [PageRequest(limit=5, offset=offset) for offset in range(0, 50, 5)]


def begin(*deleted: int) -> World:
    """Four buckets sealed, in two directories, without some messages."""
    world = World()
    world.add_many(range(40))
    for sequence in deleted:
        world.delete(sequence)
    assert world.seal(39) == 4
    return world


def agree(world: World, requests: Sequence[PageRequest] = EVERYWHERE) -> None:
    for request in requests:
        assert world.index.page(INBOX, VISIBLE, request) == world.oracle.page(VISIBLE, request)
        assert world.index.thread_page(INBOX, request) == world.oracle.thread_page(request)


@small
def test_the_second_page_at_depth_is_a_call_less(network: Network) -> None:
    world = begin()
    heard = network.listen()
    agree(world, [DEEP])
    first = len(heard)
    agree(world, [DEEP])
    assert first == 5  # front, directory, bucket for the messages; front and bucket for the threads
    assert len(heard) - first == 4


def swap(world: World) -> None:
    world.advance(1, DELIVERED, {QUEUED})
    world.delete(9)


def there_and_back(world: World) -> None:
    world.advance(1, DELIVERED, {QUEUED})
    world.advance(1, QUEUED, {DELIVERED})


def seal_another(world: World) -> None:
    world.add_many(range(40, 52))
    assert world.seal(51) == 2


def seal_one_where_nothing_is_left(world: World) -> None:
    for sequence in range(32, 40):
        world.delete(sequence)
    seal_another(world)


CHANGES: dict[str, Callable[[World], object]] = {
    "a status": lambda world: world.advance(1, DELIVERED, {QUEUED}),
    "a deletion": lambda world: world.delete(9),
    "a reply": lambda world: world.add(40, first=8),
    "two that leave the counts alone": there_and_back,
    "two in two buckets": swap,
    "sealing": seal_another,
    "sealing of a bucket where nothing is left": seal_one_where_nothing_is_left,
}


@small
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_kept_never_hides_a_change(change: str) -> None:
    world = begin()
    agree(world)
    CHANGES[change](world)
    agree(world)


@small
def test_another_table_is_another_memory(embedded_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    agree(begin(1, 2))
    with embedded_engine.fresh_table(monkeypatch):
        agree(begin(9, 10))  # the head counts the same


@small
def test_however_little_is_kept_pages_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_directories, "KEPT", 1)
    world, luck = begin(), random.Random(4)
    for _ in range(20):
        request = random_request(luck, 40)
        assert world.index.page(INBOX, VISIBLE, request) == world.oracle.page(VISIBLE, request)
        assert len(kept_directories._kept) <= 1


BUCKETS = st.lists(st.text("dDbx", min_size=BUCKET_CELLS // 60, max_size=BUCKET_CELLS // 60), min_size=1, max_size=5)


@given(BUCKETS, st.lists(st.tuples(st.integers(0, 4), st.integers(0, 7), st.sampled_from("dDbx")), max_size=4))
def test_a_directory_stands_as_counted_exactly_while_nothing_has_changed(
    buckets: list[str], changes: list[tuple[int, int, str]]
) -> None:
    """Also when changes cancel each other out."""
    before = Directory(0, 1, _rows(buckets, [0] * len(buckets)))
    head = Head(1, 1, len(buckets), (added(before.buckets),))
    assert is_as_counted(before, head)
    cells, counts = [list(bucket) for bucket in buckets], [0] * len(buckets)
    for number, position, character in changes:
        bucket = number % len(buckets)
        cells[bucket][position] = character
        counts[bucket] += 1
    after = _rows(["".join(bucket) for bucket in cells], counts)
    assert is_as_counted(before, Head(2, 2, len(buckets), (added(after),))) is not bool(changes)
    assert not is_as_counted(before, Head(2, 2, len(buckets) + 1, (added([*after, EMPTY_TALLY]),)))


def _rows(buckets: list[str], changes: list[int]) -> tuple[Tally, ...]:
    return tuple(tally_of(cells, count) for cells, count in zip(buckets, changes, strict=True))
