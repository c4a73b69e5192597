"""Pages of an inbox's messages."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain.account import Caller
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message import Direction, Message
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.access import require_front
from chalicelib.operations.ports import (
    IndexedMessage,
    MessageIndex,
    MessageStore,
    Page,
    PageRequest,
    StoredMessage,
)

BODY_BUDGET = 4_500_000  # bytes of bodies in one page, so that a page with everything else stays under 5 MB


@dataclass(frozen=True)
class ListMessages:
    """An inbox's messages, newest first, optionally of one status or direction."""

    messages: MessageStore
    index: MessageIndex

    def __call__(
        self,
        inbox_number: int,
        caller: Caller,
        request: PageRequest,
        *,
        status: MessageStatus | None = None,
        direction: Direction | None = None,
    ) -> Page[Message]:
        front = require_front(self.index, inbox_number, caller)
        page = self.index.page(inbox_number, phases_of(status, direction), request, front)
        found = read_messages(self.messages, page.items)
        # One that was deleted since it was listed is neither shown nor counted.
        return Page(found, page.total - (len(page.items) - len(found)), page.next_after)


def phases_of(status: MessageStatus | None, direction: Direction | None) -> frozenset[MessagePhase]:
    """Which cells a filter means."""
    return frozenset(
        phase
        for phase in MessagePhase
        if phase.visible
        and (status is None or phase.status is status)
        and (direction is None or (phase is MessagePhase.RECEIVED) == (direction is Direction.INBOUND))
    )


def read_messages(messages: MessageStore, listed: Sequence[IndexedMessage]) -> tuple[Message, ...]:
    """The listed messages with their contents; one deleted since it was listed is left out."""
    phases: dict[MessageKey, MessagePhase] = {item.key: item.phase for item in listed}
    stored: list[StoredMessage] = messages.page(list(phases), body_budget=BODY_BUDGET)
    return tuple(Message(item.content, phases[item.content.key].status, item.delivery) for item in stored)
