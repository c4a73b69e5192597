"""Late notes: what has changed in sealed buckets since they were counted. Pure, apart from DynamoDB.

    F:head    c { 4711: "dc",  90210: "Dd<911402",  90377: "dD>911398" }

    dc          counted as d, complained about since
    Dd<911402   stands for its thread until 911402 is visible: a reply that takes the capital
    dD>911398   stands for its thread once 911398 is visible no more: its deletion gives the capital back

A note with an *heir* says one thing in both directions: of these two messages the heir has the capital while it is
visible, and this one while it is not. So the capital moves in the single write that changes the heir's own cell, in
another item. The sign tells what the heir is about to do, and so when that is done: the note is *decided*, until somebody
deletes the heir, who looks for all such notes first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.storage.cell_pages import EMPTY, Bucket
from chalicelib.storage.tallies import PHASES, Tally, tally_of

COMING, LEAVING = "<", ">"


def is_visible(character: str) -> bool:
    """Whether a message with this cell can be seen."""
    return character.lower() in PHASES


@dataclass(frozen=True, slots=True)
class Note:
    """One cell of a sealed bucket: as it is counted there, and as it is."""

    counted: str
    now: str  # with an heir, its case depends on that
    heir: int | None = None
    is_leaving: bool = False  # what the heir is about to do

    def cell(self, heir: str) -> str:
        """The cell as it is when the heir's is this one."""
        if self.heir is None or not is_visible(self.now):
            return self.now
        return self.now.lower() if is_visible(heir) else self.now.upper()

    def is_decided(self, heir: str) -> bool:
        """Whether it stays as it is."""
        if self.heir is None:
            return True
        return heir != EMPTY and not (self.is_leaving and is_visible(heir))

    def settled(self, heir: str) -> "Note":
        return Note(self.counted, self.cell(heir))

    @property
    def change(self) -> Tally:
        """What it adds to the tally of its bucket, once settled."""
        return tuple(now - counted for now, counted in zip(tally_of(self.now), tally_of(self.counted), strict=True))


def note_from(text: str) -> Note:
    heir = int(text[3:]) if len(text) > 2 else None
    return Note(text[0], text[1], heir, is_leaving=text[2:3] == LEAVING)


def note_text(note: Note) -> str:
    sign = LEAVING if note.is_leaving else COMING
    return note.counted + note.now + ("" if note.heir is None else f"{sign}{note.heir}")


def settled(notes: Mapping[int, Note], cell: Callable[[int], str]) -> dict[int, Note]:
    """The notes as they are when the cells of their heirs are these."""
    return {sequence: note if note.heir is None else note.settled(cell(note.heir)) for sequence, note in notes.items()}


def laid_over(bucket: Bucket, notes: Mapping[int, Note]) -> Bucket:
    """A sealed bucket with settled notes on it; one whose cell is not as counted has been written there meanwhile."""
    cells = list(bucket.cells)
    for sequence, note in notes.items():
        position = sequence - bucket.sequence(0)
        if 0 <= position < len(cells) and cells[position] == note.counted:
            cells[position] = note.now
    return Bucket(bucket.number, "".join(cells), bucket.changes)
