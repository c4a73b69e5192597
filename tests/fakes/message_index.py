"""The message index in memory: a phase for each message, and which one stands for its thread."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import Advance, InboxFront, InboxStore, IndexedMessage, Page, PageRequest, Sight
from tests.fakes.paging import page_of

UNFINISHED = (MessagePhase.QUEUED, MessagePhase.CLAIMED, MessagePhase.SUBMITTING)


@dataclass
class FakeMessageIndex:
    """Behaves as the real one."""

    inboxes: InboxStore | None = None
    known: dict[MessageKey, MessagePhase] = field(default_factory=dict)
    newest: set[MessageKey] = field(default_factory=set)  # the newest visible message of each thread
    _lock: RLock = field(default_factory=RLock)

    def phase(self, key: MessageKey) -> MessagePhase:
        return self.known.get(key, MessagePhase.RESERVED)

    def phases(self, inbox_number: int, sequences: Collection[int]) -> Mapping[int, MessagePhase]:
        return {sequence: self.phase(MessageKey(inbox_number, sequence)) for sequence in sequences}

    def look(self, inbox_number: int, sequences: Collection[int]) -> Sight:
        return Sight(self.phases(inbox_number, sequences), {})

    def heads(self, inbox_number: int, sight: Sight) -> frozenset[int]:
        return frozenset(number for number in sight.phases if MessageKey(inbox_number, number) in self.newest)

    def commit(
        self,
        key: MessageKey,
        phase: MessagePhase,
        thread_members: Callable[[], Sequence[int]],
        seen: Sight | None = None,
    ) -> bool:
        with self._lock:
            if self.phase(key) is MessagePhase.RESERVED:
                self.known[key] = phase
                self.settle_thread(key.inbox_number, lambda: (*thread_members(), key.sequence))
            return self.phase(key) is not MessagePhase.GONE

    def advance(self, key: MessageKey, to: MessagePhase, allowed: Collection[MessagePhase]) -> Advance:
        with self._lock:
            taken = self.phase(key) in allowed
            if taken:
                self.known[key] = to
            return Advance(taken, self.phase(key))

    def advance_together(
        self, inbox_number: int, sequences: Collection[int], to: MessagePhase, allowed: Collection[MessagePhase]
    ) -> Mapping[int, MessagePhase]:
        return {number: self.advance(MessageKey(inbox_number, number), to, allowed).phase for number in sequences}

    def put_back(self, key: MessageKey) -> None:
        self.advance(key, MessagePhase.QUEUED, {MessagePhase.SUBMITTING})

    def remove(self, key: MessageKey, thread_members: Callable[[], Sequence[int]]) -> MessagePhase:
        with self._lock:
            before = self.phase(key)
            self.known[key] = MessagePhase.GONE
            self.settle_thread(key.inbox_number, lambda: (*thread_members(), key.sequence))
            return before

    def settle_thread(self, inbox_number: int, thread_members: Callable[[], Sequence[int]]) -> None:
        with self._lock:
            members = {MessageKey(inbox_number, sequence) for sequence in thread_members()}
            self.newest -= members
            self.newest |= set(sorted(member for member in members if self.phase(member).visible)[-1:])

    def front(self, inbox_number: int) -> InboxFront:
        return InboxFront(self.inboxes.get(inbox_number) if self.inboxes else None, None)

    def hidden(self, front: InboxFront, sequences: Collection[int]) -> frozenset[int]:
        number = front.inbox.number if front.inbox else 0
        return frozenset(sequence for sequence, phase in self.phases(number, sequences).items() if not phase.visible)

    def seal_due(self, key: MessageKey) -> int:
        return 0

    def page(
        self,
        inbox_number: int,
        phases: Collection[MessagePhase],
        request: PageRequest,
        front: InboxFront | None = None,
    ) -> Page[IndexedMessage]:
        return self._page(inbox_number, (key for key, phase in self.known.copy().items() if phase in phases), request)

    def queued_since(self, inbox_number: int, after: int, limit: int) -> tuple[list[MessageKey], bool]:
        known = [key for key, phase in self.known.copy().items() if phase is MessagePhase.QUEUED]
        mine = sorted(key.sequence for key in known if key.inbox_number == inbox_number and key.sequence > after)
        return [MessageKey(inbox_number, sequence) for sequence in mine[:limit]], len(mine) > limit

    def thread_page(
        self,
        inbox_number: int,
        request: PageRequest,
        front: InboxFront | None = None,
    ) -> Page[IndexedMessage]:
        return self._page(inbox_number, self.newest.copy(), request)

    def unfinished(self) -> Iterator[IndexedMessage]:
        for key, phase in self.known.copy().items():
            if phase in UNFINISHED:
                yield IndexedMessage(key, phase)

    def _page(
        self, inbox_number: int, keys: Collection[MessageKey] | Iterator[MessageKey], request: PageRequest
    ) -> Page[IndexedMessage]:
        mine = (key for key in keys if key.inbox_number == inbox_number)
        return page_of(((key.sequence, IndexedMessage(key, self.phase(key))) for key in mine), request)
