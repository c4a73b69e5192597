"""A look at some cells that may be sealed: their buckets, what counts them and what is noted of them, of one state."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.domain.errors import Unavailable
from chalicelib.storage import keys
from chalicelib.storage.cell_list import CellList, Step, StepRefused, to_bucket
from chalicelib.storage.cell_pages import EMPTY, Bucket, place
from chalicelib.storage.failures import MANY_TRIES, tries
from chalicelib.storage.late_notes import Note, is_visible
from chalicelib.storage.tables import batch_get, table_name
from chalicelib.storage.tallies import DIRECTORY_BUCKETS, added
from chalicelib.storage.tally_items import Directory, Head, belongs_to, directory_from, head_from, tally_of_bucket

_REMEMBERED = 1_000
_sealed: dict[
    tuple[str, str], int
] = {}  # how many buckets of an inbox this process knows to be sealed, which is for good


def remember_sealed(partition: str, count: int) -> None:
    if count and len(_sealed) >= _REMEMBERED:
        _sealed.clear()
    if count:
        _sealed[table_name(), partition] = count


def is_known_sealed(partition: str, bucket: int) -> bool:
    """Saves asking a bucket; False says nothing."""
    return bucket < _sealed.get((table_name(), partition), bucket)


@dataclass(frozen=True)
class SealedPart:
    """What was read, by sort key, and what it says."""

    cells: CellList
    items: Mapping[str, Mapping[str, Any]]
    head: Head
    directories: Mapping[int, Directory]
    buckets: Mapping[int, Bucket]

    @classmethod
    def read(cls, cells: CellList, sequences: Collection[int], known: Iterable[Mapping[str, Any]] = ()) -> "SealedPart":
        """The buckets of these messages, and all that says what stands there; `known` are items just read."""
        part = cls.of(cells, known)
        for _ in tries(MANY_TRIES):
            part = part.with_those_of(sequences)
            if not part.is_torn(sequences):
                remember_sealed(cells.partition, part.head.sealed)
                return part
            part = cls.of(cells, ())
        raise Unavailable("Too many writers are at the sealed part of the message index.")

    @classmethod
    def of(cls, cells: CellList, items: Iterable[Mapping[str, Any]]) -> "SealedPart":
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

    def with_items(self, found: Iterable[Mapping[str, Any]]) -> "SealedPart":
        """The same with newer items in place of theirs."""
        return self.of(self.cells, [*self.items.values(), *found])

    def reading(self, sort_keys: Iterable[str], *, again: bool = False) -> "SealedPart":
        """The same with these items read, those that are there only if that is to be done again."""
        missing = [sort_key for sort_key in dict.fromkeys(sort_keys) if again or sort_key not in self.items]
        return self.with_items(batch_get([(self.cells.partition, sort_key) for sort_key in missing]))

    def with_those_of(self, sequences: Collection[int]) -> "SealedPart":
        """The same with the head, the buckets of these messages, their directories, and the buckets of their heirs."""
        numbers = {place(sequence).bucket for sequence in sequences}
        closed = {number for number in numbers if number not in self.buckets or self.buckets[number].is_sealed}
        part = self.reading(
            [
                keys.HEAD,
                *(keys.directory(number) for number in {number // DIRECTORY_BUCKETS for number in closed}),
                *map(self.bucket_key, numbers),
            ]
        )
        notes = [part.head.late[sequence] for sequence in sequences if sequence in part.head.late]
        return part.reading(part.bucket_key(place(note.heir).bucket) for note in notes if note.heir is not None)

    def bucket_key(self, number: int) -> str:
        return keys.bucket(self.cells.prefix, number)

    def is_torn(self, sequences: Collection[int]) -> bool:
        """Whether a bucket was read before a change, and what counts it after; or the other way about."""
        numbers = {place(sequence).bucket for sequence in sequences} | self.buckets.keys()
        return any(not self._fits(number) for number in numbers)

    def _fits(self, number: int) -> bool:
        bucket = self.buckets.get(number)
        if bucket is None:
            return number >= self.head.sealed
        if not bucket.is_sealed:
            return number >= self.head.sealed and belongs_to(self.head, bucket)
        directory, row = divmod(number, DIRECTORY_BUCKETS)
        rows = self.directories[directory].buckets if directory in self.directories else ()
        return (
            number < self.head.sealed
            and row < len(rows)
            and rows[row] == tally_of_bucket(bucket)
            and added(rows) == self.head.directories[directory]
        )

    # ----------------------------------------------------------------------------------- what it says

    def is_sealed(self, sequence: int) -> bool:
        return place(sequence).bucket < self.head.sealed

    def cell(self, sequence: int) -> str:
        """A cell as it is."""
        if (note := self.head.late.get(sequence)) is not None:
            return note.cell(self._stored(note.heir))
        return self._stored(sequence)

    def is_decided(self, note: Note) -> bool:
        return note.is_decided(self._stored(note.heir))

    def settled(self, note: Note) -> Note:
        return note.settled(self._stored(note.heir))

    def ties(self, notes: Iterable[Note]) -> dict[int, int]:
        """How far the buckets had come that decided these notes."""
        numbers = {place(note.heir).bucket for note in notes if note.heir is not None}
        return {number: self.buckets[number].ties for number in numbers if number in self.buckets}

    def check(self, steps: Collection[Step]) -> None:
        """Raise `StepRefused` unless every cell is in an allowed state."""
        found = {step.sequence: self.cell(step.sequence) for step in steps}
        if any(found[step.sequence] not in step.allowed for step in steps):
            raise StepRefused(found)

    def note(self, step: Step, flip: Step | None) -> Note:
        """What is to be noted for a step in a sealed bucket; `flip` makes another message visible, or invisible."""
        old = self.head.late.get(step.sequence)
        counted = old.counted if old else self._stored(step.sequence)
        moves = step.to.isupper() != self.cell(step.sequence).isupper()
        if flip is not None and moves and is_visible(step.to) and step.to.isupper() != is_visible(flip.to):
            return Note(counted, step.to.upper(), flip.sequence, is_leaving=not is_visible(flip.to))
        if flip is None and old is not None and not moves and is_visible(step.to):
            return replace(old, now=step.to)  # its phase changes, and nothing else
        return Note(counted, step.to)

    def _stored(self, sequence: int | None) -> str:
        """A cell as its bucket has it."""
        bucket = None if sequence is None else self.buckets.get(place(sequence).bucket)
        return bucket.cell(sequence) if bucket is not None and sequence is not None else EMPTY
