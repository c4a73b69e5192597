"""Events: what happened, told once and in one order for each account."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.delivery import EventType, TimelineEntry
from chalicelib.domain.ids import EventId, InvalidId, MessageKey, inbox_number


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


def inbox_of(event: Event) -> int | None:
    """The number of the inbox that an event is about, if it is about one."""
    if event.message is not None:
        return event.message.inbox_number
    try:
        return inbox_number(event.subject or "")
    except InvalidId:
        return None


def is_told(entry: TimelineEntry) -> bool:
    """Whether an entry of a timeline is an event: a change, or a notice of SES's that the mail is delayed."""
    return entry.type is not EventType.SENDING and (entry.is_change or entry.type is EventType.DELAYED)


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event with its place."""

    place: LogPlace
    event: Event
