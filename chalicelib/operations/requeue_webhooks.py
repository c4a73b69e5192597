"""Rebuild the queue of the webhook worker from the table: after a kill of the emulated one, or a restore from backup."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.event import LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId
from chalicelib.domain.webhook import Webhook
from chalicelib.operations.ports import AccountStore, Clock, PageRequest
from chalicelib.operations.ports.events import EventLog
from chalicelib.operations.ports.webhooks import (
    DeliveryJob,
    DueDeliveries,
    LineJob,
    WebhookDeliveries,
    WebhookQueue,
    WebhookStore,
)
from chalicelib.operations.replay_webhook import job_of
from chalicelib.operations.webhook_line import LONGEST_DELAY

LOST = timedelta(minutes=2)
"""Of an account's newest events, those told within this time may have lost their notice: emulated SQS saves its state at
least every 30 seconds."""

_FIRST_LOOK = 16  # chunks of the log
_PAGE = 200


@dataclass(frozen=True)
class RequeueWebhooks:
    """Queue every unfinished delivery, and the newest events once more. A job too many finds its delivery settled."""

    accounts: AccountStore
    webhooks: WebhookStore
    deliveries: WebhookDeliveries
    due: DueDeliveries
    queue: WebhookQueue
    log: EventLog
    clock: Clock

    def __call__(self) -> int:
        """How many jobs were queued. Reads every delivery: not for everyday use."""
        count, after = 0, None
        while True:
            page = self.accounts.page(PageRequest(limit=100, after=after))
            count += sum(self._of_account(account.id) for account in page.items)
            if page.next_after is None:
                return count
            after = page.next_after

    def _of_account(self, account_id: AccountId) -> int:
        webhooks = self.webhooks.all(account_id)
        newest = self._newest_events(account_id) if webhooks else []
        count = 0
        for webhook in webhooks:
            jobs = self._unfinished(webhook)
            known = {job.logged.place for job, _ in jobs}
            jobs += [
                (DeliveryJob(account_id, webhook.id, logged), 0)
                for logged in newest
                if logged.place not in known and webhook.wants(logged)
            ]
            self.queue.put_all(jobs)
            if self.deliveries.waiting(webhook.id, 1):
                self.queue.put(LineJob(account_id, webhook.id, self._line_due_at(webhook)))
            count += len(jobs)
        return count

    def _unfinished(self, webhook: Webhook) -> list[tuple[DeliveryJob, int]]:
        now = self.clock()
        jobs: list[tuple[DeliveryJob, int]] = []
        for delivery in self.deliveries.pending(webhook.id):
            due_at = delivery.next_attempt_at or now
            delay = max(0, round((due_at - now).total_seconds()))
            if delay > LONGEST_DELAY:
                self.due.add(job_of(webhook, delivery), due_at)
            else:
                jobs.append((job_of(webhook, delivery), delay))
        return jobs

    def _line_due_at(self, webhook: Webhook) -> datetime:
        return max(self.clock(), self.deliveries.health(webhook.id).line_due_at or self.clock())

    def _newest_events(self, account_id: AccountId) -> list[LoggedEvent]:
        """Those of the log's end; further and further back until one is old enough."""
        chunks = _FIRST_LOOK
        while True:
            start = max(0, self.log.newest_chunk(account_id) - chunks)
            events = self._read_on(account_id, LogPlace(start, 0))
            if not events or not start:
                return events
            newest = max(each.event.created_at for each in events)
            if events[0].event.created_at < newest - LOST:
                return [each for each in events if each.event.created_at >= newest - LOST]
            chunks *= 4

    def _read_on(self, account_id: AccountId, after: LogPlace) -> list[LoggedEvent]:
        events: list[LoggedEvent] = []
        while True:
            page = self.log.read(account_id, after, _PAGE)
            events += page.events
            if page.is_newest:
                return events
            after = page.end
