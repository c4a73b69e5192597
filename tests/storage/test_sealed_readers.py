"""Readers while others write and seal: a page shows one state, although its parts are read one after the other."""

import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import IndexedMessage, Page, PageRequest
from chalicelib.storage import keys
from chalicelib.storage.cell_list import CellList
from chalicelib.storage.sealing import Folding
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.index_oracle import INBOX, PARTITION, VISIBLE, Oracle, assert_counted, random_filter, random_request
from tests.storage.index_world import QUEUED, World
from tests.storage.read_committed import ReadCommitted

pytestmark = [
    pytest.mark.usefixtures("table", "small_buckets"),
    NOT_ON_MOTO,  # it is the reader's patience that is tested
]
COMPLAINED = MessagePhase.COMPLAINED
ALL = PageRequest(limit=100)


def begin() -> World:
    """Bucket 0 sealed, 1 … 3 open, 1 due to be sealed; threads over all of them."""
    world = World()
    world.add_many(range(12))
    assert world.seal(11) == 1
    world.add_many(range(12, 18))
    for sequence, first in ((18, 2), (19, 13), (20, 3), (24, 14), (25, 15), (26, 4)):
        world.add(sequence, first)
    return world


CHANGES: dict[str, Callable[[World], object]] = {
    "a reply over two open buckets": lambda world: world.add(27, first=16),
    "a reply to a message in a sealed bucket": lambda world: world.add(27, first=5),
    "a deletion that gives back over open buckets": lambda world: world.delete(24),
    "a deletion that gives back to a sealed bucket": lambda world: world.delete(26),
    "a complaint in a sealed bucket": lambda world: world.advance(6, COMPLAINED, {QUEUED}),
    "sealing": lambda world: world.seal(19),
    "sealing of several": lambda world: world.seal(40),
    "folding": lambda _world: fold(),
}


def threads(reader: World | Oracle) -> Page[IndexedMessage]:
    return reader.index.thread_page(INBOX, ALL) if isinstance(reader, World) else reader.thread_page(ALL)


def messages(reader: World | Oracle) -> Page[IndexedMessage]:
    return reader.index.page(INBOX, VISIBLE, ALL) if isinstance(reader, World) else reader.page(VISIBLE, ALL)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("read", [threads, messages])
@pytest.mark.parametrize("moment", range(2, 7))
def test_a_page_read_around_a_change_shows_what_was_before_or_what_is_after(
    change: str,
    read: Callable[[World | Oracle], Page[IndexedMessage]],
    moment: int,
    table: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = begin()
    before = deepcopy(world.oracle)
    layer = ReadCommitted(table, random.Random(f"{change} {moment}"))
    layer.install(monkeypatch)
    left = moment

    def between() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            CHANGES[change](world)

    layer.between = between
    shown = read(world)
    assert left <= 0, "the reader was too fast for the change"
    assert shown in (read(before), read(world.oracle))
    assert_counted()


LATE: dict[str, Callable[[World], object]] = {
    "a complaint": lambda world: world.advance(6, COMPLAINED, {QUEUED}),
    "a deletion": lambda world: world.delete(7),
    "sealing": lambda world: world.seal(40),
    "folding": lambda _world: fold(),
    "a complaint that is folded": lambda world: (world.advance(6, COMPLAINED, {QUEUED}), fold()),
    "a deletion that is folded": lambda world: (world.delete(7), fold()),
}


def fold() -> bool:
    assert Folding(CellList(PARTITION, keys.MESSAGE_CELLS)).fold()
    return True


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("read", [2, 3])
def test_messages_are_counted_as_they_are_read(
    late: str, read: int, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change comes right before the directories are read, or the buckets; the front is not read again."""
    world = begin()
    world.advance(5, COMPLAINED, {QUEUED})
    before = deepcopy(world.oracle)
    heard = disturbed(table, monkeypatch, lambda number: number == read and LATE[late](world))
    assert messages(world) in (messages(before), messages(world.oracle))
    assert heard.count("front") == 1
    assert len(heard) <= 4  # one bucket more when a directory may have counted the note in that the front has
    assert messages(world) == messages(world.oracle)


@pytest.mark.parametrize("read", [2, 3])
def test_threads_are_of_the_moment_of_the_front(read: int, table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = begin()
    before = deepcopy(world.oracle)
    heard = disturbed(table, monkeypatch, lambda number: number == read and world.delete(26))
    assert threads(world) == threads(before)
    assert heard.count("front") == 1
    assert threads(world) == threads(world.oracle)


@pytest.mark.parametrize("read", [2, 3])
def test_threads_are_read_again_when_one_has_moved_and_was_folded_meanwhile(
    read: int, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = begin()
    fold()
    heard = disturbed(table, monkeypatch, lambda number: number == read and (world.delete(26), fold()))
    assert threads(world) == threads(world.oracle)
    assert heard.count("front") == 2


def test_late_changes_without_a_pause_keep_nobody_from_a_page(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A complaint comes or goes before every single read."""
    monkeypatch.setattr("chalicelib.storage.failures.pause", lambda _number: None)
    world = begin()

    def change(_number: int) -> None:
        phase = world.oracle.phases[6]
        world.advance(6, QUEUED if phase is COMPLAINED else COMPLAINED, {phase})

    disturbed(table, monkeypatch, change)
    for phases in (VISIBLE, [COMPLAINED], [QUEUED]):
        page = world.index.page(INBOX, phases, ALL)
        assert page.total == len(page.items) == len({item.key for item in page.items})
    assert {item.key.sequence for item in threads(world).items} == set(world.oracle.heads())


def disturbed(table: Any, monkeypatch: pytest.MonkeyPatch, act: Callable[[int], object]) -> list[str]:
    """What a reader reads, while somebody does `act` before each of its reads (1 …)."""
    call, heard = table._make_api_call, list[str]()
    busy = [False]

    def deliver(operation: str, parameters: Any) -> Any:
        if operation in ("Query", "BatchGetItem") and not busy[0]:
            heard.append("front" if "Limit" in parameters else operation)
            busy[0] = True
            act(len(heard))
            busy[0] = False
        return call(operation, parameters)

    monkeypatch.setattr(table, "_make_api_call", deliver)
    return heard


def test_an_old_replica_is_noticed(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eventually consistent reads may show sealed parts as they were; a page shows them as they are."""
    world = begin()
    world.seal(40)
    luck = random.Random(0)
    ReadCommitted(table, luck).install(monkeypatch)
    for turn in range(60):
        sequence = luck.choice([2, 3, 5, 6, 7, 8, 9, 10])
        phase = world.oracle.phases[sequence]
        # The same two phases over and over: many states with the same counts.
        world.advance(sequence, QUEUED if phase is COMPLAINED else COMPLAINED, {phase})
        if turn % 3 == 0:
            request, phases = random_request(luck, 30), random_filter(luck)
            assert world.index.page(INBOX, phases, request) == world.oracle.page(phases, request)
            assert world.index.thread_page(INBOX, request) == world.oracle.thread_page(request)


def test_a_walk_by_cursor_neither_repeats_nor_misses_while_buckets_are_sealed() -> None:
    world = begin()
    stood = list(world.oracle.phases)
    newest, read = 27, list[int]()
    after: int | None = None
    while True:
        page = world.index.page(INBOX, VISIBLE, PageRequest(limit=3, after=after))
        read += [item.key.sequence for item in page.items]
        if page.next_after is None:
            break
        after = page.next_after
        world.add(newest, first=read[-1])
        world.seal(newest)
        newest += 3
    assert read == sorted(stood, reverse=True)
    assert assert_counted() > 1


@pytest.mark.parametrize("moment", range(1, 9))
def test_a_late_writer_that_reads_around_sealing_reads_again(
    moment: int, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a capital back from a bucket that is being sealed, and gives it to one that has been."""
    world = World()
    world.add_many(range(12))
    assert world.seal(11) == 1
    world.add(12, first=2)
    world.add_many(range(13, 20))
    layer = ReadCommitted(table, random.Random(moment))
    layer.install(monkeypatch)
    left = moment

    def between() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            world.seal(19)

    layer.between = between
    world.delete(12)
    assert left <= 0, "the writer was too fast for the sealer"
    assert assert_counted() == 2
    assert threads(world) == threads(world.oracle)
    assert messages(world) == messages(world.oracle)
