"""The front of an inbox: its own item, the head of its index and the buckets that are open, in one query.

A query may show one item before a transaction and another after it (Amazon DynamoDB Developer Guide, "Isolation levels
for DynamoDB transactions": read-committed). So whatever changes two of these items together leaves a mark in both:

    F:head       n  9   jo {131: 7}          version 7 of the head was written together with bucket 131
    F#…131       jh 7   j130 4711            … which says the same, and that it changed together with 130
    F#…130       j131 4711

Items that were read belong together when each says of the other what the other says of it; else they are read again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.errors import Unavailable
from chalicelib.storage import keys
from chalicelib.storage.cell_list import to_bucket
from chalicelib.storage.cell_pages import Bucket
from chalicelib.storage.failures import tries
from chalicelib.storage.tables import client, query, table_name
from chalicelib.storage.tally_items import Head, head_from

FRONT_ITEMS = 5  # inbox, head and three buckets: together under 4 KB, one read unit
_REMEMBERED = 1_000
_wide: dict[tuple[str, str], int] = {}  # the fronts that had more items when this process last read them
HEAD_MARK = "h"  # what a bucket's mark of a change made together with the head is called


@dataclass(frozen=True, slots=True)
class Front:
    """The newest part of an inbox's partition: its own item, the head, and the open buckets, newest first."""

    inbox: Mapping[str, Any] | None
    head: Head
    open_buckets: tuple[Bucket, ...]


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
    items = _newest_items(partition, limit)
    inbox = next((item for item in items if item["sk"]["S"] == keys.INBOX), None)
    head = next((head_from(item) for item in items if item["sk"]["S"] == keys.HEAD), Head())
    buckets = [to_bucket(item) for item in items if item["sk"]["S"].startswith(keys.MESSAGE_CELLS)]
    lowest = buckets[-1].number if buckets else 0
    if len(items) == limit and lowest > head.sealed:
        buckets += _buckets_between(partition, head.sealed, lowest - 1)
    open_buckets = tuple(bucket for bucket in buckets if bucket.number >= head.sealed)
    _remember(partition, len(open_buckets))
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


def _newest_items(partition: str, limit: int) -> Sequence[Mapping[str, Any]]:
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
    return answer["Items"]


def _buckets_between(partition: str, lowest: int, highest: int) -> Iterable[Bucket]:
    low, high = (keys.bucket(keys.MESSAGE_CELLS, number) for number in (lowest, highest))
    values = {":low": {"S": low}, ":high": {"S": high}}
    return map(to_bucket, query(partition, "sk BETWEEN :low AND :high", values, forward=False))


def _belong_together(head: Head, buckets: Sequence[Bucket]) -> bool:
    """Whether no change of several of these items was seen in one of them and missed in another."""
    marks = {str(bucket.number): bucket.joints for bucket in buckets}
    marks[HEAD_MARK] = {str(number): version for number, version in head.joints.items()}
    return not any(bucket.is_sealed for bucket in buckets) and all(
        marks.get(partner, {}).get(name) == mark for name, joints in marks.items() for partner, mark in joints.items()
    )
