"""One account with webhooks on a virtual clock: endpoints that behave as a test says, and a queue worked off in time."""

import heapq
import itertools
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from chalicelib.domain.delivery import EventType
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.event import Event, LoggedEvent
from chalicelib.domain.ids import AccountId, EventId, MessageKey, derived_text
from chalicelib.domain.joined_event import JoinedEvent
from chalicelib.domain.webhook import Webhook, WebhookId, new_webhook_id
from chalicelib.domain.webhook_delivery import Answer
from chalicelib.operations.attempt_delivery import AttemptDelivery
from chalicelib.operations.call_slots import OF_ACCOUNT, OF_ACCOUNT_SLOWLY, CallSlots
from chalicelib.operations.deliver_webhook import DeliverWebhook
from chalicelib.operations.disable_webhook import DisableWebhook
from chalicelib.operations.known_webhooks import KnownWebhooks
from chalicelib.operations.manage_webhooks import (
    CheckWish,
    CreateWebhook,
    DeleteWebhook,
    ListWebhooks,
    RotateSecret,
    UpdateWebhook,
    WebhookWish,
)
from chalicelib.operations.note_progress import NoteProgress
from chalicelib.operations.ports.webhooks import DeliveryJob, LineJob, NoticeJob, ReplayJob, WebhookJob
from chalicelib.operations.queue_due_deliveries import QueueDueDeliveries
from chalicelib.operations.replay_webhook import (
    CarryOutReplay,
    ListDeliveries,
    PingWebhook,
    ReplayDelivery,
    ReplayRange,
)
from chalicelib.operations.requeue_webhooks import RequeueWebhooks
from chalicelib.operations.tell_webhooks import CallAtOnce, NoticesToQueue, TellWebhooks
from chalicelib.operations.webhook_line import ServeLine, WaitInLine
from chalicelib.shapes.event_shapes import event_body
from tests.factories.accounts import NOON, make_account, make_caller, make_inbox
from tests.factories.webhooks import make_logged
from tests.fakes.account_store import FakeAccountStore
from tests.fakes.clock import FakeClock
from tests.fakes.event_log import FakeEventLog
from tests.fakes.inbox_store import FakeInboxStore
from tests.fakes.metrics import FakeMetrics
from tests.fakes.operations import IDS
from tests.fakes.webhooks import (
    FakeCallsUnderWay,
    FakeDueDeliveries,
    FakeWebhookDeliveries,
    FakeWebhookQueue,
    FakeWebhookStore,
)
from tests.operations.watched import Crash, Watch, unwatched, watched

OK = Answer(200, "ok")
Behaviour = Callable[[datetime, int], tuple[Answer, float]]
"""What an endpoint answers at a time to its n-th call (from 0), and after how many seconds."""


def well(_: datetime, __: int) -> tuple[Answer, float]:
    return OK, 0.05


@dataclass
class Call:
    """One POST that an endpoint saw."""

    at: datetime
    event_id: str
    headers: Mapping[str, str]
    body: bytes
    answer: Answer


@dataclass
class FakeEndpoints:
    """Endpoints by URL; an answer takes virtual time only for whoever waits for it."""

    clock: FakeClock
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    calls: dict[str, list[Call]] = field(default_factory=lambda: defaultdict(list))

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer, seconds = self.behaviours.get(url, well)(self.clock(), len(self.calls[url]))
        self.calls[url].append(Call(self.clock(), headers["webhook-id"], headers, body, answer))
        self.clock.advance(min(15.0, seconds))
        return answer

    def check(self, url: str) -> None:
        """Every URL is fine here."""


class WebhookWorld:
    """The operations of webhooks over fakes; `watch` sees every call of a port."""

    def __init__(self, watch: Watch = unwatched, seed: int = 1, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock(NOON)
        self.luck = random.Random(seed)
        self.caller = make_caller()
        self.account_id: AccountId = self.caller.account_id
        self.log = FakeEventLog()
        self.webhooks = FakeWebhookStore()
        self.deliveries = FakeWebhookDeliveries(self.webhooks)
        self.due = FakeDueDeliveries()
        self.calls_under_way = FakeCallsUnderWay(self.deliveries)
        self.queue = FakeWebhookQueue()
        self.metrics = FakeMetrics()
        self.slow_queue = FakeWebhookQueue()
        self.endpoints = FakeEndpoints(self.clock)
        self.inboxes = FakeInboxStore()
        self.inboxes.create(make_inbox(number=7))
        self.accounts = FakeAccountStore()
        self.accounts.create(make_account())
        self._jobs: list[tuple[datetime, int, WebhookJob, FakeWebhookQueue]] = []
        self._numbers = itertools.count()
        self._told = itertools.count()
        self.wire(watch)

    def wire(self, watch: Watch) -> None:
        """A new process: everything in memory is forgotten, and every call of a port goes through `watch`."""
        log = watched("log", self.log, watch)
        webhooks = watched("webhooks", self.webhooks, watch)
        deliveries = watched("deliveries", self.deliveries, watch)
        first = watched("queue", self.queue, watch)
        queue = watched("slow_queue", self.slow_queue, watch)
        under_way = watched("calls", self.calls_under_way, watch)
        due = watched("due", self.due, watch)
        client = watched("endpoints", self.endpoints, watch)
        clock = self.clock
        check = CheckWish(self.inboxes, client)
        self.create_webhook = CreateWebhook(webhooks, check, log, clock)
        self.update_webhook = UpdateWebhook(webhooks, deliveries, queue, check, log, clock)
        self.list_webhooks = ListWebhooks(webhooks)
        self.delete_webhook = DeleteWebhook(webhooks, log)
        self.rotate_secret = RotateSecret(webhooks, log, clock)
        self.ping_webhook = PingWebhook(webhooks, deliveries, queue, log, clock)
        self.list_deliveries = ListDeliveries(webhooks, deliveries, clock)
        self.replay_delivery = ReplayDelivery(webhooks, deliveries, queue, clock)
        self.replay_range = ReplayRange(webhooks, queue, clock)
        self.known = KnownWebhooks(webhooks, clock)
        wait_in_line = WaitInLine(deliveries, queue, clock)
        disable = DisableWebhook(webhooks, log, self._tell_disabled, clock)
        attempt = AttemptDelivery(
            *(
                deliveries,
                due,
                queue,
                client,
                self._join,
                self._body,
                disable,
                NoteProgress(self.metrics, IDS),
                clock,
                self.luck.random,
                self.later,
            )
        )
        self.deliver = DeliverWebhook(
            *(attempt, deliveries, under_way, queue, wait_in_line, disable, clock, self.make_slots(OF_ACCOUNT_SLOWLY))
        )
        self.call_at_once = CallAtOnce(attempt, under_way, first, queue, clock, self.make_slots(OF_ACCOUNT))
        self.tell_webhooks = TellWebhooks(self.known, first, self.call_at_once)
        self.serve_line = ServeLine(webhooks, deliveries, queue, wait_in_line, clock, self.luck.random)
        self.carry_out_replay = CarryOutReplay(webhooks, deliveries, queue, log, clock)
        self.queue_due = QueueDueDeliveries(due, queue, clock)
        self.requeue = RequeueWebhooks(self.accounts, webhooks, deliveries, due, queue, log, clock)

    def make_slots(self, of_account: int) -> CallSlots:
        return CallSlots(of_account, sleep=self.clock.advance, clock=lambda: self.clock().timestamp())

    def later(self, _seconds: float, _do: Callable[[], None]) -> Callable[[], None]:
        """Never: here a call is over before another one begins."""
        return lambda: None

    # ------------------------------------------------------------------------------------------ what happens

    def add(self, behaviour: Behaviour = well, account_id: AccountId | None = None, **wish: Any) -> Webhook:
        """A webhook whose endpoint behaves like this."""
        webhook_id = new_webhook_id()
        url = f"https://{webhook_id.replace('_', '-')}.example.com/"
        self.endpoints.behaviours[url] = behaviour
        caller = make_caller(account_id=account_id) if account_id else self.caller
        return self.create_webhook(webhook_id, WebhookWish(url, **wish), caller)

    def calls(self, webhook: Webhook) -> list[Call]:
        return self.endpoints.calls[webhook.url]

    def happen(
        self, type_: EventType = EventType.SENT, inbox_number: int = 7, account_id: AccountId | None = None
    ) -> LoggedEvent:
        """Something changes now: told to the log, and a notice queued."""
        number = next(self._told)
        made = make_logged(number, type_, message=MessageKey(inbox_number, number), created_at=self.clock()).event
        return self._tell(account_id or self.account_id, made)

    def _tell_disabled(self, webhook: Webhook) -> None:
        assert webhook.disabled is not None
        event_id = EventId("evt_" + derived_text(webhook.id, str(webhook.disabled.at)))
        event = Event(event_id, EventType.WEBHOOK_DISABLED, webhook.disabled.at, subject=webhook.id)
        self._tell(webhook.account_id, event)

    def _tell(self, account_id: AccountId, event: Event) -> LoggedEvent:
        told = self.log.tell(account_id, [event])
        NoticesToQueue(self.queue).put(account_id, told)
        return told.events[0]

    def _join(self, account_id: AccountId, logged: LoggedEvent) -> JoinedEvent:
        subject = logged.event.subject
        return JoinedEvent(logged.event, subject=self.webhooks.get(account_id, WebhookId(subject)) if subject else None)

    def _body(self, joined: JoinedEvent) -> bytes:
        return event_body(joined, IDS)

    # --------------------------------------------------------------------------------------------- the clock

    def work(self, job: WebhookJob, queue: FakeWebhookQueue) -> None:
        match job:
            case NoticeJob():
                self.tell_webhooks(job)
            case DeliveryJob() if queue is self.queue:
                self.call_at_once(job)
            case DeliveryJob():
                self.deliver(job)
            case LineJob():
                self.serve_line(job)
            case ReplayJob():
                self.carry_out_replay(job)

    def run(self, until: timedelta, plan: Mapping[timedelta, Callable[[], object]] | None = None) -> None:
        """Live until so long after noon: what is planned, what the schedule queues each minute, what the queue holds."""
        ends = NOON + until
        planned = sorted((NOON + at, number, do) for number, (at, do) in enumerate((plan or {}).items()))
        minute = self.clock().replace(second=0, microsecond=0) + timedelta(minutes=1)
        while True:
            self._collect()
            times = [planned[0][0]] if planned else []
            times += [self._jobs[0][0]] if self._jobs else []
            at = min([*times, minute])
            if at > ends:
                self.clock.now = max(self.clock.now, ends)
                return
            self.clock.now = at
            if planned and planned[0][0] <= at:
                planned.pop(0)[2]()
            elif self._jobs and self._jobs[0][0] <= at:
                self._do(*heapq.heappop(self._jobs)[2:])
            else:
                self._schedule()
                minute += timedelta(minutes=1)

    def _do(self, job: WebhookJob, queue: FakeWebhookQueue) -> None:
        began = self.clock()
        try:
            self.work(job, queue)
        except (Crash, Unavailable):
            self._push(began + timedelta(seconds=60), job, queue)
        # Workers are many: whoever waits for an endpoint holds up nobody else.
        self._collect()
        self.clock.now = began

    def _schedule(self) -> None:
        with suppress(Crash, Unavailable):  # the next minute's is its next try
            self.queue_due()
        self._collect()

    def _collect(self) -> None:
        for queue in (self.queue, self.slow_queue):
            for job, delay in queue.jobs:
                self._push(self.clock() + timedelta(seconds=delay), job, queue)
            queue.jobs.clear()

    def _push(self, at: datetime, job: WebhookJob, queue: FakeWebhookQueue) -> None:
        heapq.heappush(self._jobs, (at, next(self._numbers), job, queue))

    def lose_queue(self) -> None:
        """The emulated queues after a kill that came before their first save."""
        self.queue.jobs.clear()
        self.slow_queue.jobs.clear()
        self._jobs.clear()


def body_of(call: Call) -> dict[str, Any]:
    read: dict[str, Any] = msgspec.json.decode(call.body)
    return read
