"""The arithmetic of sealed buckets: tallies count, survive packing, and tell which parts a page lies in."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.message_phase import MessagePhase
from chalicelib.storage.tallies import (
    COLUMNS,
    EMPTY_TALLY,
    PHASES,
    Pick,
    Tally,
    Wanted,
    added,
    packed,
    picks,
    tally_of,
    unpacked,
)

CELLS = st.text(alphabet="-x" + PHASES + PHASES.upper(), max_size=480)
TALLIES = st.lists(st.tuples(*[st.integers(0, 2**32 - 1)] * COLUMNS), max_size=80)
PARTS = st.lists(st.integers(0, 9), max_size=12).map(lambda counts: list(enumerate(counts)))


def test_every_visible_phase_has_a_column() -> None:
    assert sorted(PHASES) == sorted(phase.value for phase in MessagePhase if phase.visible)


@given(CELLS, st.sets(st.sampled_from(PHASES)))
def test_a_tally_counts_the_messages_that_are_wanted(cells: str, phases: set[str]) -> None:
    wanted = Wanted.phases(phases)
    assert wanted.count(tally_of(cells)) == sum(cell.lower() in phases for cell in cells)
    assert wanted.positions(cells) == [n for n in reversed(range(len(cells))) if cells[n].lower() in phases]


@given(CELLS)
def test_a_tally_counts_the_newest_of_each_thread(cells: str) -> None:
    assert Wanted.threads().count(tally_of(cells)) == sum(cell.isupper() for cell in cells)
    assert Wanted.threads().positions(cells) == [n for n in reversed(range(len(cells))) if cells[n].isupper()]


def test_what_is_not_visible_is_never_wanted() -> None:
    wanted = Wanted.phases(phase.value for phase in MessagePhase)
    assert wanted.characters == frozenset(PHASES + PHASES.upper())
    assert tally_of("-x") == EMPTY_TALLY


@given(CELLS, CELLS)
def test_tallies_add_up(some: str, others: str) -> None:
    assert added([tally_of(some), tally_of(others)]) == tally_of(some + others)


@given(CELLS, st.integers(0, 99), st.integers(0, 99))
def test_the_same_cells_after_another_number_of_changes_have_another_tally(cells: str, some: int, others: int) -> None:
    assert (tally_of(cells, some) == tally_of(cells, others)) == (some == others)
    assert Wanted.phases(PHASES).count(tally_of(cells, some)) == Wanted.phases(PHASES).count(tally_of(cells))


@given(TALLIES)
def test_tallies_survive_packing(tallies: list[Tally]) -> None:
    assert unpacked(packed(tallies)) == tallies


@pytest.mark.parametrize("rows", [64, 33])
def test_the_tallies_of_full_buckets_fit_into_one_write_unit(rows: int) -> None:
    """64 buckets of a directory, or the directories of a million messages in the head; the item's keys take 40 bytes."""
    cells = "d" * 300 + "D" * 130 + "b" * 20 + "f" * 9 + "c" * 3 + "r" * 10 + "x" * 8
    rotated = [cells[turn * 7 % 480 : 480 - turn % 31] for turn in range(rows)]
    counts = [tally_of(part, changes=turn % 5) for turn, part in enumerate(rotated)]
    large = [tuple(number * (64 if rows == 33 else 1) for number in tally) for tally in counts]
    assert len(packed(large)) < 900


def window(parts: Sequence[tuple[int, int]], skip: int, take: int) -> list[tuple[int, int]]:
    """The window as (part, place in it) pairs, from the whole list written out."""
    return [(number, place) for number, count in parts for place in range(count)][skip : skip + take]


@given(PARTS, st.integers(0, 120), st.integers(0, 40))
def test_picks_are_the_window(parts: list[tuple[int, int]], skip: int, take: int) -> None:
    found = picks(parts, skip, take)
    assert [(p.number, p.skip + n) for p in found for n in range(p.take)] == window(parts, skip, take)


@given(PARTS, st.integers(0, 120), st.integers(1, 40))
def test_nothing_without_a_match_is_opened(parts: list[tuple[int, int]], skip: int, take: int) -> None:
    assert all(pick.take > 0 for pick in picks(parts, skip, take))


def test_picks_over_the_edge_of_two_parts() -> None:
    assert picks([(9, 3), (8, 0), (7, 5)], 2, 3) == [Pick(9, 2, 1), Pick(7, 0, 2)]
