"""Accounts, their API keys, and who is calling."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.ids import AccountId, KeyId


class Scope(StrEnum):
    """What a key may do. READ, SEND and MANAGE do not imply each other; ADMIN implies all."""

    READ = "read"  # every GET
    SEND = "send"  # messages, replies, attachments
    MANAGE = "manage"  # inboxes, webhooks, domains, keys, suppressions, deletions
    ADMIN = "admin"  # accounts; of the first account only


DEFAULT_SCOPES = frozenset({Scope.READ, Scope.SEND, Scope.MANAGE})


class SwitchStatus(StrEnum):
    """How the stop switch of a key or an account stands."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant; nothing of it is visible to another. `sends_today` belongs to the UTC day `sends_day`."""

    id: AccountId
    name: str
    email: str
    plan: str
    daily_send_limit: int
    is_verified: bool
    created_at: datetime
    status: SwitchStatus = SwitchStatus.ACTIVE  # what the operator of the deployment says …
    own_status: SwitchStatus = SwitchStatus.ACTIVE  # … and what the account says itself: it sends when both are active
    sends_day: str = ""  # YYYY-MM-DD; empty: it has never sent
    sends_today: int = 0
    retention_days: int | None = None  # how long messages are kept; None: until somebody deletes them

    @property
    def may_send(self) -> bool:
        return self.status is self.own_status is SwitchStatus.ACTIVE

    def sends_on(self, day: str) -> int:
        """How many messages were accepted on this UTC day."""
        return self.sends_today if self.sends_day == day else 0


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored: never the key itself, only its SHA-256."""

    id: KeyId
    account_id: AccountId
    name: str | None
    prefix: str  # the first characters, to tell keys apart in a list
    scopes: frozenset[Scope]
    inbox_numbers: frozenset[int] | None  # None: every inbox of the account
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    status: SwitchStatus = SwitchStatus.ACTIVE
    rate_limit: int | None = None  # requests a minute; None: as many as the deployment gives every key

    def allows(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def reaches(self, inbox_numbers: frozenset[int] | None) -> bool:
        """Whether something that is bound to these inboxes (None: to none) lies within what this key is bound to."""
        return self.inbox_numbers is None or (inbox_numbers is not None and inbox_numbers <= self.inbox_numbers)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request: the account, and the key with what it may do."""

    account_id: AccountId
    key: ApiKey

    def may_use_inbox(self, inbox_number: int) -> bool:
        return self.key.inbox_numbers is None or inbox_number in self.key.inbox_numbers


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A key's window: how many requests it may make, how many are left, seconds until it starts anew."""

    limit: int
    remaining: int
    reset_after: int


def joined(scopes: Iterable[Scope]) -> str:
    """Scopes for a sentence, in a fixed order."""
    return ", ".join(sorted(scopes))
