"""The worker of news: who wants an event, and the first attempt for each of them, if its endpoint is well as far as is known.

    notice ──which webhooks want it?──▶ first attempt ──▶ look ─ settled, or tried already ──▶ done
                                                            ├─ in trouble, stuck, switched off ──▶ the slow queue
                                                            ├─ no slot ──▶ back to the queue
                                                            └─ POST

Nothing else is called here, and of one endpoint so many calls are under way at once, by all processes together: so one that
has just died holds up few workers, and one that is known to be in trouble holds up none.
"""

from dataclasses import dataclass, field

from chalicelib.domain.ids import AccountId
from chalicelib.operations.attempt_delivery import AttemptDelivery
from chalicelib.operations.call_slots import EVERYWHERE, CallSlots, Entry
from chalicelib.operations.known_webhooks import KnownWebhooks
from chalicelib.operations.ports import Clock
from chalicelib.operations.ports.events import Told
from chalicelib.operations.ports.webhooks import CallsUnderWay, DeliveryJob, NoticeJob, WebhookQueue

ATTEMPT_IS_OVER = 20  # seconds


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
class CallAtOnce:
    """Make a first attempt, or leave it to the slow worker."""

    attempt: AttemptDelivery
    calls: CallsUnderWay
    queue: WebhookQueue
    slow: WebhookQueue
    clock: Clock
    slots: CallSlots = field(default_factory=CallSlots)

    def __call__(self, job: DeliveryJob) -> None:
        ready = self.attempt.ready(job)
        if ready is None:
            return
        if not ready.webhook.is_active or ready.health.free_slots(self.clock()) is not None:
            self.slow.put(job)
            return
        with self.slots.entered(ready.webhook) as entry:
            if entry is Entry.STALLED:
                self.attempt.note_stalled(ready.webhook.id)
                self.slow.put(job)
                return
            may_be_called = entry is Entry.IN and self.calls.begin(job, self.clock(), EVERYWHERE)
            if not (may_be_called and self.attempt(ready, ready.health)):
                self.attempt.come_again(job, self.queue)


@dataclass(frozen=True)
class TellWebhooks:
    """Deliver events that were just told to everybody who wants them."""

    known: KnownWebhooks
    queue: WebhookQueue
    call: CallAtOnce

    def __call__(self, notice: NoticeJob) -> None:
        jobs = [
            DeliveryJob(notice.account_id, webhook.id, logged)
            for webhook in self.known.of(notice.account_id, notice.webhooks)
            for logged in notice.events
            if webhook.wants(logged)
        ]
        if len(jobs) == 1:
            self.call(jobs[0])
        elif jobs:
            self.queue.put_all([(job, 0) for job in jobs])
