"""Where first requests under an Idempotency-Key are remembered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FirstRequest:
    """What is remembered of the first request under an idempotency key."""

    body_hash: bytes
    started_at: datetime
    resource: str | None  # what it is about to create, named before it exists
    answer: bytes | None  # None: still running, or its owner died, or the answer was left out
    owner: str  # the request that holds the key
    answer_left_out: bool = False  # it ran to its end, and its answer is made again from the resource


class IdempotencyStore(Protocol):
    """First requests under an Idempotency-Key, kept 24 h.

    A key has one owner at a time: a random text that each request makes for itself. What an owner does after another
    has taken the key over has no effect, however long it was stalled. Each call may be repeated after a lost reply.
    """

    def begin(self, key: str, body_hash: bytes, owner: str, now: datetime) -> FirstRequest | None:
        """Claim the key; None: it is ours now. Otherwise what the first request left."""

    def take_over(self, key: str, first: FirstRequest, owner: str, now: datetime) -> bool:
        """Become the owner in place of one that died; False when somebody else was faster, or it has answered."""

    def name_resource(self, key: str, owner: str, resource: str) -> None:
        """Note what is about to be created. Raises Unavailable when the key is no longer ours: then create nothing."""

    def finish(self, key: str, owner: str, answer: bytes | None) -> None:
        """Keep the answer for replays, or only the fact that there was one; then the resource is found by its name.

        One too large to keep (above 300 KB compressed) is left out, too.
        """

    def forget(self, key: str, owner: str) -> None:
        """Free the key: the request was refused and created nothing."""
