"""Accounts: the first one with its admin key, further tenants, one's own."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.account import DEFAULT_SCOPES, Account, ApiKey, Caller, Scope, SwitchStatus
from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import AccountId, KeyId, derived_text
from chalicelib.domain.switch import Switch
from chalicelib.operations.authenticate import key_hash, key_id_of
from chalicelib.operations.manage_keys import new_key_text, shown_prefix
from chalicelib.operations.ports import AccountSettings, AccountStore, Clock, KeyStore, Page, PageRequest
from chalicelib.operations.turn_switches import Wake

FIRST_ACCOUNT = AccountId("acc_" + derived_text("first account"))


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What the caller wants; `id` is chosen before, so that a retry names the same account."""

    id: AccountId
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class CreatedAccount:
    """A new account; `key_text` is its first key, to be shown once and kept nowhere."""

    account: Account
    key_text: str


@dataclass(frozen=True)
class Bootstrap:
    """Make sure that the first account exists and that this key is an admin key of it. Again is harmless."""

    accounts: AccountStore
    keys: KeyStore
    clock: Clock
    daily_send_limit: int

    def __call__(self, key_text: str) -> Caller:
        now = self.clock()
        self.accounts.create(_account(FIRST_ACCOUNT, "First account", "", self.daily_send_limit, now))
        key = ApiKey(
            id=key_id_of(key_text),
            account_id=FIRST_ACCOUNT,
            name="admin",
            prefix=shown_prefix(key_text),
            scopes=frozenset({Scope.ADMIN}),
            inbox_numbers=None,
            created_at=now.replace(microsecond=0),
        )
        self.keys.create(key, key_hash(key_text))
        return Caller(FIRST_ACCOUNT, key)


@dataclass(frozen=True)
class CreateAccount:
    """Create a further tenant, fully separate from every other, with its first key."""

    accounts: AccountStore
    keys: KeyStore
    clock: Clock
    daily_send_limit: int

    def __call__(self, new: NewAccount, caller: Caller) -> CreatedAccount:
        _require_first(caller)
        now = self.clock()
        account = _account(new.id, new.name, new.email, self.daily_send_limit, now)
        self.accounts.create(account)
        key_id = KeyId("key_" + derived_text("first key", new.id))
        text = new_key_text(key_id)
        key = ApiKey(
            id=key_id,
            account_id=account.id,
            name="first key",
            prefix=shown_prefix(text),
            scopes=DEFAULT_SCOPES,
            inbox_numbers=None,
            created_at=account.created_at,
        )
        # A repeated request names the same account again; nobody has seen its first key, so this one takes its place.
        self.keys.delete(account.id, key_id)
        self.keys.create(key, key_hash(text))
        return CreatedAccount(account, text)


@dataclass(frozen=True)
class ListAccounts:
    """Every account of the deployment, newest first; for the first account alone."""

    accounts: AccountStore

    def __call__(self, caller: Caller, request: PageRequest) -> Page[Account]:
        _require_first(caller)
        return self.accounts.page(request)


@dataclass(frozen=True)
class ChangeAccount:
    """Change what the operator of the deployment decides of an account; for the first account alone.

    Set to active again, what it held goes, unless its own switch holds it.
    """

    accounts: AccountStore
    wake: Wake

    def __call__(self, account_id: AccountId, settings: AccountSettings, caller: Caller) -> Account:
        _require_first(caller)
        if settings.status is SwitchStatus.ACTIVE:
            self.wake(Switch.of_account(account_id), account_id)
        changed = self.accounts.save_settings(account_id, settings)
        if changed is None:
            raise NotFound
        return changed


@dataclass(frozen=True)
class GetAccount:
    """The caller's own account."""

    accounts: AccountStore

    def __call__(self, caller: Caller) -> Account:
        account = self.accounts.get(caller.account_id)
        if account is None:
            raise NotFound
        return account


def _require_first(caller: Caller) -> None:
    if caller.account_id != FIRST_ACCOUNT:
        raise NotFound


def _account(account_id: AccountId, name: str, email: str, daily_send_limit: int, now: datetime) -> Account:
    created_at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return Account(account_id, name, email, "self-hosted", daily_send_limit, is_verified=True, created_at=created_at)
