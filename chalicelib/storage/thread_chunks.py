"""The arithmetic of a thread's chunks: which stretch of sequence numbers each holds. Pure, apart from DynamoDB."""

from bisect import bisect_right
from dataclasses import dataclass

from chalicelib.operations.ports import Run


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk's place in the thread's lists, and its first sequence number, by which its item is named."""

    number: int
    start: int


@dataclass(frozen=True, slots=True)
class Chunks:
    """Where each chunk starts, how many it holds, and `top`, the newest sequence number that was ever moved to one.

    A chunk reaches to the start of the next, the last one to `top`. Starts never change, so neither does the chunk of
    a sequence number up to `top`. The first one starts with the thread.
    """

    first: int
    top: int
    starts: tuple[int, ...]
    counts: tuple[int, ...]

    def may_hold(self, sequence: int) -> bool:
        """Whether the sequence number lies in the stretch of a chunk."""
        return self.first <= sequence <= self.top

    def holding(self, sequence: int) -> Chunk:
        """The chunk in whose stretch it lies."""
        number = bisect_right(self.starts, sequence) - 1
        return Chunk(number, self.starts[number])

    def taking(self, sequence: int, limit: int) -> Chunk:
        """The chunk it is to be moved to: the one it lies in; newer than all, the last one or, when full, a new one."""
        if self.may_hold(sequence):
            return self.holding(sequence)
        if not self.starts:
            return Chunk(0, self.first)
        if self.counts[-1] < limit:
            return Chunk(len(self.starts) - 1, self.starts[-1])
        return Chunk(len(self.starts), sequence)

    def runs(self) -> tuple[Run, ...]:
        """What they hold, empty ones left out."""
        if not self.starts:
            return ()
        ends = (*self.starts[1:], self.top + 1)
        stretches = zip(self.starts, ends, self.counts, strict=True)
        return tuple(Run(start, end - 1, count) for start, end, count in stretches if count)

    def newest_runs(self, count: int) -> tuple[Run, ...]:
        """The newest ones that hold `count` members together, or all there are."""
        wanted: list[Run] = []
        for run in reversed(self.runs()):
            if count <= 0:
                break
            wanted.append(run)
            count -= run.count
        return tuple(wanted)
