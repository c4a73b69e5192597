"""Make the index show what the delivery item implies."""

from dataclasses import dataclass

from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import MessageIndex, MessageStore

OUTBOUND_PHASES = frozenset(phase for phase in MessagePhase if phase.visible and phase is not MessagePhase.RECEIVED)


@dataclass(frozen=True)
class ShowStatus:
    """Set a message's cell to what its recipients imply, until both agree.

    Two reports may be recorded at the same time, and the slower of the two must not show what the faster has
    overtaken. So the cell is first moved from what the item implied *before* this change. While no failure is
    involved a message's status only moves forward, so that step cannot undo anything and one write is enough. A
    failure can still turn out well (a late acceptance, a delivery after an out-of-office answer); then the item is
    read again after the write, and what it says by then is written, until nothing changes.
    """

    messages: MessageStore
    index: MessageIndex

    def __call__(self, key: MessageKey, before: MessageStatus, delivery: MessageDelivery) -> None:
        after = delivery.message_status
        if before is after and self.index.phase(key) is MessagePhase.showing(after):
            return  # repeated news, and it is shown
        if before is not after and MessageStatus.FAILED not in (before, after):
            wanted = MessagePhase.showing(after)
            if self.index.advance(key, wanted, {MessagePhase.showing(before)}).taken:
                return
        self._until_both_agree(key)

    def _until_both_agree(self, key: MessageKey) -> None:
        shown: MessagePhase | None = None
        while True:
            delivery = self.messages.get_delivery(key)
            if delivery is None:
                return  # deleted meanwhile
            if delivery.is_undecided:
                return  # nothing is known of SES yet; until then the phases are the sender's alone
            wanted = MessagePhase.showing(delivery.message_status)
            if wanted is shown:
                return
            shown = self.index.advance(key, wanted, OUTBOUND_PHASES).phase
            if not shown.visible:
                return  # deleted meanwhile
