"""Give a reserved message up for good, so that a stalled request which wakes up later cannot commit it."""

from dataclasses import dataclass

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.discard_message import DiscardMessage
from chalicelib.operations.ports import MessageIndex, MessageStore, ThreadStore


@dataclass(frozen=True)
class AbandonReservation:
    """Kill an uncommitted message's cell, then remove what was stored for it. Again is harmless.

    For a message that is gone already it finishes a removal that died half-way.
    """

    messages: MessageStore
    threads: ThreadStore
    index: MessageIndex
    discard: DiscardMessage

    def __call__(self, key: MessageKey) -> bool:
        """True when the message will never exist; False when it was committed after all."""
        killed = self.index.advance(key, MessagePhase.GONE, {MessagePhase.RESERVED, MessagePhase.GONE})
        if killed.phase is not MessagePhase.GONE:
            return False
        stored = self.messages.get(key)
        if stored is not None:
            self.threads.leave(stored.content.thread, key.sequence)
        self.discard(key, stored)
        return True
