"""Whether an endpoint may be called now: a breaker for one that fails, a few slots for one that is slow.

    healthy ──5 failures in a row──▶ open ──its time is over──▶ one probe ──success──▶ healthy
                                      ▲                            └─ failure ─┐
                                      └──── twice as long, up to 15 min ◀──────┘
    healthy ──time-out, or an answer that took over 2 s──▶ slow: at most 3 calls at once ──an hour of quick ones──▶ healthy
    healthy ──a call is under way for 2 s──▶ slow for 20 s

A healthy endpoint has no state at all, so it costs no writes.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FAILURES_IN_A_ROW = 5
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=15)
SLOW_CALL = timedelta(seconds=2)
SLOW_FOR = timedelta(
    hours=1
)  # so long, because each first call of one that is slow holds a worker of those that are not
STALLED_FOR = timedelta(seconds=20)  # until the calls under way have come to an end and told how it is
SLOTS = 3
LEASE = timedelta(seconds=30)
"""How long a call may hold a slot; it is over after 15 s, unless its process died."""
HOPELESS_AFTER = timedelta(days=5)
LONGEST_SILENCE = timedelta(hours=30)
"""Between two failures of one stretch: the longest pause between attempts is 26.4 hours. Longer ones say nothing of what was
between them."""


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """What is known of an endpoint in trouble. The state without any trouble is the default."""

    failures: int = 0  # in a row
    failing_since: datetime | None = None  # the first of failures that followed one upon the other, without a success
    failed_at: datetime | None = None  # the last of them
    open_until: datetime | None = None
    pause: timedelta = timedelta()  # how long it was open the last time
    slow_until: datetime | None = None
    leases: tuple[datetime, ...] = ()  # when each call that holds a slot has to be over
    line_due_at: datetime | None = None  # when those who wait are looked after; None: nobody waits
    version: int = 0  # of the stored item; 0: not stored

    @property
    def is_healthy(self) -> bool:
        return replace(self, version=0) == EndpointHealth()

    def is_slow(self, now: datetime) -> bool:
        return self.slow_until is not None and now < self.slow_until

    def free_slots(self, now: datetime) -> int | None:
        """How many more calls may go out now; None: any number."""
        if self.open_until is not None:
            return 0 if now < self.open_until else max(0, 1 - len(self.held(now)))
        if self.is_slow(now):
            return max(0, SLOTS - len(self.held(now)))
        return None

    def taking_slot(self, now: datetime) -> "EndpointHealth":
        """With one more slot taken; its lease, the last one, is given back at the end of the call."""
        return replace(self, leases=(*self.held(now), now + LEASE))

    def without_slot(self, lease: datetime | None) -> "EndpointHealth":
        """A call is over: the slot that it took is free, and no other's."""
        if lease not in self.leases:
            return self  # it took none, for the endpoint was healthy; or it has lapsed
        place = self.leases.index(lease)
        return replace(self, leases=self.leases[:place] + self.leases[place + 1 :])

    def stalled(self, now: datetime) -> "EndpointHealth":
        """Calls are under way that get no answer, and more want to follow."""
        return replace(self, slow_until=max(self.slow_until or now, now + STALLED_FOR))

    def after_success(self, now: datetime, took: timedelta, lease: datetime | None = None) -> "EndpointHealth":
        """The endpoint has answered a call, which held a slot if it had a lease: the breaker is closed."""
        closed = replace(self, failures=0, failing_since=None, failed_at=None, open_until=None, pause=timedelta())
        return _called(closed.without_slot(lease), now, slow=took > SLOW_CALL)

    def after_failure(
        self, now: datetime, took: timedelta, *, timed_out: bool, lease: datetime | None = None
    ) -> "EndpointHealth":
        """It has not, or not with a 2xx."""
        failures = self.failures + 1
        is_one_stretch = self.failed_at is not None and now - self.failed_at <= LONGEST_SILENCE
        since = self.failing_since if is_one_stretch else None
        failed = replace(self.without_slot(lease), failures=failures, failing_since=since or now, failed_at=now)
        if failures >= FAILURES_IN_A_ROW:
            half_open = self.open_until is not None and now >= self.open_until
            if self.open_until is None or half_open:  # calls that were under way when it opened do not prolong it
                pause = min(LONGEST_PAUSE, self.pause * 2) if self.pause else FIRST_PAUSE
                failed = replace(failed, open_until=now + pause, pause=pause)
        return _called(failed, now, slow=timed_out or took > SLOW_CALL)

    def is_hopeless(self, now: datetime) -> bool:
        """Nothing but failures for five days."""
        since = self.failing_since
        return since is not None and now - since >= HOPELESS_AFTER and self.failures >= FAILURES_IN_A_ROW

    def held(self, now: datetime) -> tuple[datetime, ...]:
        """The slots that are taken."""
        return tuple(lease for lease in self.leases if now < lease)


def _called(health: EndpointHealth, now: datetime, *, slow: bool) -> EndpointHealth:
    """A slow call makes the next ones careful."""
    slow_until = now + SLOW_FOR if slow else health.slow_until if health.is_slow(now) else None
    return replace(health, leases=health.held(now), slow_until=slow_until)
