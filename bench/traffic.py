"""A made-up history of an inbox: how each message ended and which thread it is in. Pure, and the same each time."""

import random
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from chalicelib.domain.message_phase import MessagePhase
from chalicelib.storage.quiet_buckets import OPEN_CELLS
from chalicelib.storage.thread_capitals import cell

MIX = {
    MessagePhase.DELIVERED: 0.868,
    MessagePhase.RECEIVED: 0.100,
    MessagePhase.SENT: 0.015,
    MessagePhase.BOUNCED: 0.010,
    MessagePhase.FAILED: 0.005,
    MessagePhase.COMPLAINED: 0.002,
}
LONGEST_THREAD = 5
LONGEST_PAUSE = OPEN_CELLS  # messages between two of one thread: none finds the one before it sealed already


@dataclass(frozen=True)
class Traffic:
    """`count` messages, numbered from 0: the phase of each, and the first message of its thread."""

    phases: tuple[MessagePhase, ...]
    threads: tuple[int, ...]

    @classmethod
    def of(cls, count: int, seed: int = 20261122) -> "Traffic":
        chance = random.Random(seed)
        phases = chance.choices(list(MIX), list(MIX.values()), k=count)
        return cls(tuple(phases), tuple(_threads(count, chance)))

    @property
    def count(self) -> int:
        return len(self.phases)

    @cached_property
    def members(self) -> dict[int, list[int]]:
        """The messages of each thread, by its first one."""
        found: dict[int, list[int]] = {}
        for sequence, first in enumerate(self.threads):
            found.setdefault(first, []).append(sequence)
        return found

    @cached_property
    def heads(self) -> frozenset[int]:
        """The newest message of each thread."""
        return frozenset(members[-1] for members in self.members.values())

    @cached_property
    def cells(self) -> str:
        """The cells of all messages, in their order."""
        return "".join(cell(phase, newest=number in self.heads) for number, phase in enumerate(self.phases))

    def listed(self, phases: Collection[MessagePhase]) -> list[int]:
        """The messages in these phases, newest first."""
        return [number for number in reversed(range(self.count)) if self.phases[number] in phases]


def _threads(count: int, chance: random.Random) -> list[int]:
    """For each message the first of its thread; a thread's messages come with others in between."""
    first_of: dict[int, int] = {}  # replies to come
    threads: list[int] = []
    for number in range(count):
        first = first_of.pop(number, number)
        threads.append(first)
        if first == number:
            reply = number
            for _ in range(chance.randrange(LONGEST_THREAD)):
                reply += chance.randint(1, LONGEST_PAUSE)
                if first_of.setdefault(reply, first) != first:
                    break  # taken by another thread: this one stays shorter
    return threads
