"""A page of a thread is what slicing the list of its visible messages gives, however they lie in runs."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.ids import AccountId, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.thread import Thread
from chalicelib.operations.ports import IndexedMessage, Page, PageRequest, Run, ThreadMembers
from chalicelib.operations.thread_pages import ThreadPage
from tests.factories.accounts import NOON

THREAD = Thread(ThreadKey(7, 0), AccountId("acc_1"), "Lunch", ("ada@example.com",), 0, NOON)
SENT, RESERVED, GONE = MessagePhase.SENT, MessagePhase.RESERVED, MessagePhase.GONE


@dataclass(frozen=True)
class Conversation:
    """A thread: what each run holds, up to where it reaches, and the recent messages with their phases."""

    held: tuple[tuple[Run, tuple[int, ...]], ...]
    recent: Mapping[int, MessagePhase]

    @property
    def members(self) -> ThreadMembers:
        return ThreadMembers(THREAD, tuple(sorted(self.recent)), tuple(run for run, _ in self.held))

    @property
    def visible(self) -> list[int]:
        shown = [sequence for sequence, phase in self.recent.items() if phase.visible]
        return sorted([*shown, *(sequence for _, settled in self.held for sequence in settled)])

    def page(self, request: PageRequest) -> Page[IndexedMessage]:
        wanted = ThreadPage(self.members, request)
        settled = self.settled(wanted)
        phases = {sequence: self.recent.get(sequence, SENT) for sequence in wanted.candidates(settled)}
        return wanted.page(settled, phases)

    def settled(self, wanted: ThreadPage) -> tuple[int, ...]:
        return tuple(sequence for run, settled in self.held if run in wanted.runs for sequence in settled)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    everyone = sorted(draw(st.sets(st.integers(0, 120), max_size=60)))
    recent = {n: draw(st.sampled_from([SENT, SENT, RESERVED, GONE])) for n in everyone if draw(st.booleans())}
    starts = sorted(draw(st.sets(st.integers(0, 100), max_size=6)))
    top = draw(st.integers(starts[-1], 110)) if starts else -1
    held = []
    for start, end in zip(starts, [*starts[1:], top + 1], strict=False):
        settled = tuple(n for n in everyone if start <= n < end and n not in recent)
        if settled:
            held.append((Run(start, end - 1, len(settled)), settled))
    covered = {sequence for _, settled in held for sequence in settled}
    newer = {n: SENT for n in everyone if n not in covered and n not in recent}
    return Conversation(tuple(held), recent | newer)


def sequences(page: Page[IndexedMessage]) -> list[int]:
    return [item.key.sequence for item in page.items]


@given(conversations(), st.integers(1, 12), st.integers(0, 70))
def test_a_page_by_offset_is_a_slice_of_the_visible_messages(thread: Conversation, limit: int, offset: int) -> None:
    page = thread.page(PageRequest(limit, offset))

    assert sequences(page) == thread.visible[offset : offset + limit]
    assert page.total == len(thread.visible)
    assert (page.next_after is not None) == (0 <= offset < len(thread.visible) - limit)


@given(conversations(), st.integers(1, 12), st.integers(0, 121))
def test_a_page_behind_a_cursor_begins_with_the_next_visible_message(
    thread: Conversation, limit: int, after: int
) -> None:
    page = thread.page(PageRequest(limit, after=after))

    begin = bisect_right(thread.visible, after)
    assert sequences(page) == thread.visible[begin : begin + limit]
    assert page.total == len(thread.visible)
    assert (page.next_after is not None) == (begin + limit < len(thread.visible))


@given(conversations(), st.integers(1, 12))
def test_cursors_lead_through_the_whole_thread(thread: Conversation, limit: int) -> None:
    page = thread.page(PageRequest(limit))
    seen = sequences(page)
    while page.next_after is not None:
        page = thread.page(PageRequest(limit, after=page.next_after))
        seen += sequences(page)

    assert seen == thread.visible


@given(conversations(), st.integers(1, 12), st.integers(0, 70), st.none() | st.integers(0, 121))
def test_a_page_needs_few_runs_and_few_phases(thread: Conversation, limit: int, offset: int, after: int | None) -> None:
    wanted = ThreadPage(thread.members, PageRequest(limit, offset if after is None else 0, after))
    late = sum(sequence <= run.last for sequence in thread.recent for run in wanted.members.runs[-1:])

    inner = wanted.runs[1:-1]
    assert sum(run.count for run in inner) < limit + late
    assert len(wanted.candidates(thread.settled(wanted)) - thread.recent.keys()) <= limit + late


@given(conversations(), st.integers(1, 12), st.integers(0, 70), st.data())
def test_a_message_deleted_since_its_run_was_read_is_neither_shown_nor_counted(
    thread: Conversation, limit: int, offset: int, data: st.DataObject
) -> None:
    wanted = ThreadPage(thread.members, PageRequest(limit, offset))
    settled = thread.settled(wanted)
    gone = data.draw(st.sets(st.sampled_from(settled))) if settled else set()
    candidates = wanted.candidates(settled)
    page = wanted.page(settled, {n: GONE if n in gone else thread.recent.get(n, SENT) for n in candidates})

    shown = thread.visible[offset : offset + limit]
    assert sequences(page) == [sequence for sequence in shown if sequence not in gone]
    assert page.total == len(thread.visible) - len(gone.intersection(shown))
    if offset + limit < len(thread.visible):
        assert page.next_after == shown[-1]


def test_a_cursor_goes_on_although_all_of_its_run_was_deleted_since_the_thread_was_read() -> None:
    runs = ((Run(0, 9, 5), (1, 2, 3, 4, 5)), (Run(10, 19, 2), (12, 13)))
    wanted = ThreadPage(Conversation(runs, {}).members, PageRequest(limit=2))

    assert wanted.runs == (runs[0][0],)
    page = wanted.page((), {})
    assert (page.items, page.total, page.next_after) == ((), 2, 9)
