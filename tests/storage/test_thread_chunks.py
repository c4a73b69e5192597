"""Which chunk of a thread holds what: every sequence number has one chunk, for good."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.operations.ports import Run
from chalicelib.storage.thread_chunks import Chunk, Chunks

LIMIT = 3


@st.composite
def some_chunks(draw: st.DrawFn) -> Chunks:
    first = draw(st.integers(0, 50))
    starts = [first, *sorted(draw(st.sets(st.integers(first + 1, first + 60), max_size=5)))]
    top = draw(st.integers(starts[-1], starts[-1] + 30))
    return Chunks(first, top, tuple(starts), tuple(draw(st.integers(0, 5)) for _ in starts))


@given(some_chunks(), st.integers(0, 200))
def test_a_sequence_number_lies_in_the_stretch_of_one_chunk_or_is_newer_than_all(chunks: Chunks, sequence: int) -> None:
    if not chunks.may_hold(sequence):
        assert sequence < chunks.first or sequence > chunks.top
        return
    chunk = chunks.holding(sequence)
    end = (*chunks.starts, chunks.top + 1)[chunk.number + 1]
    assert chunk.start == chunks.starts[chunk.number] <= sequence < end


@given(some_chunks(), st.integers(0, 200))
def test_what_is_moved_is_afterwards_found_where_it_was_put(chunks: Chunks, above: int) -> None:
    sequence = chunks.first + above
    chunk = chunks.taking(sequence, LIMIT)
    is_new = chunk.number == len(chunks.starts)
    starts = (*chunks.starts, chunk.start) if is_new else chunks.starts
    counts = (*chunks.counts, 0) if is_new else chunks.counts
    after = Chunks(chunks.first, max(chunks.top, sequence), starts, counts)

    assert after.holding(sequence) == chunk
    assert all(after.holding(older) == chunks.holding(older) for older in range(chunks.first, chunks.top + 1))
    assert is_new == (sequence > chunks.top and chunks.counts[-1] >= LIMIT)


def test_the_first_chunk_starts_with_the_thread() -> None:
    assert Chunks(3, 2, (), ()).taking(17, LIMIT) == Chunk(0, 3)
    assert Chunks(3, 2, (), ()).runs() == ()


@given(some_chunks())
def test_runs_are_the_stretches_of_the_chunks_that_hold_anything(chunks: Chunks) -> None:
    runs = chunks.runs()
    assert [run.count for run in runs] == [count for count in chunks.counts if count]
    for run in runs:
        assert {chunks.holding(sequence).start for sequence in (run.first, run.last)} == {run.first}


@given(some_chunks(), st.integers(-3, 40))
def test_the_newest_runs_hold_enough_and_no_run_too_many(chunks: Chunks, count: int) -> None:
    newest: tuple[Run, ...] = chunks.newest_runs(count)
    held = sum(run.count for run in newest)
    assert held >= min(count, sum(chunks.counts))
    assert not newest or held - newest[-1].count < count
    assert newest == tuple(reversed(chunks.runs()))[: len(newest)]
