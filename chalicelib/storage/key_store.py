"""API keys: one item each, and the account's list of them."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from pynamodb.exceptions import DeleteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.account import ApiKey, RateLimit, Scope
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.operations.ports import KeyUse, Page, PageRequest
from chalicelib.storage import keys
from chalicelib.storage.roster import AlreadyThere, Roster
from chalicelib.storage.tables import KeyItem, batch_get, condition_failed

WINDOW_SECONDS = 60


@dataclass(frozen=True)
class DynamoKeyStore:
    """`operations.ports.KeyStore` over the table."""

    def use(self, key_id: KeyId, secret_hash: bytes, now: datetime, limit: int) -> KeyUse | RateLimit | None:
        item = _bare_item(key_id)
        seconds = int(now.timestamp())
        window, into_window = divmod(seconds, WINDOW_SECONDS)
        reset_after = WINDOW_SECONDS - into_window
        valid = (KeyItem.secret_hash == secret_hash) & (
            KeyItem.expires_at.does_not_exist() | (KeyItem.expires_at > seconds)
        )
        used = KeyItem.last_used_at.set(seconds)
        same = (KeyItem.window == window) & (KeyItem.window_count < limit)
        count: list[Action] = [KeyItem.window_count.add(1), used]
        fresh: list[Action] = [KeyItem.window.set(window), KeyItem.window_count.set(1), used]
        # When a minute begins, somebody else may begin it between our two tries; the third then counts on it.
        for actions, condition in ((count, same), (fresh, KeyItem.window < window), (count, same)):
            if _updated(item, actions, valid & condition):
                return KeyUse(_key(item), RateLimit(limit, limit - int(item.window_count), reset_after))
        if not _is_valid(item, secret_hash, seconds):
            return None
        return RateLimit(limit, 0, reset_after)

    def create(self, key: ApiKey, secret_hash: bytes) -> None:
        if _found(key.id):
            return
        roster = _keys(key.account_id)
        sequence = roster.next_sequence()
        try:
            roster.add(sequence, key.id, [_item(key, secret_hash, sequence)])
        except AlreadyThere:
            if not _found(key.id):
                raise

    def page(self, account_id: AccountId, request: PageRequest) -> Page[ApiKey]:
        page = _keys(account_id).page(request)
        places = [keys.api_key(name) for name in page.names]
        raw = batch_get([(place.pk, place.sk) for place in places])
        items = {item.pk: item for item in map(KeyItem.from_raw_data, raw)}
        return Page(tuple(_key(items[place.pk]) for place in places if place.pk in items), page.total, page.next_after)

    def delete(self, account_id: AccountId, key_id: KeyId) -> bool:
        item = _bare_item(key_id)
        try:
            item.refresh(consistent_read=True)
        except KeyItem.DoesNotExist:
            return False
        if item.account_id != account_id:
            return False
        # Off the list first: after a crash in between, the key is still found and deleting it again finishes the work.
        _keys(account_id).remove(int(item.list_sequence))
        try:
            item.delete(condition=KeyItem.account_id == account_id)
        except DeleteError as error:
            if not condition_failed(error):
                raise
            return False
        return True


def _updated(item: KeyItem, actions: list[Action], condition: Condition) -> bool:
    try:
        item.update(actions=actions, condition=condition)
    except UpdateError as error:
        if not condition_failed(error):
            raise
        return False
    return True


def _is_valid(item: KeyItem, secret_hash: bytes, seconds: int) -> bool:
    try:
        item.refresh(consistent_read=True)
    except KeyItem.DoesNotExist:
        return False
    if not hmac.compare_digest(item.secret_hash, secret_hash):
        return False
    return item.expires_at is None or item.expires_at > seconds


def _found(key_id: KeyId) -> bool:
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
        scopes=",".join(sorted(key.scopes)),
        inbox_numbers=None if bound is None else ",".join(map(str, sorted(bound))),
        created_at=key.created_at.isoformat(),
        expires_at=None if key.expires_at is None else int(key.expires_at.timestamp()),
        window=0,
        window_count=0,
        list_sequence=sequence,
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
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
