"""The deliveries of a webhook: which there were, a test, and once more what was delivered or not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import randbits

from chalicelib.domain.account import Caller
from chalicelib.domain.delivery import EventType
from chalicelib.domain.errors import InvalidInput, NotFound, Unavailable
from chalicelib.domain.event import Event, LoggedEvent, LogPlace
from chalicelib.domain.ids import EventId, random_text
from chalicelib.domain.times import to_milliseconds
from chalicelib.domain.webhook import Webhook, WebhookId
from chalicelib.domain.webhook_delivery import DeliveryState, WebhookDelivery
from chalicelib.operations.manage_webhooks import require_webhook
from chalicelib.operations.ports import Clock, VersionConflict
from chalicelib.operations.ports.events import EventLog
from chalicelib.operations.ports.webhooks import DeliveryJob, ReplayJob, WebhookDeliveries, WebhookQueue, WebhookStore

PAGE = 100  # events of the log in one read
_LOOK = 18  # events that tell how old a part of the log is
PAGES = 5  # in one job; the next job goes on
KEPT = timedelta(days=30)
_FIRST_TEST = 1 << 32  # no chunk of the log has so many events: a test stands behind all of them
_TEST_BITS = 36
_TRIES = 5  # of a replay that meets attempts of the same delivery


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, the newest event first, and where to go on (None: the end)."""

    deliveries: tuple[WebhookDelivery, ...]
    next_before: LogPlace | None


@dataclass(frozen=True)
class ListDeliveries:
    """What was sent to a webhook, with every attempt; kept 30 days. What is overdue waits for its endpoint."""

    webhooks: WebhookStore
    deliveries: WebhookDeliveries
    clock: Clock

    def __call__(
        self, webhook_id: WebhookId, caller: Caller, before: LogPlace | None = None, limit: int = 20
    ) -> DeliveryPage:
        require_webhook(self.webhooks, webhook_id, caller)
        found, next_before = self.deliveries.page(webhook_id, before, limit)
        now = self.clock()
        return DeliveryPage(tuple(each.seen_at(now) for each in found), next_before)


@dataclass(frozen=True)
class PingWebhook:
    """Send an event that says nothing but that it is a test, whatever the webhook's filters are; one attempt."""

    webhooks: WebhookStore
    deliveries: WebhookDeliveries
    queue: WebhookQueue
    log: EventLog
    clock: Clock

    def __call__(self, webhook_id: WebhookId, caller: Caller) -> WebhookDelivery:
        webhook = require_webhook(self.webhooks, webhook_id, caller)
        now = to_milliseconds(self.clock())
        place = LogPlace(self.log.newest_chunk(caller.account_id), _FIRST_TEST + randbits(_TEST_BITS))
        event = Event(EventId("evt_" + random_text()), EventType.WEBHOOK_TEST, now, subject=webhook.id)
        delivery = WebhookDelivery(webhook.id, LoggedEvent(place, event), is_test=True)
        saved = self.deliveries.save(delivery, now)
        self.queue.put(DeliveryJob(caller.account_id, webhook.id, delivery.logged, is_test=True))
        return saved


@dataclass(frozen=True)
class ReplayDelivery:
    """Deliver one event once more, from its first attempt."""

    webhooks: WebhookStore
    deliveries: WebhookDeliveries
    queue: WebhookQueue
    clock: Clock

    def __call__(self, webhook_id: WebhookId, place: LogPlace, caller: Caller) -> WebhookDelivery:
        webhook = require_webhook(self.webhooks, webhook_id, caller)
        for _ in range(_TRIES):
            delivery = self.deliveries.get(webhook_id, place)
            if delivery is None:
                raise NotFound
            try:
                saved = self.deliveries.save(delivery.again(), self.clock())
            except VersionConflict:
                continue
            self.queue.put(job_of(webhook, saved))
            return saved
        raise Unavailable("Attempts of this delivery are being made right now.")


@dataclass(frozen=True)
class ReplayRange:
    """Deliver again what happened in a stretch of time and passes the webhook's filters."""

    webhooks: WebhookStore
    queue: WebhookQueue
    clock: Clock

    def __call__(self, webhook_id: WebhookId, since: datetime, until: datetime | None, caller: Caller) -> ReplayJob:
        """Raises InvalidInput. What is asked for twice is sent twice."""
        require_webhook(self.webhooks, webhook_id, caller)
        now = self.clock()
        until = min(until or now, now)
        if since >= until:
            raise InvalidInput({"since": ["must be before `until`, and in the past"]})
        if since < now - KEPT:
            raise InvalidInput({"since": ["events are kept for 30 days; it must not be longer ago"]})
        job = ReplayJob(caller.account_id, webhook_id, since, until)
        self.queue.put(job)
        return job


@dataclass(frozen=True)
class CarryOutReplay:
    """Work off a part of a replay and queue the rest."""

    webhooks: WebhookStore
    deliveries: WebhookDeliveries
    queue: WebhookQueue
    log: EventLog
    clock: Clock

    def __call__(self, job: ReplayJob) -> None:
        webhook = self.webhooks.get(job.account_id, job.webhook_id)
        if webhook is None:
            return
        after = job.after or self._beginning(job)
        for _ in range(PAGES):
            page = self.log.read(job.account_id, after, PAGE)
            wanted = [each for each in page.events if _is_wanted(each, job, webhook)]
            self.queue.put_all([(again, 0) for again in self._again(webhook, wanted)])
            after = page.end
            if page.is_newest or any(each.event.created_at >= job.until + _LATE for each in page.events):
                return
        self.queue.put(replace(job, after=after))

    def _beginning(self, job: ReplayJob) -> LogPlace:
        """The last chunk that was full before anything wanted happened: looked for by halves, not from the oldest on."""
        first, last = 0, self.log.newest_chunk(job.account_id)
        while first < last:
            middle = (first + last + 1) // 2
            events = self.log.read(job.account_id, LogPlace(middle, 0), _LOOK).events
            # Expired, or old: each of them was told before; what is told late is among others that are not.
            if not events or max(each.event.created_at for each in events) < job.since - _LATE:
                first = middle
            else:
                last = middle - 1
        return LogPlace(first, 0)

    def _again(self, webhook: Webhook, wanted: list[LoggedEvent]) -> Iterator[DeliveryJob]:
        for logged in wanted:
            delivery = self.deliveries.get(webhook.id, logged.place) or WebhookDelivery(webhook.id, logged)
            if delivery.version and delivery.state is DeliveryState.PENDING:
                continue  # it is on its way
            if delivery.version:
                try:
                    delivery = self.deliveries.save(delivery.again(), self.clock())
                except VersionConflict:
                    continue  # somebody else replays it
            yield job_of(webhook, delivery)


_LATE = timedelta(hours=24)
"""By which news may be told after it happened: the log's order is that of its writes."""


def _is_wanted(logged: LoggedEvent, job: ReplayJob, webhook: Webhook) -> bool:
    return job.since <= logged.event.created_at < job.until and webhook.matches(logged)


def job_of(webhook: Webhook, delivery: WebhookDelivery) -> DeliveryJob:
    """The job of a delivery's next attempt."""
    return DeliveryJob(
        webhook.account_id,
        webhook.id,
        delivery.logged,
        delivery.made,
        is_test=delivery.is_test,
        round=delivery.round,
    )
