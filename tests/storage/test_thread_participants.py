"""Who is in a thread: whoever a member of it brought, and nobody else."""

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.operations.ports import ThreadStore
from tests.fakes.thread_store import FakeThreadStore
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.faults import Network
from tests.storage.parallel import at_once
from tests.storage.test_thread_store import (
    ADA,
    BOB,
    CHUNK_LIMIT,
    KEY,
    MEMBERS_LIMIT,
    make_thread,
    small_store,
)

pytestmark = NOT_ON_MOTO

EVE = "eve@example.org"


@pytest.fixture
def threads(*, is_fake: bool) -> ThreadStore:
    return FakeThreadStore() if is_fake else small_store()


def people(threads: ThreadStore) -> list[str]:
    found = threads.get(KEY)
    assert found is not None
    assert threads.get_many({KEY: KEY.first_sequence})[KEY].thread.participants == found.thread.participants
    return sorted(found.thread.participants)


def test_whom_only_one_message_brought_goes_with_it(threads: ThreadStore) -> None:
    threads.begin(make_thread(participants=(ADA, BOB)))
    threads.join(KEY, 4, [ADA, EVE])
    threads.join(KEY, 5, [BOB])

    threads.announce_leave(KEY, 4)
    threads.leave(KEY, 4, [ADA, EVE])
    assert people(threads) == [ADA, BOB]
    threads.leave(KEY, 3, [ADA, BOB])
    assert people(threads) == [BOB]


def test_joining_and_leaving_again_count_once(threads: ThreadStore) -> None:
    threads.begin(make_thread(participants=(ADA,)))
    for _ in range(3):
        threads.join(KEY, 4, [BOB, BOB])
    threads.join(KEY, 5, [BOB])
    for _ in range(3):
        threads.leave(KEY, 4, [BOB, BOB])
    assert people(threads) == [ADA, BOB]
    threads.leave(KEY, 5, [BOB])
    assert people(threads) == [ADA]


def test_who_was_brought_by_an_old_message_of_a_long_thread_goes_with_it(threads: ThreadStore) -> None:
    threads.begin(make_thread(participants=(ADA,)))
    threads.join(KEY, 4, [EVE])
    for sequence in range(5, 5 + MEMBERS_LIMIT + CHUNK_LIMIT):
        threads.join(KEY, sequence, [BOB])
    threads.join(KEY, 4, [EVE])  # a repeat that comes late
    assert people(threads) == [ADA, BOB, EVE]
    threads.leave(KEY, 4, [EVE])
    assert people(threads) == [ADA, BOB]


@pytest.mark.parametrize(
    "address", ["ada@[127.0.0.1]", "a.b%5B1@example.com", '"a[0][x"@example.com', "é#:p@exämple.com"]
)
def test_an_address_may_have_any_characters(threads: ThreadStore, address: str) -> None:
    threads.begin(make_thread(participants=(ADA,)))
    threads.join(KEY, 4, [address])
    threads.join(KEY, 5, [address])
    threads.leave(KEY, 4, [address])
    assert people(threads) == sorted([ADA, address])
    threads.leave(KEY, 5, [address])
    assert people(threads) == [ADA]


def test_in_a_thread_with_too_many_nobody_new_is_counted(threads: ThreadStore) -> None:
    crowd = [f"p{number:03}@example.com" for number in range(100)]
    threads.begin(make_thread(participants=tuple(crowd)))
    threads.join(KEY, 4, [crowd[0], EVE])
    threads.leave(KEY, 3, crowd)
    assert people(threads) == [crowd[0]]
    threads.join(KEY, 5, [EVE])
    threads.leave(KEY, 4, [crowd[0]])
    assert people(threads) == [EVE]


def test_those_who_join_and_leave_at_once_are_all_counted(threads: ThreadStore) -> None:
    threads.begin(make_thread(participants=(ADA,)))
    at_once([lambda sequence=sequence: threads.join(KEY, sequence, [BOB, EVE]) for sequence in range(4, 24)])  # type: ignore[misc]
    at_once([lambda sequence=sequence: threads.leave(KEY, sequence, [BOB, EVE]) for sequence in range(4, 23)])  # type: ignore[misc]
    assert people(threads) == [ADA, BOB, EVE]
    threads.leave(KEY, 23, [BOB, EVE])
    assert people(threads) == [ADA]


@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem", "TransactWriteItems"])
def test_what_the_sdk_repeats_counts_once(network: Network, operation: str) -> None:
    threads = small_store()
    network.repeat(operation)
    threads.begin(make_thread(participants=(ADA,)))
    for sequence in range(4, 4 + MEMBERS_LIMIT + CHUNK_LIMIT):
        threads.join(KEY, sequence, [BOB])
    for sequence in range(4, 4 + MEMBERS_LIMIT + CHUNK_LIMIT):
        assert people(threads) == [ADA, BOB]
        threads.leave(KEY, sequence, [BOB])
    assert people(threads) == [ADA]


ACTS = st.lists(
    st.tuples(st.sampled_from("jjjla"), st.integers(4, 60), st.sets(st.sampled_from([ADA, BOB, EVE]))), max_size=80
)


@pytest.mark.usefixtures("table")
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTS, st.randoms(use_true_random=False))
def test_after_any_comings_and_goings_the_participants_are_those_of_the_members(
    acts: list[tuple[str, int, set[str]]], luck: random.Random
) -> None:
    threads = small_store()
    if threads.get(KEY) is not None:
        for sequence in range(3, 61):
            threads.leave(KEY, sequence)
    threads.begin(make_thread(participants=(ADA,)))
    brought: dict[int, list[str]] = {3: [ADA]}
    for act, sequence, whom in acts:
        if act == "j":
            brought.setdefault(sequence, sorted(whom))
            for _ in range(luck.choice([1, 1, 2])):
                threads.join(KEY, sequence, brought[sequence])
        elif act == "a" and sequence in brought:
            threads.announce_leave(KEY, sequence)
        elif sequence in brought:
            for _ in range(luck.choice([1, 1, 2])):
                threads.leave(KEY, sequence, brought[sequence])
            del brought[sequence]
    assert people(threads) == sorted(Counter(address for whom in brought.values() for address in whom))
