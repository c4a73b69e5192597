"""Late notes: who has the capital, when that is decided, and what a bucket shows with notes laid over it."""

import pytest

from chalicelib.storage.cell_pages import Bucket
from chalicelib.storage.late_notes import Note, laid_over, note_from, note_text, settled
from chalicelib.storage.tallies import added, tally_of

pytestmark = pytest.mark.usefixtures("small_buckets")
COMING, LEAVING = Note("D", "D", heir=9), Note("d", "D", heir=9, is_leaving=True)


@pytest.mark.parametrize(
    ("text", "note"),
    [("dc", Note("d", "c")), ("Dx", Note("D", "x")), ("DD<9", COMING), ("dD>9", LEAVING)],
)
def test_a_note_is_read_as_it_was_written(text: str, note: Note) -> None:
    assert note_text(note) == text
    assert note_from(text) == note


@pytest.mark.parametrize(
    ("note", "heir", "cell", "decided"),
    [
        (COMING, "-", "D", False),  # the reply may come or not
        (COMING, "Q", "d", True),
        (COMING, "q", "d", True),  # it came, and has a reply itself
        (COMING, "x", "D", True),  # it was killed
        (LEAVING, "D", "d", False),  # its deletion may have died
        (LEAVING, "x", "D", True),
        (Note("D", "x", heir=9), "-", "x", False),
        (Note("d", "c"), "-", "c", True),
    ],
)
def test_the_capital_is_the_heirs_while_the_heir_is_visible(note: Note, heir: str, cell: str, *, decided: bool) -> None:
    assert note.cell(heir) == cell
    assert note.is_decided(heir) is decided
    assert note.settled(heir) == Note(note.counted, cell)


def test_settled_notes_change_a_tally_as_they_change_the_cells() -> None:
    notes = settled({8: Note("D", "c"), 11: COMING, 13: LEAVING, 14: Note("d", "x")}, {9: "Q"}.__getitem__)
    before = Bucket(1, "D--D-dd-", changes=3)
    after = laid_over(Bucket(1, "D--D-dd-", 3), {8: notes[8], 11: notes[11], 13: notes[13], 14: notes[14]})
    assert (after.cells, after.changes) == ("c--d-dx-", 3)
    assert added([tally_of(before.cells), *(note.change for note in notes.values())]) == tally_of(after.cells)


def test_a_cell_that_is_no_more_as_it_was_counted_was_written_since_and_is_believed() -> None:
    assert laid_over(Bucket(0, "cd", 4), {0: Note("d", "f"), 1: Note("d", "b")}).cells == "cb"
