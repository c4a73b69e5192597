"""Threads: an item with the newest members, and chunks of older ones, so that a write stays small for ever.

    T#00000000003             me {5001 … 5080}   le {17}    to 5000    members, leaving, the newest that was moved
                              st [3, 2107, 4400] ol [1998, 2000, 411]  where each chunk starts, how many it holds
    T#00000000003#000000003   me {3 … 2104}
    T#00000000003#000002107   me {2107 … 4399}
    T#00000000003#000004400   me {4400 … 5000}

    pa {ada@example.com: 812, bob@example.net: 3}    how many members brought each participant

A message joins the thread's own item. When too many are there, the oldest move to a chunk, in one transaction: to the
last one, or to a new one when that is full; a latecomer to the chunk in whose stretch it lies (thread_chunks.py). In the
write in which it joins it counts for its participants, and in the one in which it leaves it counts no more: whoever is
counted nowhere is out of the thread.

*Whatever a chunk holds is visible.* A member moves when the index shows it, and one that is to become invisible comes
back first (`announce_leave`) and is kept apart as leaving, so that nobody moves it again. So the count of a chunk is
exact at every moment, and readers ask the index only about the few members in the thread's own item.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from pynamodb.attributes import Attribute
from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import AccountId, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.thread import PARTICIPANTS_LIMIT, Thread
from chalicelib.operations.ports import Run, ThreadMembers
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import (
    Refused,
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
from chalicelib.storage.thread_chunks import Chunk, Chunks

MEMBERS_LIMIT = 96  # in the thread's own item; above it the oldest move to a chunk
MOVED_AT_ONCE = 64
CHUNK_LIMIT = 2_000  # members, under 20 KB; a million messages make 500 chunks, whose counts fit the thread's own item
ENOUGH = 32  # members among which writers of one moment can meet; they stay in the thread's own item

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
        item.participants = dict.fromkeys(map(_name, thread.participants), 1)
        item.members = {thread.key.first_sequence}
        item.top = thread.key.first_sequence - 1
        item.starts = []
        item.older = []
        put_if(item, ThreadItem.pk.does_not_exist())  # whoever has joined since an earlier try stays

    def doom(self, key: ThreadKey) -> bool:
        return isinstance(update_if(_item(key), [ThreadItem.is_going.set(value=True)], ThreadItem.pk.exists()), Written)

    def doomed(self, key: ThreadKey) -> ThreadMembers | None:
        item = _read(key)
        return None if item is None else _members(key, item)

    def join(self, key: ThreadKey, sequence: int, participants: Sequence[str]) -> tuple[int, ...]:
        # One that is not newer than all in chunks may be in a chunk already, from an earlier try.
        is_new = (ThreadItem.top < sequence) & ~_is_here(sequence) & ThreadItem.is_going.does_not_exist()
        room = _size(ThreadItem.participants) < PARTICIPANTS_LIMIT
        joined = update_if(_item(key), _entering(sequence, participants), is_new & room)
        if isinstance(joined, Refused) and joined.found is not None:
            joined = update_if(_item(key), _entering(sequence, _known(participants, joined.found)), is_new)
        if isinstance(joined, Refused):
            if joined.found is not None and joined.found.is_going:
                return ()
            if joined.found is not None:
                _join_late(key, sequence, participants, joined.found)
            return self.newest_members(key)
        if len(joined.item.members or ()) > self.members_limit:
            self._move_to_chunk(key, joined.item)
        return self._newest(key, joined.item)

    def newest_members(self, key: ThreadKey) -> tuple[int, ...]:
        item = _read(key)
        if item is None:
            return ()
        found, chunks = self._newest(key, item), _chunks(key, item)
        if any(chunks.counts) and found and min(found) > item.top:
            # Those in chunks are visible; of these perhaps none is: they may all be under way, or on their way out.
            phases = self.phases(key.inbox_number, found)
            if not any(phase.visible for phase in phases.values()):
                older = self.settled_members(key, chunks.newest_runs(self.enough))
                return tuple(sorted({*found, *older}))
        return found

    def get(self, key: ThreadKey) -> ThreadMembers | None:
        item = _read(key)
        return None if item is None or item.is_going else _members(key, item)

    def settled_members(self, key: ThreadKey, runs: Sequence[Run]) -> tuple[int, ...]:
        wanted = [_chunk(key, run.first) for run in runs]
        found = map(ThreadChunkItem.from_raw_data, batch_get([(chunk.pk, chunk.sk) for chunk in wanted]))
        sequences = sorted(sequence for chunk in found for sequence in _numbers(chunk.members))
        last = max((run.last for run in runs), default=0)
        return tuple(sequence for sequence in sequences if sequence <= last)  # without what has moved there since

    def get_many(self, newest: Mapping[ThreadKey, int]) -> dict[ThreadKey, ThreadMembers]:
        found = _read_many(newest, consistent=False)
        # A thread begun a moment ago may be missing from a replica, or stand there without its newest message.
        old = [key for key, sequence in newest.items() if key not in found or not found[key].has(sequence)]
        return found | _read_many(old, consistent=True)

    def announce_leave(self, key: ThreadKey, sequence: int) -> None:
        aside = [ThreadItem.members.delete({sequence}), ThreadItem.leaving.add({sequence})]
        announced = update_if(_item(key), aside, ThreadItem.members.contains(sequence))
        if isinstance(announced, Refused):
            _bring_back(key, sequence, announced.found)

    def leave(self, key: ThreadKey, sequence: int, participants: Sequence[str] = ()) -> None:
        item = _take_out(key, sequence, participants)
        if item is not None and not _recent(item) and not any(item.older):
            # Unless a message has joined meanwhile. No chunk is left: each goes with the last message in it.
            nobody = ThreadItem.members.does_not_exist() & ThreadItem.leaving.does_not_exist()
            delete_if(_item(key), nobody & (ThreadItem.older == item.older))

    def _newest(self, key: ThreadKey, item: ThreadItem) -> tuple[int, ...]:
        recent = _recent(item)
        missing = self.enough - sum(sequence > item.top for sequence in recent)
        older = self.settled_members(key, _chunks(key, item).newest_runs(missing))
        return tuple(sorted({*recent, *older}))[-max(self.members_limit, len(recent)) :]

    def _move_to_chunk(self, key: ThreadKey, item: ThreadItem) -> None:
        """The oldest visible members to a chunk; the others may yet commit, or are yet taken out by whoever removes them.

        The newest visible ones stay. One chunk at a time: what is left over moves when the next message joins.
        """
        members = sorted(_numbers(item.members))
        phases = self.phases(key.inbox_number, members)
        settled = [member for member in members if phases[member].visible][: -self.enough]
        if not settled:
            return
        chunks = _chunks(key, item)
        chunk = chunks.taking(settled[0], self.chunk_limit)
        moving = [member for member in settled if chunks.taking(member, self.chunk_limit).number == chunk.number][
            : self.moved_at_once
        ]
        unchanged: Condition = ThreadItem.top == item.top
        for member in moving:
            unchanged &= ThreadItem.members.contains(member)
        actions = [
            *_counted(chunks, chunk, len(moving)),
            ThreadItem.top.set(max(chunks.top, moving[-1])),
            ThreadItem.members.delete(set(moving)),
        ]
        to_chunk = update(_chunk(key, chunk.start), [ThreadChunkItem.members.add(set(moving))])
        write_together([to_chunk, update(_item(key), actions, unchanged)])  # refused when somebody else was faster


def _join_late(key: ThreadKey, sequence: int, participants: Sequence[str], found: ThreadItem) -> None:
    """Add a member older than some in chunks, unless it is in its chunk, or on its way out, or the thread is gone."""
    chunks = _chunks(key, found)
    if not chunks.may_hold(sequence):
        return
    in_no_chunk = ~ThreadChunkItem.members.contains(sequence)
    if len(_counts(found)) >= PARTICIPANTS_LIMIT:
        participants = _known(participants, found)
    actions = _entering(sequence, participants)
    there = ThreadItem.pk.exists() & ~_is_here(sequence) & ThreadItem.is_going.does_not_exist()
    chunk = _chunk(key, chunks.holding(sequence).start)
    write_together([check(chunk, in_no_chunk), update(_item(key), actions, there)])


def _bring_back(key: ThreadKey, sequence: int, found: ThreadItem | None) -> bool:
    """Move a member from its chunk to those leaving, whoever does it; False: it cannot be in any."""
    for _ in tries():
        if found is None or not (chunks := _chunks(key, found)).may_hold(sequence):
            return False
        chunk = chunks.holding(sequence)
        item, here = _chunk(key, chunk.start), ThreadChunkItem.members.contains(sequence)
        count = ThreadItem.older[chunk.number]
        is_last = chunks.counts[chunk.number] == 1
        refused = write_together(
            [
                delete(item, here) if is_last else update(item, [ThreadChunkItem.members.delete({sequence})], here),
                update(
                    _item(key),
                    [count.set(count - 1), ThreadItem.leaving.add({sequence})],
                    count == 1 if is_last else count > 1,
                ),
            ]
        )
        if not refused or 0 in refused:
            return True
        found = _read(key)  # others have left the chunk meanwhile
    raise Unavailable("Too many writers are at the same thread.")


def _take_out(key: ThreadKey, sequence: int, participants: Sequence[str]) -> ThreadItem | None:
    """Remove a member, wherever in the thread it is; the thread's own item as it then stands."""
    item, has_come_back = _read(key), False
    for _ in tries():
        if item is None:
            return None
        if sequence not in _recent(item):
            if has_come_back or not _bring_back(key, sequence, item):
                return item
            item, has_come_back = _read(key), True
            continue
        actions, unchanged = _parting(sequence, participants, item)
        left = update_if(_item(key), actions, unchanged)
        if isinstance(left, Written):
            return left.item
        item = left.found
    raise Unavailable("Too many writers are at the same thread.")


def _entering(sequence: int, participants: Sequence[str]) -> list[Action]:
    """A member comes, and counts for each of its participants."""
    counts = [_count_of(participant) for participant in dict.fromkeys(participants)]
    return [ThreadItem.members.add({sequence}), *(count.set((count | 0) + 1) for count in counts)]


def _parting(sequence: int, participants: Sequence[str], item: ThreadItem) -> tuple[list[Action], Condition]:
    """A member goes, and with it whoever no other member brought."""
    actions: list[Action] = [ThreadItem.members.delete({sequence}), ThreadItem.leaving.delete({sequence})]
    unchanged: Condition = _is_here(sequence)
    counts = _counts(item)
    for participant in _known(dict.fromkeys(participants), item):
        number, path = counts[participant], _count_of(participant)
        actions.append(path.set(number - 1) if number > 1 else path.remove())
        unchanged &= path == number
    return actions, unchanged


def _is_here(sequence: int) -> Condition:
    here: Condition = ThreadItem.members.contains(sequence) | ThreadItem.leaving.contains(sequence)
    return here


def _known(participants: Iterable[str], item: ThreadItem) -> list[str]:
    """Those who are counted. In a thread with too many, a member does not count for who is new; when it goes, it may take
    away somebody whom another brought meanwhile, who is then trusted less than before, never more.
    """
    counts = _counts(item)
    return [participant for participant in participants if participant in counts]


def _counts(item: ThreadItem) -> dict[str, int]:
    return {unquote(name): int(number) for name, number in dict(item.participants.attribute_values).items()}


def _count_of(participant: str) -> Path:
    path: Path = ThreadItem.participants[_name(participant)]
    return path


def _name(participant: str) -> str:
    """An address as an attribute's name: in an expression, brackets are for places in a list."""
    return participant.replace("%", "%25").replace("[", "%5B").replace("]", "%5D")


def _counted(chunks: Chunks, chunk: Chunk, more: int) -> list[Action]:
    """What changes in the lists of the thread's own item when a chunk, maybe a new one, takes so many members more."""
    if chunk.number < len(chunks.starts):
        count = ThreadItem.older[chunk.number]
        return [count.set(count + more)]
    return [
        ThreadItem.starts.set(ThreadItem.starts.append([chunk.start])),
        ThreadItem.older.set(ThreadItem.older.append([more])),
    ]


def _read_many(wanted: Collection[ThreadKey], *, consistent: bool) -> dict[ThreadKey, ThreadMembers]:
    by_sort_key = {keys.thread(key.first_sequence): key for key in wanted}
    pairs = [(keys.inbox_partition(key.inbox_number), sort_key) for sort_key, key in by_sort_key.items()]
    items = {
        by_sort_key[item.sk]: item for item in map(ThreadItem.from_raw_data, batch_get(pairs, consistent=consistent))
    }
    return {key: _members(key, item) for key, item in items.items() if not item.is_going}


def _members(key: ThreadKey, item: ThreadItem) -> ThreadMembers:
    leaving = frozenset(_numbers(item.leaving))
    return ThreadMembers(_thread(key, item), _recent(item), _chunks(key, item).runs(), leaving)


def _read(key: ThreadKey) -> ThreadItem | None:
    found = batch_get([(keys.inbox_partition(key.inbox_number), keys.thread(key.first_sequence))])
    return ThreadItem.from_raw_data(found[0]) if found else None


def _item(key: ThreadKey) -> ThreadItem:
    return ThreadItem(keys.inbox_partition(key.inbox_number), keys.thread(key.first_sequence))


def _chunk(key: ThreadKey, start: int) -> ThreadChunkItem:
    return ThreadChunkItem(keys.inbox_partition(key.inbox_number), keys.thread_chunk(key.first_sequence, start))


def _chunks(key: ThreadKey, item: ThreadItem) -> Chunks:
    return Chunks(key.first_sequence, int(item.top), tuple(_numbers(item.starts)), tuple(_numbers(item.older)))


def _recent(item: ThreadItem) -> tuple[int, ...]:
    """The members in the thread's own item, those leaving among them, oldest first."""
    return tuple(sorted({*_numbers(item.members), *_numbers(item.leaving)}))


def _thread(key: ThreadKey, item: ThreadItem) -> Thread:
    return Thread(
        key=key,
        account_id=AccountId(item.account_id),
        subject=item.subject,
        participants=tuple(sorted(_counts(item))),
        message_count=len(_recent(item)) + sum(_numbers(item.older)),
        created_at=datetime.fromisoformat(item.created_at),
    )


def _numbers(numbers: Iterable[Any] | None) -> list[int]:
    return [int(number) for number in numbers or ()]


def _size(attribute: Attribute[Any]) -> Any:
    """The size() of an expression; PynamoDB leaves its helper untyped."""
    return size(attribute)  # type: ignore[no-untyped-call]
