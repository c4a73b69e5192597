"""Give a reserved message up for good, so that a stalled request which wakes up later cannot commit it."""

from dataclasses import dataclass

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.discard_message import DiscardMessage
from chalicelib.operations.ports import MessageIndex, MessageStore, ThreadStore
from chalicelib.operations.thread_entry import participants_of


@dataclass(frozen=True)
class AbandonReservation:
    """Kill an uncommitted message's cell, then remove what was stored for it. Again is harmless.

    For a message that is gone already it finishes a removal that died half-way.
    """

    messages: MessageStore
    threads: ThreadStore
    index: MessageIndex
    discard: DiscardMessage

    def __call__(self, key: MessageKey, thread: ThreadKey | None = None) -> bool:
        """True when the message will never exist; False when it was committed after all.

        `thread` is the thread it may have entered, for one whose content was never stored.
        """
        killed = self.index.advance(key, MessagePhase.GONE, {MessagePhase.RESERVED})
        if killed.phase is not MessagePhase.GONE:
            return False
        stored = self.messages.get(key)
        entered = stored.content.thread if stored else thread
        if entered is not None:
            # Who joins a thread has its content stored before; one without any can only have begun the thread.
            self.threads.leave(entered, key.sequence, participants_of(stored.content) if stored else ())
            if entered.first_sequence != key.sequence:
                # It may have been promised the thread's capital, in place of another message that has it by right.
                self.index.settle_thread(key.inbox_number, lambda: self.threads.newest_members(entered))
        # Of one that was gone before, whoever gave it up may have died over it. One that its user deleted has a delivery
        # item, and its files go with it.
        never_sent = killed.taken or (stored is not None and stored.delivery is None)
        self.discard(key, stored, never_sent=never_sent)
        return True
