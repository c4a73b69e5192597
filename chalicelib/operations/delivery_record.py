"""What the sender writes into a message's delivery item, beside SES's events."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.delivery import (
    Begun,
    DeliveryReport,
    EventType,
    MessageDelivery,
    NameEvent,
    Reason,
    event_type,
)
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import MessageKey, PublicIds
from chalicelib.domain.log_lines import log_of
from chalicelib.domain.message import MessageContent
from chalicelib.domain.suppression import SUPPRESSED
from chalicelib.operations.note_progress import NoteProgress
from chalicelib.operations.ports import Clock, MessageStore, SesAcceptance, StoredMessage, VersionConflict
from chalicelib.operations.send_reasons import OUTCOME_UNKNOWN_SUPPRESSED, Wait, unknown_all_the_same
from chalicelib.operations.show_status import ShowStatus
from chalicelib.operations.tell_events import TellEvents

logger = log_of(__name__)

Change = Callable[[MessageDelivery], MessageDelivery]
Save = Callable[[MessageKey, MessageDelivery], MessageDelivery]


@dataclass(frozen=True)
class DeliveryRecord:
    """Records, shows and tells; events may have written to the item since it was read, and what they told stays."""

    messages: MessageStore
    show_status: ShowStatus
    tell: TellEvents
    progress: NoteProgress
    clock: Clock

    def accepted(self, key: MessageKey, delivery: MessageDelivery, acceptance: SesAcceptance) -> None:
        """SES has taken the mail that was composed with this delivery's headers."""
        report = about_all(
            key, EventType.SENT, DeliveryStatus.SENT, self.clock(), ses_message_id=acceptance.ses_message_id
        )

        def change(known: MessageDelivery) -> MessageDelivery:
            return replace(
                known.apply(report, self.tell.naming(known))[0],
                ses_message_id=acceptance.ses_message_id,
                message_id_header=acceptance.message_id_header,
                # Another worker may have saved what *it* composed; these are the headers SES was handed.
                in_reply_to=delivery.in_reply_to,
                references=delivery.references,
            )

        self._record(key, delivery, change, self.messages.save_acceptance)

    def failed(self, key: MessageKey, delivery: MessageDelivery, reason: Reason) -> None:
        """It is not sent; of one that SES was handed before without an answer that is not known."""
        if delivery.resent_at is not None:
            reason = unknown_all_the_same(reason)
        report = about_all(key, EventType.FAILED, DeliveryStatus.FAILED_LOCALLY, self.clock(), reason=reason)

        def change(known: MessageDelivery) -> MessageDelivery:
            return known.apply(report, self.tell.naming(known))[0]

        self._record(key, delivery, change, self.messages.save_delivery)

    def known(self, key: MessageKey, delivery: MessageDelivery) -> None:
        """What was recorded before, perhaps by a worker that died over it, is shown and told."""
        self.show_status(key, delivery.message_status, delivery)
        self.tell.sender(key, delivery)

    def waits(self, key: MessageKey, delivery: MessageDelivery, why: Wait, status: DeliveryStatus) -> None:
        """Into the timeline, with the status in which the message waits, once for each reason; what led there is told."""
        noted = self.waiting(key, delivery, why, status)
        try:
            if noted != delivery:
                self.messages.save_delivery(key, noted)
        except VersionConflict:
            logger.info("a message moved on before its waiting was noted")
        self.tell.sender(key, delivery)

    def waiting(self, key: MessageKey, delivery: MessageDelivery, why: Wait, status: DeliveryStatus) -> MessageDelivery:
        """With the reason of a wait in its timeline."""
        report = about_all(key, event_type(status.shown), status, self.clock(), reason=why.value)
        return delivery.apply(report, self.tell.naming(delivery))[0]

    def left_out(
        self, key: MessageKey, delivery: MessageDelivery, suppressed: Collection[str]
    ) -> MessageDelivery | None:
        """Recipients that were suppressed since the message was accepted get no mail; the rest is still to be sent.

        Only for who holds the mark of submitting: a rival may have handed it over. None: deleted meanwhile.
        """
        at = self.clock()

        def change(known: MessageDelivery) -> MessageDelivery:
            return without(key, known, suppressed, at, self.tell.naming(known))

        found = self._save(key, delivery, change, self.messages.save_delivery)
        if found is None:
            return None
        before, saved = found
        if not saved.is_undecided:  # nobody is left to write to
            self.show_status(key, before.message_status, saved)
            self.tell.sender(key, saved)
        return saved

    def unknown_for(self, key: MessageKey, delivery: MessageDelivery, recipient: str) -> MessageDelivery:
        """With this recipient left out of what is handed over once more: whether the first mail went is not known."""
        report = DeliveryReport(
            key,
            EventType.FAILED,
            DeliveryStatus.FAILED,  # SES's news of the second call is about the others and does not raise it
            self.clock(),
            recipient,
            reason=OUTCOME_UNKNOWN_SUPPRESSED,
        )
        return delivery.apply(report, self.tell.naming(delivery))[0]

    def _record(self, key: MessageKey, known: MessageDelivery, change: Change, save: Save) -> None:
        if (found := self._save(key, known, change, save)) is not None:
            before, saved = found
            self.show_status(key, before.message_status, saved)
            self.tell.sender(key, saved)

    def _save(
        self, key: MessageKey, known: MessageDelivery, change: Change, save: Save
    ) -> tuple[MessageDelivery, MessageDelivery] | None:
        """What was changed and what it became; None: deleted meanwhile."""
        while True:
            try:
                saved = save(key, change(known))
            except VersionConflict:
                current = self.messages.get_delivery(key)
                if current is None:
                    return None
                known = current
            else:
                self.progress.delivery(key, known, saved, self.clock())
                return known, saved


def known_or_new(stored: StoredMessage, ids: PublicIds) -> MessageDelivery:
    return stored.delivery or new_delivery(stored.content, ids)


def new_delivery(content: MessageContent, ids: PublicIds) -> MessageDelivery:
    """As the message was accepted, the same each time: every recipient queued, but for those who were suppressed."""
    recipients = [mailbox.address for _, mailbox in content.recipients]
    delivery = MessageDelivery.begin(recipients, content.created_at, begun(content))
    return without(
        content.key,
        delivery,
        content.suppressed,
        content.created_at,
        lambda change: ids.event_id(content.log_since, change),
    )


def without(
    key: MessageKey, delivery: MessageDelivery, suppressed: Collection[str], at: datetime, name: NameEvent
) -> MessageDelivery:
    """With these recipients suppressed, unless it is too late for them."""
    for address in suppressed:
        report = DeliveryReport(key, EventType.FAILED, DeliveryStatus.FAILED, at, address, reason=SUPPRESSED)
        delivery, _ = delivery.apply(report, name)
    return delivery


def begun(content: MessageContent) -> Begun:
    return Begun(content.account_id, content.created_at, content.log_since)


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
