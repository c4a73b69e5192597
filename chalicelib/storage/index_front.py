"""The front of an inbox: its own item, the head of its index and the buckets that are open, in one query.

A query may show one item before a change and another after it (Amazon DynamoDB Developer Guide, "Isolation levels for
DynamoDB transactions": read-committed). So what was changed by way of several of these items says so:

    F:head       n  9   jo {131: 2}          goes by what bucket 131 says after its second tie, or later
    F#…131       k  2   h 7   j130 4711      two ties; goes by version 7 of the head, or a later one;
    F#…130       k  1         j131 4711      … and these two changed in one transaction

A *tie* is a change of an open bucket that another item knows of. Of head and bucket each names the least that it goes by,
which has long been written, so nothing that a dead process leaves can keep a reader out. Two buckets that changed in one
transaction belong together when their marks are equal. What does not belong together is read again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.errors import Unavailable
from chalicelib.storage import keys
from chalicelib.storage.cell_list import to_bucket
from chalicelib.storage.cell_pages import EMPTY, Bucket, place
from chalicelib.storage.failures import tries
from chalicelib.storage.late_notes import Note, settled
from chalicelib.storage.sealed_part import remember_sealed
from chalicelib.storage.tables import client, query, table_name
from chalicelib.storage.tally_items import Head, belongs_to, head_from

FRONT_ITEMS = 5  # inbox, head and three buckets: together under 4 KB, one read unit
_REMEMBERED = 1_000
_wide: dict[tuple[str, str], int] = {}  # the fronts that had more items when this process last read them


@dataclass(frozen=True, slots=True)
class Front:
    """The newest part of an inbox's partition: its own item, the head, and the open buckets, newest first."""

    inbox: Mapping[str, Any] | None
    head: Head
    open_buckets: tuple[Bucket, ...]

    def late(self) -> dict[int, Note]:
        """What is noted of sealed buckets, settled by what the open ones show."""
        buckets = {bucket.number: bucket for bucket in self.open_buckets}

        def cell(sequence: int) -> str:
            number = place(sequence).bucket
            return buckets[number].cell(sequence) if number in buckets else EMPTY

        return settled(self.head.late, cell)


def read_front(partition: str) -> Front:
    """The front as it stood at one moment, as far as changes of several items go."""
    for _ in tries():
        front = _read(partition)
        if _belong_together(front.head, front.open_buckets):
            return front
    raise Unavailable("The message index is being rewritten too fast to be read.")


def _read(partition: str) -> Front:
    """One query for a quiet inbox, and for a busy one that was read before; two when more buckets are open than expected.

    A wrong guess costs read units, or a call: the answer is the same.
    """
    limit = _wide.get((table_name(), partition), FRONT_ITEMS)
    items, is_cut = _newest_items(partition, limit)
    inbox = next((item for item in items if item["sk"]["S"] == keys.INBOX), None)
    head = next((head_from(item) for item in items if item["sk"]["S"] == keys.HEAD), Head())
    buckets = [to_bucket(item) for item in items if item["sk"]["S"].startswith(keys.MESSAGE_CELLS)]
    lowest = buckets[-1].number if buckets else 0
    if is_cut and lowest > head.sealed:
        buckets += _buckets_between(partition, head.sealed, lowest - 1)
    open_buckets = tuple(bucket for bucket in buckets if bucket.number >= head.sealed)
    _remember(partition, len(open_buckets))
    remember_sealed(partition, head.sealed)
    return Front(inbox, head, open_buckets)


def _remember(partition: str, open_buckets: int) -> None:
    """How many items to ask for next time: the inbox, the head, the open buckets and one that may be opened meanwhile."""
    wanted = open_buckets + 3
    if open_buckets + 2 <= FRONT_ITEMS:
        _wide.pop((table_name(), partition), None)
    elif len(_wide) < _REMEMBERED or (table_name(), partition) in _wide:
        _wide[table_name(), partition] = wanted
    else:
        _wide.clear()


def _newest_items(partition: str, limit: int) -> tuple[Sequence[Mapping[str, Any]], bool]:
    """The newest so many, and whether there may be more: an answer ends at the limit, and at 1 MB."""
    values = {":pk": {"S": partition}, ":low": {"S": keys.MESSAGE_CELLS}, ":high": {"S": keys.INBOX}}
    answer = client().query(
        TableName=table_name(),
        KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
        ExpressionAttributeValues=values,
        ConsistentRead=True,
        ScanIndexForward=False,
        Limit=limit,
        ReturnConsumedCapacity="TOTAL",
    )
    return answer["Items"], "LastEvaluatedKey" in answer


def _buckets_between(partition: str, lowest: int, highest: int) -> Iterable[Bucket]:
    low, high = (keys.bucket(keys.MESSAGE_CELLS, number) for number in (lowest, highest))
    values = {":low": {"S": low}, ":high": {"S": high}}
    return map(to_bucket, query(partition, "sk BETWEEN :low AND :high", values, forward=False))


def _belong_together(head: Head, buckets: Sequence[Bucket]) -> bool:
    """Whether no change of several of these items was seen in one of them and missed in another."""
    by_name = {str(bucket.number): bucket for bucket in buckets}
    return (
        all(not bucket.is_sealed and belongs_to(head, bucket) for bucket in buckets)
        and all(str(number) in by_name for number in head.ties)
        and all(
            partner in by_name and by_name[partner].joints.get(name) == mark
            for name, bucket in by_name.items()
            for partner, mark in bucket.joints.items()
        )
    )
