"""A walk through the whole table, some items at a time: what of it may concern housekeeping."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.ids import AttachmentId, MessageKey, ThreadKey, decode
from chalicelib.domain.log_lines import log_of
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import (
    PartKind,
    SeenExpired,
    SeenFile,
    SeenInbox,
    SeenPart,
    SeenThread,
    SeenUnfinished,
    Sighting,
)
from chalicelib.operations.ports.housekeeping import Seen
from chalicelib.storage import keys
from chalicelib.storage.cell_list import to_bucket
from chalicelib.storage.failures import raises_unavailable, tries
from chalicelib.storage.tables import CONDITION_FAILED, TRANSACTION_CONFLICT, client, table_name

logger = log_of(__name__)

PAGE_ITEMS = 250  # and 1 MB, where a scan stops by itself: 128 read units at most
# DynamoDB removes expired items within days, at no cost; what is still there then is removed here. An emulator may never.
EXPIRED_FOR = timedelta(days=3)
UNUSED_FOR = timedelta(hours=1)  # an expired upload: no request that found it before can still be at work

_UNFINISHED = frozenset({MessagePhase.QUEUED, MessagePhase.CLAIMED, MessagePhase.SUBMITTING})
# All that is looked at; contents, deliveries and answers stay in the table. `#t` is a reserved word.
_ATTRIBUTES = "pk, sk, #t, st, ns, sq, #i, de, th, me, le, ol, u, g"
_NAMES = {"#t": "ttl", "#i": "in"}
_SIGNS = ("sq", "ttl")  # the attributes by which an item that is to be removed is known again


@raises_unavailable
@dataclass(frozen=True)
class DynamoTableWalk:
    """`operations.ports.TableWalk` over the table."""

    page_items: int = PAGE_ITEMS

    def page(self, after: str | None, now: datetime) -> tuple[list[Sighting], str | None]:
        start: dict[str, Any] = {} if after is None else {"ExclusiveStartKey": _key(*json.loads(after))}
        answer = client().scan(
            TableName=table_name(),
            Limit=self.page_items,
            ProjectionExpression=_ATTRIBUTES,
            ExpressionAttributeNames=_NAMES,
            ReturnConsumedCapacity="TOTAL",
            **start,
        )
        sightings = [Sighting(_place(item), seen, item) for item in answer["Items"] for seen in _readable(item, now)]
        last = answer.get("LastEvaluatedKey")
        return sightings, _place(last) if last else None

    def drop(self, sighting: Sighting) -> bool:
        item: Mapping[str, Any] = sighting.item
        signs = [name for name in _SIGNS if name in item]
        for _ in tries():
            try:
                client().delete_item(
                    TableName=table_name(),
                    Key=_key(item["pk"]["S"], item["sk"]["S"]),
                    ConditionExpression=" AND ".join(f"#{name} = :{name}" for name in signs),
                    ExpressionAttributeNames={f"#{name}": name for name in signs},
                    ExpressionAttributeValues={f":{name}": item[name] for name in signs},
                    ReturnConsumedCapacity="TOTAL",
                )
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == CONDITION_FAILED:
                    return False
                if code != TRANSACTION_CONFLICT:
                    raise
            else:
                return True
        return False


def _key(partition: str, sort_key: str) -> dict[str, Any]:
    return {"pk": {"S": partition}, "sk": {"S": sort_key}}


def _place(item: Mapping[str, Any]) -> str:
    return json.dumps([item["pk"]["S"], item["sk"]["S"]])


def _readable(item: Mapping[str, Any], now: datetime) -> list[Seen]:
    try:
        return list(_seen(item, now))
    except (KeyError, ValueError) as error:
        # Written by another version of this program; a walk that stopped here would never get past it.
        place = _place(item) if item["pk"]["S"].startswith(("I#", "U#", "S#")) else item["pk"]["S"][:2]
        logger.error("an item cannot be read: %s", trace_of(error), extra={"place": place})
        return []


def _seen(item: Mapping[str, Any], now: datetime) -> Iterator[Seen]:
    """What an item is, if it is of any concern."""
    partition: str = item["pk"]["S"]
    if partition.startswith("U#"):
        yield from _seen_of_file(item, now)
    elif _expired_for(item, now) > EXPIRED_FOR:
        yield SeenExpired()
    elif partition.startswith("I#"):
        yield from _seen_of_inbox(decode(partition.removeprefix("I#")), item)
    elif partition.startswith("S#"):
        yield SeenPart(PartKind.SES_MESSAGE_ID, MessageKey(_number(item, "in"), _number(item, "sq")))


def _seen_of_inbox(number: int, item: Mapping[str, Any]) -> Iterator[Seen]:
    sort_key: str = item["sk"]["S"]
    kind, _, rest = sort_key.partition("#")
    if sort_key == keys.INBOX:
        yield SeenInbox(number, _number(item, "ns"))
    elif kind == "F" and rest:
        bucket = to_bucket(item)
        unfinished = tuple(
            MessageKey(number, bucket.sequence(position))
            for position, character in enumerate(bucket.cells)
            if MessagePhase(character.lower()) in _UNFINISHED
        )
        if unfinished:
            yield SeenUnfinished(unfinished)
    elif kind == "M":
        yield SeenPart(PartKind.STORED, MessageKey(number, int(rest.partition("#")[0])))
    elif kind == "H":
        yield SeenPart(PartKind.MESSAGE_ID_HEADER, MessageKey(number, _number(item, "sq")))
    elif kind == "R" and "de" not in item:
        key = MessageKey(number, _number(item, "sq"))
        yield SeenPart(PartKind.FILING, key, rest, ThreadKey(number, _number(item, "th")))
    elif kind == "T" and "#" not in rest:
        members = sorted({int(text) for name in ("me", "le") for text in item.get(name, {"NS": []})["NS"]})
        has_older = any(int(count["N"]) for count in item.get("ol", {"L": []})["L"])
        yield SeenThread(ThreadKey(number, int(rest)), tuple(members), has_older)


def _seen_of_file(item: Mapping[str, Any], now: datetime) -> Iterator[Seen]:
    attachment_id = AttachmentId(item["pk"]["S"].removeprefix("U#"))
    _, _, user = item["sk"]["S"].partition("#")
    if user:
        inbox, _, sequence = user.partition("#")
        yield SeenPart(PartKind.FILE_USE, MessageKey(decode(inbox), int(sequence)), attachment_id)
    elif "g" in item or (_number(item, "u") == 0 and _expired_for(item, now) > UNUSED_FOR):
        yield SeenFile(attachment_id)


def _expired_for(item: Mapping[str, Any], now: datetime) -> timedelta:
    """How long its time to live is over; less than nothing while it lasts, and for an item without one."""
    return timedelta(seconds=now.timestamp() - _number(item, "ttl")) if "ttl" in item else timedelta(-1)


def _number(item: Mapping[str, Any], name: str) -> int:
    return int(item[name]["N"])
