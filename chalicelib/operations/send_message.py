"""Hand a queued message to SES: claim, compose, mark, send, record.

A crash between SES's acceptance and our record of it is the one moment in which a message could be sent twice, for
SES knows no idempotency token. So the mark SUBMITTING goes before the call, and whoever finds that mark without a
result never sends: only evidence moves the message on (the product's lifecycle page, section 3).
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib.domain.delivery import DeliveryReport, EventType, MessageDelivery, Reason, event_type
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey, PublicIds
from chalicelib.domain.message import MessageContent
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.mime.compose import ComposeError
from chalicelib.operations.abandon_reservation import AbandonReservation
from chalicelib.operations.compose_outbound import compose_outbound
from chalicelib.operations.ports import (
    AttachmentStore,
    Clock,
    Envelope,
    MailProvider,
    MessageIndex,
    MessageStore,
    SendJob,
    SendNotReached,
    SendOutcomeUnknown,
    SendPaused,
    SendQueue,
    SendRefused,
    SendThrottled,
    SesAcceptance,
    SesMessageIds,
    StoredMessage,
    VersionConflict,
)
from chalicelib.operations.reply_headers import ReplyHeaders, SettleReplyHeaders
from chalicelib.operations.send_reasons import OUTCOME_UNKNOWN, SENDING_PAUSED, Wait
from chalicelib.operations.sending_room import SendingRoom
from chalicelib.operations.show_status import ShowStatus

logger = logging.getLogger(__name__)

GROWING_DELAYS = (1, 2, 4, 8, 15, 30, 60)  # seconds; the last one goes on
PARENT_PATIENCE = timedelta(seconds=30)  # for which a reply waits for the Message-ID that SES gives its parent
PAUSE_DELAY = 60  # seconds between probes while the account may not send
PAUSE_LIMIT = timedelta(hours=24)
RIVAL_DELAY = 30  # seconds until a job that met another worker of its message looks again
DELAY_LIMIT = 900  # seconds; SQS's longest delay
COMMIT_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4)  # seconds between looks for a message that is not committed yet
UNCOMMITTED_DELAY = 2  # seconds until a job whose message is not committed yet comes back

_UNDECIDED = frozenset({MessageStatus.QUEUED, MessageStatus.SENDING})


@dataclass(frozen=True)
class SendMessage:
    """Do one send job. The store is the truth and the job a hint: repeating it is harmless."""

    messages: MessageStore
    attachments: AttachmentStore
    index: MessageIndex
    ses_message_ids: SesMessageIds
    provider: MailProvider
    send_queue: SendQueue
    show_status: ShowStatus
    abandon_reservation: AbandonReservation
    settle_reply_headers: SettleReplyHeaders
    public_ids: PublicIds
    clock: Clock
    evidence_window: timedelta
    outcome_unknown_after: timedelta
    abandon_after: timedelta
    sleep: Callable[[float], None] = time.sleep
    room: SendingRoom = field(default_factory=SendingRoom)

    def __call__(self, job: SendJob) -> None:
        claimable = {MessagePhase.QUEUED, MessagePhase.CLAIMED}
        phase = self.index.advance(job.message, MessagePhase.CLAIMED, claimable).phase
        for pause in COMMIT_PAUSES:
            if phase is not MessagePhase.RESERVED:
                break
            self.sleep(pause)  # a job is often a few milliseconds faster than the commit of its message
            if self.index.phase(job.message) is not MessagePhase.RESERVED:
                phase = self.index.advance(job.message, MessagePhase.CLAIMED, claimable).phase
        if phase is MessagePhase.CLAIMED:
            self._send(job)
        elif phase is MessagePhase.SUBMITTING:
            self._settle_ambiguous(job)
        elif phase is MessagePhase.RESERVED:
            self._await_commit(job)
        elif phase is MessagePhase.GONE:
            self.abandon_reservation(job.message)  # deleted or killed; whoever did it may have died half-way
        else:
            logger.info("a job for a message that needs none was dropped", extra={"phase": phase.name.lower()})

    # -------------------------------------------------------------------------------------- the way out

    def _send(self, job: SendJob) -> None:
        stored = self.messages.get(job.message)
        if stored is None:
            return  # deleted since it was claimed
        content = stored.content
        if stored.delivery is not None and stored.delivery.message_status not in _UNDECIDED:
            # Evidence that it went, or a refusal, which nobody has shown yet: there is nothing to send.
            self.show_status(content.key, stored.delivery.message_status, stored.delivery)
            return
        headers = self.settle_reply_headers(content)
        if headers.parent_under_way and self.clock() - job.queued_at < PARENT_PATIENCE:
            self._note_wait(content.key, _known_or_new(stored), Wait.PARENT, DeliveryStatus.SENDING)
            self._defer(job, _next_delay(job))
            return
        with self.room.entered(sum(file.size for file in content.attachments)) as is_in:
            if is_in:
                self._compose_and_submit(job, stored, headers)
            else:
                self._defer(job, _next_delay(job))

    def _compose_and_submit(self, job: SendJob, stored: StoredMessage, headers: ReplyHeaders) -> None:
        content = stored.content
        delivery = self._begin(stored, headers)
        try:
            mail = compose_outbound(content, delivery, self.public_ids, self.attachments)
        except ComposeError as error:
            self._fail(content, delivery, Reason("compose_failed", str(error)))
            if self.index.phase(content.key) is MessagePhase.GONE:
                self.abandon_reservation(content.key)  # deleted meanwhile; the delivery item just saved goes too
            return
        try:
            delivery = self.messages.save_delivery(content.key, delivery)
        except VersionConflict:
            self._defer(job, RIVAL_DELAY)
            return
        mark = self.index.advance(content.key, MessagePhase.SUBMITTING, {MessagePhase.CLAIMED})
        if mark.taken:
            self._submit(job, content, delivery, mail)
        elif mark.phase.visible:
            # Another worker of the same job was faster. This job may be the last one left if that worker dies.
            self._defer(job, RIVAL_DELAY)
        else:
            self.abandon_reservation(content.key)  # deleted meanwhile; the delivery item just saved goes too

    def _begin(self, stored: StoredMessage, headers: ReplyHeaders) -> MessageDelivery:
        """The delivery item as it must stand before SES is called: who submits when, and which headers were used."""
        content, now = stored.content, self.clock()
        delivery, _ = _known_or_new(stored).apply(
            _about_all(content.key, EventType.SENDING, DeliveryStatus.SENDING, now)
        )
        return replace(delivery, submitted_at=now, in_reply_to=headers.in_reply_to, references=headers.references)

    def _submit(self, job: SendJob, content: MessageContent, delivery: MessageDelivery, mail: bytes) -> None:
        envelope = Envelope(content.sender.address, tuple(mailbox.address for _, mailbox in content.recipients))
        try:
            acceptance = self.provider.send(mail, envelope, self.public_ids.message_id(content.key))
        except SendRefused as refusal:
            self._fail(content, delivery, refusal.reason)
        except SendThrottled:
            self._put_back(job, content, delivery, Wait.THROTTLED)
        except SendPaused:
            self._put_back(job, content, delivery, Wait.PAUSED)
        except SendNotReached:
            self._put_back(job, content, delivery, Wait.NOT_REACHED)
        except SendOutcomeUnknown:
            logger.warning("SES may or may not have taken a message; waiting for evidence")
            self._defer(job, self._seconds_to_next_look(delivery))
        else:
            self._accepted(content, delivery, acceptance)

    def _accepted(self, content: MessageContent, delivery: MessageDelivery, acceptance: SesAcceptance) -> None:
        mapped = self._remember(acceptance, content.key)
        report = _about_all(
            content.key, EventType.SENT, DeliveryStatus.SENT, self.clock(), ses_message_id=acceptance.ses_message_id
        )
        self._record(
            content.key,
            delivery,
            lambda known: replace(
                known.apply(report)[0],
                ses_message_id=acceptance.ses_message_id,
                message_id_header=acceptance.message_id_header,
                # Another worker may have saved what *it* composed; these are the headers SES was handed.
                in_reply_to=delivery.in_reply_to,
                references=delivery.references,
            ),
        )
        if not mapped:
            self.ses_message_ids.put(acceptance.ses_message_id, content.key)
        self.index.seal_due(content.key)

    def _remember(self, acceptance: SesAcceptance, key: MessageKey) -> bool:
        """Note SES's id first, so that no crash loses it; but SES's answer must not be lost because this cannot be noted."""
        try:
            self.ses_message_ids.put(acceptance.ses_message_id, key)
        except Unavailable:
            logger.warning("SES's id of a message could not be noted; once more after the record", exc_info=True)
            return False
        return True

    # ------------------------------------------------------------------------------- when it does not go

    def _fail(self, content: MessageContent, delivery: MessageDelivery, reason: Reason) -> None:
        report = _about_all(content.key, EventType.FAILED, DeliveryStatus.FAILED_LOCALLY, self.clock(), reason=reason)
        self._record(content.key, delivery, lambda known: known.apply(report)[0])

    def _put_back(self, job: SendJob, content: MessageContent, delivery: MessageDelivery, why: Wait) -> None:
        """Back to queued: SES certainly has not taken it. The new job starts with a fresh count of receives."""
        if why is not Wait.THROTTLED and self.clock() - job.queued_at > PAUSE_LIMIT:
            self._fail(content, delivery, SENDING_PAUSED)
            return
        logger.warning("SES did not take a message; it goes back to the queue", extra={"why": why.value.code})
        # The mark first: after a crash in between, this very job comes back and finds the message queued.
        self.index.put_back(content.key)
        self._note_wait(content.key, delivery, why, DeliveryStatus.QUEUED)
        self._defer(job, PAUSE_DELAY if why is Wait.PAUSED else _next_delay(job))

    def _note_wait(self, key: MessageKey, delivery: MessageDelivery, why: Wait, status: DeliveryStatus) -> None:
        """Into the timeline, with the status in which the message waits, once for each reason."""
        report = _about_all(key, event_type(status.shown), status, self.clock(), reason=why.value)
        noted, _ = delivery.apply(report)
        if noted == delivery:
            return
        try:
            self.messages.save_delivery(key, noted)
        except VersionConflict:
            logger.info("a message moved on before its waiting was noted")

    def _settle_ambiguous(self, job: SendJob) -> None:
        """Marked as submitting by somebody: wait for SES's word; never send again here."""
        known = self.messages.get_delivery(job.message)
        if known is None or known.submitted_at is None:
            return  # deleted meanwhile
        if known.message_status not in _UNDECIDED:
            # SES's word has come, or a refusal was recorded by a worker that died before it could show it.
            self.show_status(job.message, known.message_status, known)
            return
        if self.clock() - known.submitted_at < self.outcome_unknown_after:
            self._defer(job, self._seconds_to_next_look(known))
            return
        report = _about_all(
            job.message, EventType.FAILED, DeliveryStatus.FAILED_LOCALLY, self.clock(), reason=OUTCOME_UNKNOWN
        )
        self._record(job.message, known, lambda delivery: delivery.apply(report)[0])

    def _await_commit(self, job: SendJob) -> None:
        given_up = self.clock() - job.queued_at > self.abandon_after and self.abandon_reservation(job.message)
        if not given_up:  # not yet; or it was committed this very moment, and this may be its only job
            self._defer(job, UNCOMMITTED_DELAY)

    # -------------------------------------------------------------------------------------- small steps

    def _record(
        self, key: MessageKey, known: MessageDelivery, change: Callable[[MessageDelivery], MessageDelivery]
    ) -> None:
        """Save what `change` makes of the item, then show it; events may have written to it since it was `known`."""
        while True:
            try:
                saved = self.messages.save_delivery(key, change(known))
                break
            except VersionConflict:
                current = self.messages.get_delivery(key)
                if current is None:
                    return  # deleted meanwhile
                known = current
        self.show_status(key, known.message_status, saved)

    def _seconds_to_next_look(self, delivery: MessageDelivery) -> int:
        """An evidence window from now, or what is left until the message is given up if that is less."""
        submitted_at = delivery.submitted_at or self.clock()
        left = submitted_at + self.outcome_unknown_after - self.clock()
        return max(1, min(math.ceil(min(left, self.evidence_window).total_seconds()), DELAY_LIMIT))

    def _defer(self, job: SendJob, delay: int) -> None:
        self.send_queue.put(replace(job, deferrals=job.deferrals + 1), delay)


def _known_or_new(stored: StoredMessage) -> MessageDelivery:
    recipients = [mailbox.address for _, mailbox in stored.content.recipients]
    return stored.delivery or MessageDelivery.begin(recipients, stored.content.created_at)


def _next_delay(job: SendJob) -> int:
    """Seconds until a job that was put back so often is tried again."""
    return GROWING_DELAYS[min(job.deferrals, len(GROWING_DELAYS) - 1)]


def _about_all(
    key: MessageKey,
    event_type: EventType,
    status: DeliveryStatus,
    at: datetime,
    *,
    reason: Reason | None = None,
    ses_message_id: str | None = None,
) -> DeliveryReport:
    return DeliveryReport(
        key, event_type, status, at, every_recipient=True, reason=reason, ses_message_id=ses_message_id
    )
