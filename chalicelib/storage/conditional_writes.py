"""Writes on a condition that say what stood in their way, alone and several together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from botocore.exceptions import ClientError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.errors import Unavailable
from chalicelib.storage.failures import TRIES, tries
from chalicelib.storage.tables import (
    CONDITION_FAILED,
    TRANSACTION_CANCELED,
    TRANSACTION_CONFLICT,
    Item,
    client,
)

ItemT = TypeVar("ItemT", bound=Item)
Write = Mapping[str, Any]
"""One write of a transaction, as TransactWriteItems takes it: {"Put": {…}}, {"Update": {…}} or {"Delete": {…}}."""

_OLD_ON_FAILURE = "ALL_OLD"
_REASON_CONDITION = "ConditionalCheckFailed"
_REASON_CONFLICT = "TransactionConflict"
_TOTAL: Any = {"ReturnConsumedCapacity": "TOTAL"}


@dataclass(frozen=True, slots=True)
class Written(Generic[ItemT]):
    """The condition held; the item as it now stands."""

    item: ItemT


@dataclass(frozen=True, slots=True)
class Refused(Generic[ItemT]):
    """The condition did not hold and nothing was written; the item as it stood at that moment (None: no such item)."""

    found: ItemT | None


def update_if(item: ItemT, actions: list[Action], condition: Condition) -> Written[ItemT] | Refused[ItemT]:
    """Change the item under this one's key."""
    parameters = item.get_update_kwargs_from_instance(
        actions=actions, condition=condition, return_values_on_condition_failure=_OLD_ON_FAILURE
    )
    return _write(
        type(item), lambda: client().update_item(**parameters, ReturnValues="ALL_NEW", **_TOTAL)["Attributes"]
    )


def put_if(item: ItemT, condition: Condition) -> Written[ItemT] | Refused[ItemT]:
    """Store this item in place of what is there."""
    parameters = item.get_save_kwargs_from_instance(
        condition=condition, return_values_on_condition_failure=_OLD_ON_FAILURE
    )

    def store() -> Mapping[str, Any]:
        client().put_item(**parameters, **_TOTAL)
        return item.serialize()

    return _write(type(item), store)


def delete_if(item: ItemT, condition: Condition) -> bool:
    """Remove the item under this one's key; False when the condition did not hold."""
    parameters = item.get_delete_kwargs_from_instance(condition=condition)

    def remove() -> Mapping[str, Any]:
        client().delete_item(**parameters, **_TOTAL)
        return item.serialize(null_check=False)

    return isinstance(_write(type(item), remove), Written)


def new(item: Item) -> Write:
    """For a transaction: store this item, which must not be there."""
    return put(item, type(item).pk.does_not_exist())


def put(item: Item, condition: Condition | None = None) -> Write:
    """For a transaction: store this item in place of what is there."""
    return {"Put": item.get_save_kwargs_from_instance(condition=condition)}


def check(item: Item, condition: Condition) -> Write:
    """For a transaction: write nothing, but the condition must hold for the item under this one's key."""
    return {"ConditionCheck": item.get_delete_kwargs_from_instance(condition=condition)}


def update(item: Item, actions: list[Action], condition: Condition | None = None) -> Write:
    """For a transaction: change the item under this one's key."""
    return {"Update": item.get_update_kwargs_from_instance(actions=actions, condition=condition)}


def delete(item: Item, condition: Condition) -> Write:
    """For a transaction: remove the item under this one's key."""
    return {"Delete": item.get_delete_kwargs_from_instance(condition=condition)}


def write_together(writes: Sequence[Write], most_tries: int = TRIES) -> frozenset[int]:
    """Carry out all writes or none: the positions of those whose condition did not hold; empty: all are done."""
    items: Any = list(writes)
    for _ in tries(most_tries):
        try:
            client().transact_write_items(TransactItems=items, **_TOTAL)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == TRANSACTION_CONFLICT:
                continue
            if code != TRANSACTION_CANCELED:
                raise
            reasons = [reason.get("Code") for reason in error.response["CancellationReasons"]]
            failed = frozenset(position for position, reason in enumerate(reasons) if reason == _REASON_CONDITION)
            if failed:
                return failed
            if _REASON_CONFLICT not in reasons:
                raise
        else:
            return frozenset()
    raise Unavailable("Too many writers are at the same items.")


def _write(model: type[ItemT], write: Callable[[], Mapping[str, Any]]) -> Written[ItemT] | Refused[ItemT]:
    for _ in tries():
        try:
            attributes = write()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == CONDITION_FAILED:
                found = error.response.get("Item")
                return Refused(model.from_raw_data(found) if found else None)  # type: ignore[arg-type]
            if code != TRANSACTION_CONFLICT:
                raise
        else:
            return Written(model.from_raw_data(dict(attributes)))
    raise Unavailable("Too many writers are at the same item.")
