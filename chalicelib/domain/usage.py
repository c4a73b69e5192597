"""What an account used, day by day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

USAGE_KEPT = timedelta(days=400)  # thirteen months, so that a month can be held against that of a year ago


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts of a stretch of time."""

    requests: int = 0  # that came with a valid key and were within its rate
    sends: int = 0  # messages that were accepted
    recipients: int = 0  # of these, without those who were suppressed
    inbound: int = 0  # messages that were received
    bytes_stored: int = 0  # bodies and files of what was sent, whole mails of what came in

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.requests + other.requests,
            self.sends + other.sends,
            self.recipients + other.recipients,
            self.inbound + other.inbound,
            self.bytes_stored + other.bytes_stored,
        )


def total(usages: Iterable[Usage]) -> Usage:
    return sum(usages, Usage())


def every_day(first: date, last: date, known: Mapping[date, Usage]) -> tuple[tuple[date, Usage], ...]:
    """Each day from the first to the last; those on which nothing happened are zeros."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return tuple((day, known.get(day, Usage())) for day in days)


@dataclass(frozen=True, slots=True)
class MessageSize:
    """What a message counts for besides itself."""

    recipients: int
    bytes_stored: int
