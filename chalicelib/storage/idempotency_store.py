"""First requests under an Idempotency-Key."""

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pynamodb.exceptions import DeleteError, PutError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.errors import Unavailable
from chalicelib.operations.ports import FirstRequest
from chalicelib.storage import keys
from chalicelib.storage.tables import IdempotencyItem, condition_failed

KEPT = timedelta(hours=24)
ANSWER_LIMIT = 300_000  # bytes, compressed; an item may have 400 KB


@dataclass(frozen=True)
class DynamoIdempotencyStore:
    """`operations.ports.IdempotencyStore` over the table."""

    def begin(self, key: str, body_hash: bytes, owner: str, now: datetime) -> FirstRequest | None:
        item = _bare_item(key)
        item.body_hash = body_hash
        item.started_at = now.timestamp()
        item.owner = owner
        item.ttl = now + KEPT
        # DynamoDB removes expired items late, up to days; until then they count as absent.
        free = IdempotencyItem.pk.does_not_exist() | (IdempotencyItem.ttl < now)
        try:
            item.save(condition=free | (IdempotencyItem.owner == owner))
        except PutError as error:
            if not condition_failed(error):
                raise
        else:
            return None
        try:
            item.refresh(consistent_read=True)
        except IdempotencyItem.DoesNotExist:
            return self.begin(key, body_hash, owner, now)  # forgotten by its owner this very moment
        return _first(item)

    def take_over(self, key: str, first: FirstRequest, owner: str, now: datetime) -> bool:
        actions: list[Action] = [
            IdempotencyItem.started_at.set(now.timestamp()),
            IdempotencyItem.owner.set(owner),
        ]
        unchanged = IdempotencyItem.owner.is_in(first.owner, owner) & IdempotencyItem.answer.does_not_exist()
        return _updated(key, actions, unchanged)

    def name_resource(self, key: str, owner: str, resource: str) -> None:
        if not _updated(key, [IdempotencyItem.resource.set(resource)], IdempotencyItem.owner == owner):
            raise Unavailable("Another request with the same Idempotency-Key has taken over.")

    def finish(self, key: str, owner: str, answer: bytes) -> None:
        kept = zlib.compress(answer)
        if len(kept) > ANSWER_LIMIT:
            done: list[Action] = [IdempotencyItem.started_at.set(0)]
        else:
            done = [IdempotencyItem.answer.set(kept)]
        _updated(key, done, IdempotencyItem.owner == owner)

    def forget(self, key: str, owner: str) -> None:
        try:
            _bare_item(key).delete(condition=IdempotencyItem.owner == owner)
        except DeleteError as error:
            if not condition_failed(error):
                raise


def _updated(key: str, actions: list[Action], condition: Condition) -> bool:
    """Whether the condition held and the change was made."""
    try:
        _bare_item(key).update(actions=actions, condition=condition)
    except UpdateError as error:
        if not condition_failed(error):
            raise
        return False
    return True


def _bare_item(key: str) -> IdempotencyItem:
    place = keys.idempotency(key)
    return IdempotencyItem(place.pk, place.sk)


def _first(item: IdempotencyItem) -> FirstRequest:
    return FirstRequest(
        body_hash=item.body_hash,
        started_at=datetime.fromtimestamp(item.started_at, UTC),
        resource=item.resource,
        answer=None if item.answer is None else zlib.decompress(item.answer),
        owner=item.owner,
    )
