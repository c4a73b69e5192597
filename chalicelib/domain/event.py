"""Events: what happened, told once and in one order for each account."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.delivery import EventType
from chalicelib.domain.ids import EventId, MessageKey


@dataclass(frozen=True, slots=True, order=True)
class LogPlace:
    """Where an event stands in its account's log."""

    chunk: int
    index: int


@dataclass(frozen=True, slots=True)
class Event:
    """A change as the log keeps it: what changed and when; what the message says is joined when it is read."""

    id: EventId
    type: EventType
    created_at: datetime  # of the change, to the millisecond
    message: MessageKey | None = None
    subject: str | None = None  # the public id of the inbox, domain or webhook that an event without a message is about


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event with its place."""

    place: LogPlace
    event: Event
