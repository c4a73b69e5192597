"""A message's way out: accepting, sending, SES's news."""

from datetime import timedelta

from chalicelib.operations.abandon_reservation import AbandonReservation
from chalicelib.operations.delivery_record import DeliveryRecord
from chalicelib.operations.discard_message import DiscardMessage
from chalicelib.operations.evidence import Evidence
from chalicelib.operations.hand_over import HandOver
from chalicelib.operations.hold_message import HoldMessage
from chalicelib.operations.judge_inbox import JudgeInbox
from chalicelib.operations.look_ahead import LookAhead
from chalicelib.operations.note_news import INTERVALS, NoteNews
from chalicelib.operations.record_delivery_report import RecordDeliveryReport
from chalicelib.operations.reply_headers import SettleReplyHeaders
from chalicelib.operations.requeue_unsent import RequeueUnsent
from chalicelib.operations.reserve_send import ReserveSend
from chalicelib.operations.send_message import SendMessage
from chalicelib.operations.send_pace import Pace, SendPace, Unpaced
from chalicelib.operations.sending_room import SendingRoom
from chalicelib.operations.settle_ambiguous import SettleAmbiguous
from chalicelib.operations.show_status import ShowStatus
from chalicelib.operations.stop_loops import StopLoops
from chalicelib.operations.submit_message import SubmitMessage
from chalicelib.operations.suppress_recipients import SuppressRecipients
from chalicelib.providers.ses_quota import SesQuota
from chalicelib.providers.ses_sender import ses_message_id_domain
from chalicelib.storage.news_mark_store import DynamoNewsMark
from chalicelib.storage.send_rate_store import DynamoSendRates
from chalicelib.wiring.built_once import built_once
from chalicelib.wiring.telling import Telling


class Sending(Telling):
    """What sends, and what gives up."""

    @built_once
    def submit_message(self) -> SubmitMessage:
        return SubmitMessage(
            self.inboxes,
            self.messages,
            self.threads,
            self.index,
            self.send_queue,
            self.attachments,
            ReserveSend(self.inboxes, self.accounts, self._judge_inbox, self.clock),
            StopLoops(self.peers, self.inboxes),
            self.suppressions,
            self.tell_events,
            self._public_ids,
            self._settings.delivery_mode,
            self.clock,
            self._together,
            self.own_domains,
            self._progress,
        )

    @built_once
    def send_message(self) -> SendMessage:
        return SendMessage(
            self.messages,
            self.threads,
            self.attachments,
            self.index,
            self.send_queue,
            self._delivery_record,
            self._hand_over,
            self._settle_ambiguous,
            self.abandon_reservation,
            SettleReplyHeaders(self.messages, self.index, self._public_ids),
            self.suppressions,
            self._pace,
            self.switches,
            self._hold_message,
            self._public_ids,
            self.clock,
            self._together,
            abandon_after=timedelta(seconds=self._settings.abandon_reservation_seconds),
            own_domains=self.own_domains,
            room=self._sending_room,
        )

    @built_once
    def look_ahead(self) -> LookAhead:
        return LookAhead(self.index, self.messages, self.suppressions, self._pace)

    @built_once
    def _hand_over(self) -> HandOver:
        return HandOver(
            self.provider,
            self.index,
            self.send_queue,
            self._delivery_record,
            self._pace,
            self.switches,
            self._evidence,
            self._public_ids,
            self.clock,
        )

    @built_once
    def _hold_message(self) -> HoldMessage:
        return HoldMessage(
            self.index,
            self.send_queue,
            self._delivery_record,
            self.switches,
            self.abandon_reservation,
            self.clock,
        )

    @built_once
    def _settle_ambiguous(self) -> SettleAmbiguous:
        return SettleAmbiguous(
            self.messages,
            self.attachments,
            self._news_mark,
            self._hand_over,
            self._delivery_record,
            self.send_queue,
            self._pace,
            self.switches,
            self._evidence,
            self.suppressions,
            self.own_domains,
            self._public_ids,
            self.clock,
            room=self._sending_room,
        )

    @built_once
    def _delivery_record(self) -> DeliveryRecord:
        return DeliveryRecord(self.messages, self._show_status, self.tell_events, self._progress, self.clock)

    @built_once
    def _pace(self) -> Pace:
        if not self._calls_ses:
            return Unpaced()
        return SendPace(DynamoSendRates(), SesQuota(self._ses), self.clock)

    @built_once
    def _evidence(self) -> Evidence:
        return Evidence(
            timedelta(seconds=self._settings.evidence_window_seconds),
            timedelta(seconds=self._settings.outcome_unknown_seconds),
        )

    @built_once
    def _news_mark(self) -> DynamoNewsMark:
        return DynamoNewsMark()

    @built_once
    def _sending_room(self) -> SendingRoom:
        return SendingRoom()

    @built_once
    def record_delivery_report(self) -> RecordDeliveryReport:
        domain = ses_message_id_domain(self._settings.region)
        return RecordDeliveryReport(
            self.messages,
            self.ses_message_ids,
            self._show_status,
            SuppressRecipients(self.suppressions, self.clock),
            self.tell_events,
            self._judge_inbox,
            self._progress,
            lambda ses_id: f"<{ses_id}@{domain}>",
            NoteNews(self._news_mark, self.clock, self._evidence.window / INTERVALS),
        )

    @built_once
    def _judge_inbox(self) -> JudgeInbox:
        return JudgeInbox(self.inboxes, self.tell_events, self.clock)

    @built_once
    def requeue_unsent(self) -> RequeueUnsent:
        return RequeueUnsent(self.index, self.send_queue, self.clock)

    @built_once
    def abandon_reservation(self) -> AbandonReservation:
        return AbandonReservation(self.messages, self.threads, self.index, self._discard_message)

    @built_once
    def _discard_message(self) -> DiscardMessage:
        return DiscardMessage(
            self.messages,
            self.mails,
            self.message_id_headers,
            self.ses_message_ids,
            self.attachments,
            self._source_links,
        )

    @built_once
    def _show_status(self) -> ShowStatus:
        return ShowStatus(self.messages, self.index)
