"""One attempt of a delivery: the call, its record, what it says of the endpoint, and the next attempt, if any.

An attempt is noted after it was made, so one whose process dies in between is made again, with the same event id. One that was
noted and whose successor was not queued is found by the same job when it comes again.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from chalicelib.domain.endpoint_health import EndpointHealth
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.log_lines import log_of
from chalicelib.domain.webhook import Webhook, WebhookId
from chalicelib.domain.webhook_delivery import Answer, DeliveryState, Luck, WebhookDelivery
from chalicelib.domain.webhook_signature import signed_headers
from chalicelib.operations.call_slots import STALLED_AFTER, CallLater, call_later
from chalicelib.operations.disable_webhook import DisableWebhook
from chalicelib.operations.note_progress import NoteProgress
from chalicelib.operations.ports import Clock, VersionConflict
from chalicelib.operations.ports.webhooks import (
    DeliveryJob,
    DueDeliveries,
    EventBody,
    JoinEvent,
    WebhookClient,
    WebhookDeliveries,
    WebhookQueue,
)
from chalicelib.operations.webhook_line import LONGEST_DELAY

logger = log_of(__name__)

BUSY_SECONDS = 3  # within which a call comes again that found no slot


@dataclass(frozen=True, slots=True)
class Ready:
    """An attempt that is to be made, and what was known of its endpoint a moment ago."""

    job: DeliveryJob
    webhook: Webhook
    delivery: WebhookDelivery
    health: EndpointHealth


@dataclass(frozen=True)
class AttemptDelivery:
    """Find out whether an attempt is to be made, and make it; `queue` is the slow one."""

    deliveries: WebhookDeliveries
    due: DueDeliveries
    queue: WebhookQueue
    client: WebhookClient
    join: JoinEvent
    body: EventBody
    disable: DisableWebhook
    progress: NoteProgress
    clock: Clock
    luck: Luck = random.random
    later: CallLater = call_later

    def ready(self, job: DeliveryJob) -> Ready | None:
        """The attempt that the job names; None when there is none to make."""
        endpoint = self.deliveries.look(job)
        webhook, delivery = endpoint.webhook, endpoint.delivery
        if webhook is None:
            return None  # deleted, and its deliveries with it
        if delivery is None:
            delivery = WebhookDelivery(job.webhook_id, job.logged, is_test=job.is_test)
        if delivery.state is not DeliveryState.PENDING or delivery.round > job.round:
            return None
        if delivery.made > job.attempts:
            self._queue_next(webhook, delivery)  # again, should it have died before
            return None
        return Ready(job, webhook, delivery, endpoint.health)

    def come_again(self, job: DeliveryJob, queue: WebhookQueue) -> None:
        """In a moment: there was no slot for it."""
        queue.put(job, 1 + int((BUSY_SECONDS - 1) * self.luck()))

    def note_stalled(self, webhook_id: WebhookId) -> None:
        """Every other process hears that calls of it are under way and are not answered."""
        now = self.clock()
        try:
            known = self.deliveries.health(webhook_id)
            if known.free_slots(now) is None:
                self.deliveries.change_health(webhook_id, known, lambda health: health.stalled(now))
        except Unavailable as error:
            logger.warning(
                "that an endpoint is stuck could not be noted; its next answer tells it: %s", trace_of(error)
            )

    def __call__(self, ready: Ready, health: EndpointHealth, lease: datetime | None = None) -> bool:
        """Make the attempt and note it; False: it could not be made for reasons of ours, and is to come again."""
        webhook, delivery = ready.webhook, ready.delivery
        body = self.body(self.join(webhook.account_id, delivery.logged))
        began = self.clock()
        # Noted while the call is under way, and not only when it has come to its end.
        cancel = self.later(STALLED_AFTER, partial(self.note_stalled, webhook.id))
        try:
            answer = self.client.post(webhook.url, _headers(webhook, delivery, began, body), body)
        except Unavailable:  # of ours; the endpoint has nothing to do with it
            self.deliveries.change_health(webhook.id, health, lambda known: known.without_slot(lease))
            return False
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
            return True  # the same job, twice at once: whoever noted its attempt first carries on
        self.progress.attempt(webhook, noted, ended)
        self._queue_next(webhook, noted)
        return True

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
