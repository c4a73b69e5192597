"""Rebuild the send queue from the store: after a restore from backup, or when a queue was lost."""

from dataclasses import dataclass

from chalicelib.operations.ports import Clock, MessageIndex, SendJob, SendQueue


@dataclass(frozen=True)
class RequeueUnsent:
    """Queue a job for every message that is queued or sending. A job too many is harmless."""

    index: MessageIndex
    send_queue: SendQueue
    clock: Clock

    def __call__(self) -> int:
        """How many jobs were queued. Reads the whole table: not for everyday use."""
        now = self.clock()
        count = 0
        for unfinished in self.index.unfinished():
            self.send_queue.put(SendJob(unfinished.key, queued_at=now))
            count += 1
        return count
