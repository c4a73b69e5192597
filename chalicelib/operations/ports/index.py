"""The message index, as operations see it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports.lists import Page, PageRequest


@dataclass(frozen=True, slots=True)
class IndexedMessage:
    """A message's place in a list, with the phase it was listed in."""

    key: MessageKey
    phase: MessagePhase


@dataclass(frozen=True, slots=True)
class InboxFront:
    """An inbox (None: there is none) and, for the index itself, the newest part of its index."""

    inbox: Inbox | None
    index: Any


class FrontOutdated(Exception):
    """The front that was read before does not belong to what was found behind it; read it anew."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at the index showed: phases by sequence number, and the index's own signs for them."""

    phases: Mapping[int, MessagePhase]
    cells: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Advance:
    """How a conditional step ended: whether *this* call took it, and the phase as it now stands.

    When the database's reply to a step was lost and the step was repeated by the SDK, `taken` is False although the
    first try took it. Whoever uses a step as a lock must therefore treat False as "somebody's, perhaps mine".
    """

    taken: bool
    phase: MessagePhase


class MessageIndex(Protocol):
    """One cell a message: the list, the count, the state machine and the commit point (storage/message_index.py)."""

    def phase(self, key: MessageKey) -> MessagePhase:
        """Where the message stands."""

    def look(self, inbox_number: int, sequences: Collection[int]) -> Sight:
        """What stands in the index for some messages of one inbox."""

    def heads(self, inbox_number: int, sight: Sight) -> frozenset[int]:
        """Which of the messages looked at stand for their thread."""

    def commit(
        self,
        key: MessageKey,
        phase: MessagePhase,
        thread_members: Callable[[], Sequence[int]],
        seen: Sight | None = None,
    ) -> bool:
        """Make a reserved message visible, newest of its thread; False when its reservation was killed.

        `thread_members` reads the sequence numbers of the thread's messages, this one among them; it may be called
        again when others write to the thread at the same time. `seen` is what a look at them showed a moment ago: when
        nothing has changed since, it saves reading them again.
        """

    def advance(self, key: MessageKey, to: MessagePhase, allowed: Collection[MessagePhase]) -> Advance:
        """Set the phase if it is one of `allowed`."""

    def advance_together(
        self, inbox_number: int, sequences: Collection[int], to: MessagePhase, allowed: Collection[MessagePhase]
    ) -> Mapping[int, MessagePhase]:
        """The same for several messages, where one write does it for more than one; the phases as they then stand.

        It says nothing of who took a step, so it is no lock. Those left out are to be advanced alone.
        """

    def put_back(self, key: MessageKey) -> None:
        """Set a message that is being submitted back to queued, once, even when the reply is lost and the call repeated.

        A repeat that came late would take the mark from the next worker, and the message would be sent twice.
        """

    def remove(self, key: MessageKey, thread_members: Callable[[], Sequence[int]]) -> MessagePhase:
        """Make the message invisible for good; the phase it was in before (GONE: somebody else removed it)."""

    def settle_thread(self, inbox_number: int, thread_members: Callable[[], Sequence[int]]) -> None:
        """Repair what a crash may have left: exactly the newest visible message stands for its thread."""

    def front(self, inbox_number: int) -> InboxFront:
        """The inbox with the newest part of its index, in one read: what a list begins with."""

    def page(
        self,
        inbox_number: int,
        phases: Collection[MessagePhase],
        request: PageRequest,
        front: InboxFront | None = None,
    ) -> Page[IndexedMessage]:
        """The inbox's messages in any of these phases, newest first; a `front` read just before is not read again."""

    def queued_since(self, inbox_number: int, after: int, limit: int) -> tuple[list[MessageKey], bool]:
        """The oldest queued messages behind sequence number `after` (-1: of all), oldest first; whether there are more.

        One that becomes queued meanwhile may be left out, and one that ceases to be may leave some of a page to the next.
        """

    def thread_page(
        self, inbox_number: int, request: PageRequest, front: InboxFront | None = None
    ) -> Page[IndexedMessage]:
        """The newest visible message of each thread, newest first. Raises FrontOutdated, if a `front` was given."""

    def hidden(self, front: InboxFront, sequences: Collection[int]) -> frozenset[int]:
        """Which of these the front shows to be invisible, without reading; what lies behind it counts as visible."""

    def seal_due(self, key: MessageKey) -> int:
        """Keep lists cheap: put old parts of the index away when this message says it is time. Again is harmless."""

    def phases(self, inbox_number: int, sequences: Collection[int]) -> Mapping[int, MessagePhase]:
        """The phases of some messages of one inbox."""

    def unfinished(self) -> Iterator[IndexedMessage]:
        """Every message of the deployment that is queued or sending; reads the whole table."""
