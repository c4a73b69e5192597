"""An account's log of events: one list in the order of DynamoDB's writes, in chunks of one write unit.

    append, open ──▶ written          whoever writes into chunk n+1 has seen chunk n closed, so a reader that has read n
           closed ─▶ the next chunk   to its end and moved on can never be overtaken
           there ──▶ told already     everybody looks for an event from the same chunk on, so nobody can write it twice

docs/decisions/0019-one-list-in-the-order-of-its-writes.md proves both.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from itertools import islice
from operator import and_

from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.event import Event, LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId, EventId
from chalicelib.operations.ports import LogPage, Told
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Written, update_if
from chalicelib.storage.event_codec import pack_event, pack_id
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.log_chunks import APPEND_LIMIT, CLOSED_AT, EXPIRES_AFTER, Chunk, LogMemory
from chalicelib.storage.log_reading import chunks_from, newest_chunk, read_page
from chalicelib.storage.tables import LogChunkItem

FRESH = (
    2.0  # seconds for which this process knows the newest chunk well enough: the closer, the shorter the later looks
)
STEPS_TRIED = 1_000  # chunks that close under one append before it gives up
SEARCHED = 1_000  # chunks in which an id is looked for …
PAGE = 8  # … and how many are read at a time: nearly always it stands in the first

_EVENTS = LogChunkItem.events


@raises_unavailable
@dataclass(frozen=True)
class DynamoEventLog:
    """`operations.ports.EventLog` over the table."""

    clock: Callable[[], datetime]
    memory: LogMemory = field(default_factory=LogMemory)
    seconds: Callable[[], float] = time.monotonic

    def newest_chunk(self, account_id: AccountId, at_least: int | None = None) -> int:
        newest = self.memory.newest(account_id, self.seconds() - FRESH if at_least is None else float("-inf"))
        if newest is None and at_least is None:
            newest = newest_chunk(account_id, consistent=False)
            self._learn(account_id, newest)
        return max(at_least or 0, newest.next_number if newest else 0)

    def tell(self, account_id: AccountId, events: Sequence[Event], since: int) -> Told:
        return _Telling(self, account_id, events).told(since)

    def read(self, account_id: AccountId, after: LogPlace | None, limit: int) -> LogPage:
        return read_page(account_id, after, limit, self.clock())

    def find(self, account_id: AccountId, event: Event | str, since: int) -> LoggedEvent | None:
        wanted = pack_id(event if isinstance(event, str) else event.id)
        for chunk in islice(chunks_from(account_id, since, page=PAGE), SEARCHED):
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
            self._learn(account_id, found)
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
        return self._learn(account_id, _to_chunk(found)), is_written

    def let_expire(self, account_id: AccountId, number: int) -> None:
        """Give a closed chunk its time to live. The newest has none: numbers go on from it, and webhooks stand in it."""
        if not self.memory.is_expiring(account_id, number):
            lives = LogChunkItem.pk.exists() & LogChunkItem.ttl.does_not_exist()
            update_if(_item(account_id, number), [LogChunkItem.ttl.set(self.clock() + EXPIRES_AFTER)], lives)
            self.memory.note_expiring(account_id, number)

    def _learn(self, account_id: AccountId, chunk: Chunk | None) -> Chunk | None:
        if chunk is not None:
            self.memory.learn(account_id, [chunk], self.seconds())
        return chunk


class _Telling:
    """Events on their way into the log: what is still to be told, and where the rest stands."""

    def __init__(self, log: DynamoEventLog, account_id: AccountId, events: Sequence[Event]) -> None:
        self._log = log
        self._account_id = account_id
        self._pending = {pack_event(event): event for event in events}
        self._found: list[LoggedEvent] = []
        self._fresh: list[EventId] = []
        self._webhooks: int | None = None

    def told(self, since: int) -> Told:
        number = since
        before: Chunk | None = None
        memory = self._log.memory
        # The chunk before, too: one that is known to be closed says that the next may be begun.
        for chunk in memory.from_on(self._account_id, since - 1) or memory.from_on(self._account_id, since):
            number, before = self._seen(chunk)
        for _ in range(STEPS_TRIED):
            if not self._pending:
                return Told(tuple(self._found), self._webhooks, frozenset(self._fresh))
            group = list(self._pending)[:APPEND_LIMIT]
            stands, is_written = self._log.append(self._account_id, number, group, before)
            if is_written:
                self._fresh += [self._pending[packed].id for packed in group]
            number, before = self._caught_up(number) if stands is None else self._seen(stands)
        raise Unavailable("The log of events grows too fast.")

    def _seen(self, chunk: Chunk) -> tuple[int, Chunk | None]:
        """Take note of what stands in a chunk; where to write next, and the closed chunk before that (None: it is there)."""
        for index, packed in enumerate(chunk.packed):
            event = self._pending.pop(packed, None)
            if event is None:
                continue
            self._found.append(LoggedEvent(LogPlace(chunk.number, index), event))
            if chunk.webhooks is not None:
                self._webhooks = max(self._webhooks or 0, chunk.webhooks)
            if index == 0 and chunk.number > 0:
                # Whoever tells the first event of a chunk, and whoever repeats that after a crash, sees to the one before.
                self._log.let_expire(self._account_id, chunk.number - 1)
        if not chunk.is_closed:
            return chunk.number, None
        return chunk.number + 1, chunk if chunk.is_recent(self._log.clock()) else None

    def _caught_up(self, number: int) -> tuple[int, Chunk | None]:
        """Read what stands from a missing chunk on: it has expired, or nobody has written it yet."""
        newest: Chunk | None = None
        for chunk in chunks_from(self._account_id, number):
            self._seen(chunk)
            self._log.memory.learn(self._account_id, [chunk], self._log.seconds())
            newest = chunk
        newest = newest or newest_chunk(self._account_id)
        if newest is None:
            return 0, Chunk(-1, ())  # an empty log: nothing stands before its first chunk
        if newest.is_closed:
            return newest.number + 1, newest
        return newest.number, None


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
