"""Where accounts and their keys live."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.account import Account, ApiKey, RateLimit, SwitchStatus
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.operations.ports.lists import Page, PageRequest


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A key that was used, and what its rate window has left."""

    key: ApiKey
    rate: RateLimit


@dataclass(frozen=True, slots=True)
class Allowance:
    """A send that the account's day had room for, and that is counted; the account as it now stands."""

    account: Account


class KeyStore(Protocol):
    """API keys: found by id, proven by hash."""

    def use(self, key_id: KeyId, secret_hash: bytes, now: datetime, limit: int) -> KeyUse | RateLimit | None:
        """Authenticate, count against the minute's `limit`, or the key's own, and note the use, in one write.

        None: no such key, a wrong secret, or expired. A bare RateLimit: the window is used up.
        """

    def create(self, key: ApiKey, secret_hash: bytes) -> None:
        """Store a new key; storing the same again is harmless."""

    def page(self, account_id: AccountId, request: PageRequest) -> Page[ApiKey]:
        """The account's keys, newest first, expired ones among them."""

    def save(self, before: ApiKey, after: ApiKey) -> bool:
        """Change name, scopes, expiry and rate limit of a key; False when it is gone, or others changed them since."""

    def delete(self, account_id: AccountId, key_id: KeyId) -> bool:
        """Remove a key of this account; False when there is none. The stop switch of a suspended one stays for 30 days."""

    def get(self, account_id: AccountId, key_id: KeyId) -> ApiKey | None:
        """A key of this account."""

    def set_status(self, account_id: AccountId, key_id: KeyId, status: SwitchStatus) -> ApiKey | None:
        """Turn the stop switch of a key of this account; the key as it then stands."""


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """What the operator of a deployment sets for an account; None: it stays as it is."""

    plan: str | None = None
    daily_send_limit: int | None = None
    status: SwitchStatus | None = None


class AccountStore(Protocol):
    """Tenants."""

    def create(self, account: Account) -> None:
        """Store a new account; storing the same again is harmless."""

    def get(self, account_id: AccountId) -> Account | None: ...

    def set_retention(self, account_id: AccountId, days: int | None) -> bool:
        """For how many days it keeps messages (None: for ever); False when there is no such account."""

    def page(self, request: PageRequest) -> Page[Account]:
        """Every account of the deployment, newest first."""

    def set_own_status(self, account_id: AccountId, status: SwitchStatus) -> Account | None:
        """Turn the stop switch that is the account's own; the account as it then stands."""

    def save_settings(self, account_id: AccountId, settings: AccountSettings) -> Account | None:
        """Change what is not None; the account as it then stands. None: there is no such account."""

    def reserve(self, account_id: AccountId, day: str) -> Allowance | Account | None:
        """Count a send on UTC `day` (YYYY-MM-DD), in one conditional write.

        Refused, it returns the account as it stands (suspended, or the day's limit reached); None when there is none.
        """

    def give_back(self, reserved: Account) -> None:
        """Uncount one send of the day `reserved` shows: its message was refused after all."""
