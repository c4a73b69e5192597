"""Capitals that move between sealed and open buckets by two writes: what may lie between them, and who puts it right."""

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import PageRequest
from chalicelib.storage import keys
from chalicelib.storage.cell_list import CellList
from chalicelib.storage.sealing import Folding
from chalicelib.storage.tables import table_name
from tests.storage.deaths import Deaths, Died
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.faults import Network
from tests.storage.index_oracle import INBOX, PARTITION, assert_counted, assert_shows_all
from tests.storage.index_world import QUEUED, World
from tests.storage.parallel import at_once

pytestmark = [
    pytest.mark.usefixtures("table", "small_buckets"),
    NOT_ON_MOTO,
]

ALL = PageRequest(limit=100)


@pytest.fixture
def world() -> World:
    """Bucket 0 of eight messages sealed, 1 open; 20 is about to answer 5."""
    world = World()
    world.add_many(range(12))
    assert world.seal(11) == 1
    world.enter(20, first=5)
    return world


def dies(table: Any, monkeypatch: pytest.MonkeyPatch, world: World, act: Any) -> None:
    """The process notes who is to have the capital, and dies before it sets the cell."""
    deaths = Deaths(table)
    deaths.install(monkeypatch)
    world.index.front(INBOX)  # it knows what is sealed, so its first write is the note
    deaths.plan(0, after=True)
    with pytest.raises(Died):
        act()


def assert_sound(world: World) -> int:
    assert_shows_all(world.index, world.oracle)
    return assert_counted()


def test_a_promise_that_is_not_kept_changes_nothing(world: World, table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dies(table, monkeypatch, world, lambda: world.commit(20))
    assert_sound(world)
    assert Folding(CellList(PARTITION, keys.MESSAGE_CELLS)).fold()
    assert_sound(world)
    assert world.kill(20)
    assert_sound(world)
    assert Folding(CellList(PARTITION, keys.MESSAGE_CELLS)).fold()
    assert_sound(world)


def test_a_promise_may_be_kept_by_the_next_try(world: World, table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dies(table, monkeypatch, world, lambda: world.commit(20))
    assert world.commit(20)
    assert_sound(world)


def test_another_reply_takes_what_was_promised_to_one_that_died(
    world: World, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies(table, monkeypatch, world, lambda: world.commit(20))
    assert world.add(21, first=5)
    assert_sound(world)
    assert world.commit(20)  # it was only asleep, and comes after all
    assert_sound(world)


def test_a_deletion_that_died_after_its_note_is_done_by_the_next(
    world: World, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.commit(20)
    dies(table, monkeypatch, world, lambda: world.delete(20))
    world.oracle.phases[20] = QUEUED
    assert_sound(world)
    assert Folding(CellList(PARTITION, keys.MESSAGE_CELLS)).fold()
    assert_sound(world)
    assert world.add(22, first=5)
    assert_sound(world)
    world.delete(20)
    assert_sound(world)
    world.delete(22)
    assert_sound(world)


def test_deleting_a_reply_that_has_a_reply_gives_nothing_back(world: World) -> None:
    assert world.commit(20)
    assert world.add(21, first=5)
    world.delete(20)
    assert_sound(world)


def test_sealing_settles_what_was_promised_to_messages_in_the_bucket(
    world: World, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.enter(14, first=3)
    dies(table, monkeypatch, world, lambda: world.commit(14))
    assert world.seal(60) > 0
    assert assert_sound(world) > 1
    assert not world.commit(14)
    assert_sound(world)


def test_two_replies_to_one_sealed_message_at_once_leave_one_capital(world: World) -> None:
    at_once([partial(world.add, sequence, 3) for sequence in (21, 22, 23)])
    assert_sound(world)


def test_a_sealer_notices_two_changes_that_leave_the_cells_as_they_were(world: World, network: Network) -> None:
    """A reply in a newer bucket takes a capital from the bucket to be sealed, and is deleted again."""
    world.add_many([12, 13, 14, 15, 18, 19])

    def come_and_go() -> None:
        world.add(21, first=13)
        world.delete(21)

    network.before_next("TransactWriteItems", come_and_go)
    assert world.seal(21) == 1
    assert assert_sound(world) == 2


def test_a_deletion_that_dies_never_shows_a_thread_twice(
    world: World, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.storage.sealed_cells.FOLD_EVERY", 100)
    assert world.commit(20)
    assert world.add(21, first=5)
    deaths = Deaths(table)
    deaths.install(monkeypatch)
    for write in range(3):
        deaths.plan(write, after=True)
        with suppress(Died):
            world.delete(20)
        deaths.forget()
        world.look(20)
        assert_sound(world)


@pytest.mark.parametrize("old", [keys.HEAD, "F#000000002"])
def test_a_front_of_which_one_item_is_from_before_a_reply_is_read_again(
    old: str, world: World, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.storage.sealed_cells.FOLD_EVERY", 100)
    world.add_many([16])  # the bucket is there
    place = {"pk": {"S": PARTITION}, "sk": {"S": old}}
    before = [table.get_item(Key=place, TableName=table_name(), ConsistentRead=True)["Item"]]
    assert world.commit(20)
    if old != keys.HEAD:  # the head tells of the note no more
        assert Folding(CellList(PARTITION, keys.MESSAGE_CELLS)).fold()
    call, fronts = table._make_api_call, list[str]()

    def deliver(operation: str, parameters: Any) -> Any:
        answer = call(operation, parameters)
        if operation == "Query" and "Limit" in parameters:
            fronts.append(operation)
            if before:
                item = before.pop()
                answer["Items"] = [item if found["sk"] == item["sk"] else found for found in answer["Items"]]
        return answer

    monkeypatch.setattr(table, "_make_api_call", deliver)
    assert world.index.thread_page(INBOX, ALL) == world.oracle.thread_page(ALL)
    assert len(fronts) == 2


# ------------------------------------------------------------------------------ long threads, and rivals


class LongThreads(World):
    """Of a thread only the newest three are named, as the thread store names its newest 32 to 96."""

    def members(self, first: int) -> Callable[[], Sequence[int]]:
        return lambda: self.threads.newest_members(ThreadKey(INBOX, first))[-3:]


def test_deleting_a_reply_of_long_ago_gives_its_capital_back_to_nobody() -> None:
    world = LongThreads()
    world.add_many(range(12))
    assert world.seal(11) == 1
    for sequence in (12, 13, 14, 15):
        assert world.add(sequence, first=5)
    assert_sound(world)
    world.delete(12)  # 5 has given it the capital, and is not named any more
    assert_sound(world)
    world.delete(15)
    assert_sound(world)


def rival_between(world: World, table: Any, monkeypatch: pytest.MonkeyPatch, *, is_repeated: bool) -> None:
    """20 was promised the capital of 5, and comes right before 21 writes the promise to itself."""
    monkeypatch.setattr("chalicelib.storage.sealed_cells.FOLD_EVERY", 1_000_000)  # folding would settle it
    dies(table, monkeypatch, world, lambda: world.commit(20))
    call, calls = table._make_api_call, itertools.count()

    def through(operation: str, parameters: Any) -> Any:
        if operation == "UpdateItem" and next(calls) == 0:
            world.commit(20)
            if is_repeated:
                call(operation, parameters)  # its reply is lost
        return call(operation, parameters)

    monkeypatch.setattr(table, "_make_api_call", through)


def test_a_promise_that_the_sdk_repeated_is_not_taken_for_the_only_one(
    world: World, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.enter(21, first=5)
    rival_between(world, table, monkeypatch, is_repeated=True)
    assert world.commit(21)
    assert_sound(world)


def test_a_promise_in_place_of_one_that_was_kept_is_put_right_by_whoever_gives_it_up(
    world: World, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.enter(21, first=5)
    rival_between(world, table, monkeypatch, is_repeated=False)
    deaths = Deaths(table)
    deaths.install(monkeypatch)
    deaths.plan(0, after=True)
    with suppress(Died):
        world.commit(21)
    assert world.kill(21)
    world.leave(21)
    world.index.settle_thread(INBOX, world.members(5))  # as AbandonReservation does
    assert_sound(world)


def test_a_change_stands_although_the_notes_cannot_be_folded(
    world: World, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers_nothing(_: Folding) -> Any:
        raise Unavailable("The table answers too slowly.")

    monkeypatch.setattr(Folding, "_fold_once", answers_nothing)
    for sequence in range(8):
        assert world.index.advance(MessageKey(INBOX, sequence), MessagePhase.CLAIMED, {MessagePhase.QUEUED}).taken


def before_write(table: Any, monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], object]) -> None:
    """Somebody else does something right before the update with this number, from 0 on."""
    call, updates = table._make_api_call, itertools.count()

    def interrupted(operation: str, parameters: Any) -> Any:
        if operation == "UpdateItem" and next(updates) == number:
            act()
        return call(operation, parameters)

    monkeypatch.setattr(table, "_make_api_call", interrupted)


def test_a_promise_that_is_kept_while_another_takes_its_place_leaves_one_capital(
    world: World, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.storage.sealed_cells.FOLD_EVERY", 1_000_000)
    world.enter(21, first=5)
    dies(table, monkeypatch, world, lambda: world.commit(20))
    before_write(table, monkeypatch, 0, lambda: world.commit(20))

    assert world.commit(21)

    assert_sound(world)


def test_whoever_promised_first_and_finds_its_note_replaced_looks_who_has_the_capital(
    world: World, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.storage.sealed_cells.FOLD_EVERY", 1_000_000)
    world.enter(21, first=5)
    world.index.front(INBOX)
    before_write(table, monkeypatch, 1, lambda: world.commit(21))  # between the note of 20 and its cell

    assert world.commit(20)

    assert_sound(world)
