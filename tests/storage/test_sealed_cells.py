"""Sealing: what is old is counted, whoever still waits there finds its place taken, and late changes keep the count."""

from collections.abc import Callable
from functools import partial

import pytest

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import PageRequest
from chalicelib.storage.message_index import DynamoMessageIndex
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.faults import Network
from tests.storage.index_oracle import INBOX, VISIBLE, assert_counted, assert_shows_all
from tests.storage.index_world import GONE, QUEUED, World
from tests.storage.parallel import at_once

pytestmark = [NOT_ON_MOTO, pytest.mark.usefixtures("table", "small_buckets")]
WRITES = ["UpdateItem", "TransactWriteItems"]
COMPLAINED, DELIVERED, SENT = MessagePhase.COMPLAINED, MessagePhase.DELIVERED, MessagePhase.SENT


@pytest.fixture
def world() -> World:
    return World()


def assert_sound(world: World, sealed: int) -> None:
    """Exactly so many buckets are sealed, everything is counted, and every list shows what it must."""
    assert assert_counted() == sealed
    assert_shows_all(world.index, world.oracle)


def sealed_world() -> World:
    """Buckets 0 and 1 of eight messages sealed, 2 open; 3 answers 1, and 17 answers 0."""
    world = World()
    world.add_many([0, 1, 2])
    world.add(3, first=1)
    world.add_many(range(4, 17))
    world.add(17, first=0)
    world.add_many(range(18, 20))
    assert world.seal(19) == 2
    return world


def test_a_bucket_is_sealed_when_enough_newer_messages_have_come(world: World) -> None:
    world.add_many(range(12))
    assert world.seal(10) == 0
    assert world.seal(11) == 1  # 7 is the last of bucket 0, and 4 came after it
    assert_sound(world, 1)
    assert world.seal(11) == 0
    assert_sound(world, 1)


def test_sealing_catches_up_a_few_buckets_at_a_time(world: World) -> None:
    world.add_many(range(64))
    assert world.seal(63) == 4
    assert world.seal(63) == 3
    assert world.seal(63) == 0
    assert_sound(world, 7)


def test_an_old_sequence_number_seals_nothing_new(world: World) -> None:
    world.add_many(range(40))
    assert world.seal(12) == 1
    assert world.seal(0) == 0
    assert_sound(world, 1)


def test_a_reservation_is_waited_for_and_then_killed(world: World) -> None:
    world.add_many([0, 1, *range(3, 20)])
    world.enter(2)
    assert world.seal(19) == 0
    world.add_many(range(20, 24))
    assert world.seal(22) == 0
    assert world.seal(23) == 2
    assert world.index.phase(MessageKey(INBOX, 2)) is GONE
    assert not world.commit(2)
    assert_sound(world, 2)


def test_a_message_committed_in_time_is_not_killed(world: World) -> None:
    world.add_many([0, 1, *range(3, 20)])
    world.enter(2)
    assert world.seal(19) == 0
    assert world.commit(2)
    assert world.seal(19) == 2
    assert_sound(world, 2)


def test_buckets_nobody_committed_to_are_sealed_after_patience(world: World) -> None:
    world.add_many([0, 30])
    assert world.seal(22) == 0
    assert world.seal(40) == 3
    world.enter(12)
    assert not world.commit(12)
    assert_sound(world, 3)


# ------------------------------------------------------------------------------------- late changes


def submit_and_put_back(world: World, sequence: int) -> None:
    world.advance(sequence, MessagePhase.SUBMITTING, {QUEUED})
    world.put_back(sequence)


LATE_CHANGES: dict[str, Callable[[World], object]] = {
    "a complaint": lambda world: world.advance(5, COMPLAINED, set(VISIBLE)),
    "a step that is refused": lambda world: world.advance(5, SENT, {DELIVERED}),
    "a deletion": lambda world: world.delete(6),
    "the deletion of one that is not the newest of its thread": lambda world: world.delete(0),
    "a deletion that gives the capital back in the same bucket": lambda world: world.delete(3),
    "a deletion that gives the capital back to a sealed bucket": lambda world: world.delete(17),
    "a reply that takes the capital from a sealed bucket": lambda world: world.add(20, first=9),
    "a reply to a thread that was looked at": lambda world: world.add(20, first=9, seen=True),
    "a reply into a bucket that is not written yet": lambda world: world.add(24, first=9),
    "a claim": lambda world: world.advance(10, MessagePhase.CLAIMED, {QUEUED, MessagePhase.CLAIMED}),
    "a step back to queued": lambda world: submit_and_put_back(world, 10),
    "the giving up of a committed message": lambda world: world.kill(4),
    "the deletion of a deleted message": lambda world: (
        world.delete(6),
        world.oracle.phases.pop(6, None),
        world.delete(6),
    ),
}


@pytest.mark.parametrize("late", LATE_CHANGES)
def test_bucket_directory_head_and_lists_follow(late: str) -> None:
    world = sealed_world()
    LATE_CHANGES[late](world)
    assert_sound(world, 2)


@pytest.mark.parametrize("late", LATE_CHANGES)
@pytest.mark.parametrize("operation", WRITES)
def test_they_follow_when_every_write_is_sent_twice(late: str, operation: str, network: Network) -> None:
    world = sealed_world()
    world.repeats = True
    network.repeat(operation)
    LATE_CHANGES[late](world)
    assert_sound(world, 2)


@pytest.mark.parametrize("late", LATE_CHANGES)
@pytest.mark.parametrize("operation", WRITES)
def test_they_follow_when_another_transaction_is_at_the_items(late: str, operation: str, network: Network) -> None:
    world = sealed_world()
    network.conflict(operation)
    LATE_CHANGES[late](world)
    assert_sound(world, 2)


@pytest.mark.parametrize("late", LATE_CHANGES)
@pytest.mark.parametrize("operation", ["BatchGetItem", *WRITES])
def test_they_follow_when_others_are_faster(late: str, operation: str, network: Network) -> None:
    """A complaint about a neighbour, and a further bucket sealed, right before a read or the write."""
    world = sealed_world()

    def faster() -> None:
        world.advance(7, COMPLAINED, set(VISIBLE))
        world.add_many(range(25, 32))
        world.seal(48)

    network.before_next(operation, faster)
    LATE_CHANGES[late](world)
    assert_counted()
    assert_shows_all(world.index, world.oracle)


def test_a_late_step_that_changes_nothing_writes_nothing(network: Network) -> None:
    world = sealed_world()
    world.delete(6)
    heard = network.listen()
    assert world.kill(6)
    assert heard == ["BatchGetItem"]
    assert_sound(world, 2)


def test_a_late_change_after_its_reply_was_lost_is_not_counted_twice(network: Network) -> None:
    world = sealed_world()
    network.lose_reply("UpdateItem")
    with pytest.raises(Exception, match="not answering"):
        world.advance(5, COMPLAINED, set(VISIBLE))
    world.oracle.phases[5] = COMPLAINED
    assert_sound(world, 2)
    assert world.advance(5, COMPLAINED, {QUEUED}).phase is COMPLAINED
    assert_sound(world, 2)


def test_sealing_after_its_reply_was_lost_goes_on(network: Network) -> None:
    world = World()
    world.add_many(range(20))
    network.lose_reply("TransactWriteItems")
    with pytest.raises(Exception, match="not answering"):
        world.seal(19)
    assert_sound(world, 1)
    assert world.seal(19) == 1
    assert_sound(world, 2)


# ------------------------------------------------------------------------------------------ rivals


def test_two_sealers_seal_once(network: Network) -> None:
    world = World()
    world.add_many(range(12))
    network.before_next("TransactWriteItems", lambda: World().seal(11))
    assert world.seal(11) == 0
    assert_sound(world, 1)


RIVALS: dict[str, Callable[[World], object]] = {
    "a status": lambda world: world.advance(3, SENT, {QUEUED}),
    "a commit": lambda world: world.commit(6),
    "a deletion": lambda world: world.delete(3),
    "a reply over two buckets": lambda world: world.add(13, first=3),
}


@pytest.mark.parametrize("rival", RIVALS)
@pytest.mark.parametrize("operation", ["BatchGetItem", "TransactWriteItems"])
def test_a_sealer_that_meets_a_writer_counts_what_was_written(rival: str, operation: str, network: Network) -> None:
    world = World()
    world.add_many([*range(6), 7, *range(8, 12)])
    world.enter(6)
    network.before_next(operation, lambda: RIVALS[rival](world))
    world.seal(30)
    world.seal(30)
    assert assert_counted() >= 1
    assert_shows_all(world.index, world.oracle)
    world.commit(6)
    assert world.index.phase(MessageKey(INBOX, 6)) is (QUEUED if 6 in world.oracle.phases else GONE)


@pytest.mark.parametrize("rival", RIVALS)
@pytest.mark.parametrize("operation", ["UpdateItem", "BatchGetItem", "TransactWriteItems"])
def test_a_writer_that_meets_a_sealer_writes_into_the_sealed_bucket(
    rival: str, operation: str, network: Network
) -> None:
    world = World()
    world.add_many([*range(6), 7, *range(8, 12)])
    world.enter(6)
    network.before_next(operation, lambda: world.seal(30))
    RIVALS[rival](world)
    world.seal(30)
    assert world.index.phase(MessageKey(INBOX, 6)) is (QUEUED if 6 in world.oracle.phases else GONE)
    assert assert_counted() >= 1
    assert_shows_all(world.index, world.oracle)


def test_late_writers_at_once_are_all_counted() -> None:
    world = sealed_world()
    calls: list[Callable[[], object]] = [
        *(partial(world.advance, sequence, COMPLAINED, {QUEUED}) for sequence in (4, 5, 8, 9)),
        *(partial(world.delete, sequence) for sequence in (2, 6, 7, 12)),
        *(partial(world.add, sequence, sequence - 10) for sequence in (20, 21, 23)),
    ]
    at_once(calls)
    assert_sound(world, 2)


def test_sealers_and_writers_at_once() -> None:
    world = World()
    world.add_many(range(20))
    calls: list[Callable[[], object]] = [
        *[partial(world.index.seal_due, MessageKey(INBOX, 19))] * 4,
        *(partial(world.advance, sequence, SENT, {QUEUED}) for sequence in range(20)),
    ]
    at_once(calls)
    world.seal(19)
    world.seal(19)
    assert_sound(world, 2)


def test_only_every_so_many_messages_somebody_looks(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.storage.message_index.SEAL_EVERY", 4)
    heard = network.listen()
    assert [DynamoMessageIndex().seal_due(MessageKey(INBOX, n)) for n in (13, 14, 15)] == [0, 0, 0]
    assert heard == []


# --------------------------------------------------------------------------------------------- what it costs


def test_a_status_in_an_open_bucket_is_one_write(network: Network) -> None:
    world = sealed_world()
    heard = network.listen()
    world.advance(19, SENT, {QUEUED})
    assert heard == ["UpdateItem"]


def test_a_status_in_a_sealed_bucket_is_three_calls_and_two_when_that_is_known(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.storage.sealed_cells.FOLD_EVERY", 100)
    world = sealed_world()
    heard = network.listen()
    world.advance(6, SENT, {QUEUED})
    assert heard == ["UpdateItem", "BatchGetItem", "UpdateItem"]
    heard.clear()
    world.advance(7, SENT, {QUEUED})
    assert heard == ["BatchGetItem", "UpdateItem"]


def test_a_reply_to_a_sealed_message_is_a_note_a_commit_and_a_look(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.storage.sealed_cells.FOLD_EVERY", 100)
    world = sealed_world()
    seen = world.index.look(INBOX, [5])
    world.enter(20, first=5)
    heard = network.listen()
    assert world.commit(20, seen)
    assert heard == ["BatchGetItem", "UpdateItem", "UpdateItem", "BatchGetItem"]
    assert_sound(world, 2)


@pytest.mark.parametrize(
    ("request_", "calls"),
    [
        (PageRequest(limit=3), ["Query"]),
        (PageRequest(limit=3, offset=18), ["Query", "BatchGetItem", "Query"]),
        (PageRequest(limit=100), ["Query", "BatchGetItem", "Query"]),
        (PageRequest(limit=2, after=3), ["Query", "BatchGetItem", "Query"]),
    ],
)
def test_a_page_is_at_most_front_directories_and_buckets(
    request_: PageRequest, calls: list[str], network: Network
) -> None:
    world = sealed_world()
    heard = network.listen()
    page = world.index.page(INBOX, VISIBLE, request_)
    assert heard == calls
    assert page == world.oracle.page(VISIBLE, request_)
