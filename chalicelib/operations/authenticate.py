"""Who is calling, and whether they may call again: one write per request."""

import hashlib
import re
from dataclasses import dataclass

from chalicelib.domain.account import Caller, RateLimit
from chalicelib.domain.errors import TooMany, Unauthenticated
from chalicelib.domain.ids import ALPHABET, KeyId, derived_text
from chalicelib.operations.ports import Clock, KeyStore, KeyUse

KEY_PATTERN = re.compile(r"[A-Za-z0-9_]{16,100}")
ISSUED_KEY_PATTERN = re.compile(rf"ask_([{ALPHABET}]{{20}})[{ALPHABET}]{{32}}")


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A known caller and what its rate window has left."""

    caller: Caller
    rate: RateLimit


class RateLimited(TooMany):
    """The key's window is used up; `rate` says when it starts anew."""

    def __init__(self, rate: RateLimit) -> None:
        self.rate = rate
        super().__init__(
            f"This key has made its {rate.limit} requests of this minute.",
            fix=f"Wait {rate.reset_after} s; the RateLimit headers of every answer say how many are left.",
            retry_after=rate.reset_after,
        )


def key_id_of(key_text: str) -> KeyId:
    """The id under which a key is stored: part of the keys we issue, derived for a key set from outside."""
    issued = ISSUED_KEY_PATTERN.fullmatch(key_text)
    return KeyId("key_" + (issued[1] if issued else derived_text("key id", key_text)))


def key_hash(key_text: str) -> bytes:
    """What is stored of a key. Ours have 160 random bits, so that a plain SHA-256 cannot be searched.

    A key set from outside is as strong as its owner made it.
    """
    return hashlib.sha256(key_text.encode()).digest()


@dataclass(frozen=True)
class Authenticate:
    """Prove a key, count the request, and note the use."""

    keys: KeyStore
    clock: Clock
    rate_limit_per_minute: int

    def __call__(self, key_text: str) -> Authenticated:
        """Raises Unauthenticated, or RateLimited."""
        if not KEY_PATTERN.fullmatch(key_text):
            raise _not_valid()
        use = self.keys.use(key_id_of(key_text), key_hash(key_text), self.clock(), self.rate_limit_per_minute)
        if use is None:
            raise _not_valid()
        if not isinstance(use, KeyUse):
            raise RateLimited(use)
        return Authenticated(Caller(use.key.account_id, use.key), use.rate)


def _not_valid() -> Unauthenticated:
    return Unauthenticated(
        "This API key is not valid: it is unknown, was deleted, or has expired.",
        fix="Send a valid key as `x-api-key: <key>` or `Authorization: Bearer <key>`.",
    )
