"""The arithmetic of cell lists: which bucket, which position, which part of a list. Pure, apart from DynamoDB."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

BUCKET_CELLS = 480  # 480 one-character cells and their key stay under 1 KB, one write unit; 490 do not
EMPTY = "-"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sequence number's cell is."""

    bucket: int
    position: int


def place(sequence: int) -> Place:
    return Place(*divmod(sequence, BUCKET_CELLS))


@dataclass(frozen=True, slots=True)
class Bucket:
    """480 cells; cell *i* belongs to sequence number `number` x 480 + *i*."""

    number: int
    cells: str
    changes: int | None = None  # since it was sealed; None: it is open
    joints: Mapping[str, int] = field(
        default_factory=dict
    )  # the last joint change with another (storage/index_front.py)
    ties: int = 0  # changes that another item knows of
    head_version: int = 0  # the newest head that one of these goes by

    @property
    def is_sealed(self) -> bool:
        return self.changes is not None

    def sequence(self, position: int) -> int:
        return self.number * BUCKET_CELLS + position

    def cell(self, sequence: int) -> str:
        return self.cells[sequence - self.number * BUCKET_CELLS]


@dataclass(frozen=True, slots=True)
class Selection:
    """A part of a list: sequence numbers with their cells, newest first; the total of the whole; whether more follow."""

    cells: tuple[tuple[int, str], ...]
    total: int
    more: bool


def select(
    newest_first: Iterable[Bucket], wanted: Collection[str], *, limit: int, offset: int, after: int | None
) -> Selection:
    """The cells of `wanted` characters: `offset` of them skipped, or all those not below sequence number `after`.

    Every bucket is tallied for the total; only those the page touches are walked cell by cell.
    """
    chosen: list[tuple[int, str]] = []
    total = 0
    skip = offset
    more = False
    for bucket in newest_first:
        tally = sum(bucket.cells.count(character) for character in wanted)
        total += tally
        if not tally or (after is not None and bucket.sequence(0) >= after):
            continue
        if after is None and tally <= skip:
            skip -= tally
            continue
        if len(chosen) == limit:
            more = more or after is None or _any_below(bucket, wanted, after)
            continue
        for position in range(BUCKET_CELLS - 1, -1, -1):
            character = bucket.cells[position]
            if character not in wanted or (after is not None and bucket.sequence(position) >= after):
                continue
            if skip:
                skip -= 1
            elif len(chosen) < limit:
                chosen.append((bucket.sequence(position), character))
            else:
                more = True
                break
    return Selection(tuple(chosen), total, more)


def _any_below(bucket: Bucket, wanted: Collection[str], after: int) -> bool:
    return any(
        character in wanted and bucket.sequence(position) < after for position, character in enumerate(bucket.cells)
    )
