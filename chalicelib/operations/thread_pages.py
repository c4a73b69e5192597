"""The arithmetic of a thread's pages: which runs one needs, whom to ask the index about, and what is on it.

A thread is a row of segments: one for each run, up to where the next begins, and a last one for all that is newer.

    runs     3 … 2106: 1998 │ 2107 … 4399: 2000 │ 4400 … 5000: 411 │ newer
    recent   17 (leaving)   │                   │                  │ 5001 … 5080

How many of a run's messages come before the page is known from its count, so only the runs that the page touches are
read. Uncertain until the index has answered are the recent messages alone, and nearly all of those are newer than every
run. So the runs are chosen first, with room for either answer, and the index is asked once.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import IndexedMessage, Page, PageRequest, Run, ThreadMembers, ThreadStore

ENOUGH = 32  # recent messages newer than every run: one of them is visible


def newest_sequences(threads: ThreadStore, members: ThreadMembers) -> tuple[int, ...]:
    """The recent messages, and the newest of the runs where many recent ones were deleted."""
    last = members.runs[-1].last if members.runs else -1
    if not members.runs or sum(sequence > last for sequence in members.recent) >= ENOUGH:
        return members.recent
    return tuple(sorted({*members.recent, *threads.newest_members(members.thread.key)}))


@dataclass(frozen=True)
class ThreadPage:
    """One page of a thread's messages, oldest first, before they are read."""

    members: ThreadMembers
    request: PageRequest

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs that the page may touch; they are neighbours."""
        return self.members.runs[self._segments.start : self._segments.stop]

    def candidates(self, settled: Sequence[int]) -> frozenset[int]:
        """The sequence numbers whose phases the page needs; `settled` is what its runs hold."""
        request, first = self.request, self._segments.start
        if request.after is not None:
            start = bisect_right(settled, request.after)
            stop = start + request.limit
        else:
            # The late ones may be visible and take places before the page and on it, or not.
            late = sum(self._segment(sequence) < self._segments.stop for sequence in self.members.recent)
            skipped = self._before[first]
            start, stop = max(0, request.offset - skipped - late), max(0, request.offset + request.limit - skipped)
        return frozenset(settled[start:stop]).union(self.members.recent)

    def page(self, settled: Sequence[int], phases: Mapping[int, MessagePhase]) -> Page[IndexedMessage]:
        """The page, once the phases of the candidates are known."""
        request, touched = self.request, self._segments
        visible = [sequence for sequence in self.members.recent if phases[sequence].visible]
        skipped = self._before[touched.start] + sum(self._segment(sequence) < touched.start for sequence in visible)
        row = sorted({*settled, *(sequence for sequence in visible if self._segment(sequence) in self._row)})
        rest = self._before[-1] - self._before[touched.stop]
        rest += sum(self._segment(sequence) >= self._row.stop for sequence in visible)
        start = request.offset - skipped if request.after is None else bisect_right(row, request.after)
        chosen = row[start : start + request.limit]
        # One that was deleted a moment ago may still have been in its run: it is left out, and not counted.
        inbox_number = self.members.thread.key.inbox_number
        items = tuple(
            IndexedMessage(MessageKey(inbox_number, sequence), phases[sequence])
            for sequence in chosen
            if phases[sequence].visible
        )
        next_after = None
        if rest or start + len(chosen) < len(row):
            next_after = chosen[-1] if chosen else self.runs[-1].last  # all of these runs were deleted a moment ago
        return Page(items, skipped + len(row) + rest - (len(chosen) - len(items)), next_after)

    @cached_property
    def _before(self) -> tuple[int, ...]:
        """How many messages of runs come before each segment."""
        return tuple(accumulate((run.count for run in self.members.runs), initial=0))

    @cached_property
    def _segments(self) -> range:
        """The segments of the runs that the page may touch; behind the last run when it touches none."""
        after, limit = self.request.after, self.request.limit
        runs = self.members.runs
        if after is None:
            return self._segments_at(self.request.offset)
        first = stop = self._segment(after)
        sure = 0  # so many messages newer than `after` at least
        while stop < len(runs) and sure < limit:
            run = runs[stop]
            sure += run.count if stop > first else max(0, run.count - max(0, after + 1 - run.first))
            stop += 1
        return range(first, stop)

    def _segments_at(self, offset: int) -> range:
        late = [0] * (len(self.members.runs) + 1)
        for sequence in self.members.recent:
            late[self._segment(sequence)] += 1
        highest_ends = [settled + ours for settled, ours in zip(self._before[1:], accumulate(late[:-1]), strict=True)]
        first = bisect_right(highest_ends, offset)
        stop = sum(begin < offset + self.request.limit for begin in self._before[:-1])
        return range(first, max(first, stop))

    @cached_property
    def _row(self) -> range:
        """The segments whose messages are known once the runs are read: the last one needs no reading."""
        runs = len(self.members.runs)
        return range(self._segments.start, runs + 1 if self._segments.stop == runs else self._segments.stop)

    def _segment(self, sequence: int) -> int:
        runs = self.members.runs
        if not runs or sequence > runs[-1].last:
            return len(runs)
        return max(0, bisect_right(runs, sequence, key=lambda run: run.first) - 1)
