"""Threads: an item with the newest members, and chunks of 64 older ones, so that a write stays small for ever."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.expressions.condition import size
from pynamodb.expressions.update import Action

from chalicelib.domain.ids import AccountId, ThreadKey
from chalicelib.domain.thread import Thread
from chalicelib.operations.ports import ThreadMembers
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Refused, delete_if, put, put_if, update, update_if, write_together
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.tables import ThreadChunkItem, ThreadItem, batch_get, query

MEMBERS_LIMIT = 96  # in the thread's own item; above it the oldest move to a chunk
CHUNK = 64
PARTICIPANTS_LIMIT = 100
ENOUGH = 32  # members among which writers of one moment can meet


@raises_unavailable
@dataclass(frozen=True)
class DynamoThreadStore:
    """`operations.ports.ThreadStore` over the table.

    Members are number sets: adding or removing one again changes nothing, and sorted they are in time order.
    """

    def begin(self, thread: Thread) -> None:
        item = _item(thread.key)
        item.account_id = thread.account_id
        item.subject = thread.subject
        item.created_at = thread.created_at.isoformat()
        item.participants = set(thread.participants)
        item.members = {thread.key.first_sequence}
        item.older = []
        put_if(item, ThreadItem.pk.does_not_exist())  # whoever has joined since an earlier try stays

    def join(self, key: ThreadKey, sequence: int, participants: Sequence[str]) -> tuple[int, ...]:
        there = ThreadItem.pk.exists()
        room = _size(ThreadItem.participants) < PARTICIPANTS_LIMIT
        member: Action = ThreadItem.members.add({sequence})
        joined = update_if(_item(key), [member, ThreadItem.participants.add(set(participants))], there & room)
        if isinstance(joined, Refused) and joined.found is not None:
            joined = update_if(_item(key), [member], there)
        if isinstance(joined, Refused):
            return ()
        members = tuple(sorted(int(number) for number in joined.item.members or ()))
        if len(members) > MEMBERS_LIMIT:
            self._move_to_chunk(key, joined.item)
        return members

    def newest_members(self, key: ThreadKey) -> tuple[int, ...]:
        partition = keys.inbox_partition(key.inbox_number)
        items = batch_get([(partition, keys.thread(key.first_sequence))])
        if not items:
            return ()
        members = _numbers(items[0], "me")
        if len(members) >= ENOUGH or not any(_counts(items[0])):
            return tuple(sorted(members))
        whole = self.get(key)
        return whole.sequences[-MEMBERS_LIMIT:] if whole else ()

    def get(self, key: ThreadKey) -> ThreadMembers | None:
        prefix = {":prefix": {"S": keys.thread(key.first_sequence)}}
        items = list(query(keys.inbox_partition(key.inbox_number), "begins_with(sk, :prefix)", prefix))
        if not items or "ac" not in items[0]:
            return None
        sequences = sorted(sequence for item in items for sequence in _numbers(item, "me"))
        return ThreadMembers(_thread(key, items[0]), tuple(dict.fromkeys(sequences)))

    def get_many(self, wanted: Sequence[ThreadKey]) -> dict[ThreadKey, Thread]:
        by_sort_key = {keys.thread(key.first_sequence): key for key in wanted}
        pairs = [(keys.inbox_partition(key.inbox_number), sort_key) for sort_key, key in by_sort_key.items()]
        items = batch_get(pairs, consistent=False)
        return {(key := by_sort_key[item["sk"]["S"]]): _thread(key, item) for item in items}

    def leave(self, key: ThreadKey, sequence: int) -> None:
        left = update_if(_item(key), [ThreadItem.members.delete({sequence})], ThreadItem.pk.exists())
        if isinstance(left, Refused):
            return
        item = left.item
        if _total(item.older) and self._leave_chunk(key, sequence):
            item.refresh(consistent_read=True)
        if not item.members and not _total(item.older):
            self._drop(key)

    def _move_to_chunk(self, key: ThreadKey, item: ThreadItem) -> None:
        """The oldest members into a chunk of their own, in one transaction; whoever was faster has done it."""
        number = len(item.older)
        oldest = sorted(int(member) for member in item.members or ())[:CHUNK]
        chunk = ThreadChunkItem(item.pk, keys.thread_chunk(key.first_sequence, number), members=set(oldest))
        moved = ThreadItem.older.set(ThreadItem.older.append([len(oldest)]))
        all_here = _size(ThreadItem.older) == number
        for member in oldest:
            all_here &= ThreadItem.members.contains(member)
        # When they are not all here any more, somebody else was faster.
        write_together([put(chunk), update(item, [ThreadItem.members.delete(set(oldest)), moved], all_here)])

    def _leave_chunk(self, key: ThreadKey, sequence: int) -> bool:
        """Take a member out of the chunk it is in; False when it is in none."""
        prefix = {":prefix": {"S": keys.thread(key.first_sequence) + "#"}}
        for raw in query(keys.inbox_partition(key.inbox_number), "begins_with(sk, :prefix)", prefix):
            if sequence not in _numbers(raw, "me"):
                continue
            number = keys.bucket_number(raw["sk"]["S"])
            chunk = ThreadChunkItem(raw["pk"]["S"], raw["sk"]["S"])
            fewer = ThreadItem.older[number].set(ThreadItem.older[number] - 1)
            there = ThreadChunkItem.members.contains(sequence)
            gone = update(chunk, [ThreadChunkItem.members.delete({sequence})], there)
            write_together([gone, update(_item(key), [fewer], ThreadItem.pk.exists())])
            return True
        return False

    def _drop(self, key: ThreadKey) -> None:
        """Remove a thread without members, unless a message has joined meanwhile."""
        prefix = {":prefix": {"S": keys.thread(key.first_sequence) + "#"}}
        if not delete_if(_item(key), ThreadItem.members.does_not_exist()):
            return
        for raw in query(keys.inbox_partition(key.inbox_number), "begins_with(sk, :prefix)", prefix):
            ThreadChunkItem(raw["pk"]["S"], raw["sk"]["S"]).delete()


def _size(attribute: Attribute[Any]) -> Any:
    """The size() of an expression; PynamoDB leaves its helper untyped."""
    return size(attribute)  # type: ignore[no-untyped-call]


def _item(key: ThreadKey) -> ThreadItem:
    return ThreadItem(keys.inbox_partition(key.inbox_number), keys.thread(key.first_sequence))


def _thread(key: ThreadKey, item: Mapping[str, Any]) -> Thread:
    return Thread(
        key=key,
        account_id=AccountId(item["ac"]["S"]),
        subject=item["su"]["S"],
        participants=tuple(sorted(item["pa"]["SS"])),
        message_count=len(_numbers(item, "me")) + sum(_counts(item)),
        created_at=datetime.fromisoformat(item["ca"]["S"]),
    )


def _numbers(item: Mapping[str, Any], name: str) -> list[int]:
    return [int(number) for number in item.get(name, {}).get("NS", ())]


def _counts(item: Mapping[str, Any]) -> list[int]:
    return [int(count["N"]) for count in item["ol"]["L"]]


def _total(counts: Iterable[Any]) -> int:
    return sum(int(count) for count in counts)
