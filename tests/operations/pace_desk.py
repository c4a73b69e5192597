"""What a pace stands on: the schedule, a SES that names a rate, a clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from chalicelib.operations.send_pace import SHARE, SendPace
from tests.factories.accounts import NOON
from tests.fakes.clock import FakeClock
from tests.fakes.send_rates import FakeSendQuota, FakeSendRates

RATE = 14.0
SECOND = timedelta(seconds=1)
TURN = SECOND / (RATE * SHARE)
PATIENCE = 10 * SECOND


@dataclass
class Desk:
    """A deployment's schedule, a SES that names a rate, and a clock that moves by what is slept."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(NOON))
    rates: FakeSendRates = field(default_factory=FakeSendRates)
    quota: FakeSendQuota = field(default_factory=lambda: FakeSendQuota(RATE))

    def pace(self, sleep: Callable[[float], None] | None = None) -> SendPace:
        return SendPace(self.rates, self.quota, self.clock, sleep or self.clock.advance)
