"""Pages of the message index: from the tallies down to the cells a page shows, reading nothing else.

Newest first, an inbox is its open buckets and then its directories of sealed ones. Whole parts are skipped by what they
hold; at most `limit` buckets are opened, and never one without a match.

What has changed in sealed buckets since they were counted is noted in the head, and laid over all of it: over the counts of
directories and their rows, and over the cells.

Others write between two reads. What is read may then be newer than what counts it, never older, and it is believed: its
own count takes the place of the other. A newer directory may have some of the notes counted in already, so the buckets that
they are about are opened. So the page and its total are always of the same cells, each cell as it stood at one moment
while the page was read, and no writer can keep a reader from its end.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from chalicelib.operations.ports import PageRequest
from chalicelib.storage.cell_pages import Bucket, Selection, place
from chalicelib.storage.index_front import Front
from chalicelib.storage.late_notes import Note, laid_over
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
    _rows: dict[int, Sequence[Tally]] = field(default_factory=dict)  # of the directories that were read, as they stand
    _directories: dict[int, list[Tally]] = field(default_factory=dict)  # the same with what is noted
    _buckets: dict[int, Bucket] = field(default_factory=dict)  # the sealed ones that were read, with what is noted
    _late: dict[int, dict[int, Note]] = field(init=False)  # by bucket

    def __post_init__(self) -> None:
        self._late = {}
        for sequence, note in self.front.late().items():
            self._late.setdefault(place(sequence).bucket, {})[sequence] = note

    def page(self, wanted: Wanted, request: PageRequest) -> Selection:
        """The cells of a page with the exact total of the whole list."""
        while True:
            offset = request.offset if request.after is None else self._not_below(request, wanted)
            found = self._window(wanted, offset, request.limit)
            if not self._read_buckets([pick.number for pick in found]):
                break  # nothing new was learned: the window stays where it is
        buckets = self._buckets | {bucket.number: bucket for bucket in self.front.open_buckets}
        cells = tuple(cell for pick in found for cell in _picked(buckets[pick.number], wanted, pick))
        total = self._total(wanted)
        return Selection(cells, total, more=offset + len(cells) < total)

    def oldest(self, wanted: Wanted, sequence: int, limit: int) -> tuple[list[int], bool]:
        """The oldest cells that are newer than a sequence number (-1: of all), oldest first; whether more are.

        What changes while this reads may show some that are not newer, which are left out, in place of the newest ones of
        the page, which the next page has.
        """
        newer = self._not_below(PageRequest(after=sequence + 1), wanted) if sequence >= 0 else self._total(wanted)
        if not newer:
            return [], False
        taken = min(limit, newer)
        found = self.page(wanted, PageRequest(limit=taken, offset=newer - taken))
        return sorted(at for at, _ in found.cells if at > sequence), newer > taken

    def _total(self, wanted: Wanted) -> int:
        return sum(count for _, count in (*self._open_counts(wanted), *self._directory_counts(wanted)))

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
        changes = dict.fromkeys(range(len(counted)), 0)
        for bucket in self._late:
            changes[bucket // DIRECTORY_BUCKETS] += wanted.count(self._change(bucket))
        return [
            (
                number,
                sum(map(wanted.count, self._directories[number]))
                if number in self._directories
                else wanted.count(counted[number]) + changes[number],
            )
            for number in reversed(range(len(counted)))
        ]

    def _change(self, bucket: int) -> Tally:
        """What the notes add to what a bucket is counted as."""
        return added(note.change for note in self._late.get(bucket, {}).values())

    def _bucket_counts(self, wanted: Wanted, directory: int) -> list[tuple[int, int]]:
        """What each bucket of a directory that was read holds of the list, newest first."""
        rows = self._directories[directory]
        first = directory * DIRECTORY_BUCKETS
        return [(first + row, wanted.count(rows[row])) for row in reversed(range(len(rows)))]

    def _read_directories(self, numbers: list[int]) -> bool:
        """Whether one had to be read."""
        missing = [number for number in numbers if number not in self._directories]
        head = self.front.head
        doubtful: list[int] = []
        for number, directory in self.cells.directories(head, missing).items():
            rows = rows_behind(head, directory)
            first = number * DIRECTORY_BUCKETS
            if added(rows) != head.directories[number]:
                if self.strict:
                    raise Torn
                doubtful += [bucket for bucket in self._late if first <= bucket < first + len(rows)]
            self._rows[number] = rows
            self._directories[number] = [added([row, self._change(first + at)]) for at, row in enumerate(rows)]
        self._read_buckets(doubtful)
        return bool(missing)

    def _read_buckets(self, numbers: Iterable[int]) -> bool:
        """Whether one had to be read; those of open buckets are there."""
        missing = {
            number: self._rows[number // DIRECTORY_BUCKETS][number % DIRECTORY_BUCKETS]
            for number in numbers
            if number < self.front.head.sealed and number not in self._buckets
        }
        for number, bucket in self.cells.buckets(missing).items():
            if self.strict and tally_of_bucket(bucket) != missing[number]:
                raise Torn
            self._buckets[number] = laid = laid_over(bucket, self._late.get(number, {}))
            self._directories[number // DIRECTORY_BUCKETS][number % DIRECTORY_BUCKETS] = tally_of_bucket(laid)
        return bool(missing)


def _picked(bucket: Bucket, wanted: Wanted, pick: Pick) -> Iterator[tuple[int, str]]:
    for position in wanted.positions(bucket.cells)[pick.skip : pick.skip + pick.take]:
        yield bucket.sequence(position), bucket.cells[position]


def _not_below(bucket: Bucket, sequence: int, wanted: Wanted) -> int:
    return sum(bucket.sequence(position) >= sequence for position in wanted.positions(bucket.cells))
