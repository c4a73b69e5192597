"""The line of deliveries that wait for a broken or a slow endpoint, and who lets them on.

While there is a line, exactly one job goes round and round for its endpoint: it lets on as many as the endpoint's health
allows, and comes again. Waiting uses up no attempt, and costs one write however long it takes.
"""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.domain.endpoint_health import EndpointHealth
from chalicelib.domain.webhook_delivery import Luck
from chalicelib.operations.ports import Clock
from chalicelib.operations.ports.webhooks import DeliveryJob, LineJob, WebhookDeliveries, WebhookQueue, WebhookStore

AT_ONCE = 100  # let on together when the endpoint is well again
SPREAD_SECONDS = 5  # over which they come
PROBE_SECONDS = 20  # after which a probe is over, however it ended
LOOK_SECONDS = 2
LONGEST_DELAY = 900  # seconds that SQS holds a job back; whoever comes early comes again
LOST_AFTER = timedelta(minutes=2)  # the line's job is late by more than that: there is none
_SAME = timedelta(seconds=1)


@dataclass(frozen=True)
class WaitInLine:
    """Put a job into the line, and see to it that somebody looks after the line."""

    deliveries: WebhookDeliveries
    queue: WebhookQueue
    clock: Clock

    def __call__(self, job: DeliveryJob) -> None:
        now = self.clock()
        self.deliveries.wait(job, now)
        # Read after the line was joined: whoever empties it looks once more after saying that it is empty.
        health = self.deliveries.health(job.webhook_id)
        if health.line_due_at is None or now - health.line_due_at > LOST_AFTER:
            self.look_at(LineJob(job.account_id, job.webhook_id, _next_look(health, now)), health)

    def look_at(self, job: LineJob, health: EndpointHealth) -> None:
        """Queue the line's job, then note when it is due: one that was not noted takes itself for the newest."""
        delay = (job.due_at - self.clock()).total_seconds()
        self.queue.put(job, min(LONGEST_DELAY, max(0, round(delay))))
        self.deliveries.change_health(job.webhook_id, health, lambda current: replace(current, line_due_at=job.due_at))


@dataclass(frozen=True)
class ServeLine:
    """Let on those who wait, as many as the endpoint takes now."""

    webhooks: WebhookStore
    deliveries: WebhookDeliveries
    queue: WebhookQueue
    wait_in_line: WaitInLine
    clock: Clock
    luck: Luck = random.random

    def __call__(self, job: LineJob) -> None:
        now = self.clock()
        health = self.deliveries.health(job.webhook_id)
        if health.line_due_at is not None and health.line_due_at > job.due_at + _SAME:
            return  # a newer one goes round
        webhook = self.webhooks.get(job.account_id, job.webhook_id)
        if webhook is None or not webhook.is_active:
            # The line stays: it goes on when the webhook is switched on again.
            self.deliveries.change_health(job.webhook_id, health, lambda current: replace(current, line_due_at=None))
            return
        free = health.free_slots(now)
        let_on = self._let_on(job, AT_ONCE if free is None else free, SPREAD_SECONDS if free is None else 0)
        if not let_on and free != 0 and self._is_over(job, health):
            return
        self.wait_in_line.look_at(
            LineJob(job.account_id, job.webhook_id, _next_look(health, now, let_on=let_on)), health
        )

    def _let_on(self, line: LineJob, most: int, spread: int) -> int:
        waiting = self.deliveries.waiting(line.webhook_id, most) if most else ()
        if waiting:
            spread = spread if len(waiting) > 1 else 0
            self.queue.put_all([(job, int(spread * self.luck())) for job in waiting])
        for job in waiting:
            self.deliveries.leave(job)
        return len(waiting)

    def _is_over(self, job: LineJob, health: EndpointHealth) -> bool:
        """Say that nobody waits; False when somebody came meanwhile, trusting that the line's job goes round."""
        self.deliveries.change_health(job.webhook_id, health, lambda current: replace(current, line_due_at=None))
        return not self.deliveries.waiting(job.webhook_id, 1)


def _next_look(health: EndpointHealth, now: datetime, *, let_on: int = 0) -> datetime:
    """When the line is looked at again."""
    if health.open_until is not None:
        after_probe = now + timedelta(seconds=PROBE_SECONDS if let_on else LOOK_SECONDS)
        return max(health.open_until, after_probe)
    if health.is_slow(now):
        return now + timedelta(seconds=LOOK_SECONDS)
    return now + timedelta(seconds=1)
