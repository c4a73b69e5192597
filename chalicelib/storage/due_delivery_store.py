"""Retries that are due later than a queue can hold them back, in the order of their times.

A few partitions share the writes; each is read once a minute however many endpoints there are, so those that nothing is due
for cost nothing.
"""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.log_lines import log_of
from chalicelib.operations.ports.webhooks import DeliveryJob, DueDelivery
from chalicelib.storage import keys
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.sweeping import remove
from chalicelib.storage.tables import WebhookJobItem
from chalicelib.storage.webhook_codec import pack, unpack_job

logger = log_of(__name__)

SHARDS = 8


@raises_unavailable
@dataclass(frozen=True)
class DynamoDueDeliveries:
    """`operations.ports.DueDeliveries` over the table."""

    shards: int = SHARDS

    def add(self, job: DeliveryJob, due_at: datetime) -> None:
        shard = hashlib.blake2b(_name(job).encode(), digest_size=1).digest()[0] % self.shards
        item = _item(DueDelivery(job, due_at, shard))
        item.job = pack(job)
        item.save()

    def due(self, shard: int, before: datetime, limit: int) -> Sequence[DueDelivery]:
        found = WebhookJobItem.query(
            keys.due_partition(shard), WebhookJobItem.sk < keys.due_time(int(before.timestamp())), limit=limit
        )
        return [due for item in found for due in _readable(item, shard)]

    def remove(self, due: Sequence[DueDelivery]) -> None:
        remove((item.pk, item.sk) for item in map(_item, due))


def _readable(item: WebhookJobItem, shard: int) -> list[DueDelivery]:
    try:
        return [DueDelivery(unpack_job(item.job), _due_at(item.sk), shard)]
    except (msgspec.MsgspecError, zlib.error, ValueError) as error:
        # Written by another version of this program; those behind it must not wait for it.
        logger.error("a due delivery cannot be read: %s", trace_of(error), extra={"place": item.sk})
        return []


def _item(due: DueDelivery) -> WebhookJobItem:
    return WebhookJobItem(
        keys.due_partition(due.shard), f"{keys.due_time(int(due.due_at.timestamp()))}#{_name(due.job)}"
    )


def _name(job: DeliveryJob) -> str:
    place = job.logged.place
    return f"{job.webhook_id}#{keys.log_place(place.chunk, place.index)}"


def _due_at(sort_key: str) -> datetime:
    return datetime.fromtimestamp(int(sort_key.partition("#")[0]), UTC)
