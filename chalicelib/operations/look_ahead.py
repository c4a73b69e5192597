"""What a batch of send jobs has in common is done once: claiming, and reading what is to be sent.

Ten jobs of one inbox are one write and one read instead of ten each. It is a hint: claiming is harmless to repeat, and a
message that is left out here is claimed or read by its own job.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import MessageIndex, MessageStore, SendJob, StoredMessage
from chalicelib.operations.send_pace import Pace
from chalicelib.operations.settle_ambiguous import TURN_PATIENCE

CLAIMABLE = frozenset({MessagePhase.QUEUED, MessagePhase.CLAIMED})


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is known of a message whose job is about to be done; None: not known yet."""

    phase: MessagePhase | None = None
    stored: StoredMessage | None = None


UNKNOWN = Ahead()


@dataclass(frozen=True)
class LookAhead:
    """Claim and read the messages of a batch together."""

    index: MessageIndex
    messages: MessageStore
    pace: Pace

    def __call__(self, jobs: Sequence[SendJob]) -> Mapping[MessageKey, Ahead]:
        """By message; empty when there is nothing to share, or SES takes nothing more so soon."""
        keys = list(dict.fromkeys(job.message for job in jobs))
        if len(keys) < 2 or self.pace.is_full(TURN_PATIENCE):
            return {}
        by_inbox: dict[int, list[int]] = defaultdict(list)
        for key in keys:
            by_inbox[key.inbox_number].append(key.sequence)
        phases: dict[MessageKey, MessagePhase] = {}
        for number, sequences in by_inbox.items():
            found = self.index.advance_together(number, sequences, MessagePhase.CLAIMED, CLAIMABLE)
            phases |= {MessageKey(number, sequence): phase for sequence, phase in found.items()}
        stored = self.messages.get_together(
            [key for key in keys if phases.get(key, MessagePhase.CLAIMED) is MessagePhase.CLAIMED]
        )
        return {key: Ahead(phases.get(key), stored.get(key)) for key in keys}
