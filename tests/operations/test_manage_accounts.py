"""Accounts: the first one and its admin key, further ones, one's own."""

import pytest

from chalicelib.domain.account import DEFAULT_SCOPES, Account, Scope, SwitchStatus
from chalicelib.domain.errors import NotFound, Unauthenticated
from chalicelib.domain.ids import AccountId
from chalicelib.domain.switch import Switch
from chalicelib.operations.authenticate import Authenticate
from chalicelib.operations.manage_accounts import (
    FIRST_ACCOUNT,
    Bootstrap,
    ChangeAccount,
    CreateAccount,
    CreatedAccount,
    GetAccount,
    ListAccounts,
    NewAccount,
)
from chalicelib.operations.ports import AccountSettings, PageRequest
from tests.factories.accounts import NOON, make_caller
from tests.fakes.account_store import FakeAccountStore
from tests.fakes.clock import FakeClock
from tests.fakes.key_store import FakeKeyStore
from tests.fakes.switch_store import nothing_woken

ADMIN_KEY = "admin_key_of_the_operator"
TENANT = NewAccount(AccountId("acc_00000000000000000001"), "Acme", "owner@example.com")


class Deployment:
    """A deployment with nothing in it yet."""

    def __init__(self) -> None:
        self.accounts = FakeAccountStore()
        self.keys = FakeKeyStore()
        self.clock = FakeClock(NOON)
        self.bootstrap = Bootstrap(self.accounts, self.keys, self.clock, daily_send_limit=10_000)
        self.authenticate = Authenticate(self.keys, self.clock, rate_limit_per_minute=100)

    def create(self, new: NewAccount = TENANT) -> CreatedAccount:
        create_account = CreateAccount(self.accounts, self.keys, self.clock, daily_send_limit=10_000)
        return create_account(new, self.bootstrap(ADMIN_KEY))

    def account_ids(self) -> set[AccountId]:
        return {account.id for account in self.accounts.page(PageRequest(limit=100)).items}


def test_the_key_of_the_operator_is_an_admin_key_of_the_first_account() -> None:
    deployment = Deployment()
    deployment.bootstrap(ADMIN_KEY)

    caller = deployment.authenticate(ADMIN_KEY).caller

    assert caller.account_id == FIRST_ACCOUNT
    assert all(caller.key.allows(scope) for scope in Scope)
    assert caller.key.inbox_numbers is None


def test_starting_again_with_the_same_key_changes_nothing() -> None:
    deployment = Deployment()
    first = deployment.bootstrap(ADMIN_KEY)
    account = deployment.accounts.get(FIRST_ACCOUNT)
    deployment.clock.advance(3_600)

    second = deployment.bootstrap(ADMIN_KEY)

    assert (second.account_id, second.key.id) == (first.account_id, first.key.id)
    assert deployment.accounts.get(FIRST_ACCOUNT) == account
    assert deployment.account_ids() == {FIRST_ACCOUNT}
    assert deployment.keys.page(FIRST_ACCOUNT, PageRequest()).total == 1
    assert deployment.authenticate(ADMIN_KEY).caller.key.id == first.key.id


def test_starting_with_another_key_leaves_the_first_one_working() -> None:
    deployment = Deployment()
    deployment.bootstrap(ADMIN_KEY)
    deployment.bootstrap("another_admin_key_xyz")

    assert deployment.authenticate(ADMIN_KEY).caller.account_id == FIRST_ACCOUNT
    assert deployment.authenticate("another_admin_key_xyz").caller.account_id == FIRST_ACCOUNT
    assert deployment.account_ids() == {FIRST_ACCOUNT}


def test_the_admin_key_itself_is_not_kept() -> None:
    deployment = Deployment()
    deployment.bootstrap(ADMIN_KEY)

    (key,) = deployment.keys.page(FIRST_ACCOUNT, PageRequest()).items

    assert ADMIN_KEY.startswith(key.prefix)
    assert ADMIN_KEY not in repr(key)


@pytest.mark.parametrize(("characters", "shown"), [(16, 4), (40, 10), (100, 12)])
def test_of_a_key_set_from_outside_at_most_a_quarter_is_shown(characters: int, shown: int) -> None:
    deployment = Deployment()
    deployment.bootstrap("k" * characters)

    (key,) = deployment.keys.page(FIRST_ACCOUNT, PageRequest()).items

    assert key.prefix == "k" * shown


def test_a_further_account_comes_with_a_key_of_its_own() -> None:
    deployment = Deployment()

    created = deployment.create()

    assert created.account == Account(
        TENANT.id, "Acme", "owner@example.com", "self-hosted", 10_000, is_verified=True, created_at=NOON
    )
    assert deployment.accounts.get(TENANT.id) == created.account
    caller = deployment.authenticate(created.key_text).caller
    assert caller.account_id == TENANT.id
    assert caller.key.scopes == DEFAULT_SCOPES


def test_a_repeated_request_finds_the_account_and_its_key_works() -> None:
    deployment = Deployment()
    lost = deployment.create().key_text

    shown = deployment.create().key_text

    assert deployment.account_ids() == {FIRST_ACCOUNT, TENANT.id}
    assert deployment.keys.page(TENANT.id, PageRequest()).total == 1
    assert deployment.authenticate(shown).caller.account_id == TENANT.id
    with pytest.raises(Unauthenticated):
        deployment.authenticate(lost)


def test_only_the_first_account_creates_others() -> None:
    deployment = Deployment()
    create_account = CreateAccount(deployment.accounts, deployment.keys, deployment.clock, daily_send_limit=10_000)

    with pytest.raises(NotFound):
        create_account(TENANT, make_caller(scopes=frozenset({Scope.ADMIN})))

    assert deployment.account_ids() == set()


def test_the_first_account_lists_and_changes_all_of_them() -> None:
    deployment = Deployment()
    admin = deployment.bootstrap(ADMIN_KEY)
    deployment.create()

    changed = ChangeAccount(deployment.accounts, nothing_woken)(
        TENANT.id, AccountSettings(plan="pro", daily_send_limit=5), admin
    )
    page = ListAccounts(deployment.accounts)(admin, PageRequest(limit=1))

    assert (changed.plan, changed.daily_send_limit, changed.name) == ("pro", 5, "Acme")
    assert (page.items, page.total) == ((changed,), 2)


def test_an_account_that_is_set_to_active_lets_go_what_it_held() -> None:
    deployment = Deployment()
    admin = deployment.bootstrap(ADMIN_KEY)
    deployment.create()
    woken: list[Switch] = []
    change = ChangeAccount(deployment.accounts, lambda switch, _: woken.append(switch))

    for status in (SwitchStatus.SUSPENDED, SwitchStatus.ACTIVE):
        assert change(TENANT.id, AccountSettings(status=status), admin).status is status

    assert woken == [Switch.of_account(TENANT.id)]


def test_nobody_else_lists_or_changes_accounts() -> None:
    deployment = Deployment()
    tenant = deployment.authenticate(deployment.create().key_text).caller

    with pytest.raises(NotFound):
        ListAccounts(deployment.accounts)(tenant, PageRequest())
    for account_id in (TENANT.id, FIRST_ACCOUNT, AccountId("acc_unknown")):
        with pytest.raises(NotFound):
            ChangeAccount(deployment.accounts, nothing_woken)(account_id, AccountSettings(plan="pro"), tenant)
    assert all(account.plan == "self-hosted" for account in deployment.accounts.accounts.values())


def test_an_unknown_account_is_not_changed() -> None:
    deployment = Deployment()
    with pytest.raises(NotFound):
        ChangeAccount(deployment.accounts, nothing_woken)(
            TENANT.id, AccountSettings(plan="pro"), deployment.bootstrap(ADMIN_KEY)
        )


def test_one_reads_ones_own_account() -> None:
    deployment = Deployment()
    created = deployment.create()

    own = GetAccount(deployment.accounts)(deployment.authenticate(created.key_text).caller)

    assert own == created.account


def test_the_account_of_a_key_without_one_is_not_found() -> None:
    with pytest.raises(NotFound):
        GetAccount(FakeAccountStore())(make_caller())
