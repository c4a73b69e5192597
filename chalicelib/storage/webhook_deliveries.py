"""Deliveries with every attempt, the state of endpoints in trouble, and the lines of those who wait for one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pynamodb.expressions.condition import Condition

from chalicelib.domain.endpoint_health import EndpointHealth
from chalicelib.domain.event import LogPlace
from chalicelib.domain.webhook import WebhookId
from chalicelib.domain.webhook_delivery import DeliveryState, WebhookDelivery
from chalicelib.operations.ports import VersionConflict
from chalicelib.operations.ports.webhooks import DeliveryJob, Endpoint
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Refused, put_if
from chalicelib.storage.failures import raises_unavailable, tries
from chalicelib.storage.tables import EndpointItem, WebhookDeliveryItem, WebhookItem, WebhookJobItem, batch_get
from chalicelib.storage.webhook_codec import pack, unpack_delivery, unpack_health, unpack_job
from chalicelib.storage.webhook_store import webhook_of

KEPT = timedelta(days=30)
FORGOTTEN = timedelta(days=31)  # after its last change, when nothing waits for the endpoint any more


@raises_unavailable
@dataclass(frozen=True)
class DynamoWebhookDeliveries:
    """`operations.ports.WebhookDeliveries` over the table."""

    clock: Callable[[], datetime]

    def look(self, job: DeliveryJob) -> Endpoint:
        partition = keys.webhook_partition(job.webhook_id)
        webhook = (keys.account_partition(job.account_id), keys.webhook(job.webhook_id))
        raw = batch_get([webhook, (partition, _delivery_key(job.logged.place)), (partition, keys.ENDPOINT)])
        found = {item["sk"]["S"]: item for item in raw}
        item, delivery, health = (
            found.get(key) for key in (webhook[1], _delivery_key(job.logged.place), keys.ENDPOINT)
        )
        return Endpoint(
            None if item is None else webhook_of(WebhookItem.from_raw_data(item)),
            None if delivery is None else _delivery(WebhookDeliveryItem.from_raw_data(delivery)),
            EndpointHealth() if health is None else _health(EndpointItem.from_raw_data(health)),
        )

    def get(self, webhook_id: WebhookId, place: LogPlace) -> WebhookDelivery | None:
        try:
            item = WebhookDeliveryItem.get(
                keys.webhook_partition(webhook_id), _delivery_key(place), consistent_read=True
            )
        except WebhookDeliveryItem.DoesNotExist:
            return None
        return _delivery(item)

    def save(self, delivery: WebhookDelivery, now: datetime) -> WebhookDelivery:
        saved = replace(delivery, version=delivery.version + 1)
        item = WebhookDeliveryItem(
            keys.webhook_partition(delivery.webhook_id),
            _delivery_key(delivery.logged.place),
            version=saved.version,
            delivery=pack(saved),
            is_pending=delivery.state is DeliveryState.PENDING or None,
            ttl=now + KEPT,
        )
        unchanged: Condition = WebhookDeliveryItem.pk.does_not_exist()
        if delivery.version:
            unchanged = WebhookDeliveryItem.version == delivery.version
        outcome = put_if(item, unchanged)
        # After a lost reply the library repeats the write and is refused, though it was stored.
        if isinstance(outcome, Refused) and (outcome.found is None or _delivery(outcome.found) != saved):
            raise VersionConflict
        return saved

    def page(
        self, webhook_id: WebhookId, before: LogPlace | None, limit: int
    ) -> tuple[list[WebhookDelivery], LogPlace | None]:
        condition: Condition = WebhookDeliveryItem.sk.startswith(keys.WEBHOOK_DELIVERIES)
        if before is not None:
            condition = WebhookDeliveryItem.sk.between(keys.WEBHOOK_DELIVERIES, _delivery_key(before))
        found = WebhookDeliveryItem.query(
            keys.webhook_partition(webhook_id),
            condition,
            scan_index_forward=False,
            limit=limit + 2,  # `between` takes in its end
            consistent_read=True,
        )
        deliveries = [_delivery(item) for item in found]
        rest = [each for each in deliveries if before is None or each.logged.place < before]
        return rest[:limit], rest[limit - 1].logged.place if len(rest) > limit else None

    def pending(self, webhook_id: WebhookId) -> Iterator[WebhookDelivery]:
        found = WebhookDeliveryItem.query(
            keys.webhook_partition(webhook_id),
            WebhookDeliveryItem.sk.startswith(keys.WEBHOOK_DELIVERIES),
            filter_condition=WebhookDeliveryItem.is_pending.exists(),
            consistent_read=True,
        )
        return map(_delivery, found)

    def health(self, webhook_id: WebhookId) -> EndpointHealth:
        try:
            return _health(EndpointItem.get(keys.webhook_partition(webhook_id), keys.ENDPOINT, consistent_read=True))
        except EndpointItem.DoesNotExist:
            return EndpointHealth()

    def change_health(
        self, webhook_id: WebhookId, known: EndpointHealth, change: Callable[[EndpointHealth], EndpointHealth | None]
    ) -> EndpointHealth | None:
        for _ in tries():
            wanted = change(known)
            if wanted is None or wanted == known:
                return wanted
            saved = replace(wanted, version=known.version + 1)
            item = EndpointItem(
                *(keys.webhook_partition(webhook_id), keys.ENDPOINT),
                version=saved.version,
                health=pack(saved),
                ttl=self.clock() + FORGOTTEN,
            )
            unchanged: Condition = EndpointItem.pk.does_not_exist()
            if known.version:
                unchanged = EndpointItem.version == known.version
            outcome = put_if(item, unchanged)
            if not isinstance(outcome, Refused):
                return saved
            # After a lost reply this is our own write, and the change is made twice: a failure too many, or a slot that
            # nobody gives back and that is free again in half a minute.
            known = EndpointHealth() if outcome.found is None else _health(outcome.found)
        return None

    def wait(self, job: DeliveryJob, now: datetime) -> None:
        item = _waiting_item(job)
        item.job, item.ttl = pack(job), now + KEPT
        item.save()

    def waiting(self, webhook_id: WebhookId, limit: int) -> Sequence[DeliveryJob]:
        found = WebhookJobItem.query(
            keys.webhook_partition(webhook_id),
            WebhookJobItem.sk.startswith(keys.WEBHOOK_LINE),
            limit=limit,
            consistent_read=True,
        )
        return [unpack_job(item.job) for item in found]

    def leave(self, job: DeliveryJob) -> None:
        _waiting_item(job).delete()


def _waiting_item(job: DeliveryJob) -> WebhookJobItem:
    place = job.logged.place
    line = keys.WEBHOOK_LINE + keys.log_place(place.chunk, place.index)
    return WebhookJobItem(keys.webhook_partition(job.webhook_id), line)


def _delivery_key(place: LogPlace) -> str:
    return keys.WEBHOOK_DELIVERIES + keys.log_place(place.chunk, place.index)


def _delivery(item: WebhookDeliveryItem) -> WebhookDelivery:
    return unpack_delivery(item.delivery)


def _health(item: EndpointItem) -> EndpointHealth:
    return unpack_health(item.health)
