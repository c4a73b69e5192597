"""Which part of a cell list a page is, against a list that is simply filtered and cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.storage.cell_pages import BUCKET_CELLS, EMPTY, Bucket, Place, Selection, place, select

LETTERS = "-xqQdD"


@st.composite
def cell_lists(draw: st.DrawFn) -> list[Bucket]:
    """Up to five buckets, newest first, some numbers missing; long runs and rare letters both occur."""
    numbers = draw(st.lists(st.integers(0, 7), max_size=5, unique=True))
    return [Bucket(number, draw(cells())) for number in sorted(numbers, reverse=True)]


def cells() -> st.SearchStrategy[str]:
    runs = st.lists(st.tuples(st.sampled_from(LETTERS), st.integers(1, 300)), min_size=1, max_size=12)
    return runs.map(lambda parts: ("".join(letter * count for letter, count in parts) + EMPTY * 480)[:BUCKET_CELLS])


def naive(buckets: list[Bucket], wanted: frozenset[str], *, limit: int, offset: int, after: int | None) -> Selection:
    everything = [
        (bucket.number * BUCKET_CELLS + position, letter)
        for bucket in buckets
        for position, letter in reversed(list(enumerate(bucket.cells)))
        if letter in wanted
    ]
    rest = [cell for cell in everything if after is None or cell[0] < after][offset:]
    return Selection(tuple(rest[:limit]), len(everything), more=len(rest) > limit)


@given(
    buckets=cell_lists(),
    wanted=st.frozensets(st.sampled_from(LETTERS)),
    limit=st.integers(1, 100),
    offset=st.one_of(st.just(0), st.integers(0, 2_400)),
    after=st.one_of(st.none(), st.integers(0, 8 * BUCKET_CELLS)),
)
def test_a_selection_is_the_filtered_list_cut(
    buckets: list[Bucket], wanted: frozenset[str], limit: int, offset: int, after: int | None
) -> None:
    expected = naive(buckets, wanted, limit=limit, offset=offset, after=after)
    assert select(buckets, wanted, limit=limit, offset=offset, after=after) == expected


@given(buckets=cell_lists(), wanted=st.frozensets(st.sampled_from(LETTERS), min_size=1), limit=st.integers(1, 100))
def test_pages_one_after_the_other_are_the_whole_list(
    buckets: list[Bucket], wanted: frozenset[str], limit: int
) -> None:
    read: list[tuple[int, str]] = []
    after: int | None = None
    for _ in range(8 * BUCKET_CELLS // limit + 2):
        page = select(buckets, wanted, limit=limit, offset=0, after=after)
        read.extend(page.cells)
        if not page.more:
            break
        after = page.cells[-1][0]
    assert read == list(naive(buckets, wanted, limit=10_000, offset=0, after=None).cells)


@pytest.mark.parametrize("offset", [0, 1, 479, 480, 481, 959, 960])
def test_offsets_at_the_edges_of_full_buckets(offset: int) -> None:
    buckets = [Bucket(1, "q" * BUCKET_CELLS), Bucket(0, "q" * BUCKET_CELLS)]
    page = select(buckets, {"q"}, limit=1, offset=offset, after=None)
    assert page.cells == (((959 - offset, "q"),) if offset < 960 else ())
    assert (page.total, page.more) == (960, offset < 959)


@given(st.integers(0, 2**36 - 1))
def test_every_sequence_number_has_one_place(sequence: int) -> None:
    found = place(sequence)
    assert 0 <= found.position < BUCKET_CELLS
    assert Bucket(found.bucket, "").sequence(found.position) == sequence


def test_places_at_the_edges() -> None:
    assert [place(sequence) for sequence in (0, 479, 480)] == [Place(0, 0), Place(0, 479), Place(1, 0)]
