"""What becomes of a message that is about to be sent while a stop switch stands in its way: it is held, or given up.

    claimed ──▶ held: noted, put back to queued, its job ends; turning the switch back makes a new one
       │                                        └─ turned back meanwhile: its job goes on
       └──────▶ discarded: failed, for good

Whoever hands a message to SES has marked it as SUBMITTING before, and has looked at the switches less than a second before
the call. So a message that is only claimed some seconds after a switch was turned is handed over by nobody.
"""

import math
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.log_lines import log_of
from chalicelib.domain.message import MessageContent
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.switch import Verdict
from chalicelib.operations.abandon_reservation import AbandonReservation
from chalicelib.operations.delivery_record import DeliveryRecord
from chalicelib.operations.ports import Clock, MessageIndex, SendJob, SendQueue
from chalicelib.operations.send_delays import RIVAL_DELAY, defer
from chalicelib.operations.send_reasons import DISCARDED, HELD_BY
from chalicelib.operations.switches import Switches

logger = log_of(__name__)

# From a discard on, until a worker that had looked before can no longer begin to call SES, and clocks differ no more.
SETTLED_AFTER = timedelta(seconds=5)
AGAIN_DELAY = 1  # seconds until a job looks again whose switch was turned back while it put its message back


@dataclass(frozen=True)
class HoldMessage:
    """For a message that the caller has claimed, and that a switch keeps from being sent. Again is harmless."""

    index: MessageIndex
    send_queue: SendQueue
    record: DeliveryRecord
    switches: Switches
    abandon_reservation: AbandonReservation
    clock: Clock

    def __call__(self, job: SendJob, content: MessageContent, delivery: MessageDelivery, verdict: Verdict) -> None:
        if verdict.discarded_at is None:
            phase = self._hold(job, content, delivery, verdict)
        else:
            phase = self._discard(job, content, delivery, verdict.discarded_at + SETTLED_AFTER - self.clock())
        if phase is MessagePhase.GONE:
            self.abandon_reservation(content.key)  # deleted meanwhile; the delivery item just saved goes too

    def _hold(self, job: SendJob, content: MessageContent, delivery: MessageDelivery, verdict: Verdict) -> MessagePhase:
        key = content.key
        self.record.waits(key, delivery, HELD_BY[verdict.by], DeliveryStatus.QUEUED)
        phase = self.index.advance(key, MessagePhase.QUEUED, {MessagePhase.CLAIMED, MessagePhase.QUEUED}).phase
        if phase is MessagePhase.SUBMITTING:
            # Another worker of the same message had looked before. This job may be the last one left if that worker dies.
            defer(self.send_queue, job, RIVAL_DELAY)
        elif phase is MessagePhase.QUEUED and self.switches.verdict(content) != verdict:
            # Whoever turned the switch looks for queued messages afterwards, and may have passed by before this was one.
            defer(self.send_queue, replace(job, woken=True), AGAIN_DELAY)
        return phase

    def _discard(
        self, job: SendJob, content: MessageContent, delivery: MessageDelivery, left: timedelta
    ) -> MessagePhase:
        if left > timedelta():
            defer(self.send_queue, replace(job, woken=True), math.ceil(left.total_seconds()))
            return MessagePhase.CLAIMED
        logger.info("a message that waited behind a stop switch is given up: discarded")
        self.record.failed(content.key, delivery, DISCARDED)
        return self.index.phase(content.key)
