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

FRONT_ITEMS = 4  # inbox, head and two buckets: together about 3 KB, one read unit
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
    items = _newest_items(partition)
    inbox = next((item for item in items if item["sk"]["S"] == keys.INBOX), None)
    head = next((head_from(item) for item in items if item["sk"]["S"] == keys.HEAD), Head())
    buckets = [to_bucket(item) for item in items if item["sk"]["S"].startswith(keys.MESSAGE_CELLS)]
    lowest = buckets[-1].number if buckets else 0
    if len(items) == FRONT_ITEMS and lowest > head.sealed:  # sealing lags behind: there are more
        buckets += _buckets_between(partition, head.sealed, lowest - 1)
    return Front(inbox, head, tuple(bucket for bucket in buckets if bucket.number >= head.sealed))


def _newest_items(partition: str) -> Sequence[Mapping[str, Any]]:
    values = {":pk": {"S": partition}, ":low": {"S": keys.MESSAGE_CELLS}, ":high": {"S": keys.INBOX}}
    answer = client().query(
        TableName=table_name(),
        KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
        ExpressionAttributeValues=values,
        ConsistentRead=True,
        ScanIndexForward=False,
        Limit=FRONT_ITEMS,
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
