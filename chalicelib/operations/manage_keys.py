"""API keys: create, list, change, delete."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.account import DEFAULT_SCOPES, ApiKey, Caller, Scope, SwitchStatus, joined
from chalicelib.domain.errors import Forbidden, InvalidInput, NotFound, Unavailable
from chalicelib.domain.ids import AccountId, KeyId, random_text
from chalicelib.domain.switch import Switch
from chalicelib.operations.access import require_inbox, require_key
from chalicelib.operations.authenticate import ISSUED_KEY_PATTERN, key_hash
from chalicelib.operations.ports import Clock, InboxStore, KeyStore, Page, PageRequest
from chalicelib.operations.turn_switches import GiveUp

SECRET_CHARACTERS = 32  # base32: 160 random bits
PREFIX_CHARACTERS = 12
_TRIES = 5  # of a change that meets others at the same key
_STRETCH = 100  # keys that are read at a time where not all of them are shown


@dataclass(frozen=True, slots=True)
class NewKey:
    """What the caller wants; `id` is chosen before, so that a retry names the same key."""

    id: KeyId
    name: str | None = None
    scopes: frozenset[Scope] = DEFAULT_SCOPES
    inbox_numbers: frozenset[int] | None = None
    expires_at: datetime | None = None
    rate_limit: int | None = None


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
class CheckRights:
    """That a key which is made or changed can do no more than the one that asks."""

    clock: Clock
    rate_limit_per_minute: int

    def __call__(self, wanted: ApiKey, caller: Caller) -> None:
        """Raises InvalidInput, or Forbidden when it would widen the caller's rights."""
        if not wanted.scopes:
            raise InvalidInput({"scopes": ["must name at least one scope, or be left out for the default"]})
        wider = frozenset(scope for scope in wanted.scopes if not caller.key.allows(scope))
        if wider:
            raise Forbidden(
                f"A key cannot create one with more rights than its own; it lacks: {joined(wider)}.",
                fix="Ask for fewer scopes, or use a key that has them.",
            )
        if wanted.allows(Scope.ADMIN) and wanted.inbox_numbers is not None:
            raise InvalidInput(
                {"scopes": ["`admin` is for the whole deployment; a key with it is bound to no inboxes"]}
            )

    def expiry(self, expires_at: datetime | None, caller: Caller) -> None:
        longest = caller.key.expires_at
        if expires_at is not None and expires_at <= self.clock():
            raise InvalidInput({"expiresAt": ["must be in the future"]})
        if longest is not None and (expires_at is None or expires_at > longest):
            raise InvalidInput(
                {"expiresAt": [f"must not be later than that of the key that asks, {longest.isoformat()}"]}
            )

    def rate_limit(self, rate_limit: int | None, caller: Caller) -> None:
        most = self._most(caller)
        if most is not None and (self.rate_limit_per_minute if rate_limit is None else rate_limit) > most:
            raise InvalidInput(
                {"rateLimitPerMinute": [f"must be at most {most}, which is what the key that asks may give"]}
            )

    def usual_rate(self, caller: Caller) -> int | None:
        """What a key gets that asks for nothing: the deployment's limit, or the smaller one of the key that asks."""
        own = caller.key.rate_limit
        return own if own is not None and own < self.rate_limit_per_minute else None

    def _most(self, caller: Caller) -> int | None:
        """Requests a minute that the caller may give a key; None: any number."""
        if caller.key.allows(Scope.ADMIN):
            return None
        own = caller.key.rate_limit
        return self.rate_limit_per_minute if own is None else min(own, self.rate_limit_per_minute)


@dataclass(frozen=True)
class CreateKey:
    """Create a key that can do no more than the one that creates it."""

    keys: KeyStore
    inboxes: InboxStore
    check: CheckRights
    clock: Clock

    def __call__(self, new: NewKey, caller: Caller) -> CreatedKey:
        """Raises InvalidInput, Forbidden when it would widen the caller's rights, NotFound for another's inbox."""
        now = self.clock()
        text = new_key_text(new.id)
        key = ApiKey(
            id=new.id,
            account_id=caller.account_id,
            name=new.name,
            prefix=shown_prefix(text),
            scopes=new.scopes,
            inbox_numbers=caller.key.inbox_numbers if new.inbox_numbers is None else new.inbox_numbers,
            created_at=now.replace(microsecond=now.microsecond // 1000 * 1000),
            expires_at=new.expires_at or caller.key.expires_at,
            rate_limit=self.check.usual_rate(caller) if new.rate_limit is None else new.rate_limit,
        )
        self.check.expiry(key.expires_at, caller)
        self.check.rate_limit(key.rate_limit, caller)
        self.check(key, caller)
        for number in new.inbox_numbers or ():
            require_inbox(self.inboxes, number, caller)
        # A repeated request names the same key again; nobody has seen the one it made, so this one takes its place.
        self.keys.delete(caller.account_id, new.id)
        self.keys.create(key, key_hash(text))
        return CreatedKey(key, text)


@dataclass(frozen=True)
class ListKeys:
    """The account's keys, newest first; never the keys themselves. A key bound to inboxes sees those within its own."""

    keys: KeyStore

    def __call__(self, caller: Caller, request: PageRequest) -> Page[ApiKey]:
        if caller.key.inbox_numbers is None:
            return self.keys.page(caller.account_id, request)
        seen = [key for key in self._all(caller) if caller.key.reaches(key.inbox_numbers)]
        start = request.offset if request.after is None else request.after
        end = start + request.limit
        return Page(tuple(seen[start:end]), len(seen), end if end < len(seen) else None)

    def _all(self, caller: Caller) -> list[ApiKey]:
        found: list[ApiKey] = []
        page = self.keys.page(caller.account_id, PageRequest(_STRETCH))
        while True:
            found += page.items
            if page.next_after is None:
                return found
            page = self.keys.page(caller.account_id, PageRequest(_STRETCH, after=page.next_after))


@dataclass(frozen=True)
class ChangeKey:
    """Change a key's name, expiry and rate limit, and take scopes from it; in force at once, as nothing is cached."""

    keys: KeyStore
    check: CheckRights

    def __call__(self, key_id: KeyId, change: Callable[[ApiKey], ApiKey], caller: Caller) -> ApiKey:
        """Raises InvalidInput, Forbidden, NotFound. `change` says what the key is to be from what it is."""
        for _ in range(_TRIES):
            known = require_key(self.keys, key_id, caller)
            wanted = change(known)
            if not wanted.scopes:
                raise InvalidInput({"scopes": ["must name at least one scope"]})
            if not wanted.scopes <= known.scopes:
                raise InvalidInput(
                    {"scopes": [f"a key's scopes can only become fewer; it has {joined(known.scopes)}"]},
                    fix="Create another key with the scopes you need.",
                )
            if (wanted.expires_at, wanted.rate_limit) != (known.expires_at, known.rate_limit):
                self._check_extent(known, wanted, caller)
            if self.keys.save(known, wanted):
                return wanted
        raise Unavailable("Too many requests change the same key at once.")

    def _check_extent(self, known: ApiKey, wanted: ApiKey, caller: Caller) -> None:
        """Whoever manages keys may take scopes from any; when it ends and how much it may ask takes the rights it has."""
        self.check(wanted, caller)
        if wanted.expires_at != known.expires_at:
            self.check.expiry(wanted.expires_at, caller)
        if wanted.rate_limit != known.rate_limit:
            self.check.rate_limit(wanted.rate_limit, caller)


@dataclass(frozen=True)
class DeleteKey:
    """Revoke a key; it is not cached anywhere, so this is in force at once.

    What an active key has queued goes. What a suspended one holds is given up, for nobody could release it any more.
    """

    keys: KeyStore
    give_up: GiveUp
    keep_requests: Callable[[AccountId, KeyId], None] = lambda _account_id, _key_id: None  # it counts them itself

    def __call__(self, key_id: KeyId, caller: Caller) -> None:
        require_key(self.keys, key_id, caller)
        self.keep_requests(caller.account_id, key_id)
        key = self.keys.get(caller.account_id, key_id)
        if key is not None and key.status is SwitchStatus.SUSPENDED:
            self.give_up(Switch.of_key(key_id), caller.account_id)
        if not self.keys.delete(caller.account_id, key_id):
            raise NotFound
