"""What a batch of send jobs has in common is done once: claiming, and reading what is to be sent.

Ten jobs of one inbox are one write and two reads instead of ten each. It is a hint: claiming is harmless to repeat, and a
message that is left out here is claimed or read by its own job.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import MessageIndex, MessageStore, SendJob, StoredMessage, SuppressionStore
from chalicelib.operations.send_pace import Pace
from chalicelib.operations.settle_ambiguous import TURN_PATIENCE

CLAIMABLE = frozenset({MessagePhase.QUEUED, MessagePhase.CLAIMED})


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is known of a message whose job is about to be done; None: not known yet."""

    phase: MessagePhase | None = None
    stored: StoredMessage | None = None
    suppressed: frozenset[str] | None = None  # those of its recipients who are on the suppression list


UNKNOWN = Ahead()


@dataclass(frozen=True)
class LookAhead:
    """Claim and read the messages of a batch together, and ask who is suppressed."""

    index: MessageIndex
    messages: MessageStore
    suppressions: SuppressionStore
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
        suppressed = self._suppressed(stored)
        return {key: Ahead(phases.get(key), stored.get(key), suppressed.get(key)) for key in keys}

    def _suppressed(self, stored: Mapping[MessageKey, StoredMessage]) -> Mapping[MessageKey, frozenset[str]]:
        recipients = {
            key: {(each.content.account_id, mailbox.address) for _, mailbox in each.content.recipients}
            for key, each in stored.items()
        }
        found = self.suppressions.among(frozenset().union(*recipients.values()))
        return {key: frozenset(address for _, address in theirs & found) for key, theirs in recipients.items()}
