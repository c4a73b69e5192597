"""Give a reserved message up for good, so that a stalled request which wakes up later cannot commit it."""

from dataclasses import dataclass

from chalicelib.domain.attachment import ids_of
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import AttachmentStore, MessageIndex, MessageStore, ThreadStore


@dataclass(frozen=True)
class AbandonReservation:
    """Kill an uncommitted message's cell, then remove what was stored for it. Again is harmless.

    For a message that is gone already it finishes a removal that died half-way.
    """

    messages: MessageStore
    threads: ThreadStore
    index: MessageIndex
    attachments: AttachmentStore

    def __call__(self, key: MessageKey) -> bool:
        """True when the message will never exist; False when it was committed after all."""
        killed = self.index.advance(key, MessagePhase.GONE, {MessagePhase.RESERVED, MessagePhase.GONE})
        if killed.phase is not MessagePhase.GONE:
            return False
        stored = self.messages.get(key)
        if stored is not None:
            self.threads.leave(stored.content.thread, key.sequence)
            if stored.content.attachments:
                self.attachments.release(ids_of(stored.content.attachments), key)
        self.messages.delete(key)  # in any case: a delivery item may have been saved while the content went
        return True
