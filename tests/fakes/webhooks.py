"""Webhooks, their deliveries and their queue in memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from chalicelib.domain.endpoint_health import EndpointHealth
from chalicelib.domain.event import LogPlace
from chalicelib.domain.ids import AccountId
from chalicelib.domain.webhook import Webhook, WebhookId
from chalicelib.domain.webhook_delivery import DeliveryState, WebhookDelivery
from chalicelib.operations.ports import Page, PageRequest, VersionConflict
from chalicelib.operations.ports.webhooks import DeliveryJob, DueDelivery, Endpoint, WebhookJob
from tests.fakes.paging import page_of

IS_OVER = timedelta(seconds=20)


@dataclass
class FakeWebhookStore:
    """Behaves as the real one."""

    webhooks: dict[WebhookId, Webhook] = field(default_factory=dict)  # in order of creation

    def create(self, webhook: Webhook) -> None:
        self.webhooks.setdefault(webhook.id, webhook)

    def get(self, account_id: AccountId, webhook_id: WebhookId) -> Webhook | None:
        webhook = self.webhooks.get(webhook_id)
        return webhook if webhook and webhook.account_id == account_id else None

    def save(self, webhook: Webhook) -> Webhook:
        known = self.webhooks.get(webhook.id)
        if known is None or known.version != webhook.version:
            raise VersionConflict
        self.webhooks[webhook.id] = replace(webhook, version=webhook.version + 1)
        return self.webhooks[webhook.id]

    def delete(self, account_id: AccountId, webhook_id: WebhookId) -> bool:
        return self.get(account_id, webhook_id) is not None and bool(self.webhooks.pop(webhook_id))

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Webhook]:
        return page_of(enumerate(self.all(account_id)), request)

    def all(self, account_id: AccountId) -> tuple[Webhook, ...]:
        return tuple(each for each in self.webhooks.values() if each.account_id == account_id)


@dataclass
class FakeWebhookDeliveries:
    """Behaves as the real one; `writes` counts what it would have written."""

    webhooks: FakeWebhookStore
    deliveries: dict[tuple[WebhookId, LogPlace], WebhookDelivery] = field(default_factory=dict)
    states: dict[WebhookId, EndpointHealth] = field(default_factory=dict)
    lines: dict[WebhookId, dict[LogPlace, DeliveryJob]] = field(default_factory=dict)
    writes: int = 0

    def look(self, job: DeliveryJob) -> Endpoint:
        return Endpoint(
            self.webhooks.get(job.account_id, job.webhook_id),
            self.get(job.webhook_id, job.logged.place),
            self.health(job.webhook_id),
        )

    def get(self, webhook_id: WebhookId, place: LogPlace) -> WebhookDelivery | None:
        return self.deliveries.get((webhook_id, place))

    def save(self, delivery: WebhookDelivery, now: datetime) -> WebhookDelivery:
        key = (delivery.webhook_id, delivery.logged.place)
        known = self.deliveries.get(key)
        if (known.version if known else 0) != delivery.version:
            raise VersionConflict
        self.deliveries[key] = replace(delivery, version=delivery.version + 1)
        self.writes += 1
        return self.deliveries[key]

    def page(
        self, webhook_id: WebhookId, before: LogPlace | None, limit: int
    ) -> tuple[list[WebhookDelivery], LogPlace | None]:
        mine = [each for (owner, place), each in self.deliveries.items() if owner == webhook_id]
        mine = [each for each in mine if before is None or each.logged.place < before]
        mine.sort(key=lambda each: each.logged.place, reverse=True)
        return mine[:limit], mine[limit - 1].logged.place if len(mine) > limit else None

    def pending(self, webhook_id: WebhookId) -> Iterator[WebhookDelivery]:
        for (owner, _), each in list(self.deliveries.items()):
            if owner == webhook_id and each.state is DeliveryState.PENDING:
                yield each

    def health(self, webhook_id: WebhookId) -> EndpointHealth:
        return self.states.get(webhook_id, EndpointHealth())

    def change_health(
        self, webhook_id: WebhookId, known: EndpointHealth, change: Callable[[EndpointHealth], EndpointHealth | None]
    ) -> EndpointHealth | None:
        current = self.health(webhook_id)
        wanted = change(current)
        if wanted is None or wanted == current:
            return wanted
        self.states[webhook_id] = replace(wanted, version=current.version + 1)
        self.writes += 1
        return self.states[webhook_id]

    def wait(self, job: DeliveryJob, now: datetime) -> None:
        self.lines.setdefault(job.webhook_id, {})[job.logged.place] = job
        self.writes += 1

    def waiting(self, webhook_id: WebhookId, limit: int) -> Sequence[DeliveryJob]:
        return [job for _, job in sorted(self.lines.get(webhook_id, {}).items())][:limit]

    def leave(self, job: DeliveryJob) -> None:
        self.lines.get(job.webhook_id, {}).pop(job.logged.place, None)
        self.writes += 1


@dataclass
class FakeCallsUnderWay:
    """Behaves as the real one."""

    deliveries: FakeWebhookDeliveries
    begun: dict[WebhookId, list[tuple[DeliveryJob, datetime]]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, job: DeliveryJob, now: datetime, most: int) -> bool:
        with self._lock:
            calls = [each for each in self.begun.get(job.webhook_id, ()) if self._is_under_way(*each, now)]
            if len(calls) >= most:
                return False
            self.begun[job.webhook_id] = [*calls, (job, now)]
            return True

    def _is_under_way(self, job: DeliveryJob, began: datetime, now: datetime) -> bool:
        noted = self.deliveries.get(job.webhook_id, job.logged.place)
        return now - began < IS_OVER and (noted is None or noted.made <= job.attempts)


@dataclass
class FakeDueDeliveries:
    """One shard, kept in no order."""

    entries: dict[tuple[WebhookId, LogPlace, datetime], DeliveryJob] = field(default_factory=dict)
    shards: int = 1

    def add(self, job: DeliveryJob, due_at: datetime) -> None:
        self.entries[job.webhook_id, job.logged.place, due_at] = job

    def due(self, shard: int, before: datetime, limit: int) -> Sequence[DueDelivery]:
        due = [DueDelivery(job, at, shard) for (_, _, at), job in self.entries.items() if at < before]
        return sorted(due, key=lambda each: each.due_at)[:limit]

    def remove(self, due: Sequence[DueDelivery]) -> None:
        for each in due:
            self.entries.pop((each.job.webhook_id, each.job.logged.place, each.due_at), None)


@dataclass
class FakeWebhookQueue:
    """Remembers every job with its delay in seconds, in order."""

    jobs: list[tuple[WebhookJob, int]] = field(default_factory=list)

    def put(self, job: WebhookJob, delay: int = 0) -> None:
        if not 0 <= delay <= 900:
            raise ValueError(f"SQS takes delays of 0 to 900 seconds, not {delay}")
        self.jobs.append((job, delay))

    def put_all(self, jobs: Sequence[tuple[WebhookJob, int]]) -> None:
        for job, delay in jobs:
            self.put(job, delay)
