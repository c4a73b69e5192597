"""Times as whole microseconds since the epoch: numbers that DynamoDB compares and adds without loss."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(number: float) -> datetime:
    return _EPOCH + int(number) * _MICROSECOND


def length_in_microseconds(length: timedelta) -> int:
    return length // _MICROSECOND
