"""Whether a message is dead: deleted, or a reservation that nobody can be at work on any more."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.abandon_reservation import AbandonReservation
from chalicelib.operations.ports import MessageIndex, SequenceMarks, Sight


@dataclass(frozen=True)
class Coroner:
    """Looks at the cells of messages, and gives dead ones up for good."""

    index: MessageIndex
    marks: SequenceMarks
    abandon_reservation: AbandonReservation

    def look(self, keys: Iterable[MessageKey], now: datetime) -> "Inquest":
        """What the index says of these messages, in as few reads as there are parts of it to read."""
        wanted: dict[int, set[int]] = {}
        for key in keys:
            wanted.setdefault(key.inbox_number, set()).add(key.sequence)
        settled = self.marks.settled_before(wanted.keys(), now) if wanted else {}
        sights = {number: self.index.look(number, sequences) for number, sequences in wanted.items()}
        return Inquest(self, sights, settled)


@dataclass(frozen=True)
class Inquest:
    """What was found of some messages."""

    coroner: Coroner
    sights: Mapping[int, Sight]
    settled: Mapping[int, int]
    buried: dict[MessageKey, bool] = field(default_factory=dict)

    def phase(self, key: MessageKey) -> MessagePhase:
        return self.sights[key.inbox_number].phases[key.sequence]

    def is_settled(self, key: MessageKey) -> bool:
        """Whether the number is so old that no request is at work on it."""
        return key.sequence < self.settled[key.inbox_number]

    def seems_dead(self, key: MessageKey) -> bool:
        phase = self.phase(key)
        return phase is MessagePhase.GONE or (phase is MessagePhase.RESERVED and self.is_settled(key))

    def bury(self, key: MessageKey, thread: ThreadKey | None = None) -> bool:
        """Give up a message that seems dead, and remove what is stored of it; False when it is alive.

        The cell decides, by a condition: from then on a request that had only slept cannot commit any more, and finds out.
        """
        if not self.seems_dead(key):
            return False
        if key not in self.buried or thread is not None:
            self.buried[key] = self.coroner.abandon_reservation(key, thread)
        return self.buried[key]
