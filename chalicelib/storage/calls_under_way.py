"""Which calls of an endpoint are under way, over all processes: one small item while an endpoint is called, gone a day later.

A call that begins is noted by one write. That it is over is noted nowhere: when there is no room, the attempts are looked up
of those that stand there, and what has been noted leaves. So the end of a call costs nothing, and the room of a process that died
is free again when its call cannot be under way any more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action

from chalicelib.domain.webhook import WebhookId
from chalicelib.operations.ports.webhooks import DeliveryJob
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Refused, Written, update_if
from chalicelib.storage.failures import raises_unavailable, tries
from chalicelib.storage.tables import CallsItem, batch_get
from chalicelib.storage.webhook_codec import unpack_delivery

IS_OVER = timedelta(seconds=20)  # a call takes 15 s at most
KEPT = timedelta(days=1)

_CALLS = CallsItem.calls


@raises_unavailable
@dataclass(frozen=True)
class DynamoCallsUnderWay:
    """`operations.ports.CallsUnderWay` over the table."""

    def begin(self, job: DeliveryJob, now: datetime, most: int) -> bool:
        entry = f"{_place(job)}#{job.attempts}#{int(now.timestamp())}"
        room: Condition = _CALLS.does_not_exist() | (size(_CALLS) < most)  # type: ignore[no-untyped-call]  # pynamodb's own
        for _ in tries():
            outcome = _change(job.webhook_id, _CALLS.add({entry}), now, room)
            if not isinstance(outcome, Refused):
                return True
            noted = frozenset[str](outcome.found.calls if outcome.found else ())
            left = _under_way(job.webhook_id, noted, now)
            if len(left) >= most:
                return False
            outcome = _change(job.webhook_id, _CALLS.set({*left, entry}), now, set(noted) == _CALLS)
            if not isinstance(outcome, Refused):
                return True
        return False


def _change(
    webhook_id: WebhookId, action: Action, now: datetime, condition: Condition
) -> Written[CallsItem] | Refused[CallsItem]:
    item = CallsItem(keys.webhook_partition(webhook_id), keys.CALLS_UNDER_WAY)
    return update_if(item, [action, CallsItem.ttl.set(now + KEPT)], condition)


def _under_way(webhook_id: WebhookId, entries: frozenset[str], now: datetime) -> frozenset[str]:
    """Those that are neither noted nor so old that their process must have died."""
    young = {entry for entry in entries if int(entry.rpartition("#")[2]) > (now - IS_OVER).timestamp()}
    partition = keys.webhook_partition(webhook_id)
    deliveries = {keys.WEBHOOK_DELIVERIES + _delivery(entry) for entry in young}
    found = batch_get([(partition, key) for key in deliveries], consistent=False)
    made = {item["sk"]["S"]: unpack_delivery(item["d"]["B"]).made for item in found}
    return frozenset(
        entry for entry in young if made.get(keys.WEBHOOK_DELIVERIES + _delivery(entry), 0) <= _attempts(entry)
    )


def _place(job: DeliveryJob) -> str:
    return keys.log_place(job.logged.place.chunk, job.logged.place.index)


def _delivery(entry: str) -> str:
    return entry.rsplit("#", 2)[0]


def _attempts(entry: str) -> int:
    return int(entry.rsplit("#", 2)[1])
