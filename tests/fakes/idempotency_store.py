"""First requests under an Idempotency-Key, in memory."""

import zlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from chalicelib.domain.errors import Unavailable
from chalicelib.operations.ports import FirstRequest

KEPT = timedelta(hours=24)
ANSWER_LIMIT = 300_000


@dataclass
class FakeIdempotencyStore:
    """Behaves as the real one; `fails` names calls that answer Unavailable without having done anything."""

    records: dict[str, FirstRequest] = field(default_factory=dict)
    fails: set[str] = field(default_factory=set)
    _expiry: dict[str, datetime] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, key: str, body_hash: bytes, owner: str, now: datetime) -> FirstRequest | None:
        self._may_fail("begin")
        with self._lock:
            if key in self.records and now < self._expiry.get(key, now + KEPT):
                first = self.records[key]
                return None if first.owner == owner else first
            self.records[key] = FirstRequest(body_hash, now, None, None, owner)
            self._expiry[key] = now + KEPT
            return None

    def take_over(self, key: str, first: FirstRequest, owner: str, now: datetime) -> bool:
        self._may_fail("take_over")
        with self._lock:
            known = self.records.get(key)
            if (
                known is None
                or known.answer is not None
                or known.answer_left_out
                or known.owner not in (first.owner, owner)
            ):
                return False
            self.records[key] = replace(known, started_at=now, owner=owner)
            return True

    def name_resource(self, key: str, owner: str, resource: str) -> None:
        self._may_fail("name_resource")
        with self._lock:
            if not self._is_owner(key, owner):
                raise Unavailable("Another request has taken the key over.")
            self.records[key] = replace(self.records[key], resource=resource)

    def finish(self, key: str, owner: str, answer: bytes | None) -> None:
        self._may_fail("finish")
        with self._lock:
            if not self._is_owner(key, owner):
                return
            kept = None if answer is None or len(zlib.compress(answer)) > ANSWER_LIMIT else answer
            self.records[key] = replace(self.records[key], answer=kept, answer_left_out=kept is None)

    def forget(self, key: str, owner: str) -> None:
        self._may_fail("forget")
        with self._lock:
            if self._is_owner(key, owner):
                del self.records[key]

    def _is_owner(self, key: str, owner: str) -> bool:
        return key in self.records and self.records[key].owner == owner

    def _may_fail(self, call: str) -> None:
        if call in self.fails:
            raise Unavailable(f"{call} failed")
