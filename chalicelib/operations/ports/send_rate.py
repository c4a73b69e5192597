"""The pace at which all workers together hand mail to SES."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SendRate:
    """What all workers share; `free_from` is when the next turn begins, and only rises."""

    per_second: float  # recipients SES takes in a second
    read_at: datetime  # when SES said so
    free_from: datetime
    slowed_at: datetime | None = None  # when SES last said: not so fast
    slowed_to: float = 1.0  # the share of the rate that was left to us then


@dataclass(frozen=True, slots=True)
class TurnTaken:
    """Time was set aside, from `starts_at` on."""

    starts_at: datetime
    rate: SendRate


@dataclass(frozen=True, slots=True)
class TurnRefused:
    """Others have set aside all time up to the latest start that was asked for."""

    rate: SendRate


class SendRates(Protocol):
    """The deployment's send rate and its schedule, one item for all workers."""

    def get(self) -> SendRate | None:
        """None before the first `put_rate`."""

    def put_rate(self, per_second: float, read_at: datetime) -> SendRate:
        """Note what SES said; the schedule stays."""

    def take(self, now: datetime, length: timedelta, latest: datetime, *, is_busy: bool) -> TurnTaken | TurnRefused:
        """Set aside the next `length` of time that begins at `now` or later, but not after `latest`.

        Time is given out once, whoever asks and however often a call is repeated; a lost reply loses the time. `is_busy`
        is the caller's guess whether `free_from` lies ahead: a right one saves a call.
        """

    def slow_down(self, at: datetime, to: float, *, unless_since: datetime) -> SendRate | None:
        """Note that SES wants less, unless somebody has noted that since then; the rate as it stands (None: no rate)."""


class SendQuota(Protocol):
    """What SES allows the account."""

    def max_send_rate(self) -> float | None:
        """Recipients a second; None when SES names no limit. Raises `Unavailable` when SES does not tell."""
