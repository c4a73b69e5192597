"""Late changes: steps of which at least one is in a sealed bucket, as one transaction with the tallies over it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.storage import keys
from chalicelib.storage.cell_list import CellList, Step, StepRefused, joint_marks, to_bucket
from chalicelib.storage.cell_pages import EMPTY, Bucket, place
from chalicelib.storage.index_front import HEAD_MARK
from chalicelib.storage.tables import TRANSACTION_CANCELED, TRANSACTION_CONFLICT, batch_get, client
from chalicelib.storage.tallies import DIRECTORY_BUCKETS, Tally, added, tally_of
from chalicelib.storage.tally_items import (
    Directory,
    Head,
    changed,
    directory_from,
    head_from,
    put_directory,
    put_head,
    tally_of_bucket,
)


@dataclass
class LateChange:
    """One try: what was read, and bit by bit what is to stand in its place."""

    cells: CellList
    items: Mapping[str, Mapping[str, Any]]  # what was read, by sort key
    head: Head
    directories: dict[int, Directory]
    buckets: Mapping[int, Bucket]

    @classmethod
    def read(cls, cells: CellList, numbers: Collection[int]) -> "LateChange":
        """The buckets of these numbers with the directories they may be in, and the head."""
        sort_keys = [
            *(keys.bucket(cells.prefix, number) for number in numbers),
            *(keys.directory(number) for number in {number // DIRECTORY_BUCKETS for number in numbers}),
            keys.HEAD,
        ]
        return cls._of(cells, batch_get([(cells.partition, sort_key) for sort_key in sort_keys]))

    @classmethod
    def _of(cls, cells: CellList, items: Iterable[Mapping[str, Any]]) -> "LateChange":
        by_sort_key = {item["sk"]["S"]: item for item in items}
        buckets = [to_bucket(item) for sort_key, item in by_sort_key.items() if sort_key.startswith(cells.prefix)]
        directories = [
            directory_from(item) for sort_key, item in by_sort_key.items() if sort_key.startswith(keys.DIRECTORY)
        ]
        return cls(
            cells,
            by_sort_key,
            head_from(by_sort_key[keys.HEAD]) if keys.HEAD in by_sort_key else Head(),
            {directory.number: directory for directory in directories},
            {bucket.number: bucket for bucket in buckets},
        )

    def corrected(self, found: Iterable[Mapping[str, Any]]) -> "LateChange":
        """The next try, with what stood in the way of this one; the rest is as it was read, or will stand in the way."""
        return self._of(self.cells, [*self.items.values(), *found])

    @property
    def is_torn(self) -> bool:
        """Whether a sealed bucket was read before a change, and what counts it after; or the other way about."""
        return any(bucket.is_sealed and not self._is_counted(bucket) for bucket in self.buckets.values())

    def check(self, steps: Collection[Step]) -> None:
        """Raise `StepRefused` unless every cell is in an allowed state."""
        found = {step.sequence: self._cell(step.sequence) for step in steps}
        if any(found[step.sequence] not in step.allowed for step in steps):
            raise StepRefused(found)

    def writes(self, by_bucket: Mapping[int, Collection[Step]]) -> list[Any]:
        """The transaction that takes the steps, on condition that all stands as it was read; every bucket is there.

        Empty when every cell stands where it is to go.
        """
        if all(self._cell(step.sequence) == step.to for steps in by_bucket.values() for step in steps):
            return []
        marks = joint_marks([number for number in by_bucket if not self.buckets[number].is_sealed])
        writes: list[Any] = []
        for number, steps in by_bucket.items():
            exact = [replace(step, allowed=frozenset({self._cell(step.sequence)})) for step in steps]
            if self.buckets[number].is_sealed:
                self._count(number, exact)
                update = self.cells.update(number, exact, sealed=True)
            else:
                joints = {**marks[number], HEAD_MARK: self._joined_head(number)}
                update = self.cells.update(number, exact, joints=joints)
            writes.append({"Update": update})
        used = {number // DIRECTORY_BUCKETS for number in by_bucket if self.buckets[number].is_sealed}
        writes += [put_directory(self.cells.partition, self.directories[number]) for number in used]
        return [*writes, put_head(self.cells.partition, self.head)]

    def _count(self, bucket: int, steps: Collection[Step]) -> None:
        """Change the tallies as steps change a sealed bucket's."""
        change = _difference(self.buckets[bucket], steps)
        number, row = divmod(bucket, DIRECTORY_BUCKETS)
        directory = self.directories[number]
        self.directories[number] = replace(directory, buckets=changed(directory.buckets, row, change))
        self.head = replace(self.head, directories=changed(self.head.directories, number, change))

    def _joined_head(self, bucket: int) -> int:
        """Let the head note that an open bucket is changed together with it; the version it will have."""
        version = self.head.version + 1
        self.head = replace(self.head, joints={**self.head.joints, bucket: version})
        return version

    def _is_counted(self, bucket: Bucket) -> bool:
        number, row = divmod(bucket.number, DIRECTORY_BUCKETS)
        rows = self.directories[number].buckets if number in self.directories else ()
        return (
            bucket.number < self.head.sealed
            and row < len(rows)
            and rows[row] == tally_of_bucket(bucket)
            and added(rows) == self.head.directories[number]
        )

    def _cell(self, sequence: int) -> str:
        bucket = self.buckets.get(place(sequence).bucket)
        return bucket.cell(sequence) if bucket else EMPTY


def refusal(writes: list[Any]) -> list[Mapping[str, Any]] | None:
    """Write all, or nothing because something has changed since it was read: then what stands there now, if it is told.

    What another transaction is at right now is not told.
    """
    if not writes:
        return None
    told: list[Any] = [
        {kind: {**write, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}}
        for each in writes
        for kind, write in each.items()
    ]
    try:
        client().transact_write_items(TransactItems=told, ReturnConsumedCapacity="TOTAL")
    except ClientError as error:
        if error.response["Error"]["Code"] not in (TRANSACTION_CANCELED, TRANSACTION_CONFLICT):
            raise
        reasons: Any = error.response.get("CancellationReasons", ())
        expected = {"None", "ConditionalCheckFailed", "TransactionConflict"}
        if not all(reason.get("Code") in expected for reason in reasons):
            raise
        return [reason["Item"] for reason in reasons if reason.get("Item")]
    return None


def _difference(bucket: Bucket, steps: Collection[Step]) -> Tally:
    """What steps add to a sealed bucket's tally, in each column."""
    cells = list(bucket.cells)
    for step in steps:
        cells[place(step.sequence).position] = step.to
    before, after = tally_of(bucket.cells), tally_of("".join(cells), changes=1)
    return tuple(new - old for new, old in zip(after, before, strict=True))
