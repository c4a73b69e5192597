"""The contract of KeyStore (operations/ports)."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.account import ApiKey, RateLimit, Scope
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.operations.ports import KeyStore, KeyUse, PageRequest
from chalicelib.storage.key_store import DynamoKeyStore
from tests.factories.accounts import ACCOUNT_ID, KEY_ID, NOON, make_key
from tests.fakes.clock import FakeClock
from tests.fakes.key_store import FakeKeyStore
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.faults import Network
from tests.storage.parallel import at_once

STRANGER = AccountId("acc_another")
SECRET, OTHER_SECRET = b"\x01" * 32, b"\x01" * 31 + b"\x02"
LIMIT = 3


@pytest.fixture
def keys(*, is_fake: bool) -> KeyStore:
    return FakeKeyStore() if is_fake else DynamoKeyStore()


def used(keys: KeyStore, clock: FakeClock) -> RateLimit:
    use = keys.use(KEY_ID, SECRET, clock(), LIMIT)
    assert isinstance(use, KeyUse)
    return use.rate


# ------------------------------------------------------------------------------------------- proving a key


@pytest.mark.parametrize(
    "key",
    [
        make_key(),
        make_key(name=None, scopes=frozenset({Scope.ADMIN}), inbox_numbers=frozenset({2**56 - 1, 5})),
        make_key(inbox_numbers=frozenset()),
        make_key(expires_at=NOON + timedelta(microseconds=1_000)),
    ],
)
def test_a_key_that_is_used_is_the_one_that_was_created(keys: KeyStore, key: ApiKey) -> None:
    keys.create(key, SECRET)
    use = keys.use(KEY_ID, SECRET, NOON, LIMIT)
    assert isinstance(use, KeyUse)
    assert use.key == replace(key, last_used_at=NOON)


def test_an_unknown_key_proves_nothing(keys: KeyStore) -> None:
    assert keys.use(KEY_ID, SECRET, NOON, LIMIT) is None
    assert keys.page(ACCOUNT_ID, PageRequest()).total == 0


def test_a_wrong_secret_is_refused_and_counts_for_nothing(keys: KeyStore) -> None:
    keys.create(make_key(), SECRET)
    for minute in (0, 1):
        for _ in range(LIMIT + 1):
            assert keys.use(KEY_ID, OTHER_SECRET, NOON + timedelta(minutes=minute), LIMIT) is None
    assert keys.page(ACCOUNT_ID, PageRequest()).items == (make_key(),)
    assert used(keys, FakeClock(NOON)) == RateLimit(LIMIT, LIMIT - 1, 60)


def test_a_wrong_secret_is_told_nothing_of_a_window_that_is_used_up(keys: KeyStore) -> None:
    keys.create(make_key(), SECRET)
    for _ in range(LIMIT + 1):
        keys.use(KEY_ID, SECRET, NOON, LIMIT)
    assert keys.use(KEY_ID, OTHER_SECRET, NOON, LIMIT) is None


@pytest.mark.parametrize(("after", "valid"), [(-0.001, True), (0, False), (61, False)])
def test_a_key_is_valid_until_the_moment_it_expires(keys: KeyStore, after: float, *, valid: bool) -> None:
    keys.create(make_key(expires_at=NOON), SECRET)
    assert isinstance(keys.use(KEY_ID, SECRET, NOON + timedelta(seconds=after), LIMIT), KeyUse) is valid


# -------------------------------------------------------------------------------------------- the window


def test_the_window_counts_down_and_says_when_it_starts_anew(keys: KeyStore) -> None:
    clock = FakeClock(NOON + timedelta(seconds=12.5))
    keys.create(make_key(), SECRET)
    assert used(keys, clock) == RateLimit(LIMIT, 2, 48)
    clock.advance(40)
    assert used(keys, clock) == RateLimit(LIMIT, 1, 8)
    assert used(keys, clock) == RateLimit(LIMIT, 0, 8)
    assert keys.use(KEY_ID, SECRET, clock(), LIMIT) == RateLimit(LIMIT, 0, 8)
    clock.advance(7.4)
    assert keys.use(KEY_ID, SECRET, clock(), LIMIT) == RateLimit(LIMIT, 0, 1)
    clock.advance(0.1)
    assert used(keys, clock) == RateLimit(LIMIT, 2, 60)


def test_minutes_without_a_request_do_not_save_any_up(keys: KeyStore) -> None:
    clock = FakeClock(NOON)
    keys.create(make_key(), SECRET)
    used(keys, clock)
    clock.advance(600)
    assert used(keys, clock) == RateLimit(LIMIT, 2, 60)


def test_a_slow_clock_counts_in_the_minute_a_faster_one_has_begun(keys: KeyStore) -> None:
    keys.create(make_key(), SECRET)
    for _ in range(LIMIT):
        used(keys, FakeClock(NOON))
    late = NOON - timedelta(seconds=2)
    assert keys.use(KEY_ID, SECRET, late, LIMIT) == RateLimit(LIMIT, 0, 62)


@pytest.mark.parametrize("minutes", [0, 1])
def test_a_limit_of_nothing_lets_nothing_pass(keys: KeyStore, minutes: int) -> None:
    keys.create(make_key(), SECRET)
    now = NOON + timedelta(minutes=minutes)
    assert keys.use(KEY_ID, SECRET, now, 0) == RateLimit(0, 0, 60)


def test_a_limit_that_was_lowered_leaves_nothing(keys: KeyStore) -> None:
    keys.create(make_key(), SECRET)
    for _ in range(LIMIT):
        used(keys, FakeClock(NOON))
    assert keys.use(KEY_ID, SECRET, NOON, LIMIT - 1) == RateLimit(LIMIT - 1, 0, 60)


@pytest.mark.parametrize("own", [1, LIMIT + 2])
def test_a_key_with_a_limit_of_its_own_has_no_other(keys: KeyStore, own: int) -> None:
    clock = FakeClock(NOON)
    keys.create(make_key(rate_limit=own), SECRET)
    for left in reversed(range(own)):
        assert used(keys, clock) == RateLimit(own, left, 60)
    assert keys.use(KEY_ID, SECRET, clock(), LIMIT) == RateLimit(own, 0, 60)
    clock.advance(60)
    assert used(keys, clock) == RateLimit(own, own - 1, 60)


CHANGES: list[dict[str, Any]] = [
    {"name": None},
    {"name": "other"},
    {"scopes": frozenset({Scope.READ})},
    {"expires_at": NOON + timedelta(days=1, microseconds=5)},
    {"rate_limit": 7},
    {"name": "other", "rate_limit": 7},
    {},
]


@pytest.mark.parametrize("changes", CHANGES)
def test_a_key_is_changed_and_changed_back(keys: KeyStore, changes: dict[str, Any]) -> None:
    before, after = make_key(), make_key(**changes)
    keys.create(before, SECRET)
    assert keys.save(before, after)
    assert keys.get(ACCOUNT_ID, KEY_ID) == after
    used(keys, FakeClock(NOON))
    assert keys.save(after, before)
    assert keys.get(ACCOUNT_ID, KEY_ID) == replace(before, last_used_at=NOON)


@pytest.mark.parametrize("changes", [changes for changes in CHANGES if changes])
def test_of_two_changes_made_at_once_the_slower_is_refused(keys: KeyStore, changes: dict[str, Any]) -> None:
    keys.create(make_key(), SECRET)
    keys.save(make_key(), make_key(**changes))
    assert not keys.save(make_key(), make_key(scopes=frozenset({Scope.SEND})))
    assert keys.get(ACCOUNT_ID, KEY_ID) == make_key(**changes)


def test_a_key_of_another_account_or_none_is_neither_found_nor_changed(keys: KeyStore) -> None:
    keys.create(make_key(), SECRET)
    assert keys.get(STRANGER, KEY_ID) is None
    assert keys.get(ACCOUNT_ID, KeyId("key_other")) is None
    assert not keys.save(make_key(account_id=STRANGER), make_key(account_id=STRANGER, name="mine"))
    assert not keys.save(make_key(id=KeyId("key_other")), make_key(id=KeyId("key_other"), name="mine"))
    assert keys.get(ACCOUNT_ID, KEY_ID) == make_key()


@pytest.mark.parametrize("key_id", [KEY_ID, KeyId("key_other")])
def test_a_wrong_secret_takes_as_many_calls_as_an_unknown_key(network: Network, key_id: KeyId) -> None:
    keys = DynamoKeyStore()
    keys.create(make_key(), SECRET)
    calls = network.listen()
    assert keys.use(key_id, OTHER_SECRET, NOON, LIMIT) is None
    assert calls == ["UpdateItem"]


@NOT_ON_MOTO
def test_of_64_requests_at_once_the_limit_lets_exactly_10_pass(keys: KeyStore) -> None:
    keys.create(make_key(), SECRET)
    uses = at_once([lambda: keys.use(KEY_ID, SECRET, NOON, 10)] * 64)
    passed = [use.rate.remaining for use in uses if isinstance(use, KeyUse)]
    assert sorted(passed) == list(range(10))
    assert Counter(map(type, uses))[RateLimit] == 54


def test_a_request_takes_one_call_and_the_first_of_a_minute_two(network: Network) -> None:
    keys = DynamoKeyStore()
    keys.create(make_key(), SECRET)
    clock = FakeClock(NOON)
    used(keys, clock)
    calls = network.listen()
    used(keys, clock)
    assert calls == ["UpdateItem"]
    clock.advance(60)
    used(keys, clock)
    assert calls == ["UpdateItem"] * 3


def test_the_loser_of_the_race_for_a_minute_counts_in_it(network: Network) -> None:
    keys = DynamoKeyStore()
    keys.create(make_key(), SECRET)

    def lose_the_race() -> None:
        network.before_next("UpdateItem", lambda: used(keys, FakeClock(NOON)))

    network.before_next("UpdateItem", lose_the_race)
    assert used(keys, FakeClock(NOON)).remaining == LIMIT - 2


# ------------------------------------------------------------------------------------ creating, deleting


def test_creating_a_key_again_changes_nothing(keys: KeyStore) -> None:
    keys.create(make_key(), SECRET)
    used(keys, FakeClock(NOON))
    keys.create(make_key(name="another"), SECRET)
    keys.create(make_key(), OTHER_SECRET)
    page = keys.page(ACCOUNT_ID, PageRequest())
    assert (page.items, page.total) == ((make_key(last_used_at=NOON),), 1)
    assert keys.use(KEY_ID, OTHER_SECRET, NOON, LIMIT) is None
    assert used(keys, FakeClock(NOON)).remaining == LIMIT - 2


def test_keys_are_listed_newest_first_with_the_expired_ones(keys: KeyStore) -> None:
    ids = [KeyId(f"key_{number}") for number in range(5)]
    for key_id in ids:
        keys.create(make_key(id=key_id, expires_at=NOON), SECRET)
    keys.create(make_key(id=KeyId("key_other"), account_id=STRANGER), SECRET)
    first = keys.page(ACCOUNT_ID, PageRequest(limit=3))
    rest = keys.page(ACCOUNT_ID, PageRequest(limit=3, after=first.next_after))
    assert [key.id for key in (*first.items, *rest.items)] == ids[::-1]
    assert (first.total, rest.total, rest.next_after) == (5, 5, None)


def test_a_deleted_key_is_worth_nothing_from_then_on(keys: KeyStore) -> None:
    keys.create(make_key(), SECRET)
    used(keys, FakeClock(NOON))
    assert keys.delete(ACCOUNT_ID, KEY_ID)
    assert keys.use(KEY_ID, SECRET, NOON, LIMIT) is None
    page = keys.page(ACCOUNT_ID, PageRequest())
    assert (page.items, page.total) == ((), 0)
    assert not keys.delete(ACCOUNT_ID, KEY_ID)


def test_another_accounts_key_cannot_be_deleted(keys: KeyStore) -> None:
    keys.create(make_key(), SECRET)
    assert not keys.delete(STRANGER, KEY_ID)
    assert used(keys, FakeClock(NOON)).remaining == LIMIT - 1


def test_a_key_that_was_deleted_can_be_created_again(keys: KeyStore) -> None:
    keys.create(make_key(), SECRET)
    keys.delete(ACCOUNT_ID, KEY_ID)
    keys.create(make_key(), OTHER_SECRET)
    assert isinstance(keys.use(KEY_ID, OTHER_SECRET, NOON, LIMIT), KeyUse)
    assert keys.page(ACCOUNT_ID, PageRequest()).total == 1


@pytest.mark.parametrize("operation", ["UpdateItem", "TransactWriteItems"])
def test_a_creation_whose_reply_was_lost_can_be_repeated(network: Network, operation: str) -> None:
    keys = DynamoKeyStore()
    keys.create(make_key(id=KeyId("key_before")), SECRET)
    network.lose_reply(operation)
    with pytest.raises(Unavailable):
        keys.create(make_key(), SECRET)
    keys.create(make_key(), SECRET)
    assert keys.page(ACCOUNT_ID, PageRequest()).total == 2


@pytest.mark.parametrize("operation", ["UpdateItem", "TransactWriteItems"])
def test_of_two_creations_at_once_the_first_stands(network: Network, operation: str) -> None:
    keys = DynamoKeyStore()
    network.before_next(operation, lambda: keys.create(make_key(), SECRET))
    keys.create(make_key(), OTHER_SECRET)
    assert keys.page(ACCOUNT_ID, PageRequest()).total == 1
    assert keys.use(KEY_ID, OTHER_SECRET, NOON, LIMIT) is None
