"""The contract of MessageIndex about threads: exactly the newest visible message stands for each, whoever writes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from chalicelib.domain.ids import AccountId, MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.thread import Thread
from chalicelib.operations.ports import MessageIndex, PageRequest, Sight, ThreadStore
from chalicelib.storage.message_index import DynamoMessageIndex
from chalicelib.storage.thread_store import MEMBERS_LIMIT, MOVED_AT_ONCE, DynamoThreadStore
from tests.fakes.message_index import FakeMessageIndex
from tests.fakes.thread_store import FakeThreadStore
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.faults import Network
from tests.storage.parallel import at_once

pytestmark = NOT_ON_MOTO

INBOX = 7
QUEUED, GONE = MessagePhase.QUEUED, MessagePhase.GONE
VISIBLE = [phase for phase in MessagePhase if phase.visible]
ALL = PageRequest(limit=1_000)


@dataclass
class Inbox:
    """An index with the threads it tells of, written to in the order of submit_message and delete_message."""

    index: MessageIndex
    threads: ThreadStore
    committed: dict[int, int] = field(default_factory=dict)  # sequence number -> its thread's first one

    def add(self, sequence: int, first: int | None = None, seen: Sight | None = None) -> bool:
        """Commit a message that begins a thread, or answers into the one that `first` began."""
        if first is None:
            self.threads.begin(Thread(ThreadKey(INBOX, sequence), AccountId("a"), "s", ("x",), 1, datetime.now(UTC)))
            return self.index.commit(MessageKey(INBOX, sequence), QUEUED, lambda: (sequence,))
        assert self.threads.join(ThreadKey(INBOX, first), sequence, ["x"])
        return self.index.commit(MessageKey(INBOX, sequence), QUEUED, self.members(first), seen)

    def delete(self, sequence: int, first: int) -> None:
        self.index.remove(MessageKey(INBOX, sequence), self.members(first))
        self.threads.leave(ThreadKey(INBOX, first), sequence)

    def members(self, first: int) -> Callable[[], Sequence[int]]:
        return lambda: self.threads.newest_members(ThreadKey(INBOX, first))

    def heads(self) -> list[int]:
        """The messages that stand for their threads, newest first."""
        page = self.index.thread_page(INBOX, ALL)
        assert page.total == len(page.items)
        return [item.key.sequence for item in page.items]

    def visible(self) -> list[int]:
        return [item.key.sequence for item in self.index.page(INBOX, VISIBLE, ALL).items]


@pytest.fixture
def inbox(*, is_fake: bool) -> Inbox:
    if is_fake:
        return Inbox(FakeMessageIndex(), FakeThreadStore())
    return Inbox(DynamoMessageIndex(), DynamoThreadStore())


def real() -> Inbox:
    return Inbox(DynamoMessageIndex(), DynamoThreadStore())


def test_threads_are_listed_by_their_newest_message(inbox: Inbox) -> None:
    inbox.add(0)
    inbox.add(1)
    assert inbox.heads() == [1, 0]
    inbox.add(2, first=0)
    assert inbox.heads() == [2, 1]
    inbox.add(3, first=1)
    assert inbox.heads() == [3, 2]


def test_a_thread_keeps_its_place_and_its_head_shows_its_phase_when_messages_advance(inbox: Inbox) -> None:
    inbox.add(0)
    inbox.add(1, first=0)
    for sequence in (0, 1):
        inbox.index.advance(MessageKey(INBOX, sequence), MessagePhase.DELIVERED, set(VISIBLE))
    page = inbox.index.thread_page(INBOX, ALL)
    assert [(item.key.sequence, item.phase) for item in page.items] == [(1, MessagePhase.DELIVERED)]


def test_the_message_before_stands_for_the_thread_when_the_newest_goes(inbox: Inbox) -> None:
    inbox.add(0)
    for sequence in (1, 2, 3):
        inbox.add(sequence, first=0)
    inbox.delete(2, first=0)
    assert inbox.heads() == [3]
    inbox.delete(3, first=0)
    assert inbox.heads() == [1]
    inbox.delete(0, first=0)
    assert inbox.heads() == [1]
    inbox.delete(1, first=0)
    assert inbox.heads() == []


def test_a_message_that_is_not_committed_stands_for_nothing(inbox: Inbox) -> None:
    inbox.add(0)
    inbox.threads.join(ThreadKey(INBOX, 0), 1, ["x"])
    inbox.add(2, first=0)
    assert inbox.heads() == [2]
    inbox.delete(2, first=0)
    assert inbox.heads() == [0]


def test_an_older_message_that_is_committed_late_does_not_take_the_place_of_a_newer(inbox: Inbox) -> None:
    inbox.add(0)
    inbox.threads.join(ThreadKey(INBOX, 0), 1, ["x"])
    inbox.add(2, first=0)
    inbox.index.commit(MessageKey(INBOX, 1), QUEUED, inbox.members(0))
    assert inbox.heads() == [2]
    assert inbox.visible() == [2, 1, 0]


def test_a_thread_across_buckets_changes_its_head_whole(inbox: Inbox) -> None:
    inbox.add(478)
    for sequence in (479, 480, 961):
        inbox.add(sequence, first=478)
        assert inbox.heads() == [sequence]
    inbox.delete(961, first=478)
    assert inbox.heads() == [480]


def test_thread_pages_have_offsets_and_cursors(inbox: Inbox) -> None:
    for sequence in range(477, 484):
        inbox.add(sequence)
    inbox.add(484, first=480)
    page = inbox.index.thread_page(INBOX, PageRequest(limit=3))
    assert [item.key.sequence for item in page.items] == [484, 483, 482]
    rest = inbox.index.thread_page(INBOX, PageRequest(limit=3, after=page.next_after))
    assert [item.key.sequence for item in rest.items] == [481, 479, 478]
    assert [item.key.sequence for item in inbox.index.thread_page(INBOX, PageRequest(offset=6)).items] == [477]
    assert (page.total, rest.next_after is None) == (7, False)


@pytest.mark.parametrize("doubled", [True, False])
def test_settling_repairs_what_a_crash_left(inbox: Inbox, *, doubled: bool) -> None:
    inbox.add(0)
    inbox.add(1, first=0)
    if doubled:  # 2 was committed as if alone, and its writer died before it looked around
        inbox.threads.join(ThreadKey(INBOX, 0), 2, ["x"])
        inbox.index.commit(MessageKey(INBOX, 2), QUEUED, lambda: (2,))
        assert inbox.heads() == [2, 1]
    for _ in range(2):
        inbox.index.settle_thread(INBOX, inbox.members(0))
        assert inbox.heads() == ([2] if doubled else [1])


@pytest.mark.parametrize(
    "sight", ["nothing", "everything", "before the last reply", "before the parent was sent", "before a deletion"]
)
def test_a_look_at_the_thread_may_be_out_of_date(inbox: Inbox, sight: str) -> None:
    inbox.add(0)
    inbox.add(1, first=0)
    seen = None if sight == "nothing" else inbox.index.look(INBOX, [0, 1])
    if sight == "before the last reply":
        inbox.add(2, first=0)
    elif sight == "before the parent was sent":
        inbox.index.advance(MessageKey(INBOX, 1), MessagePhase.SENT, {QUEUED})
    elif sight == "before a deletion":
        inbox.delete(1, first=0)
    assert inbox.add(3, first=0, seen=seen)
    assert inbox.heads() == [3]


def test_a_reply_whose_thread_was_looked_at_is_committed_in_one_write(network: Network) -> None:
    inbox = real()
    inbox.add(0)
    seen = inbox.index.look(INBOX, [0])
    inbox.threads.join(ThreadKey(INBOX, 0), 1, ["x"])
    calls = network.listen()
    assert inbox.index.commit(MessageKey(INBOX, 1), QUEUED, lambda: (0, 1), seen)
    assert calls == ["UpdateItem"]
    assert inbox.heads() == [1]


@pytest.mark.usefixtures("table")
def test_a_reply_takes_over_from_the_newest_that_is_left_of_a_long_thread() -> None:
    inbox = real()
    inbox.add(0)
    long = MEMBERS_LIMIT + 1
    for sequence in range(1, long):
        inbox.add(sequence, first=0)
    for sequence in range(long - 1, MOVED_AT_ONCE - 1, -1):  # all that are not in the chunk of older ones
        inbox.delete(sequence, first=0)
    assert inbox.heads() == [MOVED_AT_ONCE - 1]
    looks = [inbox.threads.join(ThreadKey(INBOX, 0), long, ["x"])]
    known = inbox.members(0)
    inbox.index.commit(MessageKey(INBOX, long), QUEUED, lambda: looks.pop() if looks else known())
    assert inbox.heads() == [long]


# ------------------------------------------------------------------------------------------- at once


@pytest.mark.parametrize("start", [0, 468])
def test_replies_committed_at_once_leave_one_head_a_thread(inbox: Inbox, start: int) -> None:
    threads = range(start, start + 3)
    for first in threads:
        inbox.add(first)
    replies = [(sequence, start + sequence % 3) for sequence in range(start + 3, start + 27)]
    assert all(at_once([lambda r=reply: inbox.add(r[0], first=r[1]) for reply in replies]))  # type: ignore[misc]
    newest = {first: max(sequence for sequence, its_first in replies if its_first == first) for first in threads}
    assert inbox.heads() == sorted(newest.values(), reverse=True)
    assert inbox.visible() == list(range(start + 26, start - 1, -1))


def test_replies_and_deletions_at_once_leave_the_newest_that_is_left(inbox: Inbox) -> None:
    inbox.add(476)
    for sequence in range(477, 484):
        inbox.add(sequence, first=476)
    adding = [lambda s=sequence: inbox.add(s, first=476) for sequence in range(484, 496)]
    deleting = [lambda s=sequence: inbox.delete(s, first=476) for sequence in range(483, 476, -1)]
    at_once([call for pair in zip(adding, [*deleting, *[lambda: None] * 5], strict=True) for call in pair])
    assert inbox.visible() == [*range(495, 483, -1), 476]
    assert inbox.heads() == [495]


def test_everything_deleted_at_once_leaves_no_head(inbox: Inbox) -> None:
    inbox.add(0)
    for sequence in range(1, 12):
        inbox.add(sequence, first=0)
    at_once([lambda s=sequence: inbox.delete(s, first=0) for sequence in range(12)])  # type: ignore[misc]
    assert inbox.heads() == []
    assert inbox.threads.get(ThreadKey(INBOX, 0)) is None


def test_a_reply_committed_while_the_newest_is_deleted_is_the_head(network: Network) -> None:
    """The deletion has read the cells when the reply, older than what goes, is committed."""
    inbox = real()
    inbox.add(0)
    inbox.threads.join(ThreadKey(INBOX, 0), 1, ["x"])
    inbox.add(2, first=0)
    network.before_next("UpdateItem", lambda: inbox.index.commit(MessageKey(INBOX, 1), QUEUED, inbox.members(0)))
    inbox.index.remove(MessageKey(INBOX, 2), inbox.members(0))
    assert inbox.heads() == [1]


def test_a_reply_that_seems_alone_finds_the_one_that_came_meanwhile(network: Network) -> None:
    """The message both answer is deleted; the first has asked who is in the thread before the second joined."""
    inbox = real()
    inbox.add(0)
    inbox.threads.join(ThreadKey(INBOX, 0), 1, ["x"])
    inbox.delete(0, first=0)
    network.before_next("UpdateItem", lambda: inbox.add(2, first=0))
    inbox.index.commit(MessageKey(INBOX, 1), QUEUED, inbox.members(0))
    assert inbox.heads() == [2]


@pytest.mark.usefixtures("table")
def test_a_late_reply_that_does_not_know_the_newest_gives_no_second_capital() -> None:
    """Who is in the thread was read before 3 joined, and the cells after it was committed: 2 seems to lack its capital."""
    inbox = real()
    inbox.add(0)
    inbox.threads.join(ThreadKey(INBOX, 0), 1, ["x"])
    inbox.add(2, first=0)
    known = inbox.members(0)
    newer = [lambda: inbox.add(3, first=0)]

    def members() -> Sequence[int]:
        found = known()
        if newer:
            newer.pop()()
        return found

    assert inbox.index.commit(MessageKey(INBOX, 1), QUEUED, members)
    assert inbox.heads() == [3]


def test_a_reply_that_meets_a_transaction_is_committed(network: Network) -> None:
    inbox = real()
    inbox.add(479)
    network.conflict("TransactWriteItems")
    assert inbox.add(480, first=479)
    assert inbox.heads() == [480]


@pytest.mark.parametrize("operation", ["UpdateItem", "TransactWriteItems"])
def test_a_reply_that_the_sdk_commits_twice_is_one_reply(network: Network, operation: str) -> None:
    inbox = real()
    inbox.add(478)
    network.repeat(operation)
    for sequence in (479, 480):
        assert inbox.add(sequence, first=478)
        assert inbox.heads() == [sequence]
    inbox.index.remove(MessageKey(INBOX, 480), inbox.members(478))
    assert inbox.heads() == [479]
