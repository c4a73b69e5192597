"""The contract of IdempotencyStore (operations/ports)."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.operations.ports import FirstRequest, IdempotencyStore
from chalicelib.storage.idempotency_store import DynamoIdempotencyStore
from tests.fakes.idempotency_store import FakeIdempotencyStore
from tests.storage.faults import Network
from tests.storage.parallel import at_once

KEY = "acc_1 POST /inboxes/inb_1/messages my key"
BODY, OTHER_BODY = b"\x01" * 32, b"\x02" * 32
NOW = datetime(2026, 11, 22, 12, 0, 0, 123_456, tzinfo=UTC)
LATER = NOW + timedelta(seconds=40)
A_DAY = timedelta(hours=24)


@pytest.fixture
def store(*, is_fake: bool) -> IdempotencyStore:
    return FakeIdempotencyStore() if is_fake else DynamoIdempotencyStore()


def left(store: IdempotencyStore, now: datetime = LATER) -> FirstRequest:
    """What a further request finds."""
    first = store.begin(KEY, OTHER_BODY, "a further request", now)
    assert first is not None
    return first


def test_the_first_request_owns_the_key_and_the_next_finds_what_it_left(store: IdempotencyStore) -> None:
    assert store.begin(KEY, BODY, "first", NOW) is None
    assert store.begin(KEY, OTHER_BODY, "second", LATER) == FirstRequest(BODY, NOW, None, None, "first")
    assert store.begin("another key", BODY, "third", NOW) is None


def test_a_resource_and_then_an_answer_are_kept(store: IdempotencyStore) -> None:
    store.begin(KEY, BODY, "first", NOW)
    store.name_resource(KEY, "first", "msg_1")
    assert left(store) == FirstRequest(BODY, NOW, "msg_1", None, "first")
    store.finish(KEY, "first", b'{"id":"msg_1"}')
    assert left(store) == FirstRequest(BODY, NOW, "msg_1", b'{"id":"msg_1"}', "first")


@pytest.mark.parametrize("answer", [b"", b"\x00\xff" * 10, b'{"bodyText":"word "}' * 100_000])
def test_an_answer_is_kept_byte_for_byte_two_megabytes_too(store: IdempotencyStore, answer: bytes) -> None:
    store.begin(KEY, BODY, "first", NOW)
    store.finish(KEY, "first", answer)
    assert left(store).answer == answer


@pytest.mark.parametrize("answer", [None, random.Random(0).randbytes(400_000)])
def test_of_an_answer_not_kept_the_resource_is_left_and_nobody_takes_the_key_over(
    store: IdempotencyStore, answer: bytes | None
) -> None:
    store.begin(KEY, BODY, "first", NOW)
    store.name_resource(KEY, "first", "msg_1")
    store.finish(KEY, "first", answer)
    first = left(store, NOW)
    assert first == FirstRequest(BODY, NOW, "msg_1", None, "first", answer_left_out=True)
    assert not store.take_over(KEY, first, "second", LATER)


def test_a_forgotten_key_is_free(store: IdempotencyStore) -> None:
    store.begin(KEY, BODY, "first", NOW)
    store.forget(KEY, "first")
    assert store.begin(KEY, OTHER_BODY, "second", NOW) is None


def test_forgetting_again_is_harmless(store: IdempotencyStore) -> None:
    store.forget(KEY, "first")
    assert store.begin(KEY, BODY, "second", NOW) is None


def test_a_key_is_kept_for_24_hours_and_then_counts_as_absent(store: IdempotencyStore) -> None:
    store.begin(KEY, BODY, "first", NOW)
    store.finish(KEY, "first", b"answer")
    assert left(store, NOW + A_DAY - timedelta(seconds=1)).answer == b"answer"
    assert store.begin(KEY, OTHER_BODY, "second", NOW + A_DAY) is None
    assert left(store, NOW + A_DAY) == FirstRequest(OTHER_BODY, NOW + A_DAY, None, None, "second")


# ------------------------------------------------------------------------------------------- taking over


def test_an_heir_finds_the_name_and_finishes_in_place_of_the_dead(store: IdempotencyStore) -> None:
    store.begin(KEY, BODY, "first", NOW)
    store.name_resource(KEY, "first", "msg_1")
    assert store.take_over(KEY, left(store), "heir", LATER)
    assert left(store) == FirstRequest(BODY, LATER, "msg_1", None, "heir")
    store.finish(KEY, "heir", b"the heir's answer")
    assert left(store).answer == b"the heir's answer"


def test_only_one_takes_over(store: IdempotencyStore) -> None:
    store.begin(KEY, BODY, "first", NOW)
    found = left(store)
    heirs = [f"heir {number}" for number in range(8)]
    taken = at_once([lambda heir=heir: store.take_over(KEY, found, heir, LATER) for heir in heirs])  # type: ignore[misc]
    assert taken.count(True) == 1
    assert left(store).owner == heirs[taken.index(True)]


def test_of_many_who_begin_at_once_one_owns_the_key(store: IdempotencyStore) -> None:
    owners = [f"owner {number}" for number in range(16)]
    found = at_once([lambda owner=owner: store.begin(KEY, BODY, owner, NOW) for owner in owners])  # type: ignore[misc]
    assert found.count(None) == 1
    winner = owners[found.index(None)]
    assert {first.owner for first in found if first is not None} == {winner}


@pytest.mark.parametrize("ending", ["finished", "forgotten"])
def test_an_owner_that_came_to_its_end_is_not_taken_over(store: IdempotencyStore, ending: str) -> None:
    store.begin(KEY, BODY, "first", NOW)
    found = left(store)
    if ending == "finished":
        store.finish(KEY, "first", b"answer")
    else:
        store.forget(KEY, "first")
    assert not store.take_over(KEY, found, "heir", LATER)


def test_an_owner_that_wakes_up_too_late_changes_nothing(store: IdempotencyStore) -> None:
    store.begin(KEY, BODY, "first", NOW)
    store.take_over(KEY, left(store), "heir", LATER)
    store.name_resource(KEY, "heir", "msg_2")
    with pytest.raises(Unavailable):
        store.name_resource(KEY, "first", "msg_1")
    store.finish(KEY, "first", b"late")
    store.forget(KEY, "first")
    assert left(store) == FirstRequest(BODY, LATER, "msg_2", None, "heir")


def test_a_late_owner_leaves_a_key_alone_that_was_freed_and_begun_anew(store: IdempotencyStore) -> None:
    store.begin(KEY, BODY, "first", NOW)
    store.take_over(KEY, left(store), "heir", LATER)
    store.forget(KEY, "heir")
    with pytest.raises(Unavailable):
        store.name_resource(KEY, "first", "msg_1")
    store.begin(KEY, OTHER_BODY, "third", LATER)
    store.finish(KEY, "first", b"late")
    store.forget(KEY, "first")
    assert left(store) == FirstRequest(OTHER_BODY, LATER, None, None, "third")


# ------------------------------------------------------------------------------------------ lost replies


def test_each_step_that_the_sdk_repeats_still_succeeds(network: Network) -> None:
    store = DynamoIdempotencyStore()
    network.repeat("PutItem")
    network.repeat("UpdateItem")
    network.repeat("DeleteItem")
    assert store.begin(KEY, BODY, "first", NOW) is None
    assert store.take_over(KEY, left(store), "heir", LATER)
    store.name_resource(KEY, "heir", "msg_1")
    store.finish(KEY, "heir", b"answer")
    assert left(store).answer == b"answer"
    store.forget(KEY, "heir")
    assert store.begin(KEY, BODY, "next", LATER) is None


def test_a_claim_whose_reply_was_lost_is_still_ours(network: Network) -> None:
    store = DynamoIdempotencyStore()
    network.lose_reply("PutItem")
    with pytest.raises(Unavailable):
        store.begin(KEY, BODY, "first", NOW)
    assert store.begin(KEY, BODY, "first", NOW) is None
