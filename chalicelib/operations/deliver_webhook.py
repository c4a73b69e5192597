"""The slow worker of webhooks: endpoints in trouble, retries, replays and tests, one attempt at a time.

delivery ──▶ look ─ settled, or tried already ──▶ done
               ├─ switched off, broken, slow or stuck ──▶ its line
               ├─ no slot ──▶ back to the queue
               └─ POST ─▶ note the attempt ─▶ queue the next one, if any
"""

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.endpoint_health import EndpointHealth
from chalicelib.operations.attempt_delivery import AttemptDelivery, Ready
from chalicelib.operations.call_slots import EVERYWHERE, OF_ACCOUNT_SLOWLY, CallSlots, Entry
from chalicelib.operations.disable_webhook import DisableWebhook
from chalicelib.operations.ports import Clock
from chalicelib.operations.ports.webhooks import CallsUnderWay, DeliveryJob, WebhookDeliveries, WebhookQueue
from chalicelib.operations.webhook_line import WaitInLine


@dataclass(frozen=True)
class DeliverWebhook:
    """Make the attempt that a job names, unless it was made, whatever may be wrong with its endpoint."""

    attempt: AttemptDelivery
    deliveries: WebhookDeliveries
    calls: CallsUnderWay
    queue: WebhookQueue
    wait_in_line: WaitInLine
    disable: DisableWebhook
    clock: Clock
    slots: CallSlots = field(default_factory=lambda: CallSlots(OF_ACCOUNT_SLOWLY))

    def __call__(self, job: DeliveryJob) -> None:
        ready = self.attempt.ready(job)
        if ready is None:
            return
        if not (ready.webhook.is_active or job.is_test):
            self.disable.again(ready.webhook)
            self.wait_in_line(job)  # until somebody switches it on
            return
        with self.slots.entered(ready.webhook) as entry:
            if entry is Entry.IN:
                self._admit(ready)
            elif entry is Entry.BUSY or job.is_test:
                self.attempt.come_again(job, self.queue)
            else:
                self.attempt.note_stalled(ready.webhook.id)
                self.wait_in_line(job)

    def _admit(self, ready: Ready) -> None:
        """Make the attempt if the endpoint may be called now; one in trouble takes so many calls at once.

        A test is called for by somebody who wants to know how it stands: it does not wait behind others.
        """
        now, job = self.clock(), ready.job
        if ready.health.free_slots(now) is None or job.is_test:
            made = self.calls.begin(job, now, EVERYWHERE) and self.attempt(ready, ready.health)
        else:
            health, lease = self._lease(ready, now)
            if health is None:
                self.wait_in_line(job)
                return
            made = self.attempt(ready, health, lease)
        if not made:
            self.attempt.come_again(job, self.queue)

    def _lease(self, ready: Ready, now: datetime) -> tuple[EndpointHealth | None, datetime | None]:
        """The endpoint's state with one more of its slots taken (None: it has none), and what gives it back."""
        lease: datetime | None = None

        def take(health: EndpointHealth) -> EndpointHealth | None:
            nonlocal lease
            free, lease = health.free_slots(now), None
            if free is None:
                return health
            taken = health.taking_slot(now)
            lease = taken.leases[-1]
            return taken if free else None

        return self.deliveries.change_health(ready.webhook.id, ready.health, take), lease
