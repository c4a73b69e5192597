"""The worker of webhooks: tells endpoints what happened, one attempt at a time.

    notice ──which webhooks want it?──▶ delivery ──▶ look ─ settled, or tried already ──▶ done
                                                       ├─ switched off, broken, slow or stuck ──▶ its line
                                                       ├─ no slot in this process ──▶ back to the queue
                                                       └─ POST ─▶ note the attempt ─▶ queue the next one, if any

An attempt is noted after it was made, so one whose process dies in between is made again, with the same event id. One that was
noted and whose successor was not queued is found by the same job when it comes again.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from chalicelib.domain.endpoint_health import EndpointHealth
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.ids import AccountId
from chalicelib.domain.log_lines import log_of
from chalicelib.domain.webhook import Webhook, WebhookId
from chalicelib.domain.webhook_delivery import Answer, DeliveryState, Luck, WebhookDelivery
from chalicelib.domain.webhook_signature import signed_headers
from chalicelib.operations.call_slots import STALLED_AFTER, CallLater, CallSlots, Entry, call_later
from chalicelib.operations.disable_webhook import DisableWebhook
from chalicelib.operations.known_webhooks import KnownWebhooks
from chalicelib.operations.note_progress import NoteProgress
from chalicelib.operations.ports import Clock, VersionConflict
from chalicelib.operations.ports.events import Told
from chalicelib.operations.ports.webhooks import (
    DeliveryJob,
    DueDeliveries,
    EventBody,
    JoinEvent,
    NoticeJob,
    WebhookClient,
    WebhookDeliveries,
    WebhookQueue,
)
from chalicelib.operations.webhook_line import LONGEST_DELAY, WaitInLine

logger = log_of(__name__)

ATTEMPT_IS_OVER = 20  # seconds
BUSY_SECONDS = 3  # within which a call comes again that found no slot in its process


@dataclass(frozen=True)
class DeliverWebhook:
    """Make the attempt that a job names, unless it was made."""

    deliveries: WebhookDeliveries
    due: DueDeliveries
    queue: WebhookQueue
    client: WebhookClient
    join: JoinEvent
    body: EventBody
    wait_in_line: WaitInLine
    disable: DisableWebhook
    progress: NoteProgress
    clock: Clock
    luck: Luck = random.random
    slots: CallSlots = field(default_factory=CallSlots)
    later: CallLater = call_later

    def __call__(self, job: DeliveryJob) -> None:
        endpoint = self.deliveries.look(job)
        webhook, delivery = endpoint.webhook, endpoint.delivery
        if webhook is None:
            return  # deleted, and its deliveries with it
        if delivery is None:
            delivery = WebhookDelivery(job.webhook_id, job.logged, is_test=job.is_test)
        if delivery.state is not DeliveryState.PENDING or delivery.round > job.round:
            return
        if delivery.made > job.attempts:
            self._queue_next(webhook, delivery)  # again, should it have died before
        elif not (webhook.is_active or job.is_test):
            self.disable.again(webhook)
            self.wait_in_line(job)  # until somebody switches it on
        else:
            with self.slots.entered(webhook, is_sick=not endpoint.health.is_healthy) as entry:
                if entry is Entry.IN:
                    self._admit(job, webhook, delivery, endpoint.health)
                elif entry is Entry.BUSY or job.is_test:
                    self._come_again(job)
                else:
                    self._note_stalled(webhook.id)
                    self.wait_in_line(job)

    def _note_stalled(self, webhook_id: WebhookId) -> None:
        now = self.clock()
        try:
            known = self.deliveries.health(webhook_id)
            if known.free_slots(now) is None:
                self.deliveries.change_health(webhook_id, known, lambda health: health.stalled(now))
        except Unavailable as error:
            logger.warning(
                "that an endpoint is stuck could not be noted; its next answer tells it: %s", trace_of(error)
            )

    def _come_again(self, job: DeliveryJob) -> None:
        self.queue.put(job, 1 + int((BUSY_SECONDS - 1) * self.luck()))

    def _admit(self, job: DeliveryJob, webhook: Webhook, delivery: WebhookDelivery, known: EndpointHealth) -> None:
        """Make the attempt if the endpoint may be called now; one in trouble takes so many calls at once.

        A test is called for by somebody who wants to know how it stands: it does not wait behind others.
        """
        if known.is_healthy or job.is_test:
            self._attempt(job, webhook, delivery, known, None)
            return
        now = self.clock()
        lease: datetime | None = None

        def take(health: EndpointHealth) -> EndpointHealth | None:
            nonlocal lease
            free, lease = health.free_slots(now), None
            if free is None:
                return health
            taken = health.taking_slot(now)
            lease = taken.leases[-1]
            return taken if free else None

        health = self.deliveries.change_health(job.webhook_id, known, take)
        if health is None:
            self.wait_in_line(job)
        else:
            self._attempt(job, webhook, delivery, health, lease)

    def _attempt(
        self,
        job: DeliveryJob,
        webhook: Webhook,
        delivery: WebhookDelivery,
        health: EndpointHealth,
        lease: datetime | None,
    ) -> None:
        body = self.body(self.join(webhook.account_id, delivery.logged))
        began = self.clock()
        # Every other process hears of it now, and not only when the call has come to its end.
        cancel = self.later(STALLED_AFTER, partial(self._note_stalled, webhook.id))
        try:
            answer = self.client.post(webhook.url, _headers(webhook, delivery, began, body), body)
        except Unavailable:  # of ours; the endpoint has nothing to do with it
            self.deliveries.change_health(webhook.id, health, lambda known: known.without_slot(lease))
            self._come_again(job)
            return
        finally:
            cancel()
        ended = self.clock()
        health = self._note_health(webhook, health, answer, ended, ended - began, lease=lease, is_test=delivery.is_test)
        if answer.is_gone and not delivery.is_test:
            self.disable(webhook, "It answered 410: it wants no more.")
        elif not (answer.is_success or delivery.is_test) and health.is_hopeless(ended):
            self.disable(webhook, "Every delivery has failed for five days.")
        try:
            noted = self.deliveries.save(delivery.after(answer, began, ended, self.luck), ended)
        except VersionConflict:
            return  # the same job, twice at once: whoever noted its attempt first carries on
        self.progress.attempt(webhook, noted, ended)
        self._queue_next(webhook, noted)

    def _note_health(
        self,
        webhook: Webhook,
        known: EndpointHealth,
        answer: Answer,
        now: datetime,
        took: timedelta,
        *,
        lease: datetime | None,
        is_test: bool,
    ) -> EndpointHealth:
        def change(health: EndpointHealth) -> EndpointHealth:
            if answer.is_success:
                return health.after_success(now, took, lease)
            if is_test:
                return health  # whoever tries out what is broken does not make it worse
            return health.after_failure(now, took, timed_out=answer.timed_out, lease=lease)

        if change(known) == known:
            return known  # healthy before and after: nothing to write
        return self.deliveries.change_health(webhook.id, known, change) or known

    def _queue_next(self, webhook: Webhook, delivery: WebhookDelivery) -> None:
        if delivery.next_attempt_at is None:
            return
        job = DeliveryJob(webhook.account_id, webhook.id, delivery.logged, delivery.made, round=delivery.round)
        delay = (delivery.next_attempt_at - self.clock()).total_seconds()
        if delay <= LONGEST_DELAY:
            self.queue.put(job, max(0, round(delay)))
        else:
            self.due.add(job, delivery.next_attempt_at)


def _headers(webhook: Webhook, delivery: WebhookDelivery, now: datetime, body: bytes) -> Mapping[str, str]:
    event = delivery.logged.event
    return {
        "X-AgentSend-Event": event.type,
        "X-AgentSend-Webhook-Id": webhook.id,
        **signed_headers(webhook.secret.valid(now), event.id, now, body),
    }


@dataclass(frozen=True)
class NoticesToQueue:
    """`operations.ports.WebhookNotices`: what was told becomes a job of the worker.

    What stood in the log already was told before, perhaps by somebody who died before this; its job comes later, when an
    attempt that may be under way is over, so that it is not made twice.
    """

    queue: WebhookQueue

    def put(self, account_id: AccountId, told: Told) -> None:
        if told.webhooks is None:
            return
        for events, delay in (
            (tuple(each for each in told.events if each.event.id in told.fresh), 0),
            (tuple(each for each in told.events if each.event.id not in told.fresh), ATTEMPT_IS_OVER),
        ):
            if events:
                self.queue.put(NoticeJob(account_id, told.webhooks, events), delay)


@dataclass(frozen=True)
class TellWebhooks:
    """Deliver events that were just told to everybody who wants them."""

    known: KnownWebhooks
    queue: WebhookQueue
    deliver: DeliverWebhook

    def __call__(self, notice: NoticeJob) -> None:
        jobs = [
            DeliveryJob(notice.account_id, webhook.id, logged)
            for webhook in self.known.of(notice.account_id, notice.webhooks)
            for logged in notice.events
            if webhook.wants(logged)
        ]
        if len(jobs) == 1:
            self.deliver(jobs[0])
        elif jobs:
            self.queue.put_all([(job, 0) for job in jobs])


@dataclass(frozen=True)
class QueueDueDeliveries:
    """Queue what is due before the next call of this; a minute's work, however many endpoints there are."""

    due: DueDeliveries
    queue: WebhookQueue
    clock: Clock
    ahead: timedelta = timedelta(seconds=75)  # a minute, and what a schedule may be late
    page: int = 100

    def __call__(self) -> int:
        """How many were queued. Each leaves its place when its job is durable."""
        now, count = self.clock(), 0
        for shard in range(self.due.shards):
            while found := self.due.due(shard, now + self.ahead, self.page):
                delays = [max(0, round((each.due_at - now).total_seconds())) for each in found]
                self.queue.put_all([(each.job, delay) for each, delay in zip(found, delays, strict=True)])
                for each in found:
                    self.due.remove(each)
                count += len(found)
        return count
