"""Which of a thread's messages has the capital, and what must change for it. Pure, apart from DynamoDB."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from chalicelib.domain.message_phase import MessagePhase
from chalicelib.storage.cell_list import Step


def cell(phase: MessagePhase, *, newest: bool) -> str:
    """The character for a message: a capital when it is the newest of its thread."""
    return phase.value.upper() if newest else phase.value


def phase_of(character: str) -> MessagePhase:
    return MessagePhase(character.lower())


def cased(phases: Collection[MessagePhase], *, newest: bool) -> Iterator[str]:
    for phase in phases:
        yield cell(phase, newest=newest and phase.visible)


def change(found: Mapping[int, str], sequence: int, to: MessagePhase, heirs: Mapping[int, int]) -> list[Step]:
    """The steps that bring one message to a phase and leave the capital with the newest visible of its thread.

    `heirs` tells for some messages which other one has the capital in their place for as long as it is visible. Whoever
    makes that one invisible says what becomes of them, also when that is nothing.
    """
    after = {**found, sequence: to.value}
    steps = {step.sequence: step for step in thread_steps(after)}
    own = steps.get(sequence)
    steps[sequence] = Step(sequence, own.to if own else to.value, frozenset({found[sequence]}))
    if not to.visible:
        for other, heir in heirs.items():
            if heir == sequence:
                steps.setdefault(other, Step(other, found[other], frozenset({found[other]})))
    return list(steps.values())


def takes(steps: Iterable[Step], found: Mapping[int, str]) -> bool:
    return any(found[step.sequence].isupper() and not step.to.isupper() for step in steps)


def thread_steps(cells: Mapping[int, str]) -> list[Step]:
    """What must change so that exactly the newest visible message of a thread has the capital."""
    visible = [sequence for sequence, character in cells.items() if phase_of(character).visible]
    newest = max(visible, default=None)
    return [
        Step(sequence, wanted, frozenset({cells[sequence]}))
        for sequence in visible
        if (wanted := cell(phase_of(cells[sequence]), newest=sequence == newest)) != cells[sequence]
    ]
