"""Events for tests."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.domain.delivery import EventType
from chalicelib.domain.event import Event
from chalicelib.domain.ids import MessageKey
from tests.factories.accounts import NOON
from tests.fakes.operations import IDS

INBOX = 7


def make_event(number: int, since: int = 0, at: datetime = NOON, **changes: Any) -> Event:
    """The event that message `number` was sent, looked for from chunk `since` on."""
    made = Event(IDS.event_id(since, number), EventType.SENT, at, MessageKey(INBOX, number))
    return replace(made, **changes)


def since_of(event: Event) -> int:
    """The chunk from which on an event is looked for."""
    return IDS.event_place(event.id)[0]
