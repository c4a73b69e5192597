"""The cells of an inbox, with the old ones counted: sealed buckets, the directories over them and the head.

    F:head        sealed = 130      what each directory holds; late notes: what has changed since
                     │
    D#0  D#1  D#2    │              what each of its 64 buckets holds
     └ 0…63  └ 64…127└ 128, 129
    F#000000000 … F#000000129       sealed: the attribute `se`
    F#000000130, F#000000131        open

An open bucket is written alone, one cell at a time. When newer buckets have taken over it is *sealed*: one transaction
marks it, tallies it into its directory and the head, and kills what is still reserved in it, so that a stalled request
finds its reservation gone instead of adding a message that no tally knows. From then on a late change (a complaint, a
deletion, a reply to an old message) is a note in the head, one write that meets no other but for the same message; every
32nd of them folds the notes into bucket, directory and head (storage/late_notes.py, storage/sealing.py).

When a message of an open bucket comes or goes, and the capital of its thread moves from or to a sealed one, that is noted
first: who of the two has it is told by whether the one in the open bucket is visible. Then its cell is set.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.storage import keys
from chalicelib.storage.cell_list import BucketSealed, CellList, Step, to_bucket
from chalicelib.storage.cell_pages import Bucket, place
from chalicelib.storage.failures import MANY_TRIES, pause, tries
from chalicelib.storage.head_update import HeadUpdate
from chalicelib.storage.index_front import Front, read_front
from chalicelib.storage.kept_directories import keep, recalled
from chalicelib.storage.late_notes import Note, is_visible
from chalicelib.storage.sealed_part import SealedPart, is_known_sealed
from chalicelib.storage.sealing import FOLD_EVERY, Folding, Sealing
from chalicelib.storage.tables import (
    CONDITION_FAILED,
    TRANSACTION_CANCELED,
    TRANSACTION_CONFLICT,
    batch_get,
    client,
    query,
)
from chalicelib.storage.tallies import Tally
from chalicelib.storage.tally_items import Directory, Head, directory_from, is_older_bucket, is_older_directory

FOLD_PAUSE = 3  # the first pause is up to 64 ms, as a fold may take: the head is waited for by many
NEAR = 2  # up to this many buckets in a stretch for each one wanted, the whole stretch is read


@dataclass(frozen=True, slots=True)
class Looked:
    """Cells as they are, and for some in sealed buckets the heir that tells which of the two has the capital."""

    cells: dict[int, str]
    heirs: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class SealedCells:
    """The cells of one inbox."""

    partition: str

    @property
    def _list(self) -> CellList:
        return CellList(self.partition, keys.MESSAGE_CELLS)

    def cells(self, sequences: Collection[int]) -> dict[int, str]:
        """The cells of some sequence numbers; those of a bucket not written yet are empty."""
        return self.look(sequences).cells

    def look(self, sequences: Collection[int]) -> Looked:
        items = self._list.items({place(sequence).bucket for sequence in sequences})
        part = SealedPart.of(self._list, items)
        if any(bucket.is_sealed for bucket in part.buckets.values()):
            part = SealedPart.read(self._list, sequences, items)
        return _looked(part, sequences)

    def look_at_leaving(self, sequence: int, others: Collection[int]) -> Looked:
        """The cells of a message that is to become invisible, of others in its thread, and of all whose capital it has.

        These need not be among the others: of a long thread only the newest are named.
        """
        sequences = {sequence, *others}
        sort_keys = [keys.HEAD, *(self._sort_key(number) for number in {place(each).bucket for each in sequences})]
        known = batch_get([(self.partition, sort_key) for sort_key in sort_keys])
        part = SealedPart.read(self._list, sequences, known)
        if given := {each for each, note in part.head.late.items() if note.heir == sequence} - sequences:
            sequences |= given
            part = SealedPart.read(self._list, sequences)
        return _looked(part, sequences)

    def seal_due(self, newest: int) -> int:
        """Seal what is due when sequence number `newest` was given out; how many buckets. Again is harmless."""
        return Sealing(self._list).seal_due(newest)

    # ------------------------------------------------------------------------------------------- writing

    def step(self, steps: Collection[Step], *, exactly_once: bool = False) -> bool:
        """Take all steps or none; raises `StepRefused`. False: others are at the same thread, look who has the capital.

        Steps of which none makes a message visible or invisible, over open and sealed buckets, are repairs: they are
        taken one bucket after the other.
        """
        if not any(is_known_sealed(self.partition, place(step.sequence).bucket) for step in steps):
            try:
                self._list.step(steps, exactly_once=exactly_once)
            except BucketSealed:
                pass
            else:
                return True
        for _ in tries(MANY_TRIES):
            part = SealedPart.read(self._list, [step.sequence for step in steps])
            part.check(steps)
            exact = [replace(step, allowed=frozenset({part.cell(step.sequence)})) for step in steps]
            try:
                alone = self._take(part, exact, exactly_once=exactly_once)
            except BucketSealed:
                continue
            if alone is not None:
                return alone
        raise Unavailable("Too many writers are at the sealed part of the message index.")

    def _take(self, part: SealedPart, steps: Collection[Step], *, exactly_once: bool) -> bool | None:
        """Take these steps if all stands as it was read; None when it does not."""
        in_sealed = [step for step in steps if part.is_sealed(step.sequence)]
        in_open = [step for step in steps if not part.is_sealed(step.sequence)]
        flip = next((step for step in in_open if is_visible(step.to) != is_visible(part.cell(step.sequence))), None)
        if flip is None and any(step.to.isupper() for step in in_open):
            self._list.step(in_open, exactly_once=exactly_once)  # better two capitals for a moment than none
            in_open = []
        notes = {step.sequence: part.note(step, flip) for step in in_sealed}
        version = self._write_notes(part, notes, exactly_once=exactly_once)
        if version is None:
            return None
        if in_open:
            self._list.step(in_open, exactly_once=exactly_once, head=version)
        if notes and version % FOLD_EVERY == 0:
            Folding(self._list).fold()
        if flip is None:
            return True
        return is_visible(flip.to) and not _is_shared(part, notes) and self._are_noted(notes)

    def _write_notes(self, part: SealedPart, notes: Mapping[int, Note], *, exactly_once: bool) -> int | None:
        """Which version of the head has these notes; None when others had changed it since it was read."""
        late = part.head.late
        new = {sequence: note for sequence, note in notes.items() if late.get(sequence) != note}
        new = {one: note for one, note in new.items() if one in late or note != Note(note.counted, note.counted)}
        if not new:
            return part.head.version
        update = HeadUpdate(self.partition, part.head)
        for sequence, note in new.items():
            update.note(sequence, note)
        replaced = [late[sequence] for sequence in new if sequence in late]
        update.go_by(part.ties(note for note in replaced if part.is_decided(note)))
        return _write(update.request(), exactly_once=exactly_once)

    def _are_noted(self, notes: Mapping[int, Note]) -> bool:
        """Whether these notes stand now: nobody else has moved the same capital."""
        late = SealedPart.of(self._list, ()).reading([keys.HEAD]).head.late
        return all(late.get(sequence) == note for sequence, note in notes.items())

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


def _looked(part: SealedPart, sequences: Collection[int]) -> Looked:
    notes = {sequence: part.head.late[sequence] for sequence in sequences if sequence in part.head.late}
    return Looked(
        {sequence: part.cell(sequence) for sequence in sequences},
        {sequence: note.heir for sequence, note in notes.items() if note.heir is not None},
    )


def _is_shared(part: SealedPart, notes: Collection[int]) -> bool:
    """Whether one of these capitals was promised before, to a message that may still come: perhaps to this very one, by a
    write whose reply was lost, and nobody knows whose promise that one has replaced.
    """
    old = [part.head.late[sequence] for sequence in notes if sequence in part.head.late]
    return any(not part.is_decided(note) for note in old)


def _write(request: Any, *, exactly_once: bool) -> int | None:
    """The head's version after this write of it; None when its condition failed."""
    for number in range(MANY_TRIES):
        try:
            if not exactly_once:
                answer = client().update_item(**request, ReturnValues="UPDATED_NEW", ReturnConsumedCapacity="TOTAL")
                return int(answer["Attributes"]["n"]["N"])
            # By its token DynamoDB recognises a repeat, which might else be taken again after others have come.
            client().transact_write_items(TransactItems=[{"Update": request}], ReturnConsumedCapacity="TOTAL")
        except ClientError as error:
            code = error.response["Error"]["Code"]
            reasons: Any = error.response.get("CancellationReasons", ())
            if code == TRANSACTION_CONFLICT or "TransactionConflict" in {reason.get("Code") for reason in reasons}:
                pause(number + FOLD_PAUSE)  # it is being folded, or a bucket sealed
                continue
            if code not in (CONDITION_FAILED, TRANSACTION_CANCELED):
                raise
            return None
        else:
            return 1
    raise Unavailable("Too many writers are at the head of the message index.")
