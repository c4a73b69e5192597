"""The send rate and its schedule: one item, a turn of any length for one conditional write.

The schedule is one number, the time up to which all turns are given out (the generic cell rate algorithm of ATM, with no
burst). A turn moves it on. While it lies ahead a turn is appended to it, by addition, so that workers who meet do not
refuse each other; when it lies behind, the turn begins now.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.errors import Unavailable
from chalicelib.operations.ports import SendRate, TurnRefused, TurnTaken
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Refused, Written, update_if
from chalicelib.storage.failures import raises_unavailable, tries
from chalicelib.storage.moments import from_microseconds, length_in_microseconds, to_microseconds
from chalicelib.storage.tables import SendRateItem


@raises_unavailable
@dataclass(frozen=True)
class DynamoSendRates:
    """`operations.ports.SendRates` over the table."""

    def get(self) -> SendRate | None:
        item = _bare_item()
        try:
            item.refresh(consistent_read=True)
        except SendRateItem.DoesNotExist:
            return None
        return _rate(item)

    def put_rate(self, per_second: float, read_at: datetime) -> SendRate:
        at, free_from = to_microseconds(read_at), SendRateItem.free_from
        written = update_if(
            _bare_item(),
            [
                SendRateItem.per_second.set(per_second),
                SendRateItem.read_at.set(at),
                free_from.set(free_from | at),  # if_not_exists
            ],
            SendRateItem.read_at.does_not_exist() | (SendRateItem.read_at <= at),
        )
        if isinstance(written, Refused):
            return _known(written.found)  # somebody asked SES a moment later
        return _rate(written.item)

    def take(self, now: datetime, length: timedelta, latest: datetime, *, is_busy: bool) -> TurnTaken | TurnRefused:
        for _ in tries():
            taken = _append(now, length, latest) if is_busy else _begin(now, length)
            if isinstance(taken, Written):
                rate = _rate(taken.item)
                return TurnTaken(rate.free_from - length, rate)
            rate = _known(taken.found)
            if rate.free_from > latest:
                return TurnRefused(rate)
            is_busy = rate.free_from >= now
        raise Unavailable("Too many workers take turns at once.")

    def slow_down(self, at: datetime, to: float, *, unless_since: datetime) -> SendRate | None:
        slowed_at = SendRateItem.slowed_at
        written = update_if(
            _bare_item(),
            [slowed_at.set(to_microseconds(at)), SendRateItem.slowed_to.set(to)],
            SendRateItem.per_second.exists()
            & (slowed_at.does_not_exist() | (slowed_at < to_microseconds(unless_since))),
        )
        if isinstance(written, Written):
            return _rate(written.item)
        return None if written.found is None else _rate(written.found)


def _append(now: datetime, length: timedelta, latest: datetime) -> Written[SendRateItem] | Refused[SendRateItem]:
    free_from = SendRateItem.free_from
    return update_if(
        _bare_item(),
        [free_from.set(free_from + length_in_microseconds(length))],
        free_from.between(to_microseconds(now), to_microseconds(latest)),
    )


def _begin(now: datetime, length: timedelta) -> Written[SendRateItem] | Refused[SendRateItem]:
    free_from = SendRateItem.free_from
    return update_if(_bare_item(), [free_from.set(to_microseconds(now + length))], free_from < to_microseconds(now))


def _bare_item() -> SendRateItem:
    return SendRateItem(keys.DEPLOYMENT_PARTITION, keys.SEND_RATE)


def _known(found: SendRateItem | None) -> SendRate:
    if found is None:  # the table was emptied beneath a running worker
        raise Unavailable("The send rate is not known.")
    return _rate(found)


def _rate(item: SendRateItem) -> SendRate:
    return SendRate(
        float(item.per_second),
        from_microseconds(item.read_at),
        from_microseconds(item.free_from),
        None if item.slowed_at is None else from_microseconds(item.slowed_at),
        1.0 if item.slowed_to is None else float(item.slowed_to),
    )
