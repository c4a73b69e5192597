"""The register of large deletions: what is noted stays until nothing is left, and two cannot both say how far it has come."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.erasure import ErasureKind, of_inbox, of_thread, of_what_grows_old
from chalicelib.domain.ids import ThreadKey
from chalicelib.operations.ports import ErasureStore
from chalicelib.storage.erasure_store import DynamoErasureStore
from tests.factories.accounts import ACCOUNT_ID, NOON
from tests.fakes.erasure_store import FakeErasureStore

MINUTE = timedelta(minutes=1)
THREAD = of_thread(ThreadKey(7, 3), ACCOUNT_ID, NOON)


@pytest.fixture
def store(*, is_fake: bool) -> ErasureStore:
    return FakeErasureStore() if is_fake else DynamoErasureStore()


def test_what_is_noted_is_due_from_its_time_on_the_earliest_first(store: ErasureStore) -> None:
    later = store.add(replace(of_inbox(7, ACCOUNT_ID, NOON), due_at=NOON + MINUTE))
    first = store.add(THREAD)

    assert store.due(NOON - MINUTE) == []
    assert store.due(NOON) == [first]
    assert store.due(NOON + MINUTE) == [first, later]
    assert (first.thread, first.account_id, first.kind) == (ThreadKey(7, 3), ACCOUNT_ID, ErasureKind.THREAD)


def test_noting_it_again_changes_nothing(store: ErasureStore) -> None:
    saved = store.save(replace(store.add(THREAD), stage="blobs", after="7", due_at=NOON + MINUTE))

    assert store.add(THREAD) == saved


def test_of_two_who_save_the_second_is_told(store: ErasureStore) -> None:
    known = store.add(THREAD)

    assert store.save(replace(known, stage="one")) is not None
    assert store.save(replace(known, stage="two")) is None
    store.finish(known)
    assert [each.stage for each in store.due(NOON)] == ["one"]


def test_what_is_finished_is_gone_and_cannot_be_saved(store: ErasureStore) -> None:
    known = store.add(THREAD)
    store.finish(known)

    assert store.due(NOON) == []
    assert store.save(known) is None


def test_what_is_woken_is_due_again_and_whoever_was_at_it_cannot_end_it(store: ErasureStore) -> None:
    rounds = of_what_grows_old(ACCOUNT_ID, NOON)
    held = store.save(replace(store.add(rounds), due_at=NOON + MINUTE))
    assert held is not None

    store.wake(rounds)
    store.finish(held)

    assert [each.due_at for each in store.due(NOON)] == [NOON]
    store.drop(ErasureKind.RETENTION, ACCOUNT_ID)
    store.drop(ErasureKind.RETENTION, ACCOUNT_ID)
    assert store.due(NOON) == []
