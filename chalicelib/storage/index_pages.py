"""Pages of the message index: from the tallies down to the cells a page shows, reading nothing else.

Newest first, an inbox is its open buckets and then its directories of sealed ones. Whole parts are skipped by what they
hold; at most `limit` buckets are opened, and never one without a match.

Others write between two reads. What is read may then be newer than what counts it, never older, and it is believed: its
own count takes the place of the other. So the page and its total are always of the same cells, each bucket as it stood at
one moment while the page was read, and no writer can keep a reader from its end.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from chalicelib.operations.ports import PageRequest
from chalicelib.storage.cell_pages import Bucket, Selection, place
from chalicelib.storage.index_front import Front
from chalicelib.storage.sealed_cells import SealedCells
from chalicelib.storage.tallies import DIRECTORY_BUCKETS, Pick, Tally, Wanted, added, picks
from chalicelib.storage.tally_items import rows_behind, tally_of_bucket


class Torn(Exception):
    """What was read is not of one moment."""


@dataclass
class IndexPages:
    """Reads pages behind one front."""

    cells: SealedCells
    front: Front
    strict: bool  # whether everything must be of the front's moment: raises `Torn` when it is not
    _directories: dict[int, list[Tally]] = field(default_factory=dict)  # the rows of those that were read
    _buckets: dict[int, Bucket] = field(default_factory=dict)  # the sealed ones that were read

    def page(self, wanted: Wanted, request: PageRequest) -> Selection:
        """The cells of a page with the exact total of the whole list."""
        while True:
            offset = request.offset if request.after is None else self._not_below(request, wanted)
            found = self._window(wanted, offset, request.limit)
            if not self._read_buckets([pick.number for pick in found]):
                break  # nothing new was learned: the window stays where it is
        buckets = self._buckets | {bucket.number: bucket for bucket in self.front.open_buckets}
        cells = tuple(cell for pick in found for cell in _picked(buckets[pick.number], wanted, pick))
        total = sum(count for _, count in (*self._open_counts(wanted), *self._directory_counts(wanted)))
        return Selection(cells, total, more=offset + len(cells) < total)

    def _window(self, wanted: Wanted, skip: int, take: int) -> list[Pick]:
        """Which buckets a window over the whole list lies in, newest first."""
        open_counts = self._open_counts(wanted)
        found = picks(open_counts, skip, take)
        skip = max(0, skip - sum(count for _, count in open_counts))
        take -= sum(pick.take for pick in found)
        while True:
            parts = picks(self._directory_counts(wanted), skip, take)
            if not self._read_directories([part.number for part in parts]):
                break
        inner = [picks(self._bucket_counts(wanted, part.number), part.skip, part.take) for part in parts]
        return [*found, *chain.from_iterable(inner)]

    def _not_below(self, request: PageRequest, wanted: Wanted) -> int:
        """How many of the list are at a cursor or newer: where the rest of it begins."""
        sequence = request.after or 0
        count = sum(_not_below(bucket, sequence, wanted) for bucket in self.front.open_buckets)
        number = place(sequence).bucket
        if number >= self.front.head.sealed:
            return count
        directory = number // DIRECTORY_BUCKETS
        self._read_directories([directory])
        # With the cursor's bucket those that the page may reach, so that they are read at once.
        behind = [(other, held) for other, held in self._bucket_counts(wanted, directory) if other < number]
        self._read_buckets([number, *(pick.number for pick in picks(behind, 0, request.limit))])
        count += sum(held for other, held in self._directory_counts(wanted) if other > directory)
        count += sum(held for other, held in self._bucket_counts(wanted, directory) if other > number)
        return count + _not_below(self._buckets[number], sequence, wanted)

    def _open_counts(self, wanted: Wanted) -> list[tuple[int, int]]:
        return [(bucket.number, wanted.count(tally_of_bucket(bucket))) for bucket in self.front.open_buckets]

    def _directory_counts(self, wanted: Wanted) -> list[tuple[int, int]]:
        """What each directory holds of the list, newest first."""
        counted = self.front.head.directories
        return [
            (number, wanted.count(added(self._directories[number]) if number in self._directories else counted[number]))
            for number in reversed(range(len(counted)))
        ]

    def _bucket_counts(self, wanted: Wanted, directory: int) -> list[tuple[int, int]]:
        """What each bucket of a directory that was read holds of the list, newest first."""
        rows = self._directories[directory]
        first = directory * DIRECTORY_BUCKETS
        return [(first + row, wanted.count(rows[row])) for row in reversed(range(len(rows)))]

    def _read_directories(self, numbers: list[int]) -> bool:
        """Whether one had to be read."""
        missing = [number for number in numbers if number not in self._directories]
        head = self.front.head
        for number, directory in self.cells.directories(head, missing).items():
            rows = rows_behind(head, directory)
            if self.strict and added(rows) != head.directories[number]:
                raise Torn
            self._directories[number] = [*rows]
        return bool(missing)

    def _read_buckets(self, numbers: list[int]) -> bool:
        """Whether one had to be read; those of open buckets are there."""
        missing = {
            number: self._directories[number // DIRECTORY_BUCKETS][number % DIRECTORY_BUCKETS]
            for number in numbers
            if number < self.front.head.sealed and number not in self._buckets
        }
        for number, bucket in self.cells.buckets(missing).items():
            tally = tally_of_bucket(bucket)
            if self.strict and tally != missing[number]:
                raise Torn
            self._buckets[number] = bucket
            self._directories[number // DIRECTORY_BUCKETS][number % DIRECTORY_BUCKETS] = tally
        return bool(missing)


def _picked(bucket: Bucket, wanted: Wanted, pick: Pick) -> Iterator[tuple[int, str]]:
    for position in wanted.positions(bucket.cells)[pick.skip : pick.skip + pick.take]:
        yield bucket.sequence(position), bucket.cells[position]


def _not_below(bucket: Bucket, sequence: int, wanted: Wanted) -> int:
    return sum(bucket.sequence(position) >= sequence for position in wanted.positions(bucket.cells))
