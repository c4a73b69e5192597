"""Apply news about a message's deliveries: a delivery, a bounce, a complaint, a delay."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.delivery import DeliveryReport, MessageDelivery, StatusChange
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.log_lines import also, log_of
from chalicelib.operations.judge_inbox import JudgeInbox
from chalicelib.operations.note_progress import NoteProgress
from chalicelib.operations.ports import MessageStore, Outcome, SesMessageIds, VersionConflict
from chalicelib.operations.show_status import ShowStatus
from chalicelib.operations.suppress_recipients import SuppressRecipients
from chalicelib.operations.tell_events import TellEvents

logger = log_of(__name__)


@dataclass(frozen=True)
class RecordDeliveryReport:
    """Raise what a report raises, then show it, then tell it. Each step may be repeated: a redelivered report heals a crash."""

    messages: MessageStore
    ses_message_ids: SesMessageIds
    show_status: ShowStatus
    suppress: SuppressRecipients
    tell: TellEvents
    judge: JudgeInbox
    progress: NoteProgress
    final_message_id: Callable[[str], str]  # the Message-ID that SES gives with its own id
    note_news: Callable[[datetime], None]  # how far the news has come

    def __call__(self, report: DeliveryReport) -> None:
        also(messageId=self.tell.public_ids.message_id(report.message), sesMessageId=report.ses_message_id)
        self._record(report)
        if report.accepted_at is not None:
            self.note_news(report.accepted_at)  # last: the message itself must not be overtaken by its own news

    def _record(self, report: DeliveryReport) -> None:
        while True:
            known = self.messages.get_delivery(report.message)
            if known is None:
                logger.info("a report for a deleted message was dropped", extra={"reportType": report.type})
                return
            if known.ses_message_id is not None and report.ses_message_id not in (None, known.ses_message_id):
                # Only a message that was handed over once more can have two: docs/decisions/0014-one-late-resend.md.
                logger.error("SES took a message twice: sent_twice", extra={"resentAt": str(known.resent_at)})
            after, changes = known.apply(report, self.tell.naming(known))
            if known.ses_message_id is None and report.ses_message_id is not None:
                # News before the sender's own record, or in place of it when the sender died.
                self.ses_message_ids.put(report.ses_message_id, report.message)
                after = replace(after, message_id_header=self.final_message_id(report.ses_message_id))
            if after == known:  # repeated news; whoever recorded it may have died before showing or telling it
                self.show_status(report.message, known.message_status, known)
                self.tell.news(report.message, known, known.entry_of(report))
                if report.status in (DeliveryStatus.BOUNCED, DeliveryStatus.COMPLAINED):
                    self.judge(report.message.inbox_number)
                return
            # First, so that a death in between leaves news that is new again; and only for what the news changes, so that a
            # notice which comes once more does not put back what its account has taken off the list since.
            self.suppress(report.message, known, changes)
            try:
                saved, is_to_be_judged = self._save(report.message, after, _outcome(known, changes))
            except VersionConflict:
                continue  # another report was faster; apply ours to what it left
            self.progress.delivery(report.message, known, saved, report.occurred_at)
            if changes:
                self.show_status(report.message, known.message_status, saved)
            self.tell.news(report.message, saved, saved.entry_of(report))
            if is_to_be_judged:
                self.judge(report.message.inbox_number)
            return

    def _save(self, key: MessageKey, after: MessageDelivery, outcome: Outcome | None) -> tuple[MessageDelivery, bool]:
        """What is stored, and whether the inbox may have lost its good name over it."""
        if outcome is None:
            return self.messages.save_delivery(key, after), False
        counted = self.messages.save_outcome(key, after, outcome)
        return counted.delivery, counted.is_to_be_judged


def _outcome(before: MessageDelivery, changes: tuple[StatusChange, ...]) -> Outcome | None:
    """Count the message when its first recipient bounces, and when its first recipient complains."""
    raised = {change.after for change in changes}
    bounced, complained = (
        status in raised and not before.has_been(status)
        for status in (DeliveryStatus.BOUNCED, DeliveryStatus.COMPLAINED)
    )
    return Outcome(bounced, complained) if bounced or complained else None
