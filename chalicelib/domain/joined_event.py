"""An event together with what it is about, as it stands when the event is read."""

from dataclasses import dataclass

from chalicelib.domain.delivery import TimelineEntry
from chalicelib.domain.event import Event
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.message import Message
from chalicelib.domain.own_domain import Domain
from chalicelib.domain.webhook import Webhook


@dataclass(frozen=True, slots=True)
class JoinedEvent:
    """`message` is what the event of a message is about, `subject` what another is; None: it was deleted."""

    event: Event
    message: Message | None = None
    subject: Inbox | Domain | Webhook | None = None

    @property
    def is_deleted(self) -> bool:
        return self.message is None and self.subject is None

    @property
    def entry(self) -> TimelineEntry | None:
        """What the message's timeline says of it; None: it tells the beginning of the message."""
        delivery = self.message.delivery if self.message else None
        return next((entry for entry in delivery.timeline if entry.id == self.event.id), None) if delivery else None
