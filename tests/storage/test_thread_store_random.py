"""A thread's pages while messages come and go, at once and with a crash at every call: always what the index shows."""

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.thread import Thread
from chalicelib.operations.ports import IndexedMessage, Page, PageRequest
from chalicelib.operations.thread_pages import ThreadPage
from chalicelib.storage.thread_store import DynamoThreadStore
from tests.factories.accounts import ACCOUNT_ID, NOON
from tests.fakes.message_index import FakeMessageIndex
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.parallel import at_once

pytestmark = NOT_ON_MOTO

ADA = "ada@example.com"
RESERVED, GONE, SENT = MessagePhase.RESERVED, MessagePhase.GONE, MessagePhase.SENT
WHOLE = PageRequest(limit=10_000)
INBOX_NUMBERS = itertools.count(1)  # an inbox for each thread: one table serves them all


class Crash(BaseException):
    """The process died here."""


@contextmanager
def crash_at(client: Any, number: int, *, after: bool) -> Iterator[list[str]]:
    """The process dies at its call with this number (from 0), before it arrives or after; the calls it made."""
    call, calls = client._make_api_call, list[str]()

    def through(operation: str, parameters: Any) -> Any:
        calls.append(operation)
        if len(calls) <= number:
            return call(operation, parameters)
        if after and len(calls) == number + 1:
            call(operation, parameters)
        raise Crash

    client._make_api_call = through
    try:
        yield calls
    finally:
        client._make_api_call = call


@dataclass
class Conversation:
    """One thread, written to in the order of submit_message, delete_message and abandon_reservation."""

    key: ThreadKey = field(default_factory=lambda: ThreadKey(next(INBOX_NUMBERS), 0))
    index: FakeMessageIndex = field(default_factory=FakeMessageIndex)

    def __post_init__(self) -> None:
        self.store = DynamoThreadStore(self.index.phases, members_limit=8, moved_at_once=4, chunk_limit=6, enough=3)
        self.store.begin(Thread(self.key, ACCOUNT_ID, "Lunch", (ADA,), 1, NOON))
        self.commit(0)
        self.newest = 0

    def join(self, sequence: int) -> None:
        self.newest = max(self.newest, sequence)
        self.store.join(self.key, sequence, [ADA])

    def commit(self, sequence: int) -> None:
        self.index.advance(self._message(sequence), SENT, {RESERVED})

    def add(self, sequence: int) -> None:
        self.join(sequence)
        self.commit(sequence)

    def delete(self, sequence: int) -> None:
        self.store.announce_leave(self.key, sequence)
        self.index.advance(self._message(sequence), GONE, set(MessagePhase))
        self.store.leave(self.key, sequence)

    def abandon(self, sequence: int) -> None:
        if self.index.advance(self._message(sequence), GONE, {RESERVED, GONE}).phase is GONE:
            self.store.leave(self.key, sequence)

    def grow(self, members: int) -> None:
        for sequence in range(self.newest + 1, members):
            self.add(sequence)

    def visible(self) -> list[int]:
        return sorted(key.sequence for key, phase in list(self.index.known.items()) if phase.visible)

    def page(self, request: PageRequest) -> Page[IndexedMessage]:
        members = self.store.get(self.key)
        if members is None:
            return Page((), 0, None)
        wanted = ThreadPage(members, request)
        settled = self.store.settled_members(self.key, wanted.runs)
        return wanted.page(settled, self.index.phases(self.key.inbox_number, wanted.candidates(settled)))

    def pages_are_right(self) -> bool:
        """Whatever has happened half-way: a reader sees exactly the visible messages, and their number."""
        expected = self.visible()
        whole = self.page(WHOLE)
        assert shown(whole) == expected
        assert whole.total == len(expected)
        for offset in range(0, len(expected), 5):
            page = self.page(PageRequest(3, offset))
            assert (shown(page), page.total) == (expected[offset : offset + 3], len(expected))
        for after in expected[::5]:
            page = self.page(PageRequest(3, after=after))
            assert shown(page) == [sequence for sequence in expected if sequence > after][:3]
        return True

    def _message(self, sequence: int) -> MessageKey:
        return MessageKey(self.key.inbox_number, sequence)


def shown(page: Page[IndexedMessage]) -> list[int]:
    return [item.key.sequence for item in page.items]


# ----------------------------------------------------------------------------------------------- random

ACTS = st.tuples(
    st.sampled_from(["add", "add", "add", "join", "commit", "delete", "delete", "abandon", "again", "skip"]),
    st.integers(0, 1_000),
    st.none() | st.tuples(st.integers(0, 6), st.booleans()),
)


def act(thread: Conversation, name: str, luck: int) -> None:
    pending = [sequence for sequence in range(thread.newest) if thread._message(sequence) not in thread.index.known]
    anything = luck % (thread.newest + 1)
    match name:
        case "add" | "join":
            (thread.add if name == "add" else thread.join)(thread.newest + 1)
        case "commit" | "abandon" if pending:  # late, or for the first time when it was skipped
            sequence = pending[luck % len(pending)]
            (thread.add if name == "commit" else thread.abandon)(sequence)
        case "delete":
            if thread.index.phase(thread._message(anything)).visible:
                thread.delete(anything)
        case "again":
            if thread.index.phase(thread._message(anything)) is GONE:
                thread.store.leave(thread.key, anything)
            else:
                thread.store.join(thread.key, anything, [ADA])
        case "skip":
            thread.newest += 1


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTS, min_size=10, max_size=70))
def test_pages_are_exact_after_every_act_and_every_crash(
    table: Any, acts: list[tuple[str, int, tuple[int, bool] | None]]
) -> None:
    thread = Conversation()
    thread.grow(12)
    for name, luck, crash in acts:
        if thread.store.get(thread.key) is None:
            break
        if crash is None:
            act(thread, name, luck)
        else:
            try:
                with crash_at(table, crash[0], after=crash[1]):
                    act(thread, name, luck)
            except Crash:
                pass
        assert thread.pages_are_right()


# ---------------------------------------------------------------------------------------------- crashes


def long_thread() -> Conversation:
    """27 messages: a full chunk, another one, and recent ones; the next but one moves more."""
    thread = Conversation()
    thread.grow(27)
    return thread


def without_the_fifth() -> Conversation:
    thread = Conversation()
    for sequence in (*range(1, 5), *range(6, 27)):
        thread.add(sequence)
    return thread


def with_one_left_in_a_chunk() -> Conversation:
    thread = long_thread()
    for sequence in range(7):
        thread.delete(sequence)
    return thread


def add_five(thread: Conversation) -> None:
    for sequence in range(27, 32):
        thread.add(sequence)


STORIES: dict[str, tuple[Callable[[], Conversation], Callable[[Conversation], None]]] = {
    "members are moved": (long_thread, add_five),
    "an old one is deleted": (long_thread, lambda thread: thread.delete(2)),
    "the last of a chunk is deleted": (with_one_left_in_a_chunk, lambda thread: thread.delete(7)),
    "one joins late": (without_the_fifth, lambda thread: thread.add(5)),
}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_what_died_anywhere_shows_no_wrong_page_and_is_finished_by_the_next_try(
    table: Any,
    story: str,
    after: bool,  # noqa: FBT001 - a table's column
) -> None:
    prepare, work = STORIES[story]
    for number in itertools.count():
        thread = prepare()
        try:
            with crash_at(table, number, after=after):
                work(thread)
        except Crash:
            assert thread.pages_are_right()
            work(thread)
        else:
            assert number >= 3
            return
        assert thread.pages_are_right()
        members = thread.store.get(thread.key)
        assert members is not None
        assert members.thread.message_count == len(thread.visible())


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_the_last_message_takes_the_thread_along_although_its_deletion_died(
    table: Any,
    after: bool,  # noqa: FBT001 - a table's column
) -> None:
    for number in itertools.count():
        thread = Conversation()
        try:
            with crash_at(table, number, after=after):
                thread.delete(0)
        except Crash:
            assert thread.pages_are_right()
            thread.delete(0)
        else:
            assert number == 4  # aside, a look, out, and the thread
            return
        assert thread.store.get(thread.key) is None


# ---------------------------------------------------------------------------------------------- at once


@pytest.mark.usefixtures("table")
def test_pages_are_exact_after_eight_have_added_and_deleted_at_once() -> None:
    size = 120
    thread = Conversation()
    luck = random.Random(size)
    deleted = luck.sample(range(size), size // 3)
    stays = set(range(size)) - set(deleted)
    thread.grow(size)

    def read() -> None:
        page = thread.page(WHOLE)
        seen = shown(page)
        assert len(seen) == len(set(seen)) == page.total
        assert seen == sorted(seen)
        assert stays <= set(seen)

    added = itertools.count(size)
    calls = [
        *([lambda: thread.add(next(added))] * size),
        *(lambda sequence=sequence: thread.delete(sequence) for sequence in deleted * 2),
        *([read] * (size // 4)),
    ]
    luck.shuffle(calls)
    at_once(calls)

    assert thread.visible() == sorted({*stays, *range(size, 2 * size)})
    assert thread.pages_are_right()
    thread.grow(2 * size + 20)  # what was left over has moved by now
    members = thread.store.get(thread.key)
    assert members is not None
    assert members.thread.message_count == len(thread.visible())
    assert len(members.recent) <= 9


@pytest.mark.usefixtures("table")
def test_eight_who_delete_everything_at_once_leave_no_thread() -> None:
    thread = Conversation()
    thread.grow(30)
    at_once([lambda sequence=sequence: thread.delete(sequence) for sequence in range(30)])  # type: ignore[misc]
    assert thread.store.get(thread.key) is None
