"""One account with an inbox, every operation of a message's life over fakes, and a queue that is worked to rest."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.account import Caller
from chalicelib.domain.attachment import Enclosure
from chalicelib.domain.delivery import DeliveryReport, MessageDelivery, event_type
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import AttachmentId, MessageKey, PublicIds, ThreadKey
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.message import DeliveryMode, Draft, Message
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.mime.parse import parse_mail
from chalicelib.operations.abandon_reservation import AbandonReservation
from chalicelib.operations.browse_threads import GetThread, ListThreadMessages, ListThreads
from chalicelib.operations.delete_message import DeleteMessage
from chalicelib.operations.delivery_record import DeliveryRecord
from chalicelib.operations.discard_message import DiscardMessage
from chalicelib.operations.evidence import Evidence
from chalicelib.operations.file_received import FileReceived
from chalicelib.operations.find_thread import FindThread
from chalicelib.operations.forward_message import ForwardMessage
from chalicelib.operations.get_message import GetMessage, ListMessageEvents, ReadRawMessage, RecoverMessage
from chalicelib.operations.hand_over import HandOver
from chalicelib.operations.hold_message import HoldMessage
from chalicelib.operations.judge_inbox import JudgeInbox
from chalicelib.operations.list_messages import ListMessages
from chalicelib.operations.look_ahead import UNKNOWN, LookAhead
from chalicelib.operations.note_news import INTERVALS, NoteNews
from chalicelib.operations.note_progress import NoteProgress
from chalicelib.operations.own_domains import OwnDomains
from chalicelib.operations.ports import PageRequest, SendJob, WakeJob
from chalicelib.operations.receive_message import ReceiveMessage
from chalicelib.operations.record_delivery_report import RecordDeliveryReport
from chalicelib.operations.reply_headers import SettleReplyHeaders
from chalicelib.operations.reply_to_message import ReplyToMessage
from chalicelib.operations.requeue_received import RequeueReceived
from chalicelib.operations.requeue_unsent import RequeueUnsent
from chalicelib.operations.reserve_send import ReserveSend
from chalicelib.operations.send_message import SendMessage
from chalicelib.operations.send_pace import Pace, Unpaced
from chalicelib.operations.settle_ambiguous import SettleAmbiguous
from chalicelib.operations.show_status import ShowStatus
from chalicelib.operations.stop_loops import NoteArrival, StopLoops
from chalicelib.operations.submit_message import SubmitMessage
from chalicelib.operations.suppress_recipients import SuppressRecipients
from chalicelib.operations.switches import Switches
from chalicelib.operations.tell_events import TellEvents
from chalicelib.operations.turn_switches import GiveUpHeld
from chalicelib.operations.wake_held import WakeHeld
from tests.factories.accounts import NOON, make_account, make_caller, make_inbox
from tests.factories.attachments import DATA as FILE
from tests.factories.attachments import make_attachment
from tests.factories.messages import make_mailbox
from tests.fakes.account_store import FakeAccountStore
from tests.fakes.attachment_store import FakeAttachmentStore
from tests.fakes.clock import FakeClock
from tests.fakes.domains import FakeDomainStore, FakeHoldingStore
from tests.fakes.event_log import FakeEventLog
from tests.fakes.filing_store import FakeFilingStore
from tests.fakes.inbound_queue import FakeInboundQueue
from tests.fakes.inbox_store import FakeInboxStore
from tests.fakes.key_store import FakeKeyStore
from tests.fakes.mail_provider import FakeMailProvider
from tests.fakes.message_id_headers import FakeMessageIdHeaders
from tests.fakes.message_index import FakeMessageIndex
from tests.fakes.message_store import FakeMessageStore
from tests.fakes.metrics import FakeMetrics
from tests.fakes.news_mark import FakeNewsMark
from tests.fakes.peer_store import FakePeerStore
from tests.fakes.received_mails import FakeReceivedMails
from tests.fakes.send_queue import FakeSendQueue
from tests.fakes.ses_message_ids import FakeSesMessageIds
from tests.fakes.source_links import FakeSourceLinks
from tests.fakes.suppression_store import FakeSuppressionStore
from tests.fakes.switch_store import FakeSwitchStore
from tests.fakes.thread_store import FakeThreadStore
from tests.fakes.together import together_in_turn
from tests.operations.watched import Crash, Effect, Watch, unwatched, watched

INBOX = 7
MAIL_DOMAIN = "mail.example.com"
ADA, BOB, EVE = "ada@example.com", "bob@example.net", "eve@example.org"
IDS = PublicIds(b"a secret only of the tests")
EVIDENCE_WINDOW = timedelta(minutes=15)
OUTCOME_UNKNOWN_AFTER = timedelta(hours=1)
ABANDON_AFTER = timedelta(minutes=1)
VISIBILITY_TIMEOUT = 360  # seconds until a job whose worker died is delivered again
UNSEEN = (
    "log.newest_chunk"  # nearly always it is known and nothing is called; what becomes of an error has its own tests
)
UNLIMITED = 10**9  # messages a day
ENOUGH_JOBS = 1_000  # a queue that is not at rest after so many never will be


def final_header(ses_message_id: str) -> str:
    return f"<{ses_message_id}@ses.example.com>"


class World:
    """The stores, the queue and the provider of a deployment, and the operations over them."""

    def __init__(self, **inbox: object) -> None:
        self._watch: Watch = unwatched
        self.clock = FakeClock(NOON)
        self.caller = make_caller()
        self.log: Any = FakeEventLog()
        self.domains: Any = FakeDomainStore()
        self.holdings: Any = FakeHoldingStore()
        self._make_stores()
        self.provider = FakeMailProvider()
        self.pace: Pace = Unpaced()
        self.send_queue = FakeSendQueue()
        self.keys, self.accounts = FakeKeyStore(), FakeAccountStore()
        self.keys.create(self.caller.key, b"")
        self.accounts.create(make_account(daily_send_limit=UNLIMITED))
        self.switch_store = FakeSwitchStore(self.inboxes, self.accounts, self.keys)
        self.attachments = FakeAttachmentStore()
        self.source_links = FakeSourceLinks()
        self.filings = FakeFilingStore()
        self.mails = FakeReceivedMails()
        self.message_id_headers = FakeMessageIdHeaders(self.ses_message_ids)
        self.inbound_queue = FakeInboundQueue()
        self.peers = FakePeerStore()
        self.suppressions = self._make_suppressions()
        self.named: list[MessageKey] = []
        self.metrics = FakeMetrics()
        self._waiting: list[tuple[datetime, Any]] = []
        self.inboxes.create(make_inbox(number=INBOX, next_sequence=0, sends_today=0, **inbox))
        self._wire()

    def _make_stores(self) -> None:
        self.inboxes = FakeInboxStore(domains=self.domains)
        self.ses_message_ids = FakeSesMessageIds()
        self.messages = FakeMessageStore(self.inboxes, self.ses_message_ids)
        self.threads = FakeThreadStore()
        self.index = FakeMessageIndex(self.inboxes)
        self.news_mark: Any = FakeNewsMark()

    def _make_suppressions(self) -> Any:
        return FakeSuppressionStore()

    def _wire(self) -> None:
        inboxes = self._watched("inboxes", self.inboxes)
        messages = self._watched("messages", self.messages)
        threads = self._watched("threads", self.threads)
        index = self._watched("index", self.index)
        ses_message_ids = self._watched("ses_message_ids", self.ses_message_ids)
        send_queue = self._watched("send_queue", self.send_queue)
        attachments = self._watched("attachments", self.attachments)
        source_links = self._watched("source_links", self.source_links)
        show_status = ShowStatus(messages, index)
        tell = TellEvents(self._watched("log", self.log), IDS, self.clock)
        filings = self._watched("filings", self.filings)
        mails = self._watched("mails", self.mails)
        headers = self._watched("message_id_headers", self.message_id_headers)
        discard = DiscardMessage(messages, mails, headers, ses_message_ids, attachments, source_links)
        abandon = AbandonReservation(messages, threads, index, discard)
        peers = self._watched("peers", self.peers)
        own_domains = OwnDomains(self._watched("holdings", self.holdings), inboxes, MAIL_DOMAIN)
        suppressions = self._watched("suppressions", self.suppressions)
        switch_store = self._watched("switches", self.switch_store)
        switches = Switches(switch_store, self.clock, nullcontext())
        judge = JudgeInbox(inboxes, tell, self.clock)
        accounts = self._watched("accounts", self.accounts)
        progress = NoteProgress(self.metrics, IDS)
        self.submit_message = SubmitMessage(
            inboxes,
            messages,
            threads,
            index,
            send_queue,
            attachments,
            ReserveSend(inboxes, accounts, judge, self.clock),
            StopLoops(peers, inboxes),
            suppressions,
            tell,
            IDS,
            DeliveryMode.EMAIL,
            self.clock,
            together_in_turn,
            own_domains,
            progress,
        )
        news_mark = self._watched("news_mark", self.news_mark)
        provider = self._watched("provider", self.provider)
        evidence = Evidence(EVIDENCE_WINDOW, OUTCOME_UNKNOWN_AFTER)
        record = DeliveryRecord(messages, show_status, tell, progress, self.clock)
        pace = self.pace
        hand_over = HandOver(provider, index, send_queue, record, pace, switches, evidence, IDS, self.clock)
        settle_ambiguous = SettleAmbiguous(
            messages,
            attachments,
            news_mark,
            hand_over,
            record,
            send_queue,
            pace,
            switches,
            evidence,
            suppressions,
            own_domains,
            IDS,
            self.clock,
        )
        self.send_message = SendMessage(
            messages,
            threads,
            attachments,
            index,
            send_queue,
            record,
            hand_over,
            settle_ambiguous,
            abandon,
            SettleReplyHeaders(messages, index, IDS),
            suppressions,
            pace,
            switches,
            HoldMessage(index, send_queue, record, switches, abandon, self.clock),
            IDS,
            self.clock,
            together_in_turn,
            abandon_after=ABANDON_AFTER,
            own_domains=own_domains,
            sleep=lambda _seconds: None,
        )
        self.wake_held = WakeHeld(switch_store, inboxes, messages, index, send_queue, self.clock)
        self.give_up_held = GiveUpHeld(switch_store, self.wake_held, self.clock)
        self.look_ahead = LookAhead(index, messages, suppressions, pace)
        note_news = NoteNews(news_mark, self.clock, EVIDENCE_WINDOW / INTERVALS)
        self.record_delivery_report = RecordDeliveryReport(
            messages,
            ses_message_ids,
            show_status,
            SuppressRecipients(suppressions, self.clock),
            tell,
            judge,
            progress,
            final_header,
            note_news,
        )
        self.abandon_reservation = abandon
        self.requeue_unsent = RequeueUnsent(index, send_queue, self.clock)
        self.delete_message = DeleteMessage(messages, threads, index, filings, tell, discard, send_queue, self.clock)
        self.file_received = FileReceived(
            inboxes,
            messages,
            threads,
            index,
            filings,
            mails,
            headers,
            FindThread(messages, threads, index, headers, IDS),
            attachments,
            NoteArrival(peers),
            tell,
            abandon,
            DeliveryMode.EMAIL,
            together_in_turn,
            progress,
        )
        self.receive_message = ReceiveMessage(inboxes, mails, parse_mail, self.file_received, own_domains)
        self.requeue_received = RequeueReceived(mails, self._watched("inbound_queue", self.inbound_queue))
        self._wire_reading(inboxes, messages, threads, index, abandon)

    def _wire_reading(self, inboxes: Any, messages: Any, threads: Any, index: Any, abandon: Any) -> None:
        mails = self._watched("mails", self.mails)
        attachments = self._watched("attachments", self.attachments)
        source_links = self._watched("source_links", self.source_links)
        self.get_message = GetMessage(messages, index)
        self.reply_to_message = ReplyToMessage(self.get_message, inboxes, self.submit_message, allow_test_domains=True)
        self.forward_message = ForwardMessage(self.get_message, self.submit_message)
        self.recover_message = RecoverMessage(self.get_message, abandon)
        self.list_events = ListMessageEvents(self.get_message, IDS)
        self.read_raw = ReadRawMessage(messages, index, mails, IDS, attachments, source_links)
        self.list_messages = ListMessages(messages, index)
        self.list_threads = ListThreads(threads, messages, index)
        self.get_thread = GetThread(threads, messages, index)
        self.list_thread_messages = ListThreadMessages(threads, messages, index)

    def _watched(self, name: str, port: Any) -> Any:
        def watch(call: str, effect: Effect) -> Any:
            if call == UNSEEN:
                return effect()
            return self._watch(call, effect)  # whoever is watching by now

        return watched(name, port, watch)

    @contextmanager
    def watching(self, watch: Watch) -> Iterator[None]:
        """Show `watch` every call that an operation makes of a port."""
        self._watch = watch
        try:
            yield
        finally:
            self._watch = unwatched

    # ------------------------------------------------------------------------------------ submitting

    def submit(self, draft: Draft | None = None, *, caller: Caller | None = None, inbox_number: int = INBOX) -> Message:
        """Submit a mail to Ada, or what the test says; the key is noted as the API notes it, before anything exists."""
        return self.submit_message(
            draft or make_draft(),
            inbox_number=inbox_number,
            caller=caller or self.caller,
            name_resource=self.named.append,
        )

    def submitted(self, draft: Draft | None = None) -> MessageKey:
        return self.submit(draft).content.key

    def sent(self, draft: Draft | None = None) -> MessageKey:
        """Submit a mail and send it."""
        key = self.submitted(draft)
        self.work()
        assert self.status(key) is MessageStatus.SENT
        return key

    def file(self, number: int = 1, **changes: object) -> AttachmentId:
        """An uploaded file that no message uses yet."""
        attachment = make_attachment(id=AttachmentId(f"att_{number:020}"), **changes)
        self.attachments.create(attachment, FILE)
        return attachment.id

    # -------------------------------------------------------------------------------------- the queue

    def work(self) -> None:
        """Do every job, moving the clock to the time it is due at, until the queue is empty."""
        for _ in range(ENOUGH_JOBS):
            job = self.next_job()
            if job is None:
                return
            self.deliver(job)
        raise AssertionError("the queue does not come to rest")

    def next_job(self) -> Any:
        """Take the next job out of the queue when it is due; None when there is none."""
        self._collect()
        if not self._waiting:
            return None
        due_at, job = self._waiting.pop(0)
        self.clock.now = max(self.clock.now, due_at)
        return job

    def deliver(self, job: SendJob | WakeJob) -> None:
        """Do a job as SQS has it done: one whose worker dies comes back after the visibility timeout."""
        try:
            if isinstance(job, WakeJob):
                self.wake_held(job)
            else:
                self.send_message(job)
        except (Crash, Unavailable):
            self._waiting.append((self.clock() + timedelta(seconds=VISIBILITY_TIMEOUT), job))
        self._collect()

    def deliver_together(self, jobs: Sequence[SendJob]) -> None:
        """Do jobs as one batch, one after the other; when the worker dies, all that were not done come back."""
        left = list(jobs)
        try:
            ahead = self.look_ahead(jobs)
            while left:
                self.send_message(left[0], ahead.get(left[0].message, UNKNOWN))
                left.pop(0)
        except (Crash, Unavailable):
            due_at = self.clock() + timedelta(seconds=VISIBILITY_TIMEOUT)
            self._waiting += [(due_at, job) for job in left]
        self._collect()

    def deliver_next(self) -> None:
        """Do the next job, at the time it is due."""
        self.deliver(self.taken())

    def taken(self) -> Any:
        """The next job, out of the queue."""
        job = self.next_job()
        assert job is not None
        return job

    def only_job(self) -> tuple[int, Any]:
        """The one job in the queue, which stays there, and the seconds until it is due."""
        (waiting,) = self.waiting()
        return waiting

    def waiting(self) -> list[tuple[int, Any]]:
        """The jobs in the queue and the seconds until they are due."""
        self._collect()
        return [(round((due_at - self.clock()).total_seconds()), job) for due_at, job in self._waiting]

    def _collect(self) -> None:
        for job, delay in self.send_queue.jobs:
            self._waiting.append((self.clock() + timedelta(seconds=delay), job))
        self.send_queue.jobs.clear()
        self._waiting.sort(key=lambda waiting: waiting[0])

    # -------------------------------------------------------------------------------- what became of it

    def status(self, key: MessageKey) -> MessageStatus:
        return self.get_message(key, self.caller).status

    def phase(self, key: MessageKey) -> MessagePhase:
        return self.index.phase(key)

    def delivery(self, key: MessageKey) -> MessageDelivery:
        delivery = self.messages.get_delivery(key)
        assert delivery is not None
        return delivery

    def listed(self) -> list[MessageKey]:
        """The inbox as its owner sees it, newest first."""
        page = self.list_messages(INBOX, self.caller, PageRequest(limit=100))
        assert page.total == len(page.items)
        return [message.content.key for message in page.items]

    def leaves_nothing_behind(self, key: MessageKey) -> bool:
        """Whether a message that was sequence 0 of its thread is gone without a trace but its dead cell."""
        return (
            self.phase(key) is MessagePhase.GONE
            and self.messages.get(key) is None
            and self.messages.get_delivery(key) is None
            and self.threads.get(ThreadKey(key.inbox_number, key.sequence)) is None
        )

    def inbox(self) -> Inbox:
        inbox = self.inboxes.get(INBOX)
        assert inbox is not None
        return inbox


def make_draft(*to: str, **changes: Any) -> Draft:
    return Draft(**{"to": tuple(map(make_mailbox, to or (ADA,))), "subject": "Hello", "body_text": "Hi.\n"} | changes)


def enclosing(*ids: str, **changes: Any) -> Draft:
    """A draft that names these files."""
    return make_draft(enclosures=tuple(Enclosure(AttachmentId(text)) for text in ids), **changes)


def make_event(
    key: MessageKey,
    status: DeliveryStatus,
    recipient: str | None = ADA,
    *,
    at: datetime = NOON,
    ses_message_id: str = "ses-1",
) -> DeliveryReport:
    """What SES says of one recipient, or of the whole mail (`recipient` None)."""
    return DeliveryReport(
        key,
        event_type(status.shown),
        status,
        at,
        recipient,
        every_recipient=recipient is None,
        ses_message_id=ses_message_id,
    )
