"""An account's log of events: one list in the order of DynamoDB's writes, in chunks of one write unit.

    append, open ──▶ written          whoever writes into chunk n+1 has seen chunk n closed, so a reader that has read n
           closed ─▶ the next chunk   to its end and moved on can never be overtaken
           there ──▶ told already     everybody looks for an event in the same window of chunks, so nobody can write it twice

docs/decisions/0019-one-list-in-the-order-of-its-writes.md proves both.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from itertools import chain, islice
from operator import and_

from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.event import Event, LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId, EventId, PublicIds
from chalicelib.operations.ports import LogPage, Told
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Written, update_if
from chalicelib.storage.event_codec import pack_id
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.late_events import LateEvents
from chalicelib.storage.log_chunks import CLOSED_AT, EXPIRES_AFTER, Chunk, LogMemory
from chalicelib.storage.log_reading import chunks_from, newest_chunk, read_page
from chalicelib.storage.log_telling import STEPS_TRIED, Telling
from chalicelib.storage.tables import LogChunkItem

FRESH = (
    2.0  # seconds for which this process knows the newest chunk well enough: the closer, the shorter the later looks
)
WINDOW = 64  # chunks behind the one named by its id in which an event may stand; later it is moved
PAGE = 8  # chunks read first to find an id: nearly always it stands in one of them

_EVENTS = LogChunkItem.events


@raises_unavailable
@dataclass(frozen=True)
class DynamoEventLog:
    """`operations.ports.EventLog` over the table."""

    clock: Callable[[], datetime]
    public_ids: PublicIds
    memory: LogMemory = field(default_factory=LogMemory)
    seconds: Callable[[], float] = time.monotonic
    window: int = WINDOW

    def newest_chunk(self, account_id: AccountId, at_least: int | None = None) -> int:
        newest = self.memory.newest(account_id, self.seconds() - FRESH if at_least is None else float("-inf"))
        if newest is None and at_least is None:
            newest = newest_chunk(account_id, consistent=False)
            self.learn(account_id, newest)
        return max(at_least or 0, newest.next_number if newest else 0)

    def tell(self, account_id: AccountId, events: Sequence[Event]) -> Told:
        return Telling(self, account_id, events).told()

    def read(self, account_id: AccountId, after: LogPlace | None, limit: int) -> LogPage:
        return read_page(account_id, after, limit, self.clock())

    def find(self, account_id: AccountId, event_id: EventId | str) -> LoggedEvent | None:
        found = self._find(account_id, event_id, self.since(event_id))
        if found is None and (moved := LateEvents(self.clock).since(account_id, event_id)) is not None:
            found = self._find(account_id, event_id, moved)
        return found

    def _find(self, account_id: AccountId, event_id: EventId | str, since: int) -> LoggedEvent | None:
        wanted, rest = pack_id(event_id), since + PAGE
        near = chunks_from(account_id, since, page=PAGE)
        far = chunks_from(account_id, rest, page=self.window + 1)
        for chunk in chain(islice(near, PAGE), islice(far, self.window + 1)):
            for index, packed in enumerate(chunk.packed):
                if packed.startswith(wanted):
                    return next(iter(chunk.events(index, index + 1, self.clock())), None)
        return None

    def raise_webhooks(self, account_id: AccountId) -> tuple[int, LogPlace]:
        before = newest_chunk(account_id)
        for _ in range(STEPS_TRIED):
            number = before.next_number if before else 0
            copied = before.webhooks if before and before.number < number else None
            version = LogChunkItem.webhooks
            written = update_if(
                _item(account_id, number),
                [_EVENTS.set(_EVENTS | []), version.set((version | (copied or 0)) + 1)],
                _is_open(creates=before is None or before.number < number),
            )
            found = _to_chunk(written.item if isinstance(written, Written) else written.found)
            self.learn(account_id, found)
            if isinstance(written, Written) and found is not None:
                return found.webhooks or 0, LogPlace(number, len(found.packed))
            before = found or newest_chunk(account_id)
        raise Unavailable("The log of events grows too fast.")

    def append(
        self, account_id: AccountId, number: int, packed: Sequence[bytes], before: Chunk | None
    ) -> tuple[Chunk | None, bool]:
        """Add events to a chunk, and begin it where `before`, the one before it, is known to be closed.

        None of them is added when the chunk is closed or has one of them. The chunk as it then stands (None: it is not there),
        and whether they were added.
        """
        actions: list[Action] = [_EVENTS.set((_EVENTS | []).append(list(packed)))]
        if before is not None and before.webhooks is not None:
            actions.append(LogChunkItem.webhooks.set(LogChunkItem.webhooks | before.webhooks))
        unknown = [~_EVENTS.contains(each) for each in packed]
        condition = reduce(and_, unknown, _is_open(creates=before is not None))
        outcome = update_if(_item(account_id, number), actions, condition)
        is_written = isinstance(outcome, Written)
        found = outcome.item if isinstance(outcome, Written) else outcome.found
        return self.learn(account_id, _to_chunk(found)), is_written

    def let_expire(self, account_id: AccountId, number: int) -> None:
        """Give a closed chunk its time to live. The newest has none: numbers go on from it, and webhooks stand in it."""
        if not self.memory.is_expiring(account_id, number):
            lives = LogChunkItem.pk.exists() & LogChunkItem.ttl.does_not_exist()
            update_if(_item(account_id, number), [LogChunkItem.ttl.set(self.clock() + EXPIRES_AFTER)], lives)
            self.memory.note_expiring(account_id, number)

    def since(self, event_id: EventId | str) -> int:
        """The chunk from which on an event is looked for, unless it was moved."""
        return self.public_ids.event_place(event_id)[0]

    def move(self, account_id: AccountId, event_id: EventId, passed: int, to: int) -> int:
        """Have an event looked for from chunk `to` on that stands nowhere up to `passed`; where it is looked for now."""
        return LateEvents(self.clock).move(account_id, event_id, passed, to)

    def remembered(self, account_id: AccountId, number: int) -> Sequence[Chunk]:
        """What this process knows of the log from this chunk on, without a gap.

        The chunk before, too: one that is known to be closed says that the next may be begun.
        """
        return self.memory.from_on(account_id, number - 1) or self.memory.from_on(account_id, number)

    def learn(self, account_id: AccountId, chunk: Chunk | None) -> Chunk | None:
        if chunk is not None:
            self.memory.learn(account_id, [chunk], self.seconds())
        return chunk


def _is_open(*, creates: bool) -> Condition:
    has_room: Condition = size(_EVENTS) < CLOSED_AT  # type: ignore[no-untyped-call]
    either: Condition = _EVENTS.does_not_exist() | has_room
    return either if creates else _EVENTS.exists() & either


def _item(account_id: AccountId, number: int) -> LogChunkItem:
    return LogChunkItem(keys.log_partition(account_id), keys.log_chunk(number))


def _to_chunk(item: LogChunkItem | None) -> Chunk | None:
    if item is None:
        return None
    return Chunk(int(item.sk), tuple(item.events or ()), None if item.webhooks is None else int(item.webhooks))
