"""Times as they are stored and shown."""

from datetime import datetime


def to_milliseconds(moment: datetime) -> datetime:
    """What the API can show: the stored and the shown time are the same."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
