"""API keys: create, list, delete."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.account import DEFAULT_SCOPES, ApiKey, Caller, Scope, SwitchStatus, joined
from chalicelib.domain.errors import Forbidden, InvalidInput, NotFound
from chalicelib.domain.ids import AccountId, KeyId, random_text
from chalicelib.domain.switch import Switch
from chalicelib.operations.access import require_inbox
from chalicelib.operations.authenticate import ISSUED_KEY_PATTERN, key_hash
from chalicelib.operations.ports import Clock, InboxStore, KeyStore, Page, PageRequest
from chalicelib.operations.turn_switches import GiveUp

SECRET_CHARACTERS = 32  # base32: 160 random bits
PREFIX_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class NewKey:
    """What the caller wants; `id` is chosen before, so that a retry names the same key."""

    id: KeyId
    name: str | None = None
    scopes: frozenset[Scope] = DEFAULT_SCOPES
    inbox_numbers: frozenset[int] | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key; `text` is the key itself, to be shown once and kept nowhere."""

    key: ApiKey
    text: str


def new_key_text(key_id: KeyId) -> str:
    """A key that names its own id, with 160 random bits."""
    return f"ask_{key_id.removeprefix('key_')}{random_text(SECRET_CHARACTERS)}"


def shown_prefix(key_text: str) -> str:
    """What lists show of a key: of ours, part of its id; of one set from outside at most a quarter, for all is secret."""
    characters = PREFIX_CHARACTERS
    if not ISSUED_KEY_PATTERN.fullmatch(key_text):
        characters = min(characters, len(key_text) // 4)
    return key_text[:characters]


@dataclass(frozen=True)
class CreateKey:
    """Create a key that can do no more than the one that creates it."""

    keys: KeyStore
    inboxes: InboxStore
    clock: Clock

    def __call__(self, new: NewKey, caller: Caller) -> CreatedKey:
        """Raises InvalidInput, Forbidden when it would widen the caller's rights, NotFound for another's inbox."""
        now = self.clock()
        if not new.scopes:
            raise InvalidInput({"scopes": ["must name at least one scope, or be left out for the default"]})
        if new.expires_at is not None and new.expires_at <= now:
            raise InvalidInput({"expiresAt": ["must be in the future"]})
        longest = caller.key.expires_at
        if longest is not None and new.expires_at is not None and new.expires_at > longest:
            raise InvalidInput(
                {"expiresAt": [f"must not be later than that of the key that asks, {longest.isoformat()}"]}
            )
        wider = frozenset(scope for scope in new.scopes if not caller.key.allows(scope))
        if wider:
            raise Forbidden(
                f"A key cannot create one with more rights than its own; it lacks: {joined(wider)}.",
                fix="Ask for fewer scopes, or use a key that has them.",
            )
        for number in new.inbox_numbers or ():
            require_inbox(self.inboxes, number, caller)
        text = new_key_text(new.id)
        key = ApiKey(
            id=new.id,
            account_id=caller.account_id,
            name=new.name,
            prefix=shown_prefix(text),
            scopes=new.scopes,
            inbox_numbers=caller.key.inbox_numbers if new.inbox_numbers is None else new.inbox_numbers,
            created_at=now.replace(microsecond=now.microsecond // 1000 * 1000),
            expires_at=new.expires_at or longest,
        )
        # A repeated request names the same key again; nobody has seen the one it made, so this one takes its place.
        self.keys.delete(caller.account_id, new.id)
        self.keys.create(key, key_hash(text))
        return CreatedKey(key, text)


@dataclass(frozen=True)
class ListKeys:
    """The account's keys, newest first; never the keys themselves."""

    keys: KeyStore

    def __call__(self, caller: Caller, request: PageRequest) -> Page[ApiKey]:
        return self.keys.page(caller.account_id, request)


@dataclass(frozen=True)
class DeleteKey:
    """Revoke a key; it is not cached anywhere, so this is in force at once.

    What an active key has queued goes. What a suspended one holds is given up, for nobody could release it any more.
    """

    keys: KeyStore
    give_up: GiveUp
    keep_requests: Callable[[AccountId, KeyId], None] = lambda _account_id, _key_id: None  # it counts them itself

    def __call__(self, key_id: KeyId, caller: Caller) -> None:
        self.keep_requests(caller.account_id, key_id)
        key = self.keys.get(caller.account_id, key_id)
        if key is not None and key.status is SwitchStatus.SUSPENDED:
            self.give_up(Switch.of_key(key_id), caller.account_id)
        if not self.keys.delete(caller.account_id, key_id):
            raise NotFound
