"""The register of deletions that go on: one partition, read whole by whoever carries them out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.domain.erasure import Erasure, ErasureKind
from chalicelib.domain.ids import AccountId
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Refused, Written, delete_if, put_if
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.tables import ErasureItem, query


@raises_unavailable
@dataclass(frozen=True)
class DynamoErasureStore:
    """`operations.ports.ErasureStore` over the table."""

    def add(self, erasure: Erasure) -> Erasure:
        begun = replace(erasure, version=1)
        outcome = put_if(_item(begun), ErasureItem.pk.does_not_exist())
        found = outcome.found if isinstance(outcome, Refused) else None
        return begun if found is None else _erasure(found)

    def due(self, now: datetime) -> Sequence[Erasure]:
        found: list[dict[str, Any]] = list(query(keys.ERASURES, "sk > :none", {":none": {"S": " "}}, consistent=False))
        all_of_them = [_erasure(ErasureItem.from_raw_data(raw)) for raw in found]
        return sorted((each for each in all_of_them if each.due_at <= now), key=lambda each: each.due_at)

    def save(self, erasure: Erasure) -> Erasure | None:
        saved = replace(erasure, version=erasure.version + 1)
        outcome = put_if(_item(saved), ErasureItem.version == erasure.version)
        return saved if isinstance(outcome, Written) else None

    def finish(self, erasure: Erasure) -> None:
        delete_if(_bare_item(erasure.kind, erasure.subject), ErasureItem.version == erasure.version)

    def wake(self, erasure: Erasure) -> None:
        actions: list[Action] = [
            ErasureItem.account_id.set(erasure.account_id),
            ErasureItem.began_at.set(_stamp(erasure.began_at)),
            ErasureItem.due_at.set(_stamp(erasure.due_at)),
            ErasureItem.version.add(1),
        ]
        _bare_item(erasure.kind, erasure.subject).update(actions)

    def drop(self, kind: ErasureKind, subject: str) -> None:
        _bare_item(kind, subject).delete()


def _bare_item(kind: ErasureKind, subject: str) -> ErasureItem:
    place = keys.erasure(kind.value, subject)
    return ErasureItem(place.pk, place.sk)


def _item(erasure: Erasure) -> ErasureItem:
    item = _bare_item(erasure.kind, erasure.subject)
    item.account_id = erasure.account_id
    item.began_at = _stamp(erasure.began_at)
    item.due_at = _stamp(erasure.due_at)
    item.stage = erasure.stage or None
    item.after = erasure.after or None
    item.version = erasure.version
    return item


def _erasure(item: ErasureItem) -> Erasure:
    kind, _, subject = item.sk.partition("#")
    return Erasure(
        ErasureKind(kind),
        subject,
        AccountId(item.account_id),
        _moment(item.began_at),
        _moment(item.due_at),
        item.stage or "",
        item.after or "",
        int(item.version),
    )


def _stamp(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _moment(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC)
