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

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.storage import keys
from chalicelib.storage.cell_list import SEALED, BucketSealed, CellList, Step, StepRefused, to_bucket
from chalicelib.storage.cell_pages import BUCKET_CELLS, EMPTY, Bucket, place
from chalicelib.storage.failures import tries
from chalicelib.storage.tables import TRANSACTION_CANCELED, TRANSACTION_CONFLICT, batch_get, client, table_name
from chalicelib.storage.tallies import DIRECTORY_BUCKETS, EMPTY_TALLY, Tally, added, packed, tally_of, unpacked

KILLED = "x"
OPEN_CELLS = 96  # a bucket stays open until this many newer messages came: most of its mails are delivered by then
PATIENCE = 2 * BUCKET_CELLS  # after so many newer messages a reservation in it is killed instead of waited for
FRONT_ITEMS = 4  # inbox, head and two buckets: together about 3 KB, one read unit
SEALS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Head:
    """What lies in the sealed buckets 0 … `sealed`-1, by directory; `version` is the stored item's (0: none yet)."""

    version: int = 0
    sealed: int = 0
    directories: tuple[Tally, ...] = ()


@dataclass(frozen=True, slots=True)
class Directory:
    """What lies in each of its sealed buckets."""

    number: int
    version: int
    buckets: tuple[Tally, ...]


@dataclass(frozen=True, slots=True)
class Front:
    """The newest part of an inbox's partition, read together: its own item, the head, and the open buckets."""

    inbox: Mapping[str, Any] | None
    head: Head
    open_buckets: tuple[Bucket, ...]  # newest first


class Torn(Exception):
    """What was read was written by two different changes; read again."""


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

    # ------------------------------------------------------------------------------------------- reading

    def front(self) -> Front:
        """The inbox, the head and every bucket that is not sealed."""
        for _ in tries():
            inbox, head, raw = self._front_items()
            open_items = [item for item in raw if keys.bucket_number(item["sk"]["S"]) >= head.sealed]
            if not any(SEALED in item for item in open_items):
                return Front(inbox, head, tuple(map(to_bucket, open_items)))
        raise Unavailable("The message index is being rewritten too fast to be read.")

    def directories(self, head: Head, numbers: Collection[int], *, consistent: bool) -> dict[int, Directory]:
        """Some directories; raises `Torn` when one does not hold what the head says."""
        items = batch_get([(self.partition, keys.directory(number)) for number in numbers], consistent=consistent)
        found = {directory.number: directory for directory in map(_directory, items)}
        for number in numbers:
            if number not in found or added(found[number].buckets) != head.directories[number]:
                raise Torn
        return found

    def buckets(self, tallies: Mapping[int, Tally], *, consistent: bool) -> dict[int, Bucket]:
        """Some sealed buckets; raises `Torn` when one does not hold what its directory says."""
        wanted = [(self.partition, keys.bucket(keys.MESSAGE_CELLS, number)) for number in tallies]
        items = batch_get(wanted, consistent=consistent)
        found = {bucket.number: bucket for bucket in map(to_bucket, items)}
        for number, tally in tallies.items():
            if number not in found or tally_of(found[number].cells) != tally:
                raise Torn
        return found

    def _front_items(self) -> tuple[Mapping[str, Any] | None, Head, list[Mapping[str, Any]]]:
        items = self._query("F#", keys.INBOX, limit=FRONT_ITEMS)
        inbox = next((item for item in items if item["sk"]["S"] == keys.INBOX), None)
        head = next((_head(item) for item in items if item["sk"]["S"] == keys.HEAD), Head())
        buckets = [item for item in items if item["sk"]["S"].startswith(keys.MESSAGE_CELLS)]
        lowest = keys.bucket_number(buckets[-1]["sk"]["S"]) if buckets else 0
        if len(items) == FRONT_ITEMS and lowest > head.sealed:  # sealing lags behind: there are more
            first = keys.bucket(keys.MESSAGE_CELLS, head.sealed)
            buckets += self._query(first, keys.bucket(keys.MESSAGE_CELLS, lowest - 1))
        return inbox, head, buckets

    def _query(self, low: str, high: str, *, limit: int | None = None) -> list[Mapping[str, Any]]:
        """Items between two sort keys, the highest first."""
        found: list[Mapping[str, Any]] = []
        more: dict[str, Any] = {"Limit": limit} if limit else {}
        while True:
            answer = client().query(
                TableName=table_name(),
                KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
                ExpressionAttributeValues={":pk": {"S": self.partition}, ":low": {"S": low}, ":high": {"S": high}},
                ConsistentRead=True,
                ScanIndexForward=False,
                ReturnConsumedCapacity="TOTAL",
                **more,
            )
            found += answer["Items"]
            if limit or "LastEvaluatedKey" not in answer:
                return found
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    # ------------------------------------------------------------------------------------------- sealing

    def seal_due(self, newest: int) -> int:
        """Seal what is due when sequence number `newest` was given out; how many buckets. Again is harmless."""
        sealed = 0
        for _ in range(SEALS_AT_ONCE):
            if not self._seal_next(newest):
                break
            sealed += 1
        return sealed

    def _seal_next(self, newest: int) -> bool:
        """Seal the oldest open bucket if it is due and nobody is writing to it; False when there was nothing to do."""
        head = self._head()
        number = head.sealed
        end = (number + 1) * BUCKET_CELLS
        if newest < end - 1 + OPEN_CELLS:
            return False
        items = batch_get(
            [
                (self.partition, keys.bucket(keys.MESSAGE_CELLS, number)),
                (self.partition, keys.directory(number // DIRECTORY_BUCKETS)),
            ]
        )
        bucket = next((to_bucket(item) for item in items if item["sk"]["S"].startswith(keys.MESSAGE_CELLS)), None)
        if bucket is None:  # every reservation in it died before its commit
            self._list.create_bucket(number)
            bucket = Bucket(number, EMPTY * BUCKET_CELLS)
        if EMPTY in bucket.cells and newest < end - 1 + PATIENCE:
            return False
        directory = next((_directory(item) for item in items if item["sk"]["S"].startswith("D#")), None)
        sealed = bucket.cells.replace(EMPTY, KILLED)
        writes = [self._mark_sealed(bucket, sealed), *self._count(head, directory, number, tally_of(sealed))]
        return _all_written(writes)

    def _mark_sealed(self, bucket: Bucket, sealed: str) -> Any:
        """The bucket as it stands, on condition that it still stands so: no cell may change untallied."""
        values = {":old": _cells_value(bucket.cells), ":new": _cells_value(sealed), ":yes": {"BOOL": True}}
        return {
            "Update": {
                "TableName": table_name(),
                "Key": self._list.key(bucket.number),
                "UpdateExpression": "SET st = :new, se = :yes",
                "ConditionExpression": "st = :old AND attribute_not_exists(se)",
                "ExpressionAttributeValues": values,
            }
        }

    def _count(self, head: Head, directory: Directory | None, bucket: int, tally: Tally) -> Iterable[Any]:
        """The directory and the head with one more bucket in them."""
        number = bucket // DIRECTORY_BUCKETS
        directory = directory or Directory(number, 0, ())
        yield self._put_directory(replace(directory, buckets=(*directory.buckets, tally)))
        directories = [*head.directories]
        if number == len(directories):
            directories.append(EMPTY_TALLY)
        directories[number] = added([directories[number], tally])
        yield self._put_head(replace(head, sealed=bucket + 1, directories=tuple(directories)))

    # -------------------------------------------------------------------------------------- late changes

    def _step_sealed(self, steps: Collection[Step]) -> None:
        for _ in tries():
            writes = self._late_writes(steps)
            if writes and _all_written(writes):
                return
        raise Unavailable("Too many writers are at the sealed part of the message index.")

    def _late_writes(self, steps: Collection[Step]) -> list[Any]:
        """The transaction of steps of which one is in a sealed bucket; none yet when a bucket had to be made first.

        Raises `StepRefused`.
        """
        by_bucket: dict[int, list[Step]] = {}
        for step in steps:
            by_bucket.setdefault(place(step.sequence).bucket, []).append(step)
        items = batch_get(
            [
                *((self.partition, keys.bucket(keys.MESSAGE_CELLS, number)) for number in by_bucket),
                *((self.partition, keys.directory(number)) for number in {n // DIRECTORY_BUCKETS for n in by_bucket}),
                (self.partition, keys.HEAD),
            ]
        )
        raw = {keys.bucket_number(item["sk"]["S"]): item for item in items if item["sk"]["S"].startswith("F#")}
        directories = {found.number: found for found in map(_directory, _those(items, "D#"))}
        head = next(map(_head, _those(items, keys.HEAD)), Head())
        _check(steps, {number: to_bucket(item) for number, item in raw.items()})
        unwritten = by_bucket.keys() - raw.keys()
        for number in unwritten:
            self._list.create_bucket(number)
        if unwritten:
            return []
        writes: list[Any] = []
        for number, its_steps in by_bucket.items():
            bucket = to_bucket(raw[number])
            is_sealed = SEALED in raw[number]
            exact = [replace(step, allowed=frozenset({bucket.cell(step.sequence)})) for step in its_steps]
            writes.append({"Update": self._list.update(number, exact, sealed=is_sealed)})
            if is_sealed:
                change = _difference(bucket, exact)
                own = directories[number // DIRECTORY_BUCKETS]
                directories[own.number] = replace(
                    own, buckets=_changed(own.buckets, number % DIRECTORY_BUCKETS, change)
                )
                head = replace(head, directories=_changed(head.directories, own.number, change))
        writes += [self._put_directory(directory) for directory in directories.values()]
        return [*writes, self._put_head(head)]

    def _head(self) -> Head:
        return next(map(_head, batch_get([(self.partition, keys.HEAD)])), Head())

    def _put_directory(self, directory: Directory) -> Any:
        return self._put_version(keys.directory(directory.number), directory.version, packed(directory.buckets), {})

    def _put_head(self, head: Head) -> Any:
        return self._put_version(keys.HEAD, head.version, packed(head.directories), {"sb": {"N": str(head.sealed)}})

    def _put_version(self, sort_key: str, version: int, tallies: bytes, more: Mapping[str, Any]) -> Any:
        """An item of tallies in place of the version that was read."""
        put: dict[str, Any] = {
            "TableName": table_name(),
            "Item": {
                "pk": {"S": self.partition},
                "sk": {"S": sort_key},
                "n": {"N": str(version + 1)},
                "t": {"B": tallies},
                **more,
            },
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if version:
            put |= {"ConditionExpression": "n = :n", "ExpressionAttributeValues": {":n": {"N": str(version)}}}
        return {"Put": put}


def _all_written(writes: list[Any]) -> bool:
    """Write all or nothing; False when something has changed since it was read."""
    try:
        client().transact_write_items(TransactItems=writes, ReturnConsumedCapacity="TOTAL")
    except ClientError as error:
        if error.response["Error"]["Code"] not in (TRANSACTION_CANCELED, TRANSACTION_CONFLICT):
            raise
        reasons: Sequence[Mapping[str, str]] = error.response.get("CancellationReasons", ())  # type: ignore[assignment]
        expected = {"None", "ConditionalCheckFailed", "TransactionConflict"}
        if not all(reason.get("Code") in expected for reason in reasons):
            raise
        return False
    return True


def _check(steps: Collection[Step], buckets: Mapping[int, Bucket]) -> None:
    """Raise `StepRefused` unless every cell is in an allowed state."""
    cells = {
        step.sequence: buckets[number].cell(step.sequence)
        if (number := place(step.sequence).bucket) in buckets
        else EMPTY
        for step in steps
    }
    if any(cells[step.sequence] not in step.allowed for step in steps):
        raise StepRefused(cells)


def _difference(bucket: Bucket, steps: Collection[Step]) -> Tally:
    """What steps add to a bucket's tally, in each column."""
    cells = list(bucket.cells)
    for step in steps:
        cells[place(step.sequence).position] = step.to
    before, after = tally_of(bucket.cells), tally_of("".join(cells))
    return tuple(new - old for new, old in zip(after, before, strict=True))


def _changed(tallies: tuple[Tally, ...], place_: int, change: Tally) -> tuple[Tally, ...]:
    return (*tallies[:place_], added([tallies[place_], change]), *tallies[place_ + 1 :])


def _those(items: Iterable[Mapping[str, Any]], beginning: str) -> list[Mapping[str, Any]]:
    return [item for item in items if item["sk"]["S"].startswith(beginning)]


def _head(item: Mapping[str, Any]) -> Head:
    return Head(int(item["n"]["N"]), int(item["sb"]["N"]), tuple(unpacked(item["t"]["B"])))


def _directory(item: Mapping[str, Any]) -> Directory:
    return Directory(keys.bucket_number(item["sk"]["S"]), int(item["n"]["N"]), tuple(unpacked(item["t"]["B"])))


def _cells_value(cells: str) -> Any:
    return {"L": [{"S": character} for character in cells]}
