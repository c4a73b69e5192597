"""What the sender writes into a message's delivery item, beside SES's events."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.delivery import DeliveryReport, EventType, MessageDelivery, Reason, event_type
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import Clock, MessageStore, SesAcceptance, StoredMessage, VersionConflict
from chalicelib.operations.send_reasons import Wait
from chalicelib.operations.show_status import ShowStatus

logger = logging.getLogger(__name__)

UNDECIDED = frozenset({MessageStatus.QUEUED, MessageStatus.SENDING})

Change = Callable[[MessageDelivery], MessageDelivery]
Save = Callable[[MessageKey, MessageDelivery], MessageDelivery]


@dataclass(frozen=True)
class DeliveryRecord:
    """Records and shows; events may have written to the item since it was read, and what they told stays."""

    messages: MessageStore
    show_status: ShowStatus
    clock: Clock

    def accepted(self, key: MessageKey, delivery: MessageDelivery, acceptance: SesAcceptance) -> None:
        """SES has taken the mail that was composed with this delivery's headers."""
        report = about_all(
            key, EventType.SENT, DeliveryStatus.SENT, self.clock(), ses_message_id=acceptance.ses_message_id
        )

        def change(known: MessageDelivery) -> MessageDelivery:
            return replace(
                known.apply(report)[0],
                ses_message_id=acceptance.ses_message_id,
                message_id_header=acceptance.message_id_header,
                # Another worker may have saved what *it* composed; these are the headers SES was handed.
                in_reply_to=delivery.in_reply_to,
                references=delivery.references,
            )

        self._record(key, delivery, change, self.messages.save_acceptance)

    def failed(self, key: MessageKey, delivery: MessageDelivery, reason: Reason) -> None:
        report = about_all(key, EventType.FAILED, DeliveryStatus.FAILED_LOCALLY, self.clock(), reason=reason)
        self._record(key, delivery, lambda known: known.apply(report)[0], self.messages.save_delivery)

    def waits(self, key: MessageKey, delivery: MessageDelivery, why: Wait, status: DeliveryStatus) -> None:
        """Into the timeline, with the status in which the message waits, once for each reason."""
        noted = waiting(key, delivery, why, status, self.clock())
        if noted == delivery:
            return
        try:
            self.messages.save_delivery(key, noted)
        except VersionConflict:
            logger.info("a message moved on before its waiting was noted")

    def _record(self, key: MessageKey, known: MessageDelivery, change: Change, save: Save) -> None:
        while True:
            try:
                saved = save(key, change(known))
                break
            except VersionConflict:
                current = self.messages.get_delivery(key)
                if current is None:
                    return  # deleted meanwhile
                known = current
        self.show_status(key, known.message_status, saved)


def known_or_new(stored: StoredMessage) -> MessageDelivery:
    recipients = [mailbox.address for _, mailbox in stored.content.recipients]
    return stored.delivery or MessageDelivery.begin(recipients, stored.content.created_at)


def waiting(
    key: MessageKey, delivery: MessageDelivery, why: Wait, status: DeliveryStatus, at: datetime
) -> MessageDelivery:
    """With the reason of a wait in its timeline."""
    return delivery.apply(about_all(key, event_type(status.shown), status, at, reason=why.value))[0]


def about_all(
    key: MessageKey,
    event_type: EventType,
    status: DeliveryStatus,
    at: datetime,
    *,
    reason: Reason | None = None,
    ses_message_id: str | None = None,
) -> DeliveryReport:
    """News of our own about every recipient."""
    return DeliveryReport(
        key, event_type, status, at, every_recipient=True, reason=reason, ses_message_id=ses_message_id
    )
