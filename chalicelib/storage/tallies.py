"""Tallies of cells: how many messages of each kind a bucket, a directory or a whole index holds. Pure arithmetic.

    index       = open buckets, newest first, then directories, newest first
    directory   = 64 sealed buckets
    bucket      = 480 cells

A page of any list is found from the top: skip whole buckets and directories by their tallies, open only those the page
lies in, and walk cells in at most `limit` buckets.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DIRECTORY_BUCKETS = 64
PHASES = "qsutdfbcr"  # the visible phases, in the order they are stored in; new ones go to the end
_NEWEST = len(PHASES)  # behind them: how many of all these are the newest of their thread
CHANGES = len(PHASES) + 1  # and then how many changes there were since it was sealed
COLUMNS = len(PHASES) + 2

Tally = tuple[int, ...]
"""How many of each visible phase, then how many capitals, then how many changes.

The changes make a tally that of one state: cells that changed and now count the same as before are told apart. So what
was read belongs together exactly when the tallies are equal; and when they are not, the one with more changes is newer.
"""

EMPTY_TALLY: Tally = (0,) * COLUMNS


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list shows: which cells, and which columns of a tally count them."""

    characters: frozenset[str]
    columns: tuple[int, ...]
    moves: bool = False  # whether what is listed moves from one bucket to another: threads do, messages never

    @classmethod
    def phases(cls, phases: Iterable[str]) -> "Wanted":
        """Messages in these phases, whether or not they are the newest of their thread."""
        kept = [phase for phase in phases if phase in PHASES]
        both = frozenset(kept) | frozenset(phase.upper() for phase in kept)
        return cls(both, tuple(PHASES.index(phase) for phase in kept))

    @classmethod
    def threads(cls) -> "Wanted":
        """The newest message of each thread."""
        return cls(frozenset(PHASES.upper()), (_NEWEST,), moves=True)

    def count(self, tally: Tally) -> int:
        return sum(tally[column] for column in self.columns)

    def positions(self, cells: str) -> list[int]:
        """Where in a bucket they stand, newest first."""
        return [position for position in range(len(cells) - 1, -1, -1) if cells[position] in self.characters]


def tally_of(cells: str, changes: int = 0) -> Tally:
    """The tally of a bucket's cells."""
    capitals = [cells.count(phase.upper()) for phase in PHASES]
    counts = (cells.count(phase) + capital for phase, capital in zip(PHASES, capitals, strict=True))
    return (*counts, sum(capitals), changes)


def added(tallies: Iterable[Tally]) -> Tally:
    return tuple(map(sum, zip(EMPTY_TALLY, *tallies, strict=True)))


def packed(tallies: Sequence[Tally]) -> bytes:
    """Tallies as bytes, column by column: 64 of full buckets take about 580."""
    columns = [number for column in zip(*tallies, strict=True) for number in column]
    return zlib.compress(struct.pack(f"<{len(columns)}I", *columns), level=6)


def unpacked(data: bytes) -> list[Tally]:
    plain = zlib.decompress(data)
    numbers = struct.unpack(f"<{len(plain) // 4}I", plain)
    rows = len(numbers) // COLUMNS
    return list(zip(*(numbers[start : start + rows] for start in range(0, len(numbers), rows or 1)), strict=True))


@dataclass(frozen=True, slots=True)
class Pick:
    """A part of something that is counted: leave out its first `skip`, take up to `take` of the rest."""

    number: int
    skip: int
    take: int


def picks(counts: Iterable[tuple[int, int]], skip: int, take: int) -> list[Pick]:
    """Which of the numbered things, each holding so many, a window over all of them lies in."""
    found: list[Pick] = []
    for number, count in counts:
        if take <= 0:
            break
        if skip >= count:
            skip -= count
            continue
        part = min(take, count - skip)
        found.append(Pick(number, skip, part))
        skip, take = 0, take - part
    return found
