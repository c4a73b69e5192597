"""What SES sees of a sender: how many recipients arrive in any second."""

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate

SECOND = timedelta(seconds=1)


@dataclass
class SesMeter:
    """Notes arrivals in the order of time."""

    arrivals: list[tuple[datetime, int]] = field(default_factory=list)

    def note(self, at: datetime, recipients: int = 1) -> None:
        self.arrivals.append((at, recipients))

    def busiest_second(self) -> int:
        """The most recipients in any window of a second."""
        moments = [at for at, _ in self.arrivals]
        assert moments == sorted(moments)
        sums = [0, *accumulate(recipients for _, recipients in self.arrivals)]
        return max(sums[bisect_left(moments, at + SECOND)] - sums[index] for index, at in enumerate(moments))

    def largest_debt(self, per_second: float) -> float:
        """How far a bucket that holds one second of the rate, and lets a mail through while it is not empty, goes down."""
        level, last = per_second, self.arrivals[0][0]
        lowest = level
        for at, recipients in self.arrivals:
            level = min(per_second, level + (at - last) / SECOND * per_second)
            lowest, last = min(lowest, level), at
            level -= recipients
        return lowest
