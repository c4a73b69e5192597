"""Cell lists in DynamoDB: one character an entry, 480 characters an item, every change one conditional write."""

import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.storage import keys
from chalicelib.storage.cell_pages import BUCKET_CELLS, EMPTY, Bucket, place
from chalicelib.storage.failures import tries
from chalicelib.storage.tables import (
    CONDITION_FAILED,
    TRANSACTION_CANCELED,
    TRANSACTION_CONFLICT,
    batch_get,
    client,
    query,
    table_name,
)

SEALED = "se"  # the attribute that a sealed bucket has: how often it was changed since
JOINT = "j"  # begins the names of attributes: "j130" marks the last change made together with bucket 130
TIES = "k"  # how many changes were made that another item knows of (storage/index_front.py)
HEAD_VERSION = "h"  # the newest version of the head that one of these goes by
_ANY_HEAD = 0

Refusal = tuple[bool, Mapping[str, Any] | None]
"""Whether a bucket's own condition failed, and then its item as it stood."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change of one cell: from one of `allowed` to `to`."""

    sequence: int
    to: str
    allowed: frozenset[str]


class BucketSealed(Exception):
    """A bucket was sealed: what changes in it is noted in the head of the index (storage/late_notes.py)."""


class StepRefused(Exception):
    """Nothing was written: a cell was not in an allowed state, or somebody else is writing right now.

    `cells` holds the cells that were found otherwise, by sequence number; empty: look again.
    """

    def __init__(self, cells: Mapping[int, str]) -> None:
        super().__init__(f"cells stand at {dict(cells)}")
        self.cells = cells


@dataclass(frozen=True, slots=True)
class CellList:
    """The cells of one list: the buckets `prefix`… of a partition.

    A bucket is written whole, all cells empty, before its first cell is set: DynamoDB appends to a list when a
    position past its end is set, so a cell would land in the wrong place.
    """

    partition: str
    prefix: str

    def step(self, steps: Collection[Step], *, exactly_once: bool = False, head: int | None = None) -> None:
        """Take all steps or none; raises `StepRefused` or `BucketSealed`. With `head`, they go by this version of it.

        One bucket: one write unit. Several: a transaction.

        When a reply is lost the SDK repeats the write. For most steps that does no harm: the repeat is refused or changes
        nothing. For one that could be taken again after others have moved the cell on, `exactly_once` makes it a
        transaction, which DynamoDB recognises by its token for ten minutes; it costs twice the units.
        """
        by_bucket: dict[int, list[Step]] = {}
        for step in steps:
            by_bucket.setdefault(place(step.sequence).bucket, []).append(step)
        refusals = self._write(by_bucket, exactly_once=exactly_once, head=head)
        if refusals is None:
            return
        if any(item is not None and SEALED in item for _, item in refusals):
            raise BucketSealed
        cells: dict[int, str] = {}
        unwritten: list[int] = []
        for (number, its_steps), (failed, item) in zip(by_bucket.items(), refusals, strict=False):
            if failed and item is None and all(EMPTY in step.allowed for step in its_steps):
                unwritten.append(number)
            elif failed:
                bucket = to_bucket(item) if item else Bucket(number, EMPTY * BUCKET_CELLS)
                cells |= {step.sequence: bucket.cell(step.sequence) for step in its_steps}
        if head and cells and all(cells[step.sequence] in step.allowed for step in steps if step.sequence in cells):
            head = _ANY_HEAD  # only the version was in the way: the bucket goes by a newer head already
        elif cells or not unwritten:
            raise StepRefused(cells)
        for number in unwritten:
            self.create_bucket(number)
        self.step(steps, exactly_once=exactly_once, head=head)

    def _write(
        self, by_bucket: Mapping[int, list[Step]], *, exactly_once: bool, head: int | None
    ) -> list[Refusal] | None:
        """Write the steps; what stood in the way of each bucket, or None when they are taken."""
        marks = _joint_marks(by_bucket)
        updates = [
            self.update(number, its_steps, joints=marks[number], head=head) for number, its_steps in by_bucket.items()
        ]
        old: Any = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        try:
            if len(updates) == 1 and not exactly_once:
                client().update_item(**updates[0], **old, ReturnConsumedCapacity="TOTAL")
            else:
                writes: list[Any] = [{"Update": {**update, **old}} for update in updates]
                client().transact_write_items(TransactItems=writes, ReturnConsumedCapacity="TOTAL")
        except ClientError as error:
            return _refusals(error)
        return None

    def write(self, step: Step) -> Any:
        """A step as a part of a transaction that writes other items too."""
        return {"Update": self.update(place(step.sequence).bucket, [step])}

    def create_bucket(self, number: int) -> None:
        """Write a bucket of empty cells, unless it is there."""
        for _ in tries():
            try:
                client().put_item(
                    TableName=table_name(),
                    Item=self.filled(number, EMPTY),
                    ConditionExpression="attribute_not_exists(pk)",
                    ReturnConsumedCapacity="TOTAL",
                )
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == TRANSACTION_CONFLICT:  # somebody's transaction is finding out that it is not there
                    continue
                if code != CONDITION_FAILED:
                    raise
            return
        raise Unavailable("Too many writers are at the same bucket.")

    def filled(self, number: int, character: str) -> dict[str, Any]:
        """The item of a bucket whose cells are all the same, open and tied to nothing."""
        return {**self.key(number), "st": {"L": [{"S": character}] * BUCKET_CELLS}}

    def buckets(self) -> Iterator[Bucket]:
        """Every bucket, newest first."""
        prefix = {":prefix": {"S": self.prefix}}
        for item in query(self.partition, "begins_with(sk, :prefix)", prefix, forward=False):
            yield to_bucket(item)

    def cells(self, sequences: Collection[int]) -> dict[int, str]:
        """The cells of some sequence numbers; those of a bucket not written yet are empty."""
        items = self.items({place(sequence).bucket for sequence in sequences})
        buckets = {bucket.number: bucket for bucket in map(to_bucket, items)}
        return {
            sequence: buckets[number].cell(sequence) if (number := place(sequence).bucket) in buckets else EMPTY
            for sequence in sequences
        }

    def items(self, numbers: Collection[int]) -> list[dict[str, Any]]:
        """The raw items of some buckets; those not written yet are left out."""
        return batch_get([(self.partition, keys.bucket(self.prefix, number)) for number in sorted(numbers)])

    def update(
        self, number: int, steps: Collection[Step], *, joints: Mapping[str, int] | None = None, head: int | None = None
    ) -> Any:
        """One conditional write of some cells of a bucket: SET st[i] = :new IF st[i] IN (allowed), for each."""
        names: dict[str, str] = {}  # character -> its placeholder, each once

        def value(character: str) -> str:
            return names.setdefault(character, f":c{len(names)}")

        sets = [f"st[{place(step.sequence).position}] = {value(step.to)}" for step in steps]
        numbers = {f":{JOINT}{partner}": mark for partner, mark in (joints or {}).items()}
        sets += [f"{name.removeprefix(':')} = {name}" for name in numbers]
        conditions = ["attribute_not_exists(se)"]
        conditions += [
            f"st[{place(step.sequence).position}] IN ({', '.join(value(character) for character in sorted(step.allowed))})"
            for step in steps
        ]
        if head:  # the newest counts, whoever comes last
            sets.append(f"{HEAD_VERSION} = :head")
            conditions.append(f"(attribute_not_exists({HEAD_VERSION}) OR {HEAD_VERSION} <= :head)")
            numbers[":head"] = head
        adds = ""
        if joints or head is not None:
            adds = f" ADD {TIES} :one"
            numbers[":one"] = 1
        return {
            "TableName": table_name(),
            "Key": self.key(number),
            "UpdateExpression": "SET " + ", ".join(sets) + adds,
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeValues": {
                **{name: {"S": character} for character, name in names.items()},
                **{name: {"N": str(number)} for name, number in numbers.items()},
            },
        }

    def key(self, number: int) -> dict[str, Any]:
        """The key of a bucket's item."""
        return {"pk": {"S": self.partition}, "sk": {"S": keys.bucket(self.prefix, number)}}


def _joint_marks(numbers: Collection[int]) -> dict[int, dict[str, int]]:
    """What buckets that are changed in one transaction note, each about each of the others."""
    mark = secrets.randbits(31)
    return {number: {str(other): mark for other in numbers if other != number} for number in numbers}


def to_bucket(item: Mapping[str, Any]) -> Bucket:
    """A bucket from its raw item."""
    return Bucket(
        keys.bucket_number(item["sk"]["S"]),
        "".join(cell["S"] for cell in item["st"]["L"]),
        int(item[SEALED]["N"]) if SEALED in item else None,
        {name.removeprefix(JOINT): int(mark["N"]) for name, mark in item.items() if name.startswith(JOINT)},
        int(item[TIES]["N"]) if TIES in item else 0,
        int(item[HEAD_VERSION]["N"]) if HEAD_VERSION in item else 0,
    )


def _refusals(error: ClientError) -> list[Refusal]:
    """For each bucket written: whether its own condition failed, and then the item as it stood (None: no such item)."""
    code = error.response["Error"]["Code"]
    response: Mapping[str, Any] = error.response
    if code == CONDITION_FAILED:
        return [(True, response.get("Item"))]
    if code == TRANSACTION_CANCELED:
        return [
            (reason.get("Code") == "ConditionalCheckFailed", reason.get("Item"))
            for reason in response["CancellationReasons"]
        ]
    if code == TRANSACTION_CONFLICT:
        return []  # another transaction is at the item right now; look again
    raise error
