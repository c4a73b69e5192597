"""The idempotency protocol: a request repeated under its Idempotency-Key is carried out once.

    begin ──ours──▶ create ──▶ finish                            the answer, kept for replays
      │                ├─ refused ─▶ forget                      the key is free again
      │                └─ failed after naming ─▶ recover ──▶     finish, or forget when nothing came of it
      └─taken─▶ other body                                       IDEMPOTENCY_KEY_REUSED
                answer kept                                      the first answer again
                answered, nothing kept ──▶ recover               the answer made again; NOT_FOUND once it is deleted
                owner may live                                   IDEMPOTENCY_IN_PROGRESS
                owner died ──take over──▶ recover, else create   as above

The resource is named before it is created, so whoever comes after a crash knows what to look for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.domain.errors import CallerError, Conflict, DeletedSince, ErrorCode, ServiceError
from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.ids import random_text
from chalicelib.domain.log_lines import log_of
from chalicelib.operations.ports import Clock, IdempotencyStore

OWNER_LIFETIME = timedelta(seconds=35)
"""After this long a first request without an answer is dead: API Gateway and the function end it at 29 s."""

_log = log_of(__name__)


@dataclass(frozen=True, slots=True)
class Fresh:
    """An answer that was just made; `kept` is what a replay shows where that differs (a secret is shown once).

    With `remade`, nothing of it is kept: a replay makes it again from the resource, and once that is deleted nothing of
    it is left here.
    """

    answer: bytes
    kept: bytes | None = None
    remade: bool = False
    by_earlier_request: bool = False  # the resource was found: an earlier request had created it


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer, and whether an earlier request did the work."""

    answer: bytes
    replayed: bool


NameResource = Callable[[str], None]
"""Called with the resource's name before anything of it is stored."""

Create = Callable[[NameResource], Fresh]
"""Creates the resource. A CallerError means that nothing was created."""

Recover = Callable[[str], Fresh | None]
"""Finds or finishes the named resource; None is the certainty that it does not exist and never will."""


@dataclass(frozen=True)
class AnswerOnce:
    """Carry out a creating request once per key, however often and however closely together it comes."""

    store: IdempotencyStore
    clock: Clock

    def __call__(self, key: str, body_hash: bytes, create: Create, recover: Recover) -> Answer:
        """`key` carries its scope: account, method, concrete path and the caller's Idempotency-Key."""
        now = self.clock()
        claim = _Claim(self.store, key, owner=random_text())
        first = self.store.begin(key, body_hash, claim.owner, now)
        if first is None:
            return claim.carry_out(create, recover)
        if first.body_hash != body_hash:
            raise Conflict(
                "This Idempotency-Key was already used with another body.",
                fix="Use a new Idempotency-Key for a new request; repeat a request with exactly the same body.",
                code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
            )
        if first.answer is not None:
            return Answer(first.answer, replayed=True)
        if first.answer_left_out:
            return _found_again(first.resource, recover)
        alive = now - first.started_at < OWNER_LIFETIME
        if alive or not self.store.take_over(key, first, claim.owner, now):
            raise Conflict(
                "The first request with this Idempotency-Key is still running.",
                fix="Send the same request again in a second; it then gets the first one's answer.",
                code=ErrorCode.IDEMPOTENCY_IN_PROGRESS,
                retry_after=1,
            )
        return claim.carry_on(first.resource, create, recover)


def _found_again(resource: str | None, recover: Recover) -> Answer:
    """The resource of a request that was answered. One that was deleted since is gone: nothing is created again."""
    found = recover(resource) if resource is not None else None
    if found is None:
        raise DeletedSince
    return Answer(found.answer, replayed=True)


@dataclass(frozen=True)
class _Claim:
    """A key that is ours until somebody takes it over; from then on the store ignores what we say of it."""

    store: IdempotencyStore
    key: str
    owner: str

    def carry_on(self, resource: str | None, create: Create, recover: Recover) -> Answer:
        """In place of an owner that died: what it had begun comes first; an error there leaves the key to others."""
        found = recover(resource) if resource is not None else None
        if found is None:
            return self.carry_out(create, recover)
        self._finish(found)
        return Answer(found.answer, replayed=found.by_earlier_request)

    def carry_out(self, create: Create, recover: Recover) -> Answer:
        named: list[str] = []

        def name_resource(resource: str) -> None:
            self.store.name_resource(self.key, self.owner, resource)
            named.append(resource)

        try:
            fresh = create(name_resource)
        except CallerError:
            self._forget()
            raise
        except Exception as failure:  # noqa: BLE001 - whatever it was, the key must not outlive it unsettled
            fresh = self._settled(named, recover, failure)
        self._finish(fresh)
        return Answer(fresh.answer, replayed=False)

    def _settled(self, named: list[str], recover: Recover, failure: Exception) -> Fresh:
        """What came of a creation that failed halfway: the resource after all, or the failure and a free key.

        When that cannot be told either, the key stays taken, and whoever takes it over settles the matter.
        """
        found = recover(named[-1]) if named else None
        if found is None:
            self._forget()
            raise failure
        return found

    def _finish(self, fresh: Fresh) -> None:
        try:
            kept = fresh.answer if fresh.kept is None else fresh.kept
            self.store.finish(self.key, self.owner, None if fresh.remade else kept)
        except ServiceError as error:
            # The resource exists, so the caller gets its answer; a repeat finds the resource by its name.
            _log.warning("an answer could not be kept for replays: %s", trace_of(error))

    def _forget(self) -> None:
        try:
            self.store.forget(self.key, self.owner)
        except ServiceError as error:
            # What made us forget is the better answer; the key frees itself like that of a dead owner.
            _log.warning("an idempotency key could not be freed: %s", trace_of(error))
