"""The contract of AccountStore (operations/ports)."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.account import Account, SwitchStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import AccountId
from chalicelib.operations.ports import AccountSettings, AccountStore, Allowance, PageRequest
from chalicelib.storage import keys
from chalicelib.storage.account_store import DynamoAccountStore
from chalicelib.storage.tables import AccountItem
from tests.factories.accounts import ACCOUNT_ID, make_account
from tests.fakes.account_store import FakeAccountStore
from tests.storage.faults import Network
from tests.storage.parallel import at_once

TODAY, TOMORROW = "2026-11-22", "2026-11-23"


@pytest.fixture
def accounts(*, is_fake: bool) -> AccountStore:
    return FakeAccountStore() if is_fake else DynamoAccountStore()


def named(name: str) -> Account:
    return replace(make_account(), id=AccountId(f"acc_{name}"), name=name)


@pytest.mark.parametrize("account", [make_account(), replace(make_account(), email="", is_verified=False)])
def test_an_account_is_read_back_as_it_was_created(accounts: AccountStore, account: Account) -> None:
    accounts.create(account)
    assert accounts.get(ACCOUNT_ID) == account


def test_an_unknown_account_is_none(accounts: AccountStore) -> None:
    assert accounts.get(ACCOUNT_ID) is None


def test_creating_an_account_again_is_harmless(accounts: AccountStore) -> None:
    accounts.create(make_account())
    accounts.create(replace(make_account(), name="Another name"))
    page = accounts.page(PageRequest())
    assert (page.items, page.total) == ((make_account(),), 1)


def test_an_account_created_by_many_at_once_is_listed_once(accounts: AccountStore) -> None:
    at_once([lambda: accounts.create(make_account())] * 8)
    assert accounts.page(PageRequest()).items == (make_account(),)


def test_accounts_are_listed_newest_first_a_part_at_a_time(accounts: AccountStore) -> None:
    for name in "abcde":
        accounts.create(named(name))
    first = accounts.page(PageRequest(limit=2))
    accounts.create(named("f"))
    second = accounts.page(PageRequest(limit=2, after=first.next_after))
    third = accounts.page(PageRequest(limit=2, offset=4))
    assert ["".join(account.name for account in page.items) for page in (first, second, third)] == ["ed", "cb", "ba"]
    assert (first.total, second.total, third.next_after) == (5, 6, None)


# ----------------------------------------------------------------------------------------- settings, sends


def counted(accounts: AccountStore, day: str = TODAY) -> Account:
    outcome = accounts.reserve(ACCOUNT_ID, day)
    assert isinstance(outcome, Allowance)
    return outcome.account


@pytest.mark.parametrize(
    "changes",
    [
        {"plan": "pro"},
        {"daily_send_limit": 0},
        {"status": SwitchStatus.SUSPENDED},
        {"plan": "a", "daily_send_limit": 1},
        {},
    ],
)
def test_what_is_set_for_an_account_is_changed_and_the_rest_stays(
    accounts: AccountStore, changes: dict[str, Any]
) -> None:
    accounts.create(make_account())
    known = counted(accounts)
    assert accounts.save_settings(ACCOUNT_ID, AccountSettings(**changes)) == replace(known, **changes)
    assert accounts.get(ACCOUNT_ID) == replace(known, **changes)


def test_nothing_is_set_for_an_unknown_account(accounts: AccountStore) -> None:
    assert accounts.save_settings(ACCOUNT_ID, AccountSettings(plan="pro")) is None
    assert accounts.save_settings(ACCOUNT_ID, AccountSettings()) is None
    assert accounts.reserve(ACCOUNT_ID, TODAY) is None
    assert accounts.get(ACCOUNT_ID) is None


def test_the_limit_of_the_day_stops_sends_until_the_next_day(accounts: AccountStore) -> None:
    accounts.create(make_account(daily_send_limit=2))
    assert [counted(accounts).sends_today for _ in range(2)] == [1, 2]
    assert accounts.reserve(ACCOUNT_ID, TODAY) == accounts.get(ACCOUNT_ID)
    tomorrow = counted(accounts, TOMORROW)
    assert (tomorrow.sends_day, tomorrow.sends_today) == (TOMORROW, 1)
    late = counted(accounts, TODAY)  # from before midnight: it counts on the day that others have begun
    assert (late.sends_day, late.sends_today) == (TOMORROW, 2)
    assert isinstance(accounts.reserve(ACCOUNT_ID, TODAY), Account)


@pytest.mark.parametrize(
    "changes", [{"status": SwitchStatus.SUSPENDED}, {"own_status": SwitchStatus.SUSPENDED}, {"daily_send_limit": 0}]
)
@pytest.mark.parametrize("day", [TODAY, TOMORROW])
def test_an_account_that_may_not_send_is_returned_as_it_stands(
    accounts: AccountStore, day: str, changes: dict[str, object]
) -> None:
    account = make_account(sends_day=TODAY, **changes)
    accounts.create(account)
    assert accounts.reserve(ACCOUNT_ID, day) == account == accounts.get(ACCOUNT_ID)


def test_a_send_is_given_back_to_its_own_day(accounts: AccountStore) -> None:
    accounts.create(make_account())
    first, _ = counted(accounts), counted(accounts)
    accounts.give_back(first)
    known = counted(accounts, TOMORROW)
    accounts.give_back(first)
    assert known.sends_today == 1
    assert accounts.get(ACCOUNT_ID) == known


@pytest.mark.parametrize("day", [TODAY, TOMORROW])
def test_of_64_sends_at_once_the_limit_lets_exactly_10_pass(accounts: AccountStore, day: str) -> None:
    accounts.create(make_account(daily_send_limit=10, sends_day=TODAY))
    outcomes = at_once([lambda: accounts.reserve(ACCOUNT_ID, day)] * 64)
    passed = [outcome.account.sends_today for outcome in outcomes if isinstance(outcome, Allowance)]
    assert sorted(passed) == list(range(1, 11))


def test_an_account_that_was_stored_before_sends_were_counted_is_counted(network: Network) -> None:
    accounts = DynamoAccountStore()
    accounts.create(make_account())
    bare = AccountItem(keys.account_partition(ACCOUNT_ID), keys.ACCOUNT)
    newer = (AccountItem.status, AccountItem.own_status, AccountItem.sends_day, AccountItem.sends_today)
    bare.update([attribute.remove() for attribute in newer])
    assert accounts.get(ACCOUNT_ID) == make_account()
    assert counted(accounts).sends_today == 1
    calls = network.listen()
    assert counted(accounts).sends_today == 2
    assert calls == ["UpdateItem"]


@pytest.mark.parametrize("operation", ["UpdateItem", "TransactWriteItems"])
def test_a_creation_whose_reply_was_lost_can_be_repeated(network: Network, operation: str) -> None:
    accounts = DynamoAccountStore()
    accounts.create(named("a"))
    network.lose_reply(operation)
    with pytest.raises(Unavailable):
        accounts.create(named("b"))
    accounts.create(named("b"))
    page = accounts.page(PageRequest())
    assert (page.items, page.total) == ((named("b"), named("a")), 2)
