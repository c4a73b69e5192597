"""Takes turns in handing mail to SES, so that all workers together keep to the account's maximum send rate.

SES counts recipients, not mails (SES Developer Guide, "Managing your Amazon SES sending limits"), and answers whatever
is above the rate with throttling. The rate is read from SES and shared through the table; so is the schedule of turns.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Protocol

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.log_lines import log_of
from chalicelib.operations.ports import Clock, SendQuota, SendRate, SendRates, TurnTaken

logger = log_of(__name__)

# Turns are even, but the calls that follow them take a little longer or shorter, and SES counts when they arrive.
SHARE = 0.9
RATE_LIFE = timedelta(minutes=15)  # after which SES is asked anew; it changes a rate every few days at most
LOOK_PAUSE = timedelta(minutes=1)  # between questions of one process while SES does not tell
SLOWEST = 0.25  # of the rate, however often SES throttles
SLOW_PAUSE = timedelta(seconds=1)  # in which throttling counts once: ten mails of a batch hear it at the same moment
PROBE_PAUSE = timedelta(minutes=1)  # in which a process does not try again what the account may not send
RECOVERY = timedelta(minutes=2)  # from nothing to the full rate

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Pace(Protocol):
    """What the sender asks for before each call of SES."""

    def is_full(self, patience: timedelta) -> bool:
        """Whether it is known, without asking anybody, that SES takes nothing more so soon."""

    def is_paused(self) -> bool:
        """Whether it is full because SES takes nothing from this account."""

    def turn(self, recipients: int, patience: timedelta) -> bool:
        """Wait for a turn; False when none begins so soon."""

    def slow_down(self) -> None:
        """SES has just said: not so fast."""

    def pause(self) -> None:
        """SES has just said that it takes nothing from this account for now."""


class Unpaced:
    """For a provider without a rate: every turn is now, and nobody is asked."""

    def is_full(self, patience: timedelta) -> bool:  # noqa: ARG002 - never
        return False

    def is_paused(self) -> bool:
        return False

    def turn(self, recipients: int, patience: timedelta) -> bool:  # noqa: ARG002 - at once
        return True

    def slow_down(self) -> None:
        """There is nothing to slow down."""

    def pause(self) -> None:
        """There is nobody who would pause."""


@dataclass
class _Request:
    """A thread that wants a turn."""

    recipients: int
    latest: datetime
    starts_at: datetime | None = None
    is_settled: bool = False
    has_failed: bool = False


class SendPace:
    """Turns by the rate that SES allows.

    The threads of a process ask together: while one of them is at the table the others gather, and the next one takes the
    turns of all who wait. So a batch of ten costs about two writes.
    """

    def __init__(
        self, rates: SendRates, quota: SendQuota, clock: Clock, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._rates = rates
        self._quota = quota
        self._clock = clock
        self._sleep = sleep
        self._known: SendRate | None = None
        self._look_again_at = _LONG_AGO
        self._paused_until = _LONG_AGO
        self._gathered: list[_Request] = []
        self._gathering = Lock()
        self._asking = Lock()

    def is_full(self, patience: timedelta) -> bool:
        known = self._known
        return self.is_paused() or (known is not None and known.free_from > self._clock() + patience)

    def is_paused(self) -> bool:
        return self._clock() < self._paused_until

    def turn(self, recipients: int, patience: timedelta) -> bool:
        request = _Request(recipients, self._clock() + patience)
        with self._gathering:
            self._gathered.append(request)
        with self._asking:
            if not request.is_settled:
                self._settle_gathered()
        if request.has_failed:
            raise Unavailable("The send rate cannot be read right now.")
        if request.starts_at is None:
            return False
        wait = (request.starts_at - self._clock()).total_seconds()
        if wait > 0:
            self._sleep(wait)
        return True

    def slow_down(self) -> None:
        known, now = self._known, self._clock()
        if known is None or (known.slowed_at is not None and now - known.slowed_at < SLOW_PAUSE):
            return
        try:
            self._known = self._rates.slow_down(
                now, max(SLOWEST, _share(known, now) / 2), unless_since=now - SLOW_PAUSE
            )
        except Unavailable as error:
            logger.warning("the send rate could not be lowered: %s", trace_of(error))

    def pause(self) -> None:
        # Each process finds out by itself, so that those who wait cost no more than a probe a minute.
        self._paused_until = self._clock() + PROBE_PAUSE

    def _settle_gathered(self) -> None:
        with self._gathering:
            requests, self._gathered = self._gathered, []
        try:
            self._take(requests)
        except BaseException:
            self._known = None  # perhaps its item is gone; read it anew
            for request in requests:
                request.has_failed = True
            raise
        finally:
            for request in requests:
                request.is_settled = True

    def _take(self, requests: Sequence[_Request]) -> None:
        rate = self._rate()
        while True:
            now = self._clock()
            if rate is None:
                for request in requests:
                    request.starts_at = now
                return
            fitting, offsets, length = _fit(requests, rate, now)
            if not fitting:
                return
            latest = min(request.latest - offset for request, offset in zip(fitting, offsets, strict=True))
            answer = self._rates.take(now, length, latest, is_busy=rate.free_from >= now)
            self._known = rate = answer.rate
            if isinstance(answer, TurnTaken):
                for request, offset in zip(fitting, offsets, strict=True):
                    request.starts_at = answer.starts_at + offset
                return

    def _rate(self) -> SendRate | None:
        """The rate of the deployment, not older than it may be where SES can be asked; None: there is no limit."""
        now = self._clock()
        if _is_fresh(self._known, now) or now < self._look_again_at:
            return self._known
        self._look_again_at = now + LOOK_PAUSE
        self._known = self._rates.get() or self._known
        if not _is_fresh(self._known, now):
            self._ask_ses(now)
        return self._known

    def _ask_ses(self, now: datetime) -> None:
        try:
            per_second = self._quota.max_send_rate()
        except Unavailable as error:
            logger.warning("SES does not tell its maximum send rate; the last one known holds: %s", trace_of(error))
            return
        self._known = None if per_second is None else self._rates.put_rate(per_second, now)


def _is_fresh(rate: SendRate | None, now: datetime) -> bool:
    return rate is not None and now - rate.read_at < RATE_LIFE


def _share(rate: SendRate, now: datetime) -> float:
    """What is used of the rate: less after SES throttled, and then more again from second to second."""
    if rate.slowed_at is None:
        return 1.0
    return min(1.0, rate.slowed_to + max(0.0, (now - rate.slowed_at) / RECOVERY))


def _fit(
    requests: Sequence[_Request], rate: SendRate, now: datetime
) -> tuple[list[_Request], list[timedelta], timedelta]:
    """Whose turn can begin in time if they are taken in one piece; where in it each begins, and its length."""
    begin = max(rate.free_from, now)
    of_one = timedelta(seconds=1 / (rate.per_second * SHARE * _share(rate, now)))
    fitting: list[_Request] = []
    offsets: list[timedelta] = []
    length = timedelta()
    for request in requests:
        if begin + length <= request.latest:
            fitting.append(request)
            offsets.append(length)
            length += request.recipients * of_one
    return fitting, offsets, length
