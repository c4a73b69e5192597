"""How events get into the log, each once: what has been seen of where it may stand, and the append.

An event stands in the chunk that its id names or in one of the next few: its window. Whoever finds all of these closed and
without it moves it: the window begins anew at the end of the log. So a look has an end however long ago it happened.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Protocol

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.event import Event, LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId, EventId
from chalicelib.operations.ports import Told
from chalicelib.storage.event_codec import pack_event
from chalicelib.storage.log_chunks import APPEND_LIMIT, Chunk
from chalicelib.storage.log_reading import chunks_from, newest_chunk

STEPS_TRIED = 1_000  # chunks that others close right before an append, until it gives up
_BEFORE_ALL = Chunk(-1, ())


class Appending(Protocol):
    """What a telling needs of the log."""

    @property
    def window(self) -> int: ...

    def since(self, event_id: EventId) -> int: ...

    def remembered(self, account_id: AccountId, number: int) -> Sequence[Chunk]: ...

    def learn(self, account_id: AccountId, chunk: Chunk | None) -> Chunk | None: ...

    def append(
        self, account_id: AccountId, number: int, packed: Sequence[bytes], before: Chunk | None
    ) -> tuple[Chunk | None, bool]: ...

    def move(self, account_id: AccountId, event_id: EventId, passed: int, to: int) -> int: ...

    def let_expire(self, account_id: AccountId, number: int) -> None: ...

    @property
    def clock(self) -> Callable[[], datetime]: ...


@dataclass
class _Pending:
    """An event on its way: every chunk from `since` to before `reached` was seen closed, or expired, and without it."""

    event: Event
    since: int
    reached: int


class Telling:
    """Some events on their way into an account's log."""

    def __init__(self, log: Appending, account_id: AccountId, events: Sequence[Event]) -> None:
        self._log = log
        self._account_id = account_id
        self._pending: dict[bytes, _Pending] = {}
        for event in events:
            since = log.since(event.id)
            self._pending[pack_event(event)] = _Pending(event, since, since)
        self._found: list[LoggedEvent] = []
        self._fresh: list[EventId] = []
        self._webhooks: int | None = None
        self._was_refused = False
        self._end = 0  # the chunk to write to …
        self._before: Chunk | None = (
            None  # … and the closed one before it (None: the chunk is there, as far as we know)
        )

    def told(self) -> Told:
        self._remember()
        for _ in range(STEPS_TRIED):
            if not self._pending:
                return Told(tuple(self._found), self._webhooks, frozenset(self._fresh))
            passed = [each for each in self._pending.values() if each.reached > each.since + self._log.window]
            behind = [each.reached for each in self._pending.values() if each.reached < self._end]
            if passed:
                self._move(passed)
            elif behind:
                self._look(min(behind))
            else:
                self._append()
        raise Unavailable("The log of events grows too fast.")

    def _remember(self) -> None:
        self._end = max((each.since for each in self._pending.values()), default=0)
        for pending in list(self._pending.values()):
            for chunk in self._log.remembered(self._account_id, pending.since):
                self._see(chunk)
                pending.reached = max(pending.reached, chunk.next_number)

    def _append(self) -> None:
        group = list(self._pending)[:APPEND_LIMIT]
        stands, is_written = self._log.append(self._account_id, self._end, group, self._before)
        if is_written:
            self._fresh += [self._pending[packed].event.id for packed in group]
        if stands is None:
            self._look(self._end)
            return
        self._see(stands)
        self._reach(stands.number, stands.next_number)
        was_refused, self._was_refused = self._was_refused, stands.is_closed and not is_written
        if was_refused and self._was_refused:
            self._look(
                self._end
            )  # it is further on than the next chunk: look where, for a refusal costs as much as a write

    def _look(self, number: int) -> None:
        """Read what stands from here on, as far as a window reaches."""
        most = self._log.window + 1
        newest: Chunk | None = None
        for chunk in islice(chunks_from(self._account_id, number, page=most), most):
            self._see(chunk)
            newest = self._log.learn(self._account_id, chunk)
        if newest is None:  # nothing: it has expired, or nobody has written there yet
            self._go_on_behind(newest_chunk(self._account_id) or _BEFORE_ALL)
        else:
            self._reach(number, newest.next_number)

    def _move(self, passed: Sequence[_Pending]) -> None:
        """To the end of the log, or to where somebody else has moved them."""
        newest = newest_chunk(self._account_id) or _BEFORE_ALL
        self._go_on_behind(newest)
        for each in (each for each in passed if each in self._pending.values()):
            last = each.since + self._log.window
            each.since = self._log.move(self._account_id, each.event.id, last, max(last + 1, newest.next_number))
            each.reached = each.since

    def _reach(self, start: int, end: int) -> None:
        """All chunks from `start` to before `end` were seen: closed, or gone."""
        for each in self._pending.values():
            if each.reached >= start:
                each.reached = max(each.reached, end)

    def _see(self, chunk: Chunk) -> None:
        """Take note of what stands in a chunk."""
        for index, packed in enumerate(chunk.packed):
            known = self._pending.pop(packed, None)
            if known is None:
                continue
            self._found.append(LoggedEvent(LogPlace(chunk.number, index), known.event))
            if chunk.webhooks is not None:
                self._webhooks = max(self._webhooks or 0, chunk.webhooks)
            if index == 0 and chunk.number > 0:
                # Whoever tells the first event of a chunk, and whoever repeats that after a crash, sees to the one before.
                self._log.let_expire(self._account_id, chunk.number - 1)
        if chunk.next_number >= self._end:
            self._end = chunk.next_number
            self._before = chunk if chunk.is_closed and chunk.is_recent(self._log.clock()) else None

    def _go_on_behind(self, newest: Chunk) -> None:
        """The newest chunk may be old and the next one is begun all the same: nothing has expired behind it."""
        if newest is _BEFORE_ALL:
            self._end, self._before = 0, newest
            return
        self._see(newest)
        self._end, self._before = newest.next_number, newest if newest.is_closed else None
