"""API keys in memory."""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

from chalicelib.domain.account import ApiKey, RateLimit, SwitchStatus
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.operations.ports import KeyUse, Page, PageRequest
from tests.fakes.paging import page_of


@dataclass
class FakeKeyStore:
    """Behaves as the real one."""

    keys: dict[KeyId, ApiKey] = field(default_factory=dict)  # in order of creation
    hashes: dict[KeyId, bytes] = field(default_factory=dict)
    stopped: set[KeyId] = field(default_factory=set)  # deleted while they were suspended
    windows: dict[KeyId, tuple[int, int]] = field(default_factory=dict)  # the minute, and requests in it
    _lock: Lock = field(default_factory=Lock)

    def use(self, key_id: KeyId, secret_hash: bytes, now: datetime, limit: int) -> KeyUse | RateLimit | None:
        with self._lock:
            key = self.keys.get(key_id)
            if key is None or self.hashes[key_id] != secret_hash:
                return None
            if key.expires_at is not None and key.expires_at <= now:
                return None
            minute, used = self.windows.get(key_id, (0, 0))
            if minute < now.timestamp() // 60:
                minute, used = int(now.timestamp() // 60), 0
            reset_after = math.ceil((minute + 1) * 60 - now.timestamp())
            limit = limit if key.rate_limit is None else key.rate_limit
            if used >= limit:
                return RateLimit(limit, 0, reset_after)
            self.windows[key_id] = minute, used + 1
            self.keys[key_id] = replace(key, last_used_at=now.replace(microsecond=0))
            return KeyUse(self.keys[key_id], RateLimit(limit, limit - used - 1, reset_after))

    def create(self, key: ApiKey, secret_hash: bytes) -> None:
        with self._lock:
            if key.id not in self.keys:
                self.keys[key.id] = key
                self.hashes[key.id] = secret_hash

    def page(self, account_id: AccountId, request: PageRequest) -> Page[ApiKey]:
        mine = [key for key in self.keys.copy().values() if key.account_id == account_id]
        return page_of(enumerate(mine), request)

    def save(self, before: ApiKey, after: ApiKey) -> bool:
        with self._lock:
            known = self.get(before.account_id, before.id)
            if known is None or _changeable(known) != _changeable(before):
                return False
            self.keys[before.id] = replace(after, last_used_at=known.last_used_at)
            return True

    def delete(self, account_id: AccountId, key_id: KeyId) -> bool:
        with self._lock:
            key = self.keys.get(key_id)
            if key is None or key.account_id != account_id:
                return False
            if key.status is SwitchStatus.SUSPENDED:
                self.stopped.add(key_id)
            del self.keys[key_id], self.hashes[key_id]
            self.windows.pop(key_id, None)
            return True

    def get(self, account_id: AccountId, key_id: KeyId) -> ApiKey | None:
        key = self.keys.get(key_id)
        return key if key is not None and key.account_id == account_id else None

    def set_status(self, account_id: AccountId, key_id: KeyId, status: SwitchStatus) -> ApiKey | None:
        with self._lock:
            key = self.get(account_id, key_id)
            if key is not None:
                self.keys[key_id] = key = replace(key, status=status)
            return key


def _changeable(key: ApiKey) -> tuple[object, ...]:
    return key.name, key.scopes, key.expires_at, key.rate_limit
