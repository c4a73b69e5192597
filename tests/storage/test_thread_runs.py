"""The contract of ThreadStore about long threads: what is in runs, what is recent, and how messages get there."""

import json
from typing import Any

import pytest

from chalicelib.domain.ids import ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import ThreadStore
from chalicelib.storage import tables
from tests.fakes.thread_store import FakeThreadStore
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.faults import Network
from tests.storage.test_thread_store import (
    ADA,
    BOB,
    CHUNK_LIMIT,
    ENOUGH,
    KEY,
    LONG,
    MEMBERS_LIMIT,
    MOVED_AT_ONCE,
    Phases,
    grown,
    make_thread,
    sequences,
    small_store,
)

pytestmark = NOT_ON_MOTO


@pytest.fixture
def threads(*, is_fake: bool) -> ThreadStore:
    return FakeThreadStore() if is_fake else small_store()


def runs(threads: ThreadStore) -> list[int]:
    """How many members each run has."""
    found = threads.get(KEY)
    return [run.count for run in found.runs] if found else []


def recent(threads: ThreadStore) -> tuple[int, ...]:
    found = threads.get(KEY)
    return found.recent if found else ()


def test_a_run_is_read_alone(network: Network) -> None:
    threads = small_store()
    grown(threads, LONG)
    found = threads.get(KEY)
    assert found is not None
    heard = network.listen()

    for run in found.runs:
        assert threads.settled_members(KEY, [run]) == tuple(range(run.first, run.last + 1))

    assert heard == ["BatchGetItem"] * len(found.runs)


@pytest.mark.usefixtures("table")
def test_chunks_are_filled_before_another_is_begun() -> None:
    threads = small_store()
    grown(threads, LONG)
    assert runs(threads)[:-1] == [CHUNK_LIMIT] * (len(runs(threads)) - 1)
    assert len(recent(threads)) <= MEMBERS_LIMIT


@pytest.mark.usefixtures("table")
def test_only_visible_messages_are_moved_and_those_gone_for_good_wait_for_whoever_takes_them_out() -> None:
    phases = Phases({4: MessagePhase.RESERVED, 5: MessagePhase.GONE})
    threads = small_store(phases)
    grown(threads, LONG)
    assert recent(threads)[0] == 4
    assert sequences(threads) == tuple(range(3, 3 + LONG))
    assert {4, 5} <= set(recent(threads))
    threads.leave(KEY, 5)
    assert sequences(threads) == (3, 4, *range(6, 3 + LONG))

    phases.others[4] = MessagePhase.SENT
    for sequence in range(3 + LONG, 3 + LONG + MOVED_AT_ONCE):
        threads.join(KEY, sequence, [ADA])

    assert 4 not in recent(threads)
    assert sequences(threads) == (3, 4, *range(6, 3 + LONG + MOVED_AT_ONCE))


@pytest.mark.usefixtures("table")
def test_the_newest_visible_messages_stay_however_many_are_not_committed_yet() -> None:
    reserved = dict.fromkeys(range(3 + ENOUGH + 10, 3 + LONG), MessagePhase.RESERVED)
    threads = small_store(Phases(reserved))
    grown(threads, LONG)
    visible = [sequence for sequence in recent(threads) if sequence not in reserved]
    assert len(visible) >= ENOUGH
    assert visible[-1] == 3 + ENOUGH + 9


def test_a_message_that_is_to_become_invisible_is_recent_until_it_has_left(threads: ThreadStore) -> None:
    grown(threads, LONG)
    for sequence in (3, 12, 2 + LONG):
        threads.announce_leave(KEY, sequence)
        threads.announce_leave(KEY, sequence)
        assert sequence in recent(threads)
    assert sequences(threads) == tuple(range(3, 3 + LONG))

    for sequence in range(3 + LONG, 3 + LONG + 2 * MOVED_AT_ONCE):
        threads.join(KEY, sequence, [ADA])
    assert {3, 12, 2 + LONG} <= set(recent(threads))

    threads.join(KEY, 3, [ADA])  # a repeat that comes late
    for sequence in (3, 12, 2 + LONG):
        threads.leave(KEY, sequence)
    left = {3, 12, 2 + LONG}
    assert sequences(threads) == tuple(n for n in range(3, 3 + LONG + 2 * MOVED_AT_ONCE) if n not in left)


def test_announcing_for_a_message_that_is_no_member_changes_nothing(threads: ThreadStore) -> None:
    grown(threads, LONG)
    threads.leave(KEY, 4)
    for stranger in (1, 4, 3 + LONG):
        threads.announce_leave(KEY, stranger)
    threads.announce_leave(ThreadKey(7, 4), 4)
    assert sequences(threads) == (3, *range(5, 3 + LONG))
    assert threads.get(ThreadKey(7, 4)) is None


def test_a_message_that_joins_late_takes_its_place_in_time(threads: ThreadStore) -> None:
    threads.begin(make_thread())
    late = {20, 21, 60}
    for sequence in sorted(set(range(4, 3 + LONG)) - late):
        threads.join(KEY, sequence, [ADA])
    for sequence in late:
        assert sequence in threads.join(KEY, sequence, [BOB])
    assert sequences(threads) == tuple(range(3, 3 + LONG))
    assert sorted(threads.get_many({KEY: KEY.first_sequence})[KEY].thread.participants) == [ADA, BOB]

    for sequence in range(3 + LONG, 3 + LONG + 4 * MOVED_AT_ONCE):  # they are moved, each to its chunk
        threads.join(KEY, sequence, [ADA])
    assert sequences(threads) == tuple(range(3, 3 + LONG + 4 * MOVED_AT_ONCE))


def test_joining_again_is_harmless_wherever_the_member_is_by_now(threads: ThreadStore) -> None:
    grown(threads, LONG)
    for sequence in range(3, 3 + LONG):
        assert threads.join(KEY, sequence, [ADA])
    assert sequences(threads) == tuple(range(3, 3 + LONG))


@pytest.mark.usefixtures("table")
def test_a_chunk_whose_messages_have_all_left_is_no_run_and_is_filled_again() -> None:
    threads = small_store()
    grown(threads, MEMBERS_LIMIT + 1)
    assert runs(threads) == [MOVED_AT_ONCE]
    for sequence in range(3, 3 + MOVED_AT_ONCE):
        threads.leave(KEY, sequence)
    assert runs(threads) == []
    grown_to = 3 + MEMBERS_LIMIT + 1 + MOVED_AT_ONCE
    for sequence in range(3 + MEMBERS_LIMIT + 1, grown_to):
        threads.join(KEY, sequence, [ADA])
    assert runs(threads) == [MOVED_AT_ONCE]
    assert sequences(threads) == tuple(range(3 + MOVED_AT_ONCE, grown_to))


def test_nothing_stays_in_the_table_of_a_thread_whose_messages_all_left(table: Any) -> None:
    threads = small_store()
    grown(threads, LONG)
    for sequence in range(3, 3 + LONG):
        threads.announce_leave(KEY, sequence)
        threads.leave(KEY, sequence)
    assert table.scan(TableName=tables.table_name())["Items"] == []


def test_a_replica_that_does_not_know_the_newest_message_is_not_believed(
    table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = small_store()
    threads.begin(make_thread())
    call = table._make_api_call
    old: list[Any] = []

    def deliver(operation: str, parameters: Any) -> Any:
        eventually = '"ConsistentRead": false' in json.dumps(parameters) and operation == "BatchGetItem"
        answer = call(operation, parameters)
        old.append(answer) if eventually else None
        return old[0] if eventually else answer

    monkeypatch.setattr(table, "_make_api_call", deliver)
    assert threads.get_many({KEY: 3})[KEY].recent == (3,)
    threads.join(KEY, 5, [BOB])
    assert threads.get_many({KEY: 3})[KEY].recent == (3,)  # as the replica says
    assert threads.get_many({KEY: 5})[KEY].recent == (3, 5)
