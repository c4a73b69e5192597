"""Reading an account's log, chunk after chunk."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from chalicelib.domain.event import LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId
from chalicelib.operations.ports import LogPage
from chalicelib.storage import keys
from chalicelib.storage.log_chunks import CLOSED_AT, Chunk
from chalicelib.storage.tables import query


def newest_chunk(account_id: AccountId, *, consistent: bool = True) -> Chunk | None:
    """The newest there is; it never expires."""
    newest = query(_partition(account_id), "sk >= :from", _span(0), forward=False, consistent=consistent, page=1)
    return next(map(_to_chunk, newest), None)


def chunks_from(
    account_id: AccountId, number: int, *, consistent: bool = True, page: int | None = None
) -> Iterator[Chunk]:
    """The chunks that are there from this one on, `page` of them with each call."""
    found = query(_partition(account_id), "sk >= :from", _span(number), consistent=consistent, page=page)
    return map(_to_chunk, found)


def read_page(account_id: AccountId, after: LogPlace | None, limit: int, now: datetime) -> LogPage:
    """Read at half the price; where a chunk is missing in between, once more from the leader, who knows."""
    try:
        return _read(account_id, after, limit, now, consistent=False)
    except _ChunkMissing:
        return _read(account_id, after, limit, now, consistent=True)


class _ChunkMissing(Exception):
    """A chunk between two others was not seen: it has expired, or the replica is behind."""


def _read(account_id: AccountId, after: LogPlace | None, limit: int, now: datetime, *, consistent: bool) -> LogPage:
    end, left = after or LogPlace(0, 0), limit
    events: list[LoggedEvent] = []
    wanted = None if after is None else after.chunk  # None: whichever is the oldest
    for chunk in chunks_from(account_id, end.chunk, consistent=consistent, page=limit // CLOSED_AT + 2):
        if wanted not in (None, chunk.number) and not consistent:
            raise _ChunkMissing
        start = end.index if chunk.number == end.chunk else 0
        stop = start + left
        events += chunk.events(start, stop, now)
        if stop < len(chunk.packed):
            return LogPage(tuple(events), LogPlace(chunk.number, stop), is_newest=False)
        left -= max(0, len(chunk.packed) - start)
        end = max(end, chunk.end)
        if not chunk.is_closed:
            break  # nothing is behind it; or it was read the moment before it was closed, and the next look begins here
        if not left:
            return LogPage(tuple(events), end, is_newest=False)
        wanted = chunk.number + 1
    return LogPage(tuple(events), end, is_newest=True)


def _partition(account_id: AccountId) -> str:
    return keys.log_partition(account_id)


def _span(number: int) -> Mapping[str, Any]:
    return {":from": {"S": keys.log_chunk(number)}}


def _to_chunk(item: Mapping[str, Any]) -> Chunk:
    return Chunk(
        int(item["sk"]["S"]),
        tuple(packed["B"] for packed in item.get("e", {"L": []})["L"]),
        int(item["w"]["N"]) if "w" in item else None,
    )
