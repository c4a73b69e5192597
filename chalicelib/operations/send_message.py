"""Send a queued message: claim, compose, take a turn, mark, hand over.

A crash between SES's acceptance and our record of it is the one moment in which a message could be sent twice, for
SES knows no idempotency token. So the mark SUBMITTING goes before the call, and whoever finds that mark without a
result leaves the message to `settle_ambiguous` (the product's lifecycle page, section 3).
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib.domain.delivery import EventType, MessageDelivery, Reason
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import PublicIds
from chalicelib.domain.log_lines import also
from chalicelib.domain.message import MessageContent
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.switch import Verdict
from chalicelib.mime.compose import ComposeError
from chalicelib.operations.abandon_reservation import AbandonReservation
from chalicelib.operations.compose_outbound import compose_outbound
from chalicelib.operations.delivery_record import DeliveryRecord, about_all, begun, known_or_new
from chalicelib.operations.hand_over import HandOver
from chalicelib.operations.hold_message import HoldMessage
from chalicelib.operations.look_ahead import CLAIMABLE, UNKNOWN, Ahead
from chalicelib.operations.own_domains import OwnDomains
from chalicelib.operations.ports import (
    AttachmentStore,
    Clock,
    MessageIndex,
    MessageStore,
    SendJob,
    SendQueue,
    StoredMessage,
    SuppressionStore,
    ThreadStore,
    Together,
    VersionConflict,
)
from chalicelib.operations.reply_headers import ReplyHeaders, SettleReplyHeaders
from chalicelib.operations.send_delays import (
    RIVAL_DELAY,
    UNCOMMITTED_DELAY,
    defer,
    growing_delay,
    is_paused_too_long,
    pause_seen,
    spread_delay,
)
from chalicelib.operations.send_pace import Pace
from chalicelib.operations.send_reasons import DOMAIN_NOT_VERIFIED, Wait
from chalicelib.operations.sending_room import SendingRoom
from chalicelib.operations.settle_ambiguous import TURN_PATIENCE, SettleAmbiguous
from chalicelib.operations.switches import MARK_AGE, Switches

PARENT_PATIENCE = timedelta(seconds=30)  # for which a reply waits for the Message-ID that SES gives its parent
# From the start of a job; behind the turn SES has half a minute, and the function a minute in all.
TURN_DEADLINE = timedelta(seconds=20)
LOOK_EVERY = 8  # so often a job that is put back unseen is looked at: it may be that it needs no turn
TOLD_AT = 1  # how often a job was put back when its message is told to be queued, though nobody has begun to send it
LOOK_LASTS = timedelta(seconds=2)  # for which it is known who is suppressed
COMMIT_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4)  # seconds between looks for a message that is not committed yet


@dataclass(frozen=True)
class SendMessage:
    """Do one send job. The store is the truth and the job a hint: repeating it is harmless.

    `ahead` is what a look at its whole batch has shown a moment ago.
    """

    messages: MessageStore
    threads: ThreadStore
    attachments: AttachmentStore
    index: MessageIndex
    send_queue: SendQueue
    record: DeliveryRecord
    hand_over: HandOver
    settle_ambiguous: SettleAmbiguous
    abandon_reservation: AbandonReservation
    settle_reply_headers: SettleReplyHeaders
    suppressions: SuppressionStore
    pace: Pace
    switches: Switches
    hold: HoldMessage
    public_ids: PublicIds
    clock: Clock
    together: Together
    abandon_after: timedelta
    own_domains: OwnDomains
    sleep: Callable[[float], None] = time.sleep
    room: SendingRoom = field(default_factory=SendingRoom)

    def __call__(self, job: SendJob, ahead: Ahead = UNKNOWN) -> None:
        also(messageId=self.public_ids.message_id(job.message))
        if not job.woken and self.pace.is_full(TURN_PATIENCE) and self._waits_unseen(job):
            return
        started_at = self.clock()
        phase = self._claim(job, ahead.phase)
        if phase is MessagePhase.CLAIMED:
            self._send(job, ahead.stored or self.messages.get(job.message), Begin(started_at, ahead.suppressed))
        elif phase is MessagePhase.SUBMITTING:
            self.settle_ambiguous(job)
        elif phase is MessagePhase.RESERVED:
            self._await_commit(job)
        elif phase is MessagePhase.GONE:
            self.abandon_reservation(
                job.message, job.thread
            )  # deleted or killed; whoever did it may have died half-way
        elif (known := self.messages.get_delivery(job.message)) is not None:
            # A job too many; or its worker died over showing what it had recorded, with others at the message.
            self.record.known(job.message, known)
        self.index.seal_due(job.message)  # whatever became of it: the inbox has come this far

    def _waits_unseen(self, job: SendJob) -> bool:
        """Put a job back before anything is written for it; False when it is to be done all the same."""
        now = self.clock()
        paused = pause_seen(job, now) if self.pace.is_paused() else None
        if is_paused_too_long(paused, now):
            return False
        if job.deferrals % LOOK_EVERY == LOOK_EVERY - 1 and self.index.phase(job.message) not in CLAIMABLE:
            return False  # it needs no turn: to be settled, shown or cleared away
        if job.deferrals == TOLD_AT:
            self._tell_queued(job)
        defer(self.send_queue, job, spread_delay(job), paused)
        return True

    def _tell_queued(self, job: SendJob) -> None:
        """It may have to wait for hours; until then its owner would hear of it only in the answer to the request."""
        if self.index.phase(job.message) is not MessagePhase.QUEUED:
            return  # not committed yet, or told by whoever claimed it
        stored = self.messages.get(job.message)
        if stored is None:
            return
        if stored.content.suppressed and stored.delivery is None:
            # Who reads the event of a suppressed recipient finds there whom it is about.
            with suppress(VersionConflict):  # a worker has begun to send it
                self.messages.save_delivery(job.message, known_or_new(stored, self.public_ids))
        if stored.content.suppressed:
            self.record.tell.sender(job.message, known_or_new(stored, self.public_ids))
        else:
            self.record.tell.queued(job.message, begun(stored.content))

    def _claim(self, job: SendJob, phase: MessagePhase | None) -> MessagePhase:
        if phase is None:
            phase = self.index.advance(job.message, MessagePhase.CLAIMED, CLAIMABLE).phase
        for pause in COMMIT_PAUSES:
            if phase is not MessagePhase.RESERVED:
                break
            self.sleep(pause)  # a job is often a few milliseconds faster than the commit of its message
            if self.index.phase(job.message) is not MessagePhase.RESERVED:
                phase = self.index.advance(job.message, MessagePhase.CLAIMED, CLAIMABLE).phase
        return phase

    def _await_commit(self, job: SendJob) -> None:
        given_up = self.clock() - job.queued_at > self.abandon_after and self.abandon_reservation(
            job.message, job.thread
        )
        if not given_up:  # not yet; or it was committed this very moment, and this may be its only job
            defer(self.send_queue, job, UNCOMMITTED_DELAY)

    def _send(self, job: SendJob, stored: StoredMessage | None, start: "Begin") -> None:
        if stored is None:
            return  # deleted since it was claimed
        content = stored.content
        if (thread := content.thread).first_sequence != content.key.sequence:
            # Its request may have died right behind the commit, before it saw who else stands for the thread.
            self.index.settle_thread(thread.inbox_number, lambda: self.threads.newest_members(thread))
        if stored.delivery is not None and not stored.delivery.is_undecided:
            # Evidence that it went, or a refusal, which nobody has shown yet: there is nothing to send.
            self.record.known(content.key, stored.delivery)
            return
        # Most mail is looked at below, beside a write; this spares what is held the way there, and its turn with SES.
        looked = self.switches.verdict(content, MARK_AGE) if job.woken else self.switches.suspected(content)
        if looked is not None:
            self.hold(job, content, known_or_new(stored, self.public_ids), looked)
            return
        job = replace(job, woken=False)
        if not self.own_domains.still_sends(content):
            self._fail(content, known_or_new(stored, self.public_ids), DOMAIN_NOT_VERIFIED)
            return
        headers = self.settle_reply_headers(content)
        if headers.parent_under_way and self.clock() - job.queued_at < PARENT_PATIENCE:
            self.record.waits(content.key, known_or_new(stored, self.public_ids), Wait.PARENT, DeliveryStatus.SENDING)
            defer(self.send_queue, job, growing_delay(job))
            return
        with self.room.entered(sum(file.size for file in content.attachments)) as is_in:
            if is_in:
                self._compose(job, stored, headers, start)
            else:
                defer(self.send_queue, job, growing_delay(job))

    def _compose(self, job: SendJob, stored: StoredMessage, headers: ReplyHeaders, start: "Begin") -> None:
        content = stored.content
        delivery = self._begin(stored, headers)
        try:
            mail = compose_outbound(content, delivery, self.public_ids, self.attachments)
        except ComposeError as error:
            self._fail(content, delivery, Reason("compose_failed", str(error)))
            return
        patience = min(TURN_PATIENCE, start.at + TURN_DEADLINE - self.clock())
        if self.pace.turn(len(delivery.open_recipients), patience):
            self._mark_and_hand_over(job, content, delivery, mail, start)
        else:
            self.record.waits(content.key, known_or_new(stored, self.public_ids), Wait.TURN, DeliveryStatus.SENDING)
            defer(self.send_queue, job, spread_delay(job))

    def _fail(self, content: MessageContent, delivery: MessageDelivery, why: Reason) -> None:
        self.record.failed(content.key, delivery, why)
        if self.index.phase(content.key) is MessagePhase.GONE:
            self.abandon_reservation(content.key)  # deleted meanwhile; the delivery item just saved goes too

    def _begin(self, stored: StoredMessage, headers: ReplyHeaders) -> MessageDelivery:
        """The delivery item as it is to stand before SES is called, but for the time of the call."""
        report = about_all(stored.content.key, EventType.SENDING, DeliveryStatus.SENDING, self.clock())
        known = known_or_new(stored, self.public_ids)
        delivery, _ = known.apply(report, self.record.tell.naming(known))
        return replace(delivery, in_reply_to=headers.in_reply_to, references=headers.references, overtaken_at=None)

    def _mark_and_hand_over(
        self, job: SendJob, content: MessageContent, delivery: MessageDelivery, mail: bytes, start: "Begin"
    ) -> None:
        try:
            delivery, suppressed, verdict = self._save_and_look(content, delivery, start)
        except VersionConflict:
            defer(self.send_queue, job, RIVAL_DELAY)
            return
        if verdict is not None:
            self.hold(job, content, delivery, verdict)
            return
        mark = self.index.advance(content.key, MessagePhase.SUBMITTING, {MessagePhase.CLAIMED})
        if mark.taken:
            left = self.record.left_out(content.key, delivery, suppressed) if suppressed else delivery
            if left is not None and left.is_undecided:
                self.hand_over(job, content, left, mail)
        elif mark.phase.visible:
            # Another worker of the same job was faster. This job may be the last one left if that worker dies.
            defer(self.send_queue, job, RIVAL_DELAY)
        else:
            self.abandon_reservation(content.key)  # deleted meanwhile; the delivery item just saved goes too

    def _save_and_look(
        self, content: MessageContent, delivery: MessageDelivery, start: "Begin"
    ) -> tuple[MessageDelivery, frozenset[str], Verdict | None]:
        """Save the delivery with the time of the call; at the same time ask who was suppressed since, and the switches."""
        saved: list[MessageDelivery] = []
        found: list[frozenset[str]] = []
        verdicts: list[Verdict | None] = []
        submitted = replace(delivery, submitted_at=self.clock())
        calls: list[Callable[[], None]] = [
            lambda: saved.append(self.messages.save_delivery(content.key, submitted)),
            lambda: verdicts.append(self.switches.verdict(content, MARK_AGE)),
        ]
        if start.suppressed is None or self.clock() - start.at > LOOK_LASTS:
            calls.append(lambda: found.append(self._suppressed(content, delivery)))
        else:
            found.append(start.suppressed.intersection(delivery.open_recipients))
        self.together(calls)
        return saved[0], found[0], verdicts[0]

    def _suppressed(self, content: MessageContent, delivery: MessageDelivery) -> frozenset[str]:
        wanted = [(content.account_id, address) for address in delivery.open_recipients]
        return frozenset(address for _, address in self.suppressions.among(wanted))


@dataclass(frozen=True, slots=True)
class Begin:
    """When a job was begun, and who was suppressed then (None: nobody has looked)."""

    at: datetime
    suppressed: frozenset[str] | None
