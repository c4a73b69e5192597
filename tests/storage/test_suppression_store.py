"""The contract of SuppressionStore (operations/ports)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.domain.ids import AccountId, MessageKey
from chalicelib.domain.suppression import Suppression, SuppressionReason
from chalicelib.operations.ports import PageRequest, SuppressionStore
from chalicelib.storage.roster import ADDED_AT_ONCE
from chalicelib.storage.suppression_store import DynamoSuppressionStore
from tests.fakes.suppression_store import FakeSuppressionStore
from tests.storage.engines import NOT_ON_MOTO, Engine
from tests.storage.faults import Network
from tests.storage.parallel import at_once
from tests.storage.test_thread_costs import counting

NOW = datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC)
ACCOUNT, OTHER = AccountId("acc_1"), AccountId("acc_2")
ADA, BOB = "ada@example.com", "bob@example.net"


@pytest.fixture
def store(*, is_fake: bool) -> SuppressionStore:
    return FakeSuppressionStore() if is_fake else DynamoSuppressionStore()


def made(
    address: str = ADA, reason: SuppressionReason = SuppressionReason.MANUAL, account: AccountId = ACCOUNT
) -> Suppression:
    return Suppression(account, address, reason, NOW)


def listed(store: SuppressionStore, account: AccountId = ACCOUNT) -> tuple[list[str], int]:
    page = store.page(account, PageRequest(limit=100))
    return [each.address for each in page.items], page.total


def test_what_was_added_is_found_in_any_case_as_it_was_and_by_its_account_alone(store: SuppressionStore) -> None:
    added = Suppression(ACCOUNT, "Ada@Example.com", SuppressionReason.BOUNCE, NOW, MessageKey(7, 3))
    stands = Suppression(ACCOUNT, ADA, SuppressionReason.BOUNCE, NOW, MessageKey(7, 3))

    assert store.add(added) == stands
    assert store.find(ACCOUNT, ["ADA@example.com", BOB]) == {"ADA@example.com": stands}
    assert store.find(OTHER, [ADA]) == {}
    assert store.among([(ACCOUNT, "aDa@example.com"), (ACCOUNT, ADA), (OTHER, ADA), (ACCOUNT, BOB)]) == {
        (ACCOUNT, "aDa@example.com"),
        (ACCOUNT, ADA),
    }
    assert store.among([]) == frozenset()


def test_the_same_address_again_stays_as_it_was(store: SuppressionStore) -> None:
    first = store.add(made(reason=SuppressionReason.COMPLAINT))
    assert store.add(made("ADA@example.com")) == first
    assert listed(store) == ([ADA], 1)


def test_a_list_is_newest_first_and_a_removed_address_may_come_back_as_a_new_one(store: SuppressionStore) -> None:
    names = [f"reader-{number}@example.com" for number in range(5)]
    for name in names:
        store.add(made(name))
    assert store.remove(ACCOUNT, names[1].upper())
    assert not store.remove(ACCOUNT, names[1])
    assert not store.remove(OTHER, names[0])
    store.add(made(names[0]))
    assert listed(store) == ([names[4], names[3], names[2], names[0]], 4)

    store.add(made(names[1]))
    assert listed(store)[0][0] == names[1]
    page = store.page(ACCOUNT, PageRequest(limit=2, offset=1))
    assert ([each.address for each in page.items], page.total) == ([names[4], names[3]], 5)
    rest = store.page(ACCOUNT, PageRequest(limit=9, after=page.next_after))
    assert [each.address for each in rest.items] == [names[2], names[0]]


def test_many_are_added_in_their_order_and_those_that_are_there_are_not_counted(store: SuppressionStore) -> None:
    names = [f"reader-{number}@example.com" for number in range(2 * ADDED_AT_ONCE + 3)]
    store.add(made(names[5], SuppressionReason.BOUNCE))

    added = store.add_all(ACCOUNT, [made(name) for name in [*names, names[0].upper()]])

    assert added == len(names) - 1
    assert store.add_all(ACCOUNT, [made(name) for name in names]) == 0
    page = store.page(ACCOUNT, PageRequest(limit=100))
    assert page.total == len(names)
    assert [each.address for each in page.items][:3] == names[:-4:-1]
    assert store.find(ACCOUNT, [names[5]])[names[5]].reason is SuppressionReason.BOUNCE


def test_sixteen_who_add_the_same_at_once_add_one(store: SuppressionStore) -> None:
    answers = at_once([lambda: store.add(made())] * 16, threads=16)
    assert set(answers) == {made()}
    assert listed(store) == ([ADA], 1)


@NOT_ON_MOTO
def test_imports_that_meet_add_each_address_once(store: SuppressionStore) -> None:
    names = [f"reader-{number}@example.com" for number in range(60)]
    everybody = [made(name) for name in names]

    added = at_once([lambda: store.add_all(ACCOUNT, everybody)] * 4, threads=4)

    assert sum(added) == len(names)
    assert sorted(listed(store)[0]) == sorted(names)


def test_a_reply_that_is_lost_adds_and_removes_once(embedded_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DynamoSuppressionStore()
    with embedded_engine.fresh_table(monkeypatch) as client:  # moto does not know the token of a transaction
        network = Network(monkeypatch, client)
        network.repeat("TransactWriteItems")
        assert store.add(made()) == made()
        network.repeat("TransactWriteItems")
        assert store.add_all(ACCOUNT, [made(BOB)]) == 1
        assert listed(store) == ([BOB, ADA], 2)
        network.repeat("TransactWriteItems")
        assert store.remove(ACCOUNT, ADA)
        assert listed(store) == ([BOB], 1)


@NOT_ON_MOTO  # moto's units are all the same
def test_a_look_for_fifty_recipients_is_one_call_and_half_a_unit_each_for_the_sender(table: Any) -> None:
    store = DynamoSuppressionStore()
    store.add(made())
    addresses = [ADA, *(f"reader-{number}@example.com" for number in range(49))]
    with counting(table) as cost:
        assert set(store.find(ACCOUNT, addresses)) == {ADA}
    assert (cost.calls, cost.units) == (["BatchGetItem"], 50)
    with counting(table) as cost:
        assert store.among([(ACCOUNT, address) for address in addresses]) == {(ACCOUNT, ADA)}
    assert (cost.calls, cost.units) == (["BatchGetItem"], 25)
