"""API keys: one item each, and the account's list of them."""

import hmac
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pynamodb.expressions.condition import Condition

from chalicelib.domain.account import ApiKey, RateLimit, Scope, SwitchStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.operations.ports import KeyUse, Page, PageRequest
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Refused, Written, delete, update, update_if
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.moments import from_microseconds
from chalicelib.storage.roster import Roster
from chalicelib.storage.tables import KeyItem, batch_get
from chalicelib.storage.usage_store import requests_on

WINDOW_SECONDS = 60
STOP_KEPT = timedelta(days=30)  # the stop switch of a key that was deleted while it was suspended
_NO_SECRET = b"-"  # no hash is as short
WINDOW_TRIES = 3  # of a use that meets others at the change of the minute; the first two settle it


@raises_unavailable
@dataclass(frozen=True)
class DynamoKeyStore:
    """`operations.ports.KeyStore` over the table."""

    def use(self, key_id: KeyId, secret_hash: bytes, now: datetime, limit: int) -> KeyUse | RateLimit | None:
        minute = int(now.timestamp()) // WINDOW_SECONDS
        for _ in range(WINDOW_TRIES):
            outcome = _count_use(key_id, secret_hash, now, limit)
            if isinstance(outcome, Refused):
                found = outcome.found
                if found is None or not hmac.compare_digest(found.secret_hash, secret_hash) or _expired(found, now):
                    return None
                own = _limit(found, limit)
                if found.window >= minute or own < 1:
                    return RateLimit(own, 0, _reset_after(max(int(found.window), minute), now))
                outcome = _begin_window(key_id, secret_hash, now)
            if isinstance(outcome, Written):
                item = outcome.item
                own = _limit(item, limit)
                left = max(0, own - int(item.window_count))
                return KeyUse(_key(item), RateLimit(own, left, _reset_after(int(item.window), now)))
        raise Unavailable("Too many requests use the same key at once.")

    def create(self, key: ApiKey, secret_hash: bytes) -> None:
        # A key that is there stays as it is, whatever its secret: whoever has it goes on using it.
        if not _exists(key.id):
            _keys(key.account_id).add(key.id, lambda sequence: [_item(key, secret_hash, sequence)])

    def page(self, account_id: AccountId, request: PageRequest) -> Page[ApiKey]:
        page = _keys(account_id).page(request)
        places = [keys.api_key(name) for name in page.items]
        raw = batch_get([(place.pk, place.sk) for place in places])
        items = {item.pk: item for item in map(KeyItem.from_raw_data, raw)}
        # One may have been deleted since the list was read.
        found = tuple(_key(items[place.pk]) for place in places if place.pk in items)
        return Page(found, page.total - (len(page.items) - len(found)), page.next_after)

    def save(self, before: ApiKey, after: ApiKey) -> bool:
        was, wanted = _changeable(before), _changeable(after)
        actions = [
            attribute.remove() if value is None else attribute.set(value)
            for (attribute, value), (_, known) in zip(wanted, was, strict=True)
            if value != known
        ]
        as_it_was: Condition = KeyItem.account_id == before.account_id
        for attribute, value in was:
            as_it_was &= attribute.does_not_exist() if value is None else attribute == value
        return not actions or isinstance(update_if(_bare_item(before.id), actions, as_it_was), Written)

    def delete(self, account_id: AccountId, key_id: KeyId) -> bool:
        item = _bare_item(key_id)
        try:
            item.refresh(consistent_read=True)
        except KeyItem.DoesNotExist:
            return False
        if item.account_id != account_id:
            return False
        there = (KeyItem.account_id == account_id) & (KeyItem.list_sequence == item.list_sequence)
        if item.status != SwitchStatus.SUSPENDED.value:
            return _keys(account_id).remove(int(item.list_sequence), delete(item, there))
        if item.discarded_until is None:
            raise Unavailable("The key was suspended this very moment.")  # and what it holds is not given up yet
        # What its mail waits behind stays for as long as any of it may be found.
        kept_until = from_microseconds(item.discarded_until) + STOP_KEPT
        dead = update(item, [KeyItem.secret_hash.set(_NO_SECRET), KeyItem.ttl.set(kept_until)], there)
        return _keys(account_id).remove(int(item.list_sequence), dead)

    def get(self, account_id: AccountId, key_id: KeyId) -> ApiKey | None:
        item = _bare_item(key_id)
        try:
            item.refresh(consistent_read=True)
        except KeyItem.DoesNotExist:
            return None
        return _key(item) if item.account_id == account_id and item.secret_hash != _NO_SECRET else None

    def set_status(self, account_id: AccountId, key_id: KeyId, status: SwitchStatus) -> ApiKey | None:
        there = (KeyItem.account_id == account_id) & (KeyItem.secret_hash != _NO_SECRET)
        written = update_if(_bare_item(key_id), [KeyItem.status.set(status.value)], there)
        return _key(written.item) if isinstance(written, Written) else None


def _count_use(key_id: KeyId, secret_hash: bytes, now: datetime, limit: int) -> Written[KeyItem] | Refused[KeyItem]:
    """Prove the key and count a request in the minute the key is at, which a faster clock may have begun early."""
    seconds = int(now.timestamp())
    return update_if(
        _bare_item(key_id),
        [KeyItem.window_count.add(1), KeyItem.last_used_at.set(seconds), requests_on(now).add(1)],
        _valid(secret_hash, now) & (KeyItem.window >= seconds // WINDOW_SECONDS) & _is_room(limit),
    )


def _begin_window(key_id: KeyId, secret_hash: bytes, now: datetime) -> Written[KeyItem] | Refused[KeyItem]:
    """Prove the key and count the first request of a minute; refused when somebody else has just begun it."""
    seconds = int(now.timestamp())
    minute = seconds // WINDOW_SECONDS
    return update_if(
        _bare_item(key_id),
        [
            KeyItem.window.set(minute),
            KeyItem.window_count.set(1),
            KeyItem.last_used_at.set(seconds),
            requests_on(now).add(1),
        ],
        _valid(secret_hash, now) & (KeyItem.window < minute),
    )


def _is_room(limit: int) -> Condition:
    """Room in the minute of a key, by its own limit if it has one."""
    shared: Condition = KeyItem.rate_limit.does_not_exist() & (KeyItem.window_count < limit)
    room: Condition = shared | (KeyItem.window_count < KeyItem.rate_limit)
    return room


def _limit(item: KeyItem, limit: int) -> int:
    return limit if item.rate_limit is None else int(item.rate_limit)


def _valid(secret_hash: bytes, now: datetime) -> Condition:
    proven: Condition = KeyItem.secret_hash == secret_hash
    unexpired: Condition = KeyItem.expires_at.does_not_exist() | (KeyItem.expires_at > now.timestamp())
    valid: Condition = proven & unexpired
    return valid


def _changeable(key: ApiKey) -> list[tuple[Any, Any]]:
    """What may be changed of a key, as it is stored."""
    return [
        (KeyItem.name, key.name),
        (KeyItem.scopes, _scopes(key)),
        (KeyItem.expires_at, _seconds(key)),
        (KeyItem.rate_limit, key.rate_limit),
    ]


def _scopes(key: ApiKey) -> str:
    return ",".join(sorted(key.scopes))


def _seconds(key: ApiKey) -> float | None:
    return None if key.expires_at is None else key.expires_at.timestamp()


def _expired(item: KeyItem, now: datetime) -> bool:
    return item.expires_at is not None and item.expires_at <= now.timestamp()


def _reset_after(window: int, now: datetime) -> int:
    """Whole seconds until the minute is over, at least one."""
    return max(1, math.ceil((window + 1) * WINDOW_SECONDS - now.timestamp()))


def _exists(key_id: KeyId) -> bool:
    try:
        _bare_item(key_id).refresh(consistent_read=True)
    except KeyItem.DoesNotExist:
        return False
    return True


def _keys(account_id: AccountId) -> Roster:
    return Roster(keys.account_partition(account_id), "keys")


def _bare_item(key_id: KeyId) -> KeyItem:
    place = keys.api_key(key_id)
    return KeyItem(place.pk, place.sk)


def _item(key: ApiKey, secret_hash: bytes, sequence: int) -> KeyItem:
    place = keys.api_key(key.id)
    bound = key.inbox_numbers
    return KeyItem(
        place.pk,
        place.sk,
        account_id=key.account_id,
        secret_hash=secret_hash,
        name=key.name,
        prefix=key.prefix,
        scopes=_scopes(key),
        inbox_numbers=None if bound is None else ",".join(map(str, sorted(bound))),
        created_at=key.created_at.isoformat(),
        expires_at=_seconds(key),
        window=0,
        window_count=0,
        list_sequence=sequence,
        rate_limit=key.rate_limit,
    )


def _key(item: KeyItem) -> ApiKey:
    bound = item.inbox_numbers
    return ApiKey(
        id=KeyId(item.pk.removeprefix("K#")),
        account_id=AccountId(item.account_id),
        name=item.name,
        prefix=item.prefix,
        scopes=frozenset(Scope(scope) for scope in item.scopes.split(",")),
        inbox_numbers=None if bound is None else frozenset(int(number) for number in bound.split(",") if number),
        created_at=datetime.fromisoformat(item.created_at),
        expires_at=_moment(item.expires_at),
        last_used_at=_moment(item.last_used_at),
        status=SwitchStatus(item.status or SwitchStatus.ACTIVE),
        rate_limit=None if item.rate_limit is None else int(item.rate_limit),
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
