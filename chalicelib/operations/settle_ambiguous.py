"""Settle a message that is marked as submitted without a result: wait for SES's word, resend once, or give up."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.ids import MessageKey, PublicIds
from chalicelib.domain.log_lines import log_of
from chalicelib.domain.message import MessageContent
from chalicelib.mime.compose import ComposeError
from chalicelib.operations.compose_outbound import compose_outbound
from chalicelib.operations.delivery_record import DeliveryRecord
from chalicelib.operations.evidence import Evidence
from chalicelib.operations.hand_over import HandOver
from chalicelib.operations.own_domains import OwnDomains
from chalicelib.operations.ports import (
    AttachmentStore,
    Clock,
    MessageStore,
    NewsMark,
    SendJob,
    SendQueue,
    SuppressionStore,
    VersionConflict,
)
from chalicelib.operations.send_delays import RIVAL_DELAY, defer, growing_delay, spread_delay
from chalicelib.operations.send_pace import Pace
from chalicelib.operations.send_reasons import OUTCOME_UNKNOWN, OUTCOME_UNKNOWN_TWICE, Wait
from chalicelib.operations.sending_room import SendingRoom
from chalicelib.operations.switches import MARK_AGE, Switches

logger = log_of(__name__)

TURN_PATIENCE = timedelta(seconds=10)


@dataclass(frozen=True)
class SettleAmbiguous:
    """Each look may be repeated, and any number of workers may look at once."""

    messages: MessageStore
    attachments: AttachmentStore
    news_mark: NewsMark
    hand_over: HandOver
    record: DeliveryRecord
    send_queue: SendQueue
    pace: Pace
    switches: Switches
    evidence: Evidence
    suppressions: SuppressionStore
    own_domains: OwnDomains
    public_ids: PublicIds
    clock: Clock
    room: SendingRoom = field(default_factory=SendingRoom)

    def __call__(self, job: SendJob) -> None:
        known = self.messages.get_delivery(job.message)
        if known is None or known.submitted_at is None:
            return  # deleted meanwhile
        if not known.is_undecided:
            # SES's word has come, or a refusal was recorded by a worker that died before it could show it.
            self.record.known(job.message, known)
            return
        known = self._looked_at(job.message, known)
        if self.evidence.is_resend_due(known, self.clock()):
            self._prepare_resend(job)
        elif self.evidence.is_hopeless(known, self.clock()):
            self._give_up(job.message, known)
        else:
            self.record.tell.sender(job.message, known)  # its worker may have died before it could
            defer(self.send_queue, job, self.evidence.seconds_to_next_look(known, self.clock()))

    def _looked_at(self, key: MessageKey, known: MessageDelivery) -> MessageDelivery:
        """Note when SES's news has passed the message; it stays noted, for the news does not turn back."""
        if known.resent_at is not None or known.overtaken_at is not None:
            return known
        now = self.clock()
        if not self.evidence.overtakes(self.news_mark.get(), known, now):
            return known
        # A worker that died could not tell that it had no answer.
        told = self.record.waiting(key, known, Wait.UNANSWERED, DeliveryStatus.SENDING)
        try:
            return self.messages.save_delivery(key, replace(told, overtaken_at=now))
        except VersionConflict:
            return known  # somebody else has looked, or news has come; the next look sees it

    def _prepare_resend(self, job: SendJob) -> None:
        stored = self.messages.get(job.message)
        if stored is None or stored.delivery is None:
            return  # deleted meanwhile
        content, known = stored.content, stored.delivery
        if known.is_undecided and self.evidence.is_resend_due(known, self.clock()):
            with self.room.entered(sum(file.size for file in content.attachments)) as is_in:
                if is_in:
                    self._resend(job, content, known)
                else:
                    defer(self.send_queue, job, growing_delay(job))
        else:  # somebody was faster
            defer(self.send_queue, job, RIVAL_DELAY)

    def _resend(self, job: SendJob, content: MessageContent, known: MessageDelivery) -> None:
        try:
            mail = compose_outbound(content, known, self.public_ids, self.attachments)
        except ComposeError as error:
            # What was handed over the first time cannot be made again, and may have gone.
            logger.warning("a message can no longer be composed and is not handed over again: %s", trace_of(error))
            self._give_up(job.message, known)
            return
        if not self.pace.turn(len(known.open_recipients), TURN_PATIENCE):
            defer(self.send_queue, job, spread_delay(job))
            return
        if self.switches.verdict(content, MARK_AGE) is not None:
            self._leave_unsent(job, known)
            return
        wanted = self._without_suppressed(content, known)
        if not wanted.open_recipients or not self.own_domains.still_sends(content):
            # Nobody may be written to again, or the sender's domain is somebody else's now. The first call may have gone.
            self._give_up(job.message, known)
            return
        now = self.clock()
        told = self.record.waiting(job.message, wanted, Wait.RESENT, DeliveryStatus.SENDING)
        try:
            # The lock: of all workers that have come this far with what was `known`, one gets through. It is never
            # taken back, so a crash right behind it leaves a message that is not handed over a second time.
            marked = self.messages.save_resend(job.message, replace(told, submitted_at=now, resent_at=now))
        except VersionConflict:
            defer(self.send_queue, job, RIVAL_DELAY)
            return
        logger.warning("SES told of other mails and nothing of this one; it is handed over once more")
        self.hand_over(job, content, marked, mail)

    def _without_suppressed(self, content: MessageContent, known: MessageDelivery) -> MessageDelivery:
        """Whoever is not to be written to any more may have got the first mail, which nobody can tell; the others go on."""
        open_ones = known.open_recipients
        suppressed = self.suppressions.among([(content.account_id, address) for address in open_ones])
        for _, address in suppressed:
            known = self.record.unknown_for(content.key, known, address)
        return known

    def _leave_unsent(self, job: SendJob, known: MessageDelivery) -> None:
        """A stop switch forbids a second call. SES may have taken the first one, so it cannot be held or discarded."""
        if self.evidence.is_overdue(known, self.clock()):
            self._give_up(job.message, known)
        else:
            defer(self.send_queue, job, self.evidence.seconds_to_next_look(known, self.clock()))

    def _give_up(self, key: MessageKey, known: MessageDelivery) -> None:
        logger.error("a message is given up: whether SES took it is not known: outcome_unknown")
        reason = OUTCOME_UNKNOWN if known.resent_at is None else OUTCOME_UNKNOWN_TWICE
        self.record.failed(key, known, reason)
