"""One message, its timeline and its source."""

from dataclasses import dataclass

from chalicelib.domain.account import Caller
from chalicelib.domain.arrival import Arrival
from chalicelib.domain.delivery import EventType, TimelineEntry, beginning
from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import MessageKey, PublicIds
from chalicelib.domain.log_lines import log_of
from chalicelib.domain.message import Direction, Message
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.abandon_reservation import AbandonReservation
from chalicelib.operations.access import require_message
from chalicelib.operations.compose_outbound import compose_outbound
from chalicelib.operations.delivery_record import new_delivery
from chalicelib.operations.ports import AttachmentStore, MessageIndex, MessageStore, ReceivedMails, SourceLinks

SOURCE_LIMIT = 4 * 1024 * 1024  # bytes that an answer takes; a longer source is read by its link

logger = log_of(__name__)


@dataclass(frozen=True)
class GetMessage:
    """A message as it stands."""

    messages: MessageStore
    index: MessageIndex

    def __call__(self, key: MessageKey, caller: Caller) -> Message:
        # The cell first: it follows the delivery item, so what is read after it holds the reasons for what it shows.
        phase = self.index.phase(key)
        stored = require_message(self.messages, key, caller)
        if not phase.visible:
            raise NotFound
        return Message(stored.content, phase.status, stored.delivery, self.messages.body_urls(stored.content))


@dataclass(frozen=True)
class RecoverMessage:
    """What became of a message whose request died: it, or None and the certainty that it will never exist."""

    get_message: GetMessage
    abandon_reservation: AbandonReservation

    def __call__(self, key: MessageKey, caller: Caller) -> Message | None:
        try:
            return self.get_message(key, caller)
        except NotFound:
            if self.abandon_reservation(key):
                return None
        return self.get_message(key, caller)


@dataclass(frozen=True)
class ListMessageEvents:
    """A message's timeline, in order of occurrence."""

    get_message: GetMessage
    public_ids: PublicIds

    def __call__(self, key: MessageKey, caller: Caller) -> tuple[TimelineEntry, ...]:
        message = self.get_message(key, caller)
        begun, status = EventType.QUEUED, MessageStatus.QUEUED
        if message.content.direction is Direction.INBOUND:
            begun, status = EventType.RECEIVED, MessageStatus.RECEIVED
        accepted = TimelineEntry(
            self.public_ids.event_id(message.content.log_since, beginning(key, begun)),
            begun,
            status,
            message.content.created_at,
        )
        noted = (
            message.delivery.timeline if message.delivery else new_delivery(message.content, self.public_ids).timeline
        )
        return tuple(sorted((accepted, *noted), key=lambda entry: entry.occurred_at))


@dataclass(frozen=True, slots=True)
class SourceLink:
    """Where a source too long for an answer is read, for an hour."""

    url: str


@dataclass(frozen=True)
class ReadRawMessage:
    """The message's RFC 5322 source, byte for byte.

    What was sent is composed again as SES was handed it; of what was received a copy is kept.
    """

    messages: MessageStore
    index: MessageIndex
    mails: ReceivedMails
    public_ids: PublicIds
    attachments: AttachmentStore
    source_links: SourceLinks

    def __call__(self, key: MessageKey, caller: Caller) -> bytes | SourceLink:
        stored = require_message(self.messages, key, caller)
        if not self.index.phase(key).visible:
            raise NotFound
        content = stored.content
        if content.arrival is not None:
            return self._kept(key, content.arrival)
        source = compose_outbound(content, stored.delivery, self.public_ids, self.attachments)
        return source if len(source) <= SOURCE_LIMIT else SourceLink(self.source_links.put(key, source))

    def _kept(self, key: MessageKey, arrival: Arrival) -> bytes | SourceLink:
        if arrival.raw_size > SOURCE_LIMIT:
            return SourceLink(self.mails.copy_url(key))
        copy = self.mails.read_copy(key)
        if copy is None:
            logger.error("the source of a received message is missing in the bucket")
            raise NotFound
        return copy
