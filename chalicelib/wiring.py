"""Builds stores, providers and operations on first use; the one file that knows all of them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from threading import RLock
from typing import Any, Generic, TypeVar

import boto3
from botocore.config import Config

from chalicelib.domain.ids import MessageKey, PublicIds
from chalicelib.domain.message import DeliveryMode
from chalicelib.mime.parse import parse_mail
from chalicelib.operations.abandon_reservation import AbandonReservation
from chalicelib.operations.answer_once import AnswerOnce
from chalicelib.operations.authenticate import Authenticate
from chalicelib.operations.browse_inboxes import DeleteInbox, GetInbox, ListInboxes
from chalicelib.operations.browse_threads import GetThread, ListThreadMessages, ListThreads
from chalicelib.operations.create_inbox import CreateInbox
from chalicelib.operations.dead_messages import Coroner
from chalicelib.operations.delete_message import DeleteMessage
from chalicelib.operations.deliver_webhook import DeliverWebhook, NoticesToQueue, QueueDueDeliveries, TellWebhooks
from chalicelib.operations.delivery_record import DeliveryRecord
from chalicelib.operations.disable_webhook import DisableWebhook
from chalicelib.operations.discard_message import DiscardMessage
from chalicelib.operations.evidence import Evidence
from chalicelib.operations.file_received import FileReceived
from chalicelib.operations.find_thread import FindThread
from chalicelib.operations.forward_message import ForwardMessage
from chalicelib.operations.get_message import GetMessage, ListMessageEvents, ReadRawMessage, RecoverMessage
from chalicelib.operations.hand_over import HandOver
from chalicelib.operations.housekeeping import KeepHouse
from chalicelib.operations.join_events import JoinEvents
from chalicelib.operations.known_webhooks import KnownWebhooks
from chalicelib.operations.list_messages import ListMessages
from chalicelib.operations.manage_accounts import Bootstrap, CreateAccount, GetAccount
from chalicelib.operations.manage_attachments import (
    BeginUpload,
    DeleteAttachment,
    GetAttachment,
    LinkUpload,
    UploadAttachment,
)
from chalicelib.operations.manage_keys import CreateKey, DeleteKey, ListKeys
from chalicelib.operations.manage_webhooks import (
    CheckWish,
    CreateWebhook,
    DeleteWebhook,
    GetWebhook,
    ListWebhooks,
    RotateSecret,
    UpdateWebhook,
)
from chalicelib.operations.note_news import INTERVALS, NoteNews
from chalicelib.operations.ports import Clock, MailProvider
from chalicelib.operations.read_feed import ReadFeed
from chalicelib.operations.receive_message import ReceiveMessage
from chalicelib.operations.record_delivery_report import RecordDeliveryReport
from chalicelib.operations.replay_webhook import (
    CarryOutReplay,
    ListDeliveries,
    PingWebhook,
    ReplayDelivery,
    ReplayRange,
)
from chalicelib.operations.reply_headers import SettleReplyHeaders
from chalicelib.operations.reply_to_message import ReplyToMessage
from chalicelib.operations.requeue_received import RequeueReceived
from chalicelib.operations.requeue_unsent import RequeueUnsent
from chalicelib.operations.requeue_webhooks import RequeueWebhooks
from chalicelib.operations.send_message import SendMessage
from chalicelib.operations.send_pace import Pace, SendPace, Unpaced
from chalicelib.operations.sending_room import SendingRoom
from chalicelib.operations.settle_ambiguous import SettleAmbiguous
from chalicelib.operations.show_status import ShowStatus
from chalicelib.operations.stop_loops import NoteArrival, StopLoops
from chalicelib.operations.submit_message import SubmitMessage
from chalicelib.operations.tell_events import TellEvents
from chalicelib.operations.tidy_bucket import TidyBucket
from chalicelib.operations.tidy_inbound import TidyInbound
from chalicelib.operations.tidy_table import TidyTable
from chalicelib.operations.webhook_line import ServeLine, WaitInLine
from chalicelib.providers.dry_run_sender import DryRunSender
from chalicelib.providers.ses_quota import SesQuota
from chalicelib.providers.ses_sender import SesSender, make_ses_client, ses_message_id_domain
from chalicelib.providers.sqs_queues import SqsInboundQueue, SqsSendQueue
from chalicelib.providers.webhook_client import HttpsWebhookClient
from chalicelib.providers.webhook_queue import SqsWebhookQueue
from chalicelib.settings import Settings, settings
from chalicelib.shapes.event_shapes import event_body
from chalicelib.storage.account_store import DynamoAccountStore
from chalicelib.storage.attachment_store import DynamoAttachmentStore
from chalicelib.storage.blob_store import S3BlobStore
from chalicelib.storage.bucket_walk import S3BucketWalk
from chalicelib.storage.due_delivery_store import DynamoDueDeliveries
from chalicelib.storage.event_log import DynamoEventLog
from chalicelib.storage.filing_store import DynamoFilingStore
from chalicelib.storage.id_key_store import load_or_create_id_key
from chalicelib.storage.idempotency_store import DynamoIdempotencyStore
from chalicelib.storage.inbox_store import DynamoInboxStore
from chalicelib.storage.key_store import DynamoKeyStore
from chalicelib.storage.message_id_header_store import DynamoMessageIdHeaders
from chalicelib.storage.message_index import DynamoMessageIndex
from chalicelib.storage.message_store import DynamoMessageStore
from chalicelib.storage.news_mark_store import DynamoNewsMark
from chalicelib.storage.peer_store import DynamoPeerStore
from chalicelib.storage.received_mails import S3ReceivedMails
from chalicelib.storage.send_rate_store import DynamoSendRates
from chalicelib.storage.ses_message_id_store import DynamoSesMessageIds
from chalicelib.storage.source_links import BucketSourceLinks
from chalicelib.storage.table_walk import DynamoTableWalk
from chalicelib.storage.tables import bind_table
from chalicelib.storage.thread_store import DynamoThreadStore
from chalicelib.storage.walk_store import DynamoSequenceMarks, DynamoWalkStore
from chalicelib.storage.webhook_deliveries import DynamoWebhookDeliveries
from chalicelib.storage.webhook_store import DynamoWebhookStore

TOGETHER_WORKERS = 16
# Seconds and tries that leave room for a second attempt within an API request of 29 s.
_TIMES: dict[str, Any] = {
    "connect_timeout": 2,
    "read_timeout": 8,
    "retries": {"mode": "standard", "total_max_attempts": 3},
    "max_pool_connections": 50,
}


T = TypeVar("T")
# The records of a batch, and embedded the requests, come side by side; making a boto3 client is not for two threads.
_building = RLock()


class built_once(Generic[T]):  # noqa: N801 - reads as the decorator it is
    """A property made when it is first asked for, by one thread."""

    def __init__(self, build: Callable[[Any], T]) -> None:
        self._build = build
        self._name = build.__name__

    def __get__(self, owner: Any, _owner_type: type) -> T:
        with _building:
            if self._name not in owner.__dict__:
                owner.__dict__[self._name] = self._build(owner)
        made: T = owner.__dict__[self._name]
        return made


def utc_now() -> datetime:
    return datetime.now(UTC)


class Operations:
    """Every operation of a deployment; each is built, with what it needs, when it is first asked for."""

    def __init__(self, settings: Settings, clock: Clock = utc_now) -> None:
        self._settings = settings
        self.clock = clock
        self._workers = ThreadPoolExecutor(TOGETHER_WORKERS)
        bind_table(settings.table_name)
        self.inboxes = DynamoInboxStore()
        self.threads = DynamoThreadStore()
        self.index = DynamoMessageIndex()
        self.keys = DynamoKeyStore()
        self.accounts = DynamoAccountStore()
        self.ses_message_ids = DynamoSesMessageIds()
        self.filings = DynamoFilingStore()
        self.message_id_headers = DynamoMessageIdHeaders()
        self.peers = DynamoPeerStore()
        self.webhooks = DynamoWebhookStore()
        self.deliveries = DynamoWebhookDeliveries()
        self.due_deliveries = DynamoDueDeliveries()

    # ------------------------------------------------------------------------- stores and providers

    @built_once
    def _blobs(self) -> S3BlobStore:
        return S3BlobStore(self._s3, self._settings.bucket_name)

    @built_once
    def messages(self) -> DynamoMessageStore:
        return DynamoMessageStore(self._blobs)

    @built_once
    def attachments(self) -> DynamoAttachmentStore:
        return DynamoAttachmentStore(self._blobs)

    @built_once
    def _source_links(self) -> BucketSourceLinks:
        return BucketSourceLinks(self._blobs)

    @built_once
    def mails(self) -> S3ReceivedMails:
        return S3ReceivedMails(self._s3, self._settings.bucket_name)

    @built_once
    def _s3(self) -> Any:
        # Addressed by path, signed with version 4: the links work through any endpoint, and expire.
        return boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, **_TIMES))

    @built_once
    def send_queue(self) -> SqsSendQueue:
        return SqsSendQueue(self._sqs, self._settings.send_queue_url)

    @built_once
    def inbound_queue(self) -> SqsInboundQueue:
        return SqsInboundQueue(self._sqs, self._settings.inbound_queue_url, self._settings.bucket_name)

    @built_once
    def webhook_queue(self) -> SqsWebhookQueue:
        return SqsWebhookQueue(self._sqs, self._settings.webhook_queue_url)

    @built_once
    def _sqs(self) -> Any:
        return boto3.client("sqs", config=Config(**_TIMES))

    @built_once
    def provider(self) -> MailProvider:
        if not self._calls_ses:
            return DryRunSender()
        domain = ses_message_id_domain(self._settings.region)
        return SesSender(self._ses, self._settings.ses_configuration_set, domain)

    @property
    def _calls_ses(self) -> bool:
        return self._settings.delivery_mode is DeliveryMode.EMAIL or self._settings.dry_run_sender == "ses"

    @built_once
    def _ses(self) -> Any:
        # A call must be over, whatever became of it, long before the message may be handed over once more.
        window = self._settings.evidence_window_seconds
        return make_ses_client(connect_timeout=min(5, window / 10), read_timeout=min(25, window / 3))

    @built_once
    def _public_ids(self) -> PublicIds:
        return PublicIds(load_or_create_id_key())

    def public_ids(self) -> PublicIds:
        """Translates message and thread keys to ids and back."""
        return self._public_ids

    def message_ses_knows_as(self, ses_message_id: str) -> MessageKey | None:
        """The message that SES gave this id."""
        return self.ses_message_ids.get(ses_message_id)

    # ---------------------------------------------------------------------------------- the way out

    @built_once
    def submit_message(self) -> SubmitMessage:
        return SubmitMessage(
            self.inboxes,
            self.messages,
            self.threads,
            self.index,
            self.send_queue,
            self.attachments,
            StopLoops(self.peers, self.inboxes),
            self.tell_events,
            self._public_ids,
            self._settings.delivery_mode,
            self.clock,
            self._together,
        )

    @built_once
    def reply_to_message(self) -> ReplyToMessage:
        return ReplyToMessage(self.get_message, self.inboxes, self.submit_message, self._settings.allow_test_domains)

    @built_once
    def forward_message(self) -> ForwardMessage:
        return ForwardMessage(self.get_message, self.submit_message)

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
            self._pace,
            self._public_ids,
            self.clock,
            abandon_after=timedelta(seconds=self._settings.abandon_reservation_seconds),
            room=self._sending_room,
        )

    @built_once
    def _hand_over(self) -> HandOver:
        return HandOver(
            self.provider,
            self.index,
            self.send_queue,
            self._delivery_record,
            self._pace,
            self._evidence,
            self._public_ids,
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
            self._evidence,
            self._public_ids,
            self.clock,
            room=self._sending_room,
        )

    @built_once
    def _delivery_record(self) -> DeliveryRecord:
        return DeliveryRecord(self.messages, self._show_status, self.tell_events, self.clock)

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
            self.tell_events,
            lambda ses_id: f"<{ses_id}@{domain}>",
            NoteNews(self._news_mark, self.clock, self._evidence.window / INTERVALS),
        )

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

    # ---------------------------------------------------------------------------------------- events

    @built_once
    def _event_log(self) -> DynamoEventLog:
        return DynamoEventLog(self.clock)

    @built_once
    def tell_events(self) -> TellEvents:
        return TellEvents(self._event_log, self._public_ids, self.clock, NoticesToQueue(self.webhook_queue))

    @built_once
    def read_feed(self) -> ReadFeed:
        return ReadFeed(
            self._event_log, self.inboxes, self._join_events, self._public_ids, self._settings.feed_wait_seconds
        )

    @built_once
    def _join_events(self) -> JoinEvents:
        return JoinEvents(self.inboxes, self.webhooks, self.messages, self.index)

    # -------------------------------------------------------------------------------------- webhooks

    @built_once
    def _webhook_client(self) -> HttpsWebhookClient:
        return HttpsWebhookClient(self._settings.allow_loopback_webhooks, now=self.clock)

    @built_once
    def _check_webhook(self) -> CheckWish:
        return CheckWish(self.inboxes, self._webhook_client)

    @built_once
    def create_webhook(self) -> CreateWebhook:
        return CreateWebhook(self.webhooks, self._check_webhook, self._event_log, self.clock)

    @built_once
    def list_webhooks(self) -> ListWebhooks:
        return ListWebhooks(self.webhooks)

    @built_once
    def get_webhook(self) -> GetWebhook:
        return GetWebhook(self.webhooks)

    @built_once
    def update_webhook(self) -> UpdateWebhook:
        return UpdateWebhook(
            self.webhooks, self.deliveries, self.webhook_queue, self._check_webhook, self._event_log, self.clock
        )

    @built_once
    def rotate_webhook_secret(self) -> RotateSecret:
        return RotateSecret(self.webhooks, self._event_log, self.clock)

    @built_once
    def delete_webhook(self) -> DeleteWebhook:
        return DeleteWebhook(self.webhooks, self._event_log)

    @built_once
    def ping_webhook(self) -> PingWebhook:
        return PingWebhook(self.webhooks, self.deliveries, self.webhook_queue, self._event_log, self.clock)

    @built_once
    def list_deliveries(self) -> ListDeliveries:
        return ListDeliveries(self.webhooks, self.deliveries)

    @built_once
    def replay_delivery(self) -> ReplayDelivery:
        return ReplayDelivery(self.webhooks, self.deliveries, self.webhook_queue, self.clock)

    @built_once
    def replay_range(self) -> ReplayRange:
        return ReplayRange(self.webhooks, self.webhook_queue, self.clock)

    @built_once
    def carry_out_replay(self) -> CarryOutReplay:
        return CarryOutReplay(self.webhooks, self.deliveries, self.webhook_queue, self._event_log, self.clock)

    @built_once
    def _wait_in_line(self) -> WaitInLine:
        return WaitInLine(self.deliveries, self.webhook_queue, self.clock)

    @built_once
    def deliver_webhook(self) -> DeliverWebhook:
        ids, join = self._public_ids, self._join_events
        return DeliverWebhook(
            self.deliveries,
            self.due_deliveries,
            self.webhook_queue,
            self._webhook_client,
            lambda account_id, logged: join(account_id, [logged.event])[0],
            lambda joined: event_body(joined, ids),
            self._wait_in_line,
            DisableWebhook(self.webhooks, self._event_log, self.tell_events.disabled, self.clock),
            self.clock,
        )

    @built_once
    def tell_webhooks(self) -> TellWebhooks:
        return TellWebhooks(KnownWebhooks(self.webhooks, self.clock), self.webhook_queue, self.deliver_webhook)

    @built_once
    def serve_line(self) -> ServeLine:
        return ServeLine(self.webhooks, self.deliveries, self.webhook_queue, self._wait_in_line, self.clock)

    @built_once
    def queue_due_webhooks(self) -> QueueDueDeliveries:
        return QueueDueDeliveries(self.due_deliveries, self.webhook_queue, self.clock)

    @built_once
    def requeue_webhooks(self) -> RequeueWebhooks:
        return RequeueWebhooks(
            self.accounts,
            self.webhooks,
            self.deliveries,
            self.due_deliveries,
            self.webhook_queue,
            self._event_log,
            self.clock,
        )

    # ----------------------------------------------------------------------------------- the way in

    @property
    def bucket_name(self) -> str:
        return self._settings.bucket_name

    @built_once
    def receive_message(self) -> ReceiveMessage:
        return ReceiveMessage(self.inboxes, self.mails, parse_mail, self._file_received)

    @built_once
    def _file_received(self) -> FileReceived:
        find_thread = FindThread(self.messages, self.threads, self.index, self.message_id_headers, self._public_ids)
        return FileReceived(
            self.inboxes,
            self.messages,
            self.threads,
            self.index,
            self.filings,
            self.mails,
            self.message_id_headers,
            find_thread,
            self.attachments,
            NoteArrival(self.peers),
            self.tell_events,
            self.abandon_reservation,
            self._settings.delivery_mode,
            self._together,
        )

    @built_once
    def requeue_received(self) -> RequeueReceived:
        return RequeueReceived(self.mails, self.inbound_queue)

    # ------------------------------------------------------------------------------------ housekeeping

    @built_once
    def keep_house(self) -> KeepHouse:
        bucket, marks = S3BucketWalk(self._s3, self._settings.bucket_name), DynamoSequenceMarks()
        coroner = Coroner(self.index, marks, self.abandon_reservation)
        table = TidyTable(
            DynamoTableWalk(),
            bucket,
            marks,
            self.index,
            self.threads,
            self.attachments,
            self.send_queue,
            coroner,
        )
        rounds = (
            table,
            TidyBucket(bucket, self.attachments, coroner),
            TidyInbound(bucket, self.mails, self.inbound_queue),
        )
        return KeepHouse(rounds, DynamoWalkStore(), self.clock)

    # ------------------------------------------------------------------------- messages and threads

    @built_once
    def get_message(self) -> GetMessage:
        return GetMessage(self.messages, self.index)

    @built_once
    def recover_message(self) -> RecoverMessage:
        return RecoverMessage(self.get_message, self.abandon_reservation)

    @built_once
    def list_message_events(self) -> ListMessageEvents:
        return ListMessageEvents(self.get_message, self._public_ids)

    @built_once
    def read_raw_message(self) -> ReadRawMessage:
        return ReadRawMessage(
            self.messages, self.index, self.mails, self._public_ids, self.attachments, self._source_links
        )

    @built_once
    def list_messages(self) -> ListMessages:
        return ListMessages(self.messages, self.index)

    @built_once
    def delete_message(self) -> DeleteMessage:
        return DeleteMessage(
            self.messages,
            self.threads,
            self.index,
            self.filings,
            self.tell_events,
            self._discard_message,
            self.send_queue,
            self.clock,
        )

    @built_once
    def list_threads(self) -> ListThreads:
        return ListThreads(self.threads, self.messages, self.index)

    @built_once
    def get_thread(self) -> GetThread:
        return GetThread(self.threads, self.messages, self.index)

    @built_once
    def list_thread_messages(self) -> ListThreadMessages:
        return ListThreadMessages(self.threads, self.messages, self.index)

    # -------------------------------------------------------------------------------------- attachments

    @built_once
    def upload_attachment(self) -> UploadAttachment:
        return UploadAttachment(self.attachments, self.clock)

    @built_once
    def begin_upload(self) -> BeginUpload:
        return BeginUpload(self.attachments, self.clock)

    @built_once
    def link_upload(self) -> LinkUpload:
        return LinkUpload(self.attachments, self.clock)

    @built_once
    def get_attachment(self) -> GetAttachment:
        return GetAttachment(self.attachments, self.clock)

    @built_once
    def delete_attachment(self) -> DeleteAttachment:
        return DeleteAttachment(self.attachments, self.clock)

    # ---------------------------------------------------------------------------- inboxes, accounts, keys

    @built_once
    def create_inbox(self) -> CreateInbox:
        return CreateInbox(self.inboxes, self.clock, self._settings.mail_domain, self._settings.inbox_daily_send_limit)

    @built_once
    def list_inboxes(self) -> ListInboxes:
        return ListInboxes(self.inboxes)

    @built_once
    def get_inbox(self) -> GetInbox:
        return GetInbox(self.inboxes)

    @built_once
    def delete_inbox(self) -> DeleteInbox:
        return DeleteInbox(self.inboxes)

    @built_once
    def authenticate(self) -> Authenticate:
        return Authenticate(self.keys, self.clock, self._settings.rate_limit_per_minute)

    @built_once
    def answer_once(self) -> AnswerOnce:
        return AnswerOnce(DynamoIdempotencyStore(), self.clock)

    @built_once
    def bootstrap(self) -> Bootstrap:
        return Bootstrap(self.accounts, self.keys, self.clock, self._settings.account_daily_send_limit)

    @built_once
    def create_account(self) -> CreateAccount:
        return CreateAccount(self.accounts, self.keys, self.clock, self._settings.account_daily_send_limit)

    @built_once
    def get_account(self) -> GetAccount:
        return GetAccount(self.accounts)

    @built_once
    def create_key(self) -> CreateKey:
        return CreateKey(self.keys, self.inboxes, self.clock)

    @built_once
    def list_keys(self) -> ListKeys:
        return ListKeys(self.keys)

    @built_once
    def delete_key(self) -> DeleteKey:
        return DeleteKey(self.keys)

    def _together(self, calls: Sequence[Callable[[], None]]) -> None:
        """Run calls side by side; wait for all of them, then raise the first error."""
        futures = [self._workers.submit(call) for call in calls]
        wait(futures)
        for future in futures:
            future.result()


@lru_cache(maxsize=1)
def _operations() -> Operations:
    return Operations(settings())


def forget_operations() -> None:
    """Build anew when asked again: for a process that serves one deployment after another."""
    with _building:
        _operations.cache_clear()


def operations() -> Operations:
    """The operations of this process."""
    with _building:
        return _operations()
