"""Builds stores, providers and operations on first use; the one file that knows all of them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.domain.ids import PublicIds
from chalicelib.domain.message import DeliveryMode
from chalicelib.operations.abandon_reservation import AbandonReservation
from chalicelib.operations.answer_once import AnswerOnce
from chalicelib.operations.authenticate import Authenticate
from chalicelib.operations.browse_inboxes import DeleteInbox, GetInbox, ListInboxes
from chalicelib.operations.browse_threads import GetThread, ListThreadMessages, ListThreads
from chalicelib.operations.create_inbox import CreateInbox
from chalicelib.operations.delete_message import DeleteMessage
from chalicelib.operations.get_message import GetMessage, ListMessageEvents, ReadRawMessage, RecoverMessage
from chalicelib.operations.list_messages import ListMessages
from chalicelib.operations.manage_accounts import Bootstrap, CreateAccount, GetAccount
from chalicelib.operations.manage_keys import CreateKey, DeleteKey, ListKeys
from chalicelib.operations.ports import Clock, MailProvider
from chalicelib.operations.record_delivery_report import RecordDeliveryReport
from chalicelib.operations.reply_headers import SettleReplyHeaders
from chalicelib.operations.requeue_unsent import RequeueUnsent
from chalicelib.operations.send_message import SendMessage
from chalicelib.operations.show_status import ShowStatus
from chalicelib.operations.submit_message import SubmitMessage
from chalicelib.providers.dry_run_sender import DryRunSender
from chalicelib.providers.ses_sender import SesSender, make_ses_client, ses_message_id_domain
from chalicelib.providers.sqs_queues import SqsSendQueue
from chalicelib.settings import Settings, settings
from chalicelib.storage.account_store import DynamoAccountStore
from chalicelib.storage.blob_store import S3BlobStore
from chalicelib.storage.id_key_store import load_or_create_id_key
from chalicelib.storage.idempotency_store import DynamoIdempotencyStore
from chalicelib.storage.inbox_store import DynamoInboxStore
from chalicelib.storage.key_store import DynamoKeyStore
from chalicelib.storage.message_index import DynamoMessageIndex
from chalicelib.storage.message_store import DynamoMessageStore
from chalicelib.storage.ses_message_id_store import DynamoSesMessageIds
from chalicelib.storage.tables import bind_table
from chalicelib.storage.thread_store import DynamoThreadStore

TOGETHER_WORKERS = 16
# Seconds and tries that leave room for a second attempt within an API request of 29 s.
_TIMES: dict[str, Any] = {
    "connect_timeout": 2,
    "read_timeout": 8,
    "retries": {"mode": "standard", "total_max_attempts": 3},
    "max_pool_connections": 50,
}


def utc_now() -> datetime:
    return datetime.now(UTC)


class Operations:
    """Every operation of a deployment; each is built, with what it needs, when it is first asked for."""

    def __init__(self, settings: Settings, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._workers = ThreadPoolExecutor(TOGETHER_WORKERS)
        bind_table(settings.table_name)
        self.inboxes = DynamoInboxStore()
        self.threads = DynamoThreadStore()
        self.index = DynamoMessageIndex()
        self.keys = DynamoKeyStore()
        self.accounts = DynamoAccountStore()
        self.ses_message_ids = DynamoSesMessageIds()

    # ------------------------------------------------------------------------- stores and providers

    @cached_property
    def messages(self) -> DynamoMessageStore:
        # Addressed by path, signed with version 4: the links work through any endpoint, and expire.
        style = Config(signature_version="s3v4", s3={"addressing_style": "path"}, **_TIMES)
        return DynamoMessageStore(S3BlobStore(boto3.client("s3", config=style), self._settings.bucket_name))

    @cached_property
    def send_queue(self) -> SqsSendQueue:
        return SqsSendQueue(boto3.client("sqs", config=Config(**_TIMES)), self._settings.send_queue_url)

    @cached_property
    def provider(self) -> MailProvider:
        if self._settings.delivery_mode is DeliveryMode.DRY_RUN and self._settings.dry_run_sender == "none":
            return DryRunSender()
        domain = ses_message_id_domain(self._settings.region)
        return SesSender(make_ses_client(), self._settings.ses_configuration_set, domain)

    @cached_property
    def _public_ids(self) -> PublicIds:
        return PublicIds(load_or_create_id_key())

    def public_ids(self) -> PublicIds:
        """Translates message and thread keys to ids and back."""
        return self._public_ids

    # ---------------------------------------------------------------------------------- the way out

    @cached_property
    def submit_message(self) -> SubmitMessage:
        return SubmitMessage(
            self.inboxes,
            self.messages,
            self.threads,
            self.index,
            self.send_queue,
            self._public_ids,
            self._settings.delivery_mode,
            self._clock,
            self._together,
        )

    @cached_property
    def send_message(self) -> SendMessage:
        return SendMessage(
            self.messages,
            self.index,
            self.ses_message_ids,
            self.provider,
            self.send_queue,
            self._show_status,
            self.abandon_reservation,
            SettleReplyHeaders(self.messages, self.index, self._public_ids),
            self._public_ids,
            self._clock,
            evidence_window=timedelta(seconds=self._settings.evidence_window_seconds),
            outcome_unknown_after=timedelta(seconds=self._settings.outcome_unknown_seconds),
            abandon_after=timedelta(seconds=self._settings.abandon_reservation_seconds),
        )

    @cached_property
    def record_delivery_report(self) -> RecordDeliveryReport:
        domain = ses_message_id_domain(self._settings.region)
        return RecordDeliveryReport(
            self.messages, self.ses_message_ids, self._show_status, lambda ses_id: f"<{ses_id}@{domain}>"
        )

    @cached_property
    def requeue_unsent(self) -> RequeueUnsent:
        return RequeueUnsent(self.index, self.send_queue, self._clock)

    @cached_property
    def abandon_reservation(self) -> AbandonReservation:
        return AbandonReservation(self.messages, self.threads, self.index)

    @cached_property
    def _show_status(self) -> ShowStatus:
        return ShowStatus(self.messages, self.index)

    # ------------------------------------------------------------------------- messages and threads

    @cached_property
    def get_message(self) -> GetMessage:
        return GetMessage(self.messages, self.index)

    @cached_property
    def recover_message(self) -> RecoverMessage:
        return RecoverMessage(self.get_message, self.abandon_reservation)

    @cached_property
    def list_message_events(self) -> ListMessageEvents:
        return ListMessageEvents(self.get_message)

    @cached_property
    def read_raw_message(self) -> ReadRawMessage:
        return ReadRawMessage(self.messages, self.index, self._public_ids)

    @cached_property
    def list_messages(self) -> ListMessages:
        return ListMessages(self.messages, self.index)

    @cached_property
    def delete_message(self) -> DeleteMessage:
        return DeleteMessage(self.messages, self.threads, self.index)

    @cached_property
    def list_threads(self) -> ListThreads:
        return ListThreads(self.threads, self.messages, self.index)

    @cached_property
    def get_thread(self) -> GetThread:
        return GetThread(self.threads, self.messages, self.index)

    @cached_property
    def list_thread_messages(self) -> ListThreadMessages:
        return ListThreadMessages(self.threads, self.messages, self.index)

    # ---------------------------------------------------------------------------- inboxes, accounts, keys

    @cached_property
    def create_inbox(self) -> CreateInbox:
        return CreateInbox(self.inboxes, self._clock, self._settings.mail_domain, self._settings.inbox_daily_send_limit)

    @cached_property
    def list_inboxes(self) -> ListInboxes:
        return ListInboxes(self.inboxes)

    @cached_property
    def get_inbox(self) -> GetInbox:
        return GetInbox(self.inboxes)

    @cached_property
    def delete_inbox(self) -> DeleteInbox:
        return DeleteInbox(self.inboxes)

    @cached_property
    def authenticate(self) -> Authenticate:
        return Authenticate(self.keys, self._clock, self._settings.rate_limit_per_minute)

    @cached_property
    def answer_once(self) -> AnswerOnce:
        return AnswerOnce(DynamoIdempotencyStore(), self._clock)

    @cached_property
    def bootstrap(self) -> Bootstrap:
        return Bootstrap(self.accounts, self.keys, self._clock, self._settings.account_daily_send_limit)

    @cached_property
    def create_account(self) -> CreateAccount:
        return CreateAccount(self.accounts, self.keys, self._clock, self._settings.account_daily_send_limit)

    @cached_property
    def get_account(self) -> GetAccount:
        return GetAccount(self.accounts)

    @cached_property
    def create_key(self) -> CreateKey:
        return CreateKey(self.keys, self.inboxes, self._clock)

    @cached_property
    def list_keys(self) -> ListKeys:
        return ListKeys(self.keys)

    @cached_property
    def delete_key(self) -> DeleteKey:
        return DeleteKey(self.keys)

    def _together(self, calls: Sequence[Callable[[], None]]) -> None:
        """Run calls side by side; wait for all of them, then raise the first error."""
        futures = [self._workers.submit(call) for call in calls]
        wait(futures)
        for future in futures:
            future.result()


@lru_cache(maxsize=1)
def operations() -> Operations:
    """The operations of this process."""
    return Operations(settings())
