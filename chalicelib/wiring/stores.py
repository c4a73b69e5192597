"""The stores and providers of a deployment, and the clients under them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.domain.ids import MessageKey, PublicIds
from chalicelib.domain.message import DeliveryMode
from chalicelib.operations.own_domains import OwnDomains
from chalicelib.operations.ports import Clock, MailProvider
from chalicelib.operations.switches import Switches
from chalicelib.operations.turn_switches import GiveUpHeld
from chalicelib.operations.wake_held import WakeHeld
from chalicelib.providers.dry_run_sender import DryRunSender
from chalicelib.providers.ses_sender import SesSender, make_ses_client, ses_message_id_domain
from chalicelib.providers.sqs_queues import SqsInboundQueue, SqsSendQueue
from chalicelib.providers.webhook_queue import SqsWebhookQueue
from chalicelib.settings import Settings
from chalicelib.storage.account_store import DynamoAccountStore
from chalicelib.storage.attachment_store import DynamoAttachmentStore
from chalicelib.storage.blob_store import S3BlobStore
from chalicelib.storage.calls_under_way import DynamoCallsUnderWay
from chalicelib.storage.domain_store import DynamoDomainStore
from chalicelib.storage.due_delivery_store import DynamoDueDeliveries
from chalicelib.storage.filing_store import DynamoFilingStore
from chalicelib.storage.holding_store import DynamoHoldingStore
from chalicelib.storage.id_key_store import load_or_create_id_key
from chalicelib.storage.inbox_store import DynamoInboxStore
from chalicelib.storage.key_store import DynamoKeyStore
from chalicelib.storage.message_id_header_store import DynamoMessageIdHeaders
from chalicelib.storage.message_index import DynamoMessageIndex
from chalicelib.storage.message_store import DynamoMessageStore
from chalicelib.storage.peer_store import DynamoPeerStore
from chalicelib.storage.received_mails import S3ReceivedMails
from chalicelib.storage.ses_message_id_store import DynamoSesMessageIds
from chalicelib.storage.source_links import BucketSourceLinks
from chalicelib.storage.suppression_store import DynamoSuppressionStore
from chalicelib.storage.switch_store import DynamoSwitches
from chalicelib.storage.tables import bind_table
from chalicelib.storage.thread_store import DynamoThreadStore
from chalicelib.storage.usage_store import DynamoUsageStore
from chalicelib.storage.webhook_deliveries import DynamoWebhookDeliveries
from chalicelib.storage.webhook_store import DynamoWebhookStore
from chalicelib.wiring.built_once import built_once
from chalicelib.wiring.clock import utc_now

TOGETHER_WORKERS = 16
# Seconds and tries that leave room for a second attempt within an API request of 29 s.
_TIMES: dict[str, Any] = {
    "connect_timeout": 2,
    "read_timeout": 8,
    "retries": {"mode": "standard", "total_max_attempts": 3},
    "max_pool_connections": 50,
}


class Stores:
    """Where everything is kept, and who carries mail; each made when it is first asked for."""

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
        self.suppressions = DynamoSuppressionStore()
        self.switch_store = DynamoSwitches()
        self.usage = DynamoUsageStore()
        self.webhooks = DynamoWebhookStore()
        self.deliveries = DynamoWebhookDeliveries(self.clock)
        self.calls_under_way = DynamoCallsUnderWay()
        self.due_deliveries = DynamoDueDeliveries()
        self.domains = DynamoDomainStore()
        self.holdings = DynamoHoldingStore()
        self.own_domains = OwnDomains(self.holdings, self.inboxes, settings.mail_domain)

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
    def slow_webhook_queue(self) -> SqsWebhookQueue:
        return SqsWebhookQueue(self._sqs, self._settings.slow_webhook_queue_url)

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

    @built_once
    def switches(self) -> Switches:
        return Switches(self.switch_store, self.clock)

    @built_once
    def wake_held(self) -> WakeHeld:
        return WakeHeld(self.switch_store, self.inboxes, self.messages, self.index, self.send_queue, self.clock)

    @built_once
    def give_up_held(self) -> GiveUpHeld:
        return GiveUpHeld(self.switch_store, self.wake_held, self.clock)

    @property
    def bucket_name(self) -> str:
        return self._settings.bucket_name

    def _together(self, calls: Sequence[Callable[[], None]]) -> None:
        """Run calls side by side; wait for all of them, then raise the first error."""
        # Each in a copy of this thread's context, so that their lines of the log carry what ours do.
        futures = [self._workers.submit(copy_context().run, call) for call in calls]
        wait(futures)
        for future in futures:
            future.result()
