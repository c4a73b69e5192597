"""First requests under an Idempotency-Key."""

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pynamodb.expressions.update import Action

from chalicelib.domain.errors import Unavailable
from chalicelib.operations.ports import FirstRequest
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Written, delete_if, put_if, update_if
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.tables import IdempotencyItem

KEPT = timedelta(hours=24)
ANSWER_LIMIT = 300_000  # bytes, compressed; an item may have 400 KB


@raises_unavailable
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
        free = IdempotencyItem.pk.does_not_exist() | (IdempotencyItem.ttl <= now)
        outcome = put_if(item, free)
        # The reply to our own claim may have been lost, and the SDK has repeated it.
        if isinstance(outcome, Written) or outcome.found is None or outcome.found.owner == owner:
            return None
        return _first(outcome.found)

    def take_over(self, key: str, first: FirstRequest, owner: str, now: datetime) -> bool:
        actions: list[Action] = [IdempotencyItem.started_at.set(now.timestamp()), IdempotencyItem.owner.set(owner)]
        # Our own name counts too, for a repeat after a lost reply.
        unanswered = IdempotencyItem.answer.does_not_exist() & IdempotencyItem.answer_left_out.does_not_exist()
        unchanged = IdempotencyItem.owner.is_in(first.owner, owner) & unanswered
        return isinstance(update_if(_bare_item(key), actions, unchanged), Written)

    def name_resource(self, key: str, owner: str, resource: str) -> None:
        named = update_if(_bare_item(key), [IdempotencyItem.resource.set(resource)], IdempotencyItem.owner == owner)
        if not isinstance(named, Written):
            raise Unavailable("Another request with the same Idempotency-Key has taken over.")

    def finish(self, key: str, owner: str, answer: bytes | None) -> None:
        kept = None if answer is None else zlib.compress(answer)
        done: Action = IdempotencyItem.answer_left_out.set(value=True)
        if kept is not None and len(kept) <= ANSWER_LIMIT:
            done = IdempotencyItem.answer.set(kept)
        update_if(_bare_item(key), [done], IdempotencyItem.owner == owner)

    def forget(self, key: str, owner: str) -> None:
        delete_if(_bare_item(key), IdempotencyItem.owner == owner)


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
        answer_left_out=bool(item.answer_left_out),
    )
