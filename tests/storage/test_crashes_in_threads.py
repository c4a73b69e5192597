"""Whatever a request leaves half-done in a thread, its job finds it and puts it right, also where buckets are sealed."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import PageRequest
from tests.operations.watched import Crash, Failing, FailingAt
from tests.operations.world import INBOX
from tests.storage.deaths import Deaths, Died
from tests.storage.engines import NOT_ON_MOTO, Engine
from tests.storage.faults import Network
from tests.storage.small_buckets import SMALL, resize
from tests.storage.stored_world import StoredWorld

pytestmark = [
    pytest.mark.usefixtures("table"),
    NOT_ON_MOTO,  # it is our own order of writes that is tested
]
THREAD = ThreadKey(INBOX, 0)
Begin = Callable[[], StoredWorld]
Act = Callable[[StoredWorld], object]
ACTS: dict[str, Act] = {
    "a first message": lambda world: world.submit(),
    "a reply": lambda world: world.reply(0),
    "the deletion of an old message": lambda world: world.delete_message(MessageKey(INBOX, 1), world.caller),
    "the deletion of the newest of an old thread": lambda world: world.delete_message(
        MessageKey(INBOX, 2), world.caller
    ),
}


@pytest.fixture
def begin(embedded_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Makes worlds with a table of their own."""
    resize(monkeypatch, SMALL)

    def make() -> StoredWorld:
        embedded_engine.another_table()
        return sealed_thread()

    return make


def sealed_thread() -> StoredWorld:
    """A thread of three, sealed."""
    world = StoredWorld()
    world.submit()
    world.reply(0)
    world.reply(0)
    assert world.seal(12) >= 1
    return world


def worlds_after_a_crash(begin: Begin, act: Act, stride: int) -> Iterator[StoredWorld]:
    """For calls an act makes, a world in which its process died behind it: before the next is the same."""
    for number in count(0, stride):
        world = begin()
        failing = FailingAt(number, True, Crash())
        with world.watching(failing), suppress(Crash):
            act(world)
        if len(failing.calls) <= number:
            return
        yield world


@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.long)])  # every call in the long run
@pytest.mark.parametrize("act", ACTS)
def test_a_process_that_dies_at_any_call_leaves_nothing_that_its_job_does_not_put_right(
    act: str, stride: int, begin: Begin
) -> None:
    """Between the two halves of a deletion no list counts the message, also while its job is not due yet."""
    for world in worlds_after_a_crash(begin, ACTS[act], stride):
        if "deletion" in act:
            world.assert_agrees()
        world.work()
        world.assert_agrees()
        world.seal(24)
        world.assert_agrees()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("act", ["a first message", "a reply"])
def test_a_write_that_is_lost_while_those_beside_it_are_done_is_put_right(
    act: str, begin: Begin, table: Any, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    deaths = Deaths(table)
    deaths.install(monkeypatch)
    for write in range(8):
        world = begin()
        deaths.plan(write, after=after)
        with suppress(Died):
            ACTS[act](world)
        lived = deaths.forget()
        world.work()
        world.seal(24)
        world.assert_agrees()
        if lived:
            return
    pytest.fail("it never came to an end")


# ----------------------------------------------------------------------------- a commit that nobody looked behind


def reserved_reply() -> tuple[StoredWorld, MessageKey]:
    """A reply that has entered the thread of message 0 and is queued, but not committed."""
    world = StoredWorld()
    world.submit()
    with world.watching(Failing("index.commit", [Crash()])), suppress(Crash):
        world.reply(0)
    return world, MessageKey(INBOX, 1)


def threads(world: StoredWorld) -> int:
    return world.list_threads(INBOX, world.caller, PageRequest()).total


def test_two_messages_that_stand_for_one_thread_are_settled_by_the_job_of_the_reply() -> None:
    world, reply = reserved_reply()
    assert world.index.commit(
        reply, MessagePhase.QUEUED, lambda: (1,)
    )  # it saw nobody, and died before it looked again
    assert threads(world) == 2

    world.work()

    assert threads(world) == 1
    world.assert_agrees()


def test_a_thread_that_no_message_stands_for_is_settled_by_the_job_of_the_reply(network: Network) -> None:
    world, reply = reserved_reply()
    newest = MessageKey(INBOX, world.reply(0))
    world.delete_message(MessageKey(INBOX, 0), world.caller)
    looks = count()

    def members() -> tuple[int, ...]:
        if next(looks):
            raise Died
        found: tuple[int, ...] = world.threads.newest_members(THREAD)
        return found

    network.before_next("UpdateItem", lambda: world.delete_message(newest, world.caller))
    with pytest.raises(Died):
        world.index.commit(reply, MessagePhase.QUEUED, members)
    assert threads(world) == 0

    world.work()

    assert threads(world) == 1
    world.assert_agrees()
