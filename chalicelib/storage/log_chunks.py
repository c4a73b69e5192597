"""Chunks of an account's log, and what one process knows of them; no database here.

A chunk takes events until it has 18; from then on nothing is ever added to it. An append carries up to 7, so it has 24 at
most, and with 32 bytes each it stays within 1 KB, the unit of a write.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from chalicelib.domain.event import LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId
from chalicelib.storage.event_codec import event_time, unpack_event

CLOSED_AT = 18  # events
APPEND_LIMIT = 7  # events
KEPT = timedelta(days=30)
EXPIRES_AFTER = timedelta(days=31)  # from its closing, of which the next chunk's first event is the sign
# The chunk behind one that was written to so lately cannot have expired: where it is missing, nobody has written it yet.
RECENT = timedelta(days=20)
CHUNKS_REMEMBERED = 64  # of each account
ACCOUNTS_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk as it was seen; a closed one is known for good."""

    number: int
    packed: tuple[bytes, ...]
    webhooks: int | None = None

    @property
    def is_closed(self) -> bool:
        return len(self.packed) >= CLOSED_AT

    @property
    def next_number(self) -> int:
        """Where the next event will stand, or behind it."""
        return self.number + self.is_closed

    @property
    def end(self) -> LogPlace:
        """From where reading goes on when all of it was read."""
        return LogPlace(self.number + 1, 0) if self.is_closed else LogPlace(self.number, len(self.packed))

    def is_recent(self, now: datetime) -> bool:
        return any(now - event_time(packed) < RECENT for packed in self.packed)

    def events(self, start: int, stop: int, now: datetime) -> list[LoggedEvent]:
        """Of a stretch, those that are still kept."""
        return [
            LoggedEvent(LogPlace(self.number, index), unpack_event(packed))
            for index, packed in enumerate(self.packed[start:stop], start)
            if now - event_time(packed) < KEPT
        ]


@dataclass
class _Known:
    chunks: OrderedDict[int, Chunk] = field(default_factory=OrderedDict)
    newest: int = -1
    expiring: int = -1  # chunks up to here have their time to live, as far as we know
    seen_at: float = float("-inf")


@dataclass
class LogMemory:
    """The newest chunks of some accounts as this process last saw them: what a look at the log need not read again."""

    _accounts: OrderedDict[AccountId, _Known] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def learn(self, account_id: AccountId, chunks: Iterable[Chunk], at: float) -> None:
        with self._lock:
            known = self._known(account_id)
            for chunk in chunks:
                before = known.chunks.get(chunk.number)
                if before is None or _age(before) <= _age(chunk):
                    known.chunks[chunk.number] = chunk
                known.newest = max(known.newest, chunk.number)
            for number in sorted(known.chunks)[:-CHUNKS_REMEMBERED]:
                del known.chunks[number]
            known.seen_at = at

    def newest(self, account_id: AccountId, since: float) -> Chunk | None:
        """The newest chunk, if this process has looked since then."""
        with self._lock:
            known = self._known(account_id)
            return known.chunks.get(known.newest) if known.seen_at >= since else None

    def from_on(self, account_id: AccountId, number: int) -> list[Chunk]:
        """All chunks from this one to the newest known; none when one of them is not remembered."""
        with self._lock:
            known = self._known(account_id)
            wanted = range(number, known.newest + 1)
            if len(wanted) > len(known.chunks) or any(each not in known.chunks for each in wanted):
                return []
            return [known.chunks[each] for each in wanted]

    def is_expiring(self, account_id: AccountId, number: int) -> bool:
        with self._lock:
            return number <= self._known(account_id).expiring

    def note_expiring(self, account_id: AccountId, number: int) -> None:
        with self._lock:
            known = self._known(account_id)
            known.expiring = max(known.expiring, number)

    def _known(self, account_id: AccountId) -> _Known:
        known = self._accounts.setdefault(account_id, _Known())
        self._accounts.move_to_end(account_id)
        if len(self._accounts) > ACCOUNTS_REMEMBERED:
            self._accounts.popitem(last=False)
        return known


def _age(chunk: Chunk) -> tuple[int, int]:
    """Both only grow, so of two views of a chunk this tells the later one."""
    return len(chunk.packed), chunk.webhooks or 0
