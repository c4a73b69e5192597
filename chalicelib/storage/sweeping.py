"""Removing many items, without a look at what they are."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.storage.failures import MANY_TRIES, tries
from chalicelib.storage.tables import TRANSACTION_CONFLICT, client, table_name

AT_ONCE = 25  # writes that one BatchWriteItem takes
PAGE_ITEMS = 100

Item = Mapping[str, Any]


def page_of(partition: str, condition: str, values: Mapping[str, Any], *, limit: int = PAGE_ITEMS) -> list[Item]:
    """The first items of a partition whose sort key meets the condition: as many as `limit`, or as fit into an answer."""
    answer = client().query(
        TableName=table_name(),
        KeyConditionExpression=f"pk = :pk AND {condition}",
        ExpressionAttributeValues={":pk": {"S": partition}, **values},
        ConsistentRead=True,
        Limit=limit,
        ReturnConsumedCapacity="TOTAL",
    )
    return list(answer["Items"])


def remove(places: Iterable[tuple[str, str]]) -> int:
    """Remove the items under these (partition, sort key) pairs, whatever they are; how many pairs there were."""
    deletions: list[Any] = [
        {"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": sk}}}} for pk, sk in dict.fromkeys(places)
    ]
    _write(deletions)
    return len(deletions)


def put_all(items: Sequence[Item]) -> None:
    """Store these items in place of what is there."""
    _write([{"PutRequest": {"Item": item}} for item in items])


def place_of(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _write(requests: list[Any]) -> None:
    for start in range(0, len(requests), AT_ONCE):
        left = requests[start : start + AT_ONCE]
        for _ in tries(MANY_TRIES):
            try:
                answer = client().batch_write_item(RequestItems={table_name(): left}, ReturnConsumedCapacity="TOTAL")
            except ClientError as error:
                if error.response["Error"]["Code"] != TRANSACTION_CONFLICT:
                    raise
                continue
            left = answer.get("UnprocessedItems", {}).get(table_name(), [])
            if not left:
                break
        else:
            raise Unavailable("The table answers too slowly.")
