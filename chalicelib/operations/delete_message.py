"""Delete a message for good: content, bodies, deliveries, source and its own files; its thread follows."""

from dataclasses import dataclass

from chalicelib.domain.account import Caller
from chalicelib.domain.ids import MessageKey
from chalicelib.operations.access import require_message
from chalicelib.operations.discard_message import DiscardMessage
from chalicelib.operations.ports import (
    Clock,
    FilingStore,
    MessageIndex,
    MessageStore,
    SendJob,
    SendQueue,
    ThreadStore,
)
from chalicelib.operations.thread_entry import participants_of

FINISH_AFTER = 60  # seconds, in which a request has come to its end


@dataclass(frozen=True)
class DeleteMessage:
    """Take the cell first, so that a message still queued is not sent; then remove what was stored.

    A crash in between leaves an invisible message. A job that was queued before finds it, and finishes the work.
    """

    messages: MessageStore
    threads: ThreadStore
    index: MessageIndex
    filings: FilingStore
    discard: DiscardMessage
    send_queue: SendQueue
    clock: Clock

    def __call__(self, key: MessageKey, caller: Caller) -> None:
        stored = require_message(self.messages, key, caller)
        thread, arrival = stored.content.thread, stored.content.arrival
        self.send_queue.put(SendJob(key, self.clock(), thread=thread), FINISH_AFTER)
        if arrival is not None:
            self.filings.mark_deleted(arrival.ses_message_id, key, thread)  # its notice may come once more
        self.threads.announce_leave(thread, key.sequence)  # its thread counts it by the index from now on
        self.index.remove(key, lambda: self.threads.newest_members(thread))
        self.threads.leave(thread, key.sequence, participants_of(stored.content))
        self.discard(key, stored)
