"""The send rate and its schedule in memory, and a SES that names a rate."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from chalicelib.domain.errors import Unavailable
from chalicelib.operations.ports import SendRate, TurnRefused, TurnTaken


@dataclass
class FakeSendRates:
    """Behaves as the real one, and counts its calls."""

    rate: SendRate | None = None
    calls: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def get(self) -> SendRate | None:
        self.calls.append("get")
        return self.rate

    def put_rate(self, per_second: float, read_at: datetime) -> SendRate:
        self.calls.append("put_rate")
        with self._lock:
            if self.rate is None:
                self.rate = SendRate(per_second, read_at, free_from=read_at)
            elif self.rate.read_at <= read_at:
                self.rate = replace(self.rate, per_second=per_second, read_at=read_at)
            return self.rate

    def take(self, now: datetime, length: timedelta, latest: datetime, *, is_busy: bool) -> TurnTaken | TurnRefused:
        self.calls.append("take")
        with self._lock:
            rate = self._known()
            if rate.free_from > latest:
                return TurnRefused(rate)
            starts_at = max(rate.free_from, now)
            self.rate = replace(rate, free_from=starts_at + length)
            return TurnTaken(starts_at, self.rate)

    def slow_down(self, at: datetime, to: float, *, unless_since: datetime) -> SendRate | None:
        self.calls.append("slow_down")
        with self._lock:
            if self.rate is not None and (self.rate.slowed_at is None or self.rate.slowed_at < unless_since):
                self.rate = replace(self.rate, slowed_at=at, slowed_to=to)
            return self.rate

    def _known(self) -> SendRate:
        if self.rate is None:
            raise Unavailable("The send rate is not known.")
        return self.rate


@dataclass
class FakeSendQuota:
    """Names a rate, or fails as it is told."""

    per_second: float | None = 14.0
    fails: bool = False
    calls: int = 0

    def max_send_rate(self) -> float | None:
        self.calls += 1
        if self.fails:
            raise Unavailable("SES does not tell")
        return self.per_second
