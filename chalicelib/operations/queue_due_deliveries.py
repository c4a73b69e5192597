"""The clock of late retries: what is due soon becomes jobs of the slow worker."""

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.operations.ports import Clock
from chalicelib.operations.ports.webhooks import DueDeliveries, DueDelivery, WebhookQueue


@dataclass(frozen=True)
class QueueDueDeliveries:
    """Queue what is due before the next call of this; a minute's work, however many endpoints there are."""

    due: DueDeliveries
    queue: WebhookQueue
    clock: Clock
    ahead: timedelta = timedelta(seconds=75)  # a minute, and what a schedule may be late
    page: int = 100

    def __call__(self) -> int:
        """How many were queued. Each leaves its place when its job is durable."""
        return sum(self._queue_shard(shard) for shard in range(self.due.shards))

    def _queue_shard(self, shard: int) -> int:
        now = self.clock()
        queued: set[DueDelivery] = set()
        while True:
            # One that has just left its place may still be seen: the read costs half as much for that.
            found = [each for each in self.due.due(shard, now + self.ahead, self.page) if each not in queued]
            if not found:
                return len(queued)
            delays = [max(0, round((each.due_at - now).total_seconds())) for each in found]
            self.queue.put_all([(each.job, delay) for each, delay in zip(found, delays, strict=True)])
            self.due.remove(found)
            queued.update(found)
