"""Threads: an item with the newest members, and chunks of older ones, so that a write stays small for ever.

    T#first             me {5001 … 5080}   le {17}   to 5000      members, leaving, top: the newest that was moved
                        st [3, 2107, 4400] ol [1998, 2000, 411]   where each chunk starts, how many are in it
    T#first#000000003   me {3 … 2104}
    T#first#000002107   me {2107 … 4399}
    T#first#000004400   me {4400 … 5000}

A message joins the thread's own item. When too many are there, the oldest move to a chunk, in one transaction: those
newer than `top` to the last chunk, or to a new one when that is full; a latecomer to the chunk whose stretch it lies in.

*All that a chunk holds is visible.* A member moves when the index shows it; one that must become invisible comes back
first (`announce_leave`) and is kept apart as `leaving`, so that nobody moves it again. So the count of a chunk is exact
at every moment, and a reader has to ask the index about the few members in the thread's own item alone.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action

from chalicelib.domain.ids import AccountId, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.thread import Thread
from chalicelib.operations.ports import Run, ThreadMembers
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import (
    Refused,
    Write,
    Written,
    check,
    delete,
    delete_if,
    put_if,
    update,
    update_if,
    write_together,
)
from chalicelib.storage.failures import raises_unavailable, tries
from chalicelib.storage.message_index import DynamoMessageIndex
from chalicelib.storage.tables import ThreadChunkItem, ThreadItem, batch_get

MEMBERS_LIMIT = 96  # in the thread's own item; above it the oldest move to a chunk
MOVED_AT_ONCE = 64
CHUNK_LIMIT = 2_000  # members, under 20 KB: a million messages are 500 chunks, whose counts fit the thread's own item
PARTICIPANTS_LIMIT = 100
ENOUGH = 32  # members among which writers of one moment can meet

Phases = Callable[[int, Collection[int]], Mapping[int, MessagePhase]]
"""The phases of some messages of one inbox, as `MessageIndex.phases` tells them."""


@raises_unavailable
@dataclass(frozen=True)
class DynamoThreadStore:
    """`operations.ports.ThreadStore` over the table.

    Members are number sets: adding or removing one again changes nothing, and sorted they are in time order.
    """

    phases: Phases = field(default_factory=lambda: DynamoMessageIndex().phases)
    members_limit: int = MEMBERS_LIMIT
    moved_at_once: int = MOVED_AT_ONCE
    chunk_limit: int = CHUNK_LIMIT
    enough: int = ENOUGH

    def begin(self, thread: Thread) -> None:
        item = _item(thread.key)
        item.account_id = thread.account_id
        item.subject = thread.subject
        item.created_at = thread.created_at.isoformat()
        item.participants = set(thread.participants)
        item.members = {thread.key.first_sequence}
        item.top = thread.key.first_sequence - 1
        item.starts = []
        item.older = []
        put_if(item, ThreadItem.pk.does_not_exist())  # whoever has joined since an earlier try stays

    def join(self, key: ThreadKey, sequence: int, participants: Sequence[str]) -> tuple[int, ...]:
        member: Action = ThreadItem.members.add({sequence})
        # One that is not newer than all in chunks may be in one of them, from an earlier try.
        in_no_chunk = (ThreadItem.top < sequence) & ~ThreadItem.leaving.contains(sequence)
        room = _size(ThreadItem.participants) < PARTICIPANTS_LIMIT
        joined = update_if(_item(key), [member, ThreadItem.participants.add(set(participants))], in_no_chunk & room)
        if isinstance(joined, Refused) and joined.found is not None:
            joined = update_if(_item(key), [member], in_no_chunk)
        if isinstance(joined, Refused):
            self._join_late(key, sequence, joined.found)
            return self.newest_members(key)
        if len(joined.item.members or ()) > self.members_limit:
            self._move_to_chunk(key, joined.item)
        return self._newest(key, joined.item)

    def newest_members(self, key: ThreadKey) -> tuple[int, ...]:
        item = _read(key)
        return () if item is None else self._newest(key, item)

    def get(self, key: ThreadKey) -> ThreadMembers | None:
        item = _read(key)
        return None if item is None else ThreadMembers(_thread(key, item), _recent(item), _runs(item))

    def settled_members(self, key: ThreadKey, runs: Sequence[Run]) -> tuple[int, ...]:
        chunks = [_chunk(key, run.first) for run in runs]
        items = batch_get([(chunk.pk, chunk.sk) for chunk in chunks])
        found = (int(number) for item in items for number in item.get("me", {}).get("NS", ()))
        last = max((run.last for run in runs), default=0)  # what has moved there since the runs were read is no part
        return tuple(sorted(sequence for sequence in found if sequence <= last))

    def get_many(self, wanted: Sequence[ThreadKey]) -> dict[ThreadKey, Thread]:
        by_sort_key = {keys.thread(key.first_sequence): key for key in wanted}
        pairs = [(keys.inbox_partition(key.inbox_number), sort_key) for sort_key, key in by_sort_key.items()]
        items = map(ThreadItem.from_raw_data, batch_get(pairs, consistent=False))
        return {(key := by_sort_key[item.sk]): _thread(key, item) for item in items}

    def announce_leave(self, key: ThreadKey, sequence: int) -> None:
        aside = [ThreadItem.members.delete({sequence}), ThreadItem.leaving.add({sequence})]
        announced = update_if(_item(key), aside, ThreadItem.members.contains(sequence))
        if isinstance(announced, Refused):
            self._bring_back(key, sequence, announced.found)

    def leave(self, key: ThreadKey, sequence: int) -> None:
        left = _take_out(key, sequence)
        if isinstance(left, Refused) and _may_be_in_chunk(left.found, sequence):
            self._bring_back(key, sequence, left.found)
            left = _take_out(key, sequence)
        item = left.item if isinstance(left, Written) else left.found
        if item is not None and not _recent(item) and not any(item.older):
            nobody = ThreadItem.members.does_not_exist() & ThreadItem.leaving.does_not_exist()
            delete_if(_item(key), nobody & (ThreadItem.older == item.older))  # unless a message has joined meanwhile

    def _join_late(self, key: ThreadKey, sequence: int, found: ThreadItem | None) -> None:
        """Add a member older than some in chunks; refused, it is one already, or on its way out, or all are gone."""
        if found is None or not _may_be_in_chunk(found, sequence):
            return
        chunk = _chunk(key, _start(found, sequence))
        in_no_chunk = check(chunk, ~ThreadChunkItem.members.contains(sequence))
        there = ThreadItem.pk.exists() & ~ThreadItem.leaving.contains(sequence)
        write_together([in_no_chunk, update(_item(key), [ThreadItem.members.add({sequence})], there)])

    def _newest(self, key: ThreadKey, item: ThreadItem) -> tuple[int, ...]:
        recent, runs = _recent(item), _runs(item)
        missing = self.enough - sum(sequence > item.top for sequence in recent)
        wanted: list[Run] = []
        while missing > 0 and runs:
            *runs, run = runs
            wanted.append(run)
            missing -= run.count
        older = self.settled_members(key, wanted) if wanted else ()
        return tuple(sorted({*recent, *older}))[-max(self.members_limit, len(recent)) :]

    def _move_to_chunk(self, key: ThreadKey, item: ThreadItem) -> None:
        """Visible members, the oldest, into a chunk; those gone for good out of the thread; the others may yet commit.

        One chunk at a time: what is left over goes when the next message joins.
        """
        candidates = sorted(_numbers(item.members))[: -self.enough]
        phases = self.phases(key.inbox_number, candidates)
        gone = {member for member in candidates if phases[member] is MessagePhase.GONE}
        settled = [member for member in candidates if phases[member].visible]
        target = self._target(item, settled[0]) if settled else 0
        moving = [member for member in settled if self._target(item, member) == target][: self.moved_at_once]
        if not moving and not gone:
            return
        actions: list[Action] = [ThreadItem.members.delete({*moving, *gone})]
        unchanged: Condition = ThreadItem.top == item.top
        for member in moving:
            unchanged &= ThreadItem.members.contains(member)
        writes: list[Write] = []
        if moving:
            start = _start(item, moving[0]) if target < len(item.starts) else moving[0] if item.starts else key.first_sequence
            writes = [update(_chunk(key, start), [ThreadChunkItem.members.add(set(moving))])]
            actions += [*_counted(item, target, start, len(moving)), ThreadItem.top.set(max(int(item.top), moving[-1]))]
        # Refused when somebody else was faster.
        write_together([*writes, update(_item(key), actions, unchanged)])

    def _target(self, item: ThreadItem, member: int) -> int:
        """The number of the chunk a member belongs to; one past the last: a new one."""
        if member <= item.top:
            return _position(item, member)
        is_full = bool(item.older) and item.older[-1] >= self.chunk_limit
        return len(item.older) if is_full or not item.older else len(item.older) - 1

    def _bring_back(self, key: ThreadKey, sequence: int, found: ThreadItem | None) -> None:
        """Take a member out of its chunk, if it is in one, and put it among the leaving; a chunk goes with its last."""
        for _ in tries():
            if not _may_be_in_chunk(found, sequence):
                return
            assert found is not None  # noqa: S101 - said by the line above
            number = _position(found, sequence)
            chunk, here = _chunk(key, _start(found, sequence)), ThreadChunkItem.members.contains(sequence)
            ...
