"""Delete a message for good: content, bodies, deliveries, source and its own files; its thread follows."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.domain.account import Caller
from chalicelib.domain.ids import MessageKey
from chalicelib.operations.access import require_message
from chalicelib.operations.delivery_record import known_or_new
from chalicelib.operations.discard_message import DiscardMessage
from chalicelib.operations.ports import (
    Clock,
    FilingStore,
    MessageIndex,
    MessageStore,
    SendJob,
    SendQueue,
    StoredMessage,
    ThreadStore,
    VersionConflict,
)
from chalicelib.operations.tell_events import TellEvents
from chalicelib.operations.thread_entry import participants_of

TOLD_WITHIN = timedelta(minutes=15)  # of its beginning, a message has been told of by whoever sends or receives it
FINISH_AFTER = 60  # seconds, in which a request has come to its end


@dataclass(frozen=True)
class DeleteMessage:
    """Take the cell first, so that a message still queued is not sent; then remove what was stored.

    A crash in between leaves an invisible message. A job that was queued before finds it, and finishes the work. What its
    sender or receiver has not told yet is told before, for nobody finds it afterwards.
    """

    messages: MessageStore
    threads: ThreadStore
    index: MessageIndex
    filings: FilingStore
    tell: TellEvents
    discard: DiscardMessage
    send_queue: SendQueue
    clock: Clock

    def __call__(self, key: MessageKey, caller: Caller) -> None:
        self.erase(key, require_message(self.messages, key, caller))

    def erase(self, key: MessageKey, stored: StoredMessage) -> None:
        """The deletion itself, of what was just read; again is harmless."""
        thread, arrival = stored.content.thread, stored.content.arrival
        self._tell(key, stored)
        self.send_queue.put(SendJob(key, self.clock(), thread=thread), FINISH_AFTER)
        if arrival is not None:
            self.filings.mark_deleted(arrival.ses_message_id, key, thread)  # its notice may come once more
        if stored.delivery is None and arrival is None and stored.content.attachments:
            self._mark_as_begun(key, stored)
        self.threads.announce_leave(thread, key.sequence)  # its thread counts it by the index from now on
        self.index.remove(key, lambda: self.threads.newest_members(thread))
        self.threads.leave(thread, key.sequence, participants_of(stored.content))
        self.discard(key, stored)

    def _mark_as_begun(self, key: MessageKey, stored: StoredMessage) -> None:
        """Whoever finishes a deletion that died tells it by this from a message that was never committed, whose files stay."""
        with suppress(VersionConflict):  # a worker has begun to send it
            self.messages.save_delivery(key, known_or_new(stored, self.tell.public_ids))

    def _tell(self, key: MessageKey, stored: StoredMessage) -> None:
        content = stored.content
        if self.clock() - content.created_at > TOLD_WITHIN or not self.index.phase(key).visible:
            return
        if content.arrival is not None:
            self.tell.received(key, content.account_id, content.created_at, content.log_since)
        else:
            self.tell.sender(key, known_or_new(stored, self.tell.public_ids))
