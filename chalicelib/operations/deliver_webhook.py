"""The worker of webhooks: tells endpoints what happened, one attempt at a time.

    notice ──which webhooks want it?──▶ delivery ──▶ look ─ settled, or tried already ──▶ done
                                                       ├─ switched off, broken or busy ──▶ its line
                                                       └─ POST ─▶ note the attempt ─▶ queue the next one, if any

An attempt is noted after it was made, so one whose process dies in between is made again, with the same event id. One that was
noted and whose successor was not queued is found by the same job when it comes again.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.endpoint_health import EndpointHealth
from chalicelib.domain.ids import AccountId
from chalicelib.domain.webhook import Webhook
from chalicelib.domain.webhook_delivery import Answer, DeliveryState, Luck, WebhookDelivery
from chalicelib.domain.webhook_signature import signed_headers
from chalicelib.operations.disable_webhook import DisableWebhook
from chalicelib.operations.known_webhooks import KnownWebhooks
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

ATTEMPT_IS_OVER = 20  # seconds


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
    clock: Clock
    luck: Luck = random.random

    def __call__(self, job: DeliveryJob) -> None:
        endpoint = self.deliveries.look(job)
        webhook, delivery = endpoint.webhook, endpoint.delivery
        if webhook is None:
            return  # deleted, and its deliveries with it
        if delivery is None:
            delivery = WebhookDelivery(job.webhook_id, job.logged, is_test=job.is_test)
        if delivery.state is not DeliveryState.PENDING:
            return
        if len(delivery.attempts) > job.attempts:
            self._queue_next(webhook, delivery)  # again, should it have died before
        elif not (webhook.is_active or job.is_test):
            self.disable.again(webhook)
            self.wait_in_line(job)  # until somebody switches it on
        elif (health := self._admitted(job, endpoint.health)) is None:
            self.wait_in_line(job)
        else:
            self._attempt(webhook, delivery, health)

    def _admitted(self, job: DeliveryJob, known: EndpointHealth) -> EndpointHealth | None:
        """The endpoint's health, when it may be called now; one in trouble takes so many calls at once."""
        if known.is_healthy:
            return known
        now = self.clock()

        def take(health: EndpointHealth) -> EndpointHealth | None:
            free = health.free_slots(now)
            if free is None:
                return health
            return health.taking_slot(now) if free else None

        return self.deliveries.change_health(job.webhook_id, known, take)

    def _attempt(self, webhook: Webhook, delivery: WebhookDelivery, health: EndpointHealth) -> None:
        body = self.body(self.join(webhook.account_id, delivery.logged))
        began = self.clock()
        answer = self.client.post(webhook.url, _headers(webhook, delivery, began, body), body)
        ended = self.clock()
        health = self._note_health(webhook, health, answer, ended, ended - began)
        if answer.is_gone and not delivery.is_test:
            self.disable(webhook, "It answered 410: it wants no more.")
        elif not answer.is_success and health.is_hopeless(ended):
            self.disable(webhook, "Every delivery has failed for five days.")
        try:
            noted = self.deliveries.save(delivery.after(answer, began, ended, self.luck), ended)
        except VersionConflict:
            return  # the same job, twice at once: whoever noted its attempt first carries on
        self._queue_next(webhook, noted)

    def _note_health(
        self, webhook: Webhook, known: EndpointHealth, answer: Answer, now: datetime, took: timedelta
    ) -> EndpointHealth:
        def change(health: EndpointHealth) -> EndpointHealth:
            if answer.is_success:
                return health.after_success(now, took)
            return health.after_failure(now, took, timed_out=answer.timed_out)

        if change(known) == known:
            return known  # healthy before and after: nothing to write
        return self.deliveries.change_health(webhook.id, known, change) or known

    def _queue_next(self, webhook: Webhook, delivery: WebhookDelivery) -> None:
        if delivery.next_attempt_at is None:
            return
        job = DeliveryJob(webhook.account_id, webhook.id, delivery.logged, len(delivery.attempts))
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
