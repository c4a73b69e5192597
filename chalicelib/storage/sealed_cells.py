"""The cells of an inbox, with the old ones counted: sealed buckets, the directories over them and the head.

    F:head        sealed = 130      what each directory holds
                     │
    D#0  D#1  D#2    │              what each of its 64 buckets holds
     └ 0…63  └ 64…127└ 128, 129
    F#000000000 … F#000000129       sealed: the attribute `se`
    F#000000130, F#000000131        open

An open bucket is written alone, one cell at a time. When newer buckets have taken over it is *sealed*: one transaction
marks it, tallies it into its directory and the head, and kills what is still reserved in it, so that a stalled request
finds its reservation gone instead of adding a message that no tally knows. From then on a late change (a complaint, a
deletion, a reply to an old message) is a transaction over bucket, directory and head. Directory and head carry a version,
and every write of them is conditional on it: whoever was slower reads again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.domain.errors import Unavailable
from chalicelib.storage import keys
from chalicelib.storage.cell_list import JOINT, SEALED, BucketSealed, CellList, Step, to_bucket
from chalicelib.storage.cell_pages import BUCKET_CELLS, EMPTY, Bucket, place
from chalicelib.storage.failures import MANY_TRIES, tries
from chalicelib.storage.index_front import HEAD_MARK, Front, read_front
from chalicelib.storage.kept_directories import keep, recalled
from chalicelib.storage.late_changes import LateChange, refusal
from chalicelib.storage.quiet_buckets import OPEN_CELLS, is_due
from chalicelib.storage.tables import batch_get, query, table_name
from chalicelib.storage.tallies import DIRECTORY_BUCKETS, EMPTY_TALLY, Tally, tally_of
from chalicelib.storage.tally_items import (
    Directory,
    Head,
    changed,
    directory_from,
    is_older_bucket,
    is_older_directory,
    put_directory,
    put_head,
)

KILLED = "x"
SEALS_AT_ONCE = 4
SEAL_TRIES = 12  # at once, one after the other: late changes, which write the head too, pause in between
NEAR = 2  # up to this many buckets in a stretch for each one wanted, the whole stretch is read


@dataclass(frozen=True, slots=True)
class SealedCells:
    """The cells of one inbox."""

    partition: str

    @property
    def _list(self) -> CellList:
        return CellList(self.partition, keys.MESSAGE_CELLS)

    def cells(self, sequences: Collection[int]) -> dict[int, str]:
        """The cells of some sequence numbers; those of a bucket not written yet are empty."""
        return self._list.cells(sequences)

    def step(self, steps: Collection[Step], *, exactly_once: bool = False) -> None:
        """Take all steps or none; raises `StepRefused`."""
        try:
            self._list.step(steps, exactly_once=exactly_once)
        except BucketSealed:
            self._step_sealed(steps)

    def _step_sealed(self, steps: Collection[Step]) -> None:
        by_bucket: dict[int, list[Step]] = {}
        for step in steps:
            by_bucket.setdefault(place(step.sequence).bucket, []).append(step)
        for _ in tries(MANY_TRIES):
            change = LateChange.read(self._list, by_bucket)
            if change.is_torn:
                continue
            change.check(steps)
            unwritten = by_bucket.keys() - change.buckets.keys()
            for number in unwritten:
                self._list.create_bucket(number)
            if not unwritten and refusal(change.writes(by_bucket)) is None:
                return
        raise Unavailable("Too many writers are at the sealed part of the message index.")

    # ------------------------------------------------------------------------------------------- reading

    def front(self) -> Front:
        """The inbox, the head and every bucket that is not sealed."""
        return read_front(self.partition)

    def directories(self, head: Head, numbers: Collection[int]) -> dict[int, Directory]:
        """Some directories, as they stood when the head was read or later."""
        found = recalled(self.partition, head, numbers)
        found |= self._directories({*numbers} - found.keys(), consistent=False)
        old = [number for number in numbers if is_older_directory(found.get(number), head, number)]
        found |= self._directories(old, consistent=True)
        keep(self.partition, found.values())
        return found

    def buckets(self, tallies: Mapping[int, Tally]) -> dict[int, Bucket]:
        """Some sealed buckets, as they stood when these tallies of them were read or later."""
        found = self._buckets(tallies, consistent=False)
        old = [number for number, tally in tallies.items() if is_older_bucket(found.get(number), tally)]
        found |= self._buckets(old, consistent=True)
        return {number: found[number] for number in tallies}

    def _directories(self, numbers: Collection[int], *, consistent: bool) -> dict[int, Directory]:
        """Eventually consistent reads cost half, and are right but for the last second."""
        items = batch_get([(self.partition, keys.directory(number)) for number in numbers], consistent=consistent)
        return {directory.number: directory for directory in map(directory_from, items)}

    def _buckets(self, numbers: Collection[int], *, consistent: bool) -> dict[int, Bucket]:
        low, high = min(numbers, default=0), max(numbers, default=0)
        if numbers and high - low + 1 <= NEAR * len(
            numbers
        ):  # a query adds up what it reads: four for the price of one
            span = {":low": {"S": self._sort_key(low)}, ":high": {"S": self._sort_key(high)}}
            items: Iterable[Mapping[str, Any]] = query(
                self.partition, "sk BETWEEN :low AND :high", span, consistent=consistent
            )
        else:
            items = batch_get([(self.partition, self._sort_key(number)) for number in numbers], consistent=consistent)
        return {bucket.number: bucket for bucket in map(to_bucket, items)}

    def _sort_key(self, bucket: int) -> str:
        return keys.bucket(keys.MESSAGE_CELLS, bucket)

    # ------------------------------------------------------------------------------------------- sealing

    def seal_due(self, newest: int) -> int:
        """Seal what is due when sequence number `newest` was given out; how many buckets. Again is harmless."""
        sealed = 0
        while sealed < SEALS_AT_ONCE and self._seal_next(newest):
            sealed += 1
        return sealed

    def _seal_next(self, newest: int) -> bool:
        """Seal the oldest open bucket if it is due; False when there was nothing to do, or its writers were faster."""
        number = LateChange.read(self._list, ()).head.sealed
        newer = newest + 1 - (number + 1) * BUCKET_CELLS
        if newer < OPEN_CELLS:
            return False
        read = LateChange.read(self._list, [number])
        for _ in range(SEAL_TRIES):
            bucket = read.buckets.get(number, Bucket(number, EMPTY * BUCKET_CELLS))
            if read.head.sealed != number or not is_due(bucket.cells, newer):
                return False  # somebody else has sealed it, or it has become busy
            if number not in read.buckets:  # every reservation in it died before its commit
                self._list.create_bucket(number)
            found = refusal(self._sealing(read, bucket))
            if found is None:
                return True
            read = read.corrected(found)
        return False

    def _sealing(self, read: LateChange, bucket: Bucket) -> list[Any]:
        """The transaction that seals a bucket."""
        sealed = bucket.cells.replace(EMPTY, KILLED)
        partners = {int(name): mark for name, mark in bucket.joints.items() if name != HEAD_MARK}
        version = read.head.version + 1
        return [
            self._mark_sealed(bucket, sealed),
            *(self._pass_joint(bucket.number, partner, mark, version) for partner, mark in partners.items()),
            *self._count(read, bucket.number, tally_of(sealed), partners),
        ]

    def _mark_sealed(self, bucket: Bucket, sealed: str) -> Any:
        """The bucket as it stands, on condition that it still stands so: no cell may change untallied."""
        return {
            "Put": {
                "TableName": table_name(),
                "Item": {**self._list.key(bucket.number), "st": _cells_value(sealed), SEALED: {"N": "0"}},
                "ConditionExpression": "st = :old AND attribute_not_exists(se)",
                "ExpressionAttributeValues": {":old": _cells_value(bucket.cells)},
            }
        }

    def _pass_joint(self, bucket: int, partner: int, mark: int, version: int) -> Any:
        """What an open bucket has in common with the one to be sealed, it has in common with the head from now on."""
        return {
            "Update": {
                "TableName": table_name(),
                "Key": self._list.key(partner),
                "UpdateExpression": f"SET {JOINT}{HEAD_MARK} = :version REMOVE {JOINT}{bucket}",
                "ConditionExpression": f"attribute_not_exists(se) AND {JOINT}{bucket} = :mark",
                "ExpressionAttributeValues": {":version": {"N": str(version)}, ":mark": {"N": str(mark)}},
            }
        }

    def _count(self, read: LateChange, bucket: int, tally: Tally, partners: Iterable[int]) -> Iterable[Any]:
        """The directory and the head with one more bucket in them."""
        head, number = read.head, bucket // DIRECTORY_BUCKETS
        directory = read.directories.get(number, Directory(number))
        yield put_directory(self.partition, replace(directory, buckets=(*directory.buckets, tally)))
        directories = head.directories if number < len(head.directories) else (*head.directories, EMPTY_TALLY)
        joints = {**head.joints, **dict.fromkeys(partners, head.version + 1)}
        joints.pop(bucket, None)
        yield put_head(
            self.partition,
            replace(head, sealed=bucket + 1, directories=changed(directories, number, tally), joints=joints),
        )


def _cells_value(cells: str) -> Any:
    return {"L": [{"S": character} for character in cells]}
