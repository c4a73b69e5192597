"""A process that dies before or after any of its writes leaves nothing that whoever comes next does not put right."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from tests.storage.deaths import Deaths, Died
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.faults import Network
from tests.storage.index_oracle import INBOX, VISIBLE, assert_counted, assert_shows_all
from tests.storage.index_world import GONE, World

pytestmark = [
    pytest.mark.usefixtures("table", "small_buckets"),
    NOT_ON_MOTO,  # it is our own order of writes that is tested
]
COMPLAINED = MessagePhase.COMPLAINED

Act = Callable[[World], object]
ACTS: dict[str, tuple[int, Act]] = {  # the message each is about
    "a reply over two open buckets": (20, lambda world: world.commit(20)),
    "a reply to a message in a sealed bucket": (21, lambda world: world.commit(21)),
    "a reply into a bucket that is not written": (24, lambda world: world.commit(24)),
    "a first message in a bucket that is not written": (25, lambda world: world.commit(25)),
    "a complaint in a sealed bucket": (5, lambda world: world.advance(5, COMPLAINED, set(VISIBLE))),
    "a deletion in a sealed bucket": (6, lambda world: world.delete(6)),
    "a deletion that gives back over buckets": (17, lambda world: world.delete(17)),
    "a deletion in an open bucket": (18, lambda world: world.delete(18)),
    "the giving up of a reservation": (22, lambda world: world.kill(22)),
}


def begin() -> World:
    """Bucket 0 sealed, 1 due, 2 open; 17 answers 0; replies and reservations are on their way."""
    world = World()
    world.add_many(range(12))
    assert world.seal(11) == 1
    world.add_many(range(12, 17))
    world.add(17, first=0)
    world.add_many(range(18, 20))
    world.enter(20, first=12)
    world.enter(21, first=5)
    world.enter(22)
    world.enter(24, first=6)
    world.enter(25)
    return world


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("act", ACTS)
def test_a_writer_that_dies_leaves_nothing_half_done(
    act: str, table: Any, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    deaths = Deaths(table)
    deaths.install(monkeypatch)
    world = begin()
    sequence, do = ACTS[act]
    for write in range(8):
        deaths.plan(write, after=after)
        with suppress(Died):
            do(world)
        lived = deaths.forget()
        world.look(sequence)
        assert_counted()
        assert_shows_all(world.index, world.oracle)
        if lived:
            break
    else:
        pytest.fail("it never came to an end")
    world.seal(19)
    assert assert_counted() == 2
    assert_shows_all(world.index, world.oracle)


@pytest.mark.parametrize("after", [False, True])
def test_a_sealer_that_dies_leaves_nothing_half_done(
    table: Any, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    deaths = Deaths(table)
    deaths.install(monkeypatch)
    world = begin()
    world.add_many([33])  # nobody has written bucket 3
    for write in range(12):
        deaths.plan(write, after=after)
        with suppress(Died):
            world.seal(60)
        lived = deaths.forget()
        assert_counted()
        assert_shows_all(world.index, world.oracle)
        if lived:
            break
    else:
        pytest.fail("it never came to an end")
    assert assert_counted() == 5
    assert not world.commit(22)
    assert_shows_all(world.index, world.oracle)


def two_heads() -> World:
    """21 and 23 both stand for the thread of 5: the writer of 23 knew of nobody else, and died before it looked again."""
    world = begin()
    assert world.commit(21)
    world.enter(23, first=5)
    assert world.index.commit(MessageKey(INBOX, 23), MessagePhase.QUEUED, lambda: (23,))
    world.oracle.phases[23] = MessagePhase.QUEUED
    return world


@pytest.mark.parametrize("again", ["commit", "deletion", "reply"])
def test_two_heads_that_a_crash_left_are_one_after_the_next_work_on_the_thread(again: str) -> None:
    world = two_heads()
    world.seal(60)
    if again == "commit":
        assert world.commit(23)
    elif again == "deletion":
        assert world.index.remove(MessageKey(INBOX, 22), world.members(5)) is GONE
    else:
        assert world.add(61, first=5)
    assert_counted()
    assert_shows_all(world.index, world.oracle)


@pytest.mark.parametrize("sealed", [False, True])
def test_a_thread_that_is_settled_while_its_newest_is_deleted_keeps_a_head(network: Network, *, sealed: bool) -> None:
    world = two_heads()
    if sealed:
        world.seal(60)
    network.before_next("TransactWriteItems" if sealed else "UpdateItem", lambda: world.delete(23))
    world.index.settle_thread(INBOX, world.members(5))
    assert_counted()
    assert_shows_all(world.index, world.oracle)
