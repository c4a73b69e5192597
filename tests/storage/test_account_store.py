"""The contract of AccountStore (operations/ports)."""

from dataclasses import replace

import pytest

from chalicelib.domain.account import Account
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import AccountId
from chalicelib.operations.ports import AccountStore, PageRequest
from chalicelib.storage.account_store import DynamoAccountStore
from tests.factories.accounts import ACCOUNT_ID, make_account
from tests.fakes.account_store import FakeAccountStore
from tests.storage.faults import Network
from tests.storage.parallel import at_once


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
