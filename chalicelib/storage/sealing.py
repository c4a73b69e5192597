"""What writes tallies: sealing a bucket, and folding late notes into the buckets they are about. One transaction each.

    sealing   bucket marked, its reservations killed; one row more in its directory; head
    folding   up to 48 notes: their cells in their buckets, the rows of these, head

Both happen now and then, to whoever is there; one that fails, or dies, is made up for by the next.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.storage import keys
from chalicelib.storage.cell_list import HEAD_VERSION, JOINT, SEALED, TIES, CellList
from chalicelib.storage.cell_pages import BUCKET_CELLS, EMPTY, Bucket, place
from chalicelib.storage.failures import is_temporary
from chalicelib.storage.head_update import ONE, HeadUpdate
from chalicelib.storage.late_notes import Note
from chalicelib.storage.quiet_buckets import OPEN_CELLS, is_due
from chalicelib.storage.sealed_part import SealedPart
from chalicelib.storage.tables import TRANSACTION_CANCELED, TRANSACTION_CONFLICT, client, table_name
from chalicelib.storage.tallies import CHANGES, DIRECTORY_BUCKETS, EMPTY_TALLY, Tally, added, tally_of
from chalicelib.storage.tally_items import Directory, changed, put_directory, put_head

KILLED = "x"
SEALS_AT_ONCE = 4
SEAL_TRIES = 12  # at once, one after the other: whoever notes late changes meanwhile is faster than this
FOLD_EVERY = 32  # versions of the head: whoever writes one of these folds
FOLD_MOST = 48  # notes: with a bucket and a directory each, and the head, as many as a transaction takes
FOLD_TRIES = 4
_ONE_CHANGE: Tally = tuple(int(column == CHANGES) for column in range(len(EMPTY_TALLY)))


@dataclass(frozen=True, slots=True)
class Sealing:
    """The sealing of one inbox's buckets."""

    cells: CellList

    def seal_due(self, newest: int) -> int:
        """Seal what is due when sequence number `newest` was given out; how many buckets. Again is harmless."""
        sealed = 0
        while sealed < SEALS_AT_ONCE and self._seal_next(newest):
            sealed += 1
        return sealed

    def _seal_next(self, newest: int) -> bool:
        """Seal the oldest open bucket if it is due; False when there was nothing to do, or others were faster."""
        read = SealedPart.of(self.cells, ()).reading([keys.HEAD])
        number = read.head.sealed
        newer = newest + 1 - (number + 1) * BUCKET_CELLS
        if newer < OPEN_CELLS:
            return False
        read = read.reading([read.bucket_key(number), keys.directory(number // DIRECTORY_BUCKETS)])
        for _ in range(SEAL_TRIES):
            bucket = read.buckets.get(number, Bucket(number, EMPTY * BUCKET_CELLS))
            if read.head.sealed != number or not is_due(bucket.cells, newer):
                return False  # somebody else has sealed it, or it has become busy
            if number not in read.buckets:  # every reservation in it died before its commit
                self.cells.create_bucket(number)
            read = read.reading(map(read.bucket_key, map(int, bucket.joints)), again=True)
            found = refusal(self._writes(read, bucket))
            if found is None:
                return True
            read = read.with_items(found)
        return False

    def _writes(self, read: SealedPart, bucket: Bucket) -> list[Any]:
        """The transaction that seals a bucket."""
        sealed = replace(bucket, cells=bucket.cells.replace(EMPTY, KILLED))
        partners = {int(name): mark for name, mark in bucket.joints.items()}
        return [
            self._mark_sealed(bucket, sealed.cells),
            *(self._release(bucket.number, *partner, read.head.version + 1) for partner in partners.items()),
            *self._count(read, sealed, partners),
        ]

    def _mark_sealed(self, bucket: Bucket, sealed: str) -> Any:
        """The bucket as it stands, on condition that it still stands so: no cell may change untallied."""
        condition = f"st = :old AND attribute_not_exists({SEALED})"
        values = {":old": _cells_value(bucket.cells)}
        if bucket.ties:
            values[":ties"] = {"N": str(bucket.ties)}
        return {
            "Put": {
                "TableName": table_name(),
                "Item": {**self.cells.key(bucket.number), "st": _cells_value(sealed), SEALED: {"N": "0"}},
                "ConditionExpression": condition
                + (f" AND {TIES} = :ties" if bucket.ties else f" AND attribute_not_exists({TIES})"),
                "ExpressionAttributeValues": values,
            }
        }

    def _release(self, bucket: int, partner: int, mark: int, version: int) -> Any:
        """An open bucket that changed together with the one to be sealed goes by the head from now on."""
        return {
            "Update": {
                "TableName": table_name(),
                "Key": self.cells.key(partner),
                "UpdateExpression": f"SET {HEAD_VERSION} = :version REMOVE {JOINT}{bucket} ADD {TIES} :one",
                "ConditionExpression": f"attribute_not_exists({SEALED}) AND {JOINT}{bucket} = :mark",
                "ExpressionAttributeValues": {":version": {"N": str(version)}, ":mark": {"N": str(mark)}, ":one": ONE},
            }
        }

    def _count(self, read: SealedPart, bucket: Bucket, partners: Collection[int]) -> Iterable[Any]:
        """The directory and the head with one more bucket in them; notes whose heirs are in it are settled."""
        head, number = read.head, bucket.number // DIRECTORY_BUCKETS
        tally = tally_of(bucket.cells)
        directory = read.directories.get(number, Directory(number))
        yield put_directory(self.cells.partition, replace(directory, buckets=(*directory.buckets, tally)))
        directories = head.directories if number < len(head.directories) else (*head.directories, EMPTY_TALLY)
        ties = dict(head.ties)
        ties.pop(bucket.number, None)
        for partner in partners:
            ties[partner] = max(read.buckets[partner].ties, ties.get(partner, 0))
        yield put_head(
            self.cells.partition,
            replace(
                head,
                counted=head.counted + 1,
                sealed=bucket.number + 1,
                directories=changed(directories, number, tally),
                late={sequence: _settled_in(bucket, note) for sequence, note in head.late.items()},
                ties=ties,
            ),
        )


@dataclass(frozen=True, slots=True)
class Folding:
    """The folding of one inbox's late notes."""

    cells: CellList

    def fold(self) -> bool:
        """Write decided notes where they belong, and take them off the head; False when it did not come to that.

        Nobody's change may fail for it: what brought its writer here is written, and the next will fold.
        """
        try:
            return any(self._fold_once() for _ in range(FOLD_TRIES))
        except Unavailable:
            return False
        except (ClientError, BotoCoreError) as error:
            if not is_temporary(error):
                raise
            return False

    def _fold_once(self) -> bool:
        part, notes = self._read()
        if any(added(one.buckets) != part.head.directories[one.number] for one in part.directories.values()):
            return False  # of another moment than the head
        return not notes or refusal(self._writes(part, notes)) is None

    def _read(self) -> tuple[SealedPart, dict[int, Note]]:
        """Some notes that stay as they are, and what has to be read for folding them."""
        part = SealedPart.of(self.cells, ()).reading([keys.HEAD])
        heirs = {note.heir for note in part.head.late.values() if note.heir is not None}
        part = part.reading(part.bucket_key(place(heir).bucket) for heir in heirs)
        decided = [(sequence, note) for sequence, note in part.head.late.items() if part.is_decided(note)]
        chosen = dict(decided[:FOLD_MOST])
        return part.reading(keys.directory(place(one).bucket // DIRECTORY_BUCKETS) for one in chosen), chosen

    def _writes(self, part: SealedPart, notes: Mapping[int, Note]) -> list[Any]:
        """The transaction that folds them."""
        settled = {sequence: part.settled(note) for sequence, note in notes.items()}
        by_bucket: dict[int, dict[int, Note]] = {}
        for sequence, note in settled.items():
            if note.now != note.counted:
                by_bucket.setdefault(place(sequence).bucket, {})[sequence] = note
        head, directories = part.head.directories, dict(part.directories)
        for bucket, its_notes in by_bucket.items():
            number, row = divmod(bucket, DIRECTORY_BUCKETS)
            change = added([_ONE_CHANGE, *(note.change for note in its_notes.values())])
            directories[number] = replace(
                directories[number], buckets=changed(directories[number].buckets, row, change)
            )
            head = changed(head, number, change)
        update = HeadUpdate(self.cells.partition, part.head)
        for sequence in notes:
            update.note(sequence, None)
        update.go_by(part.ties(notes.values()))
        update.count(head)
        used = {bucket // DIRECTORY_BUCKETS for bucket in by_bucket}
        return [
            {"Update": update.request()},
            *(put_directory(self.cells.partition, directories[number]) for number in used),
            *({"Update": self._fold_into(bucket, its_notes)} for bucket, its_notes in by_bucket.items()),
        ]

    def _fold_into(self, bucket: int, notes: Mapping[int, Note]) -> Any:
        """A sealed bucket with these cells, on condition that they stand as they were counted."""
        texts = sorted({character for note in notes.values() for character in (note.counted, note.now)})
        names = {character: f":c{number}" for number, character in enumerate(texts)}
        paths = {sequence: f"st[{place(sequence).position}]" for sequence in notes}
        sets = [f"{paths[sequence]} = {names[note.now]}" for sequence, note in notes.items()]
        conditions = [f"{paths[sequence]} = {names[note.counted]}" for sequence, note in notes.items()]
        return {
            "TableName": table_name(),
            "Key": self.cells.key(bucket),
            "UpdateExpression": f"SET {', '.join(sets)}, {SEALED} = {SEALED} + :one",
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeValues": {":one": ONE, **{name: {"S": text} for text, name in names.items()}},
        }


def refusal(writes: list[Any]) -> list[Mapping[str, Any]] | None:
    """Write all, or nothing because something has changed since it was read: then what stands there now, if it is told.

    What another transaction is at right now is not told.
    """
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


def _settled_in(bucket: Bucket, note: Note) -> Note:
    if note.heir is None or place(note.heir).bucket != bucket.number:
        return note
    return note.settled(bucket.cell(note.heir))


def _cells_value(cells: str) -> Any:
    return {"L": [{"S": character} for character in cells]}
