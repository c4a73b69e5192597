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
COLUMNS = len(PHASES) + 1

Tally = tuple[int, ...]
"""How many of each visible phase, then how many capitals."""

EMPTY_TALLY: Tally = (0,) * COLUMNS


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list shows: which cells, and which columns of a tally count them."""

    characters: frozenset[str]
    columns: tuple[int, ...]

    @classmethod
    def phases(cls, phases: Iterable[str]) -> "Wanted":
        """Messages in these phases, whether or not they are the newest of their thread."""
        kept = [phase for phase in phases if phase in PHASES]
        both = frozenset(kept) | frozenset(phase.upper() for phase in kept)
        return cls(both, tuple(PHASES.index(phase) for phase in kept))

    @classmethod
    def threads(cls) -> "Wanted":
        """The newest message of each thread."""
        return cls(frozenset(PHASES.upper()), (_NEWEST,))

    def count(self, tally: Tally) -> int:
        return sum(tally[column] for column in self.columns)

    def positions(self, cells: str) -> list[int]:
        """Where in a bucket they stand, newest first."""
        return [position for position in range(len(cells) - 1, -1, -1) if cells[position] in self.characters]


def tally_of(cells: str) -> Tally:
    """The tally of a bucket's cells."""
    capitals = [cells.count(phase.upper()) for phase in PHASES]
    return (*(cells.count(phase) + capital for phase, capital in zip(PHASES, capitals, strict=True)), sum(capitals))


def added(tallies: Iterable[Tally]) -> Tally:
    return tuple(map(sum, zip(EMPTY_TALLY, *tallies, strict=True)))


def packed(tallies: Sequence[Tally]) -> bytes:
    """Tallies as bytes: two for each number (a directory holds at most 30,720 messages), compressed, mostly zeros."""
    numbers = [number for tally in tallies for number in tally]
    return zlib.compress(struct.pack(f"<{len(numbers)}H", *numbers), level=6)


def unpacked(data: bytes) -> list[Tally]:
    plain = zlib.decompress(data)
    numbers = struct.unpack(f"<{len(plain) // 2}H", plain)
    return [tuple(numbers[start : start + COLUMNS]) for start in range(0, len(numbers), COLUMNS)]


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
