"""Hand a composed and marked mail to SES, and do what its answer asks for (the product's lifecycle page, section 3)."""

import logging
from dataclasses import dataclass, replace

from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.ids import PublicIds
from chalicelib.domain.log_lines import log_of
from chalicelib.domain.message import MessageContent
from chalicelib.operations.delivery_record import DeliveryRecord
from chalicelib.operations.evidence import Evidence
from chalicelib.operations.ports import (
    Clock,
    Envelope,
    MailProvider,
    MessageIndex,
    SendJob,
    SendNotReached,
    SendOutcomeUnknown,
    SendPaused,
    SendQueue,
    SendRefused,
    SendThrottled,
)
from chalicelib.operations.send_delays import PAUSE_DELAY, defer, growing_delay, is_paused_too_long, pause_seen
from chalicelib.operations.send_pace import Pace
from chalicelib.operations.send_reasons import ALARMS, SENDING_PAUSED, Wait
from chalicelib.operations.switches import CALL_AGE, Switches

logger = log_of(__name__)

PUT_BACK_DELAY = 1  # seconds until a message that was stopped at the last moment is looked at again


@dataclass(frozen=True)
class HandOver:
    """The one call of SES. Whoever calls this has just marked the message as being submitted."""

    provider: MailProvider
    index: MessageIndex
    send_queue: SendQueue
    record: DeliveryRecord
    pace: Pace
    switches: Switches
    evidence: Evidence
    public_ids: PublicIds
    clock: Clock

    def __call__(self, job: SendJob, content: MessageContent, delivery: MessageDelivery, mail: bytes) -> None:
        if self.evidence.is_mark_stale(delivery, self.clock()):
            # This process stood still since. Others may already take the mark for one without a result.
            logger.warning("a mark grew too old to hand the message over under it; waiting for evidence")
            defer(self.send_queue, job, self.evidence.seconds_to_next_look(delivery, self.clock()))
            return
        if self._is_stopped(content):
            self._let_stand(job, delivery)
            return
        key = content.key
        envelope = Envelope(content.sender.address, delivery.open_recipients)
        try:
            acceptance = self.provider.send(mail, envelope, self.public_ids.message_id(key))
        except SendRefused as refusal:
            logger.warning("SES refused a message", extra={"why": refusal.reason.code})
            self.record.failed(key, delivery, refusal.reason)
        except SendThrottled:
            self.pace.slow_down()
            self._put_back(job, delivery, Wait.THROTTLED)
        except SendPaused:
            self.pace.pause()
            self._put_back(job, delivery, Wait.PAUSED)
        except SendNotReached:
            self._put_back(job, delivery, Wait.NOT_REACHED)
        except SendOutcomeUnknown:
            logger.warning("SES may or may not have taken a message; waiting for evidence")
            self.record.waits(key, delivery, Wait.UNANSWERED, DeliveryStatus.SENDING)
            defer(self.send_queue, job, self.evidence.seconds_to_next_look(delivery, self.clock()))
        else:
            self.record.accepted(key, delivery, acceptance)

    def _is_stopped(self, content: MessageContent) -> bool:
        """Looked at a moment ago; looked at anew, in a row, only by a process that has stood still since."""
        try:
            return self.switches.verdict(content, CALL_AGE) is not None
        except Unavailable as error:
            logger.warning("the stop switches cannot be read; the message is not handed over now: %s", trace_of(error))
            return True

    def _let_stand(self, job: SendJob, delivery: MessageDelivery) -> None:
        if delivery.resent_at is not None:  # SES may have taken it the first time, so it does not become queued again
            defer(self.send_queue, job, self.evidence.seconds_to_next_look(delivery, self.clock()))
            return
        self.index.put_back(job.message)  # SES was not called under this mark
        defer(self.send_queue, replace(job, woken=True), PUT_BACK_DELAY)

    def _put_back(self, job: SendJob, delivery: MessageDelivery, why: Wait) -> None:
        """Back to queued: SES certainly has not taken it. The new job starts with a fresh count of receives."""
        logger.log(
            logging.ERROR if why in ALARMS else logging.WARNING,
            "SES did not take a message; it goes back to the queue: %s",
            why.value.code,
            extra={"why": why.value.code},
        )
        now = self.clock()
        paused = pause_seen(job, now) if why in ALARMS else None
        if is_paused_too_long(paused, now):
            self.record.failed(job.message, delivery, SENDING_PAUSED)
            return
        # The mark first: after a crash in between, this very job comes back and finds the message queued.
        self.index.put_back(job.message)
        self.record.waits(job.message, delivery, why, DeliveryStatus.QUEUED)
        defer(self.send_queue, job, PAUSE_DELAY if why is Wait.PAUSED else growing_delay(job), paused)
