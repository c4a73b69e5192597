"""The contract of ThreadStore (operations/ports)."""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.thread import Thread
from chalicelib.operations.ports import ThreadMembers, ThreadStore
from chalicelib.storage.thread_store import DynamoThreadStore
from tests.factories.accounts import ACCOUNT_ID, NOON
from tests.fakes.thread_store import FakeThreadStore
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.faults import Network
from tests.storage.parallel import at_once

KEY = ThreadKey(7, 3)
ADA, BOB = "ada@example.com", "bob@example.net"


MEMBERS_LIMIT, MOVED_AT_ONCE, CHUNK_LIMIT, ENOUGH = 40, 8, 16, 32  # small, so that many chunks need few messages


@dataclass
class Phases:
    """An index in which everything is visible that no test put elsewhere."""

    others: dict[int, MessagePhase] = field(default_factory=dict)

    def __call__(self, inbox_number: int, sequences: Collection[int]) -> Mapping[int, MessagePhase]:
        assert inbox_number == KEY.inbox_number
        return {sequence: self.others.get(sequence, MessagePhase.SENT) for sequence in sequences}


def small_store(phases: Phases | None = None) -> DynamoThreadStore:
    return DynamoThreadStore(phases or Phases(), MEMBERS_LIMIT, MOVED_AT_ONCE, CHUNK_LIMIT, ENOUGH)


@pytest.fixture
def threads(*, is_fake: bool) -> ThreadStore:
    return FakeThreadStore() if is_fake else small_store()


def make_thread(key: ThreadKey = KEY, **changes: object) -> Thread:
    thread = Thread(key, ACCOUNT_ID, "Grüße", (ADA,), 1, NOON + timedelta(microseconds=123_000))
    return Thread(**{name: changes.get(name, getattr(thread, name)) for name in Thread.__slots__})  # type: ignore[arg-type]


def grown(threads: ThreadStore, members: int) -> None:
    """A thread of so many messages, KEY's first one among them."""
    threads.begin(make_thread())
    for sequence in range(KEY.first_sequence + 1, KEY.first_sequence + members):
        assert threads.join(KEY, sequence, [ADA])


def sequences(threads: ThreadStore) -> tuple[int, ...]:
    """All members; whoever counts them counts each once."""
    found = threads.get(KEY)
    if found is None:
        return ()
    settled = threads.settled_members(KEY, found.runs)
    assert [run.count for run in found.runs] == [
        sum(run.first <= sequence <= run.last for sequence in settled) for run in found.runs
    ]
    assert not set(settled) & set(found.recent)
    everyone = tuple(sorted((*settled, *found.recent)))
    assert found.thread.message_count == len(everyone)
    return everyone


def test_a_thread_begins_with_its_first_message(threads: ThreadStore) -> None:
    threads.begin(make_thread())
    assert threads.get(KEY) == ThreadMembers(make_thread(), recent=(3,), runs=())
    assert threads.newest_members(KEY) == (3,)


@pytest.mark.parametrize("missing", [ThreadKey(7, 4), ThreadKey(8, 3), ThreadKey(7, 30)])
def test_a_thread_that_never_began_is_not_there(threads: ThreadStore, missing: ThreadKey) -> None:
    threads.begin(make_thread())
    assert threads.get(missing) is None
    assert threads.newest_members(missing) == ()
    assert not threads.join(missing, 9, [ADA])
    assert threads.get(missing) is None


def test_beginning_again_is_harmless_whatever_has_joined_meanwhile(threads: ThreadStore) -> None:
    threads.begin(make_thread())
    threads.join(KEY, 5, [BOB])
    threads.begin(make_thread())
    found = threads.get(KEY)
    assert found is not None
    assert sequences(threads) == (3, 5)
    assert set(found.thread.participants) == {ADA, BOB}


def test_members_are_told_oldest_first_and_once(threads: ThreadStore) -> None:
    threads.begin(make_thread())
    for sequence in (9, 5, 9, 100):
        assert threads.join(KEY, sequence, [BOB])
    found = threads.get(KEY)
    assert found is not None
    assert sequences(threads) == (3, 5, 9, 100)
    assert found.thread.message_count == 4
    assert sorted(found.thread.participants) == [ADA, BOB]


def test_whoever_joins_is_told_who_is_there(threads: ThreadStore) -> None:
    threads.begin(make_thread())
    assert threads.join(KEY, 9, [BOB]) == (3, 9)
    assert threads.join(KEY, 5, [BOB]) == (3, 5, 9)
    assert threads.join(KEY, 5, [BOB]) == (3, 5, 9)


def test_a_thread_whose_participants_are_too_many_still_takes_messages(threads: ThreadStore) -> None:
    threads.begin(make_thread(participants=tuple(f"p{number}@example.com" for number in range(100))))
    assert threads.join(KEY, 5, [ADA])
    found = threads.get(KEY)
    assert found is not None
    assert sequences(threads) == (3, 5)
    assert ADA not in found.thread.participants


def test_several_threads_are_read_at_once(threads: ThreadStore) -> None:
    other = ThreadKey(7, 4)
    threads.begin(make_thread())
    threads.begin(make_thread(other, subject="Another"))
    threads.join(other, 5, [BOB])
    found = threads.get_many({other: 0, ThreadKey(7, 99): 99, KEY: KEY.first_sequence})
    assert {key: (members.thread.subject, members.thread.message_count) for key, members in found.items()} == {
        KEY: ("Grüße", 1),
        other: ("Another", 2),
    }
    assert threads.get_many({}) == {}


def test_a_message_that_leaves_is_no_member_any_more(threads: ThreadStore) -> None:
    grown(threads, 3)
    threads.leave(KEY, 4)
    threads.leave(KEY, 4)
    assert sequences(threads) == (3, 5)
    threads.leave(KEY, 3)
    assert sequences(threads) == (5,)


def test_the_thread_goes_with_its_last_message(threads: ThreadStore) -> None:
    grown(threads, 2)
    threads.leave(KEY, 3)
    threads.leave(KEY, 4)
    assert threads.get(KEY) is None
    assert not threads.join(KEY, 5, [ADA])
    threads.leave(KEY, 4)
    assert threads.get(KEY) is None


# -------------------------------------------------------------------------------------------- long threads

LONG = MEMBERS_LIMIT + 2 * CHUNK_LIMIT + 10


def test_a_long_thread_knows_all_its_members_and_its_newest(threads: ThreadStore) -> None:
    grown(threads, LONG)
    everyone = tuple(range(3, 3 + LONG))
    assert sequences(threads) == everyone
    newest = threads.newest_members(KEY)
    assert len(newest) >= 32
    assert newest == everyone[-len(newest) :]
    counted = threads.get_many({KEY: KEY.first_sequence})[KEY].thread
    assert counted.message_count == LONG


def test_the_newest_32_are_known_when_the_newest_have_left(threads: ThreadStore) -> None:
    grown(threads, LONG)
    left = list(range(3, 3 + LONG))
    for _ in range(LONG - 50):
        threads.leave(KEY, left.pop())
    newest = threads.newest_members(KEY)
    assert len(newest) >= 32
    assert newest == tuple(left[-len(newest) :])


def test_a_long_thread_goes_whole_with_its_last_message(threads: ThreadStore) -> None:
    grown(threads, MEMBERS_LIMIT + 10)
    members = list(range(3, 3 + MEMBERS_LIMIT + 10))
    random.Random(1).shuffle(members)
    for sequence in members:
        threads.leave(KEY, sequence)
    assert threads.get(KEY) is None
    threads.begin(make_thread())
    assert sequences(threads) == (3,)


@NOT_ON_MOTO
def test_random_joins_and_leaves_end_as_a_set_would(threads: ThreadStore) -> None:
    luck = random.Random(7)
    threads.begin(make_thread())
    expected = {3}
    newest = 3
    for _ in range(400):
        if luck.random() < 0.7:
            newest += 1
            for _ in range(luck.choice([1, 1, 2])):  # the SDK may repeat it
                threads.join(KEY, newest, [ADA])
            expected.add(newest)
        else:
            leaving = luck.randrange(3, newest + 2)
            threads.leave(KEY, leaving)
            expected.discard(leaving)
    assert sequences(threads) == tuple(sorted(expected))
    assert threads.get_many({KEY: KEY.first_sequence})[KEY].thread.message_count == len(expected)


def test_messages_that_join_at_once_are_all_members(threads: ThreadStore) -> None:
    threads.begin(make_thread())
    joining = range(4, 4 + LONG)
    joined = at_once([lambda sequence=sequence: threads.join(KEY, sequence, [ADA]) for sequence in joining])  # type: ignore[misc]
    assert all(joined)
    assert sequences(threads) == (3, *joining)


@NOT_ON_MOTO
def test_messages_that_leave_at_once_have_all_left(threads: ThreadStore) -> None:
    grown(threads, MEMBERS_LIMIT + 20)
    leaving = range(3, 3 + MEMBERS_LIMIT)
    at_once([lambda sequence=sequence: threads.leave(KEY, sequence) for sequence in leaving])  # type: ignore[misc]
    assert sequences(threads) == tuple(range(3 + MEMBERS_LIMIT, 23 + MEMBERS_LIMIT))


def test_a_message_joins_and_leaves_although_it_meets_another_writer(network: Network) -> None:
    threads = small_store()
    grown(threads, 2)
    network.conflict("UpdateItem")
    assert threads.join(KEY, 5, [BOB]) == (3, 4, 5)
    network.conflict("UpdateItem")
    threads.leave(KEY, 4)
    assert sequences(threads) == (3, 5)


def test_a_message_in_a_chunk_leaves_although_it_meets_another_writer(network: Network) -> None:
    threads = small_store()
    grown(threads, MEMBERS_LIMIT + 10)
    network.conflict("TransactWriteItems")
    threads.leave(KEY, 4)
    assert 4 not in sequences(threads)
    assert threads.get_many({KEY: KEY.first_sequence})[KEY].thread.message_count == MEMBERS_LIMIT + 9


@NOT_ON_MOTO
@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem", "TransactWriteItems"])
def test_each_step_that_the_sdk_repeats_is_done_once(network: Network, operation: str) -> None:
    threads = small_store()
    network.repeat(operation)
    grown(threads, LONG)
    assert sequences(threads) == tuple(range(3, 3 + LONG))
    threads.leave(KEY, 4)
    threads.announce_leave(KEY, 5)
    threads.leave(KEY, 5)
    threads.join(KEY, 6, [ADA])
    assert sequences(threads) == (3, *range(6, 3 + LONG))


def test_a_time_out_is_unavailable_and_joining_again_is_harmless(network: Network) -> None:
    threads = small_store()
    threads.begin(make_thread())
    network.lose_reply("UpdateItem")
    with pytest.raises(Unavailable):
        threads.join(KEY, 5, [BOB])
    assert threads.join(KEY, 5, [BOB])
    assert sequences(threads) == (3, 5)
