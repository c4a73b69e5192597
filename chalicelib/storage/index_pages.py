"""Pages of the message index: from the tallies down to the cells a page shows, reading nothing else.

Newest first, an inbox is its open buckets and then its directories of sealed ones. Whole parts are skipped by what they
hold; at most `limit` buckets are opened, and never one without a match.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from chalicelib.operations.ports import PageRequest
from chalicelib.storage.cell_pages import Bucket, Selection, place
from chalicelib.storage.index_front import Front
from chalicelib.storage.sealed_cells import SealedCells
from chalicelib.storage.tallies import DIRECTORY_BUCKETS, Pick, Tally, Wanted, picks, tally_of
from chalicelib.storage.tally_items import Directory


@dataclass
class IndexPages:
    """Reads pages behind one front; raises `Torn` when the parts it reads do not belong together."""

    cells: SealedCells
    front: Front
    consistent: bool  # whether the parts are read consistently, at twice the price
    _directories: dict[int, Directory] = field(default_factory=dict)
    _buckets: dict[int, Bucket] = field(default_factory=dict)

    def page(self, wanted: Wanted, request: PageRequest) -> Selection:
        """The cells of a page with the exact total of the whole list."""
        total = sum(self._open_counts(wanted).values()) + sum(self._directory_counts(wanted).values())
        offset = request.offset if request.after is None else self._not_below(request.after, wanted)
        cells = tuple(self._window(wanted, offset, request.limit))
        return Selection(cells, total, more=offset + len(cells) < total)

    def _window(self, wanted: Wanted, skip: int, take: int) -> Iterator[tuple[int, str]]:
        """The cells of a window over the whole list, newest first."""
        open_counts = self._open_counts(wanted)
        found = picks(open_counts.items(), skip, take)
        by_number = {bucket.number: bucket for bucket in self.front.open_buckets}
        for pick in found:
            yield from _picked(by_number[pick.number], wanted, pick)
        take -= sum(pick.take for pick in found)
        parts = picks(self._directory_counts(wanted).items(), max(0, skip - sum(open_counts.values())), take)
        self._read_directories([part.number for part in parts])
        inner = [
            pick for part in parts for pick in picks(self._bucket_counts(wanted, part.number), part.skip, part.take)
        ]
        self._read_buckets([pick.number for pick in inner])
        for pick in inner:
            yield from _picked(self._buckets[pick.number], wanted, pick)

    def _not_below(self, sequence: int, wanted: Wanted) -> int:
        """How many of the list are at this sequence number or newer: where the rest of it begins."""
        number = place(sequence).bucket
        sealed = self.front.head.sealed
        count = sum(_not_below(bucket, sequence, wanted) for bucket in self.front.open_buckets)
        if number >= sealed:
            return count
        directory = number // DIRECTORY_BUCKETS
        count += sum(held for other, held in self._directory_counts(wanted).items() if other > directory)
        self._read_directories([directory])
        count += sum(held for other, held in self._bucket_counts(wanted, directory) if other > number)
        self._read_buckets([number])
        return count + _not_below(self._buckets[number], sequence, wanted)

    def _open_counts(self, wanted: Wanted) -> dict[int, int]:
        return {bucket.number: wanted.count(tally_of(bucket.cells)) for bucket in self.front.open_buckets}

    def _directory_counts(self, wanted: Wanted) -> dict[int, int]:
        directories = self.front.head.directories
        return {number: wanted.count(directories[number]) for number in reversed(range(len(directories)))}

    def _bucket_counts(self, wanted: Wanted, directory: int) -> list[tuple[int, int]]:
        """What each bucket of a directory that was read holds of the list, newest first."""
        tallies = self._directories[directory].buckets
        first = directory * DIRECTORY_BUCKETS
        return [(first + place_, wanted.count(tallies[place_])) for place_ in reversed(range(len(tallies)))]

    def _read_directories(self, numbers: list[int]) -> None:
        missing = [number for number in numbers if number not in self._directories]
        if missing:
            self._directories |= self.cells.directories(self.front.head, missing, consistent=self.consistent)

    def _read_buckets(self, numbers: list[int]) -> None:
        missing = {number: self._tally(number) for number in numbers if number not in self._buckets}
        if missing:
            self._buckets |= self.cells.buckets(missing, consistent=self.consistent)

    def _tally(self, bucket: int) -> Tally:
        return self._directories[bucket // DIRECTORY_BUCKETS].buckets[bucket % DIRECTORY_BUCKETS]


def _picked(bucket: Bucket, wanted: Wanted, pick: Pick) -> Iterator[tuple[int, str]]:
    for position in wanted.positions(bucket.cells)[pick.skip : pick.skip + pick.take]:
        yield bucket.sequence(position), bucket.cells[position]


def _not_below(bucket: Bucket, sequence: int, wanted: Wanted) -> int:
    return sum(bucket.sequence(position) >= sequence for position in wanted.positions(bucket.cells))
