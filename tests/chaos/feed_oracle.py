"""What must hold of the event feed at rest: each event of every message once, the same as in its timeline, none besides."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from typing import Any

from chalicelib.domain.delivery import EventType, beginning
from chalicelib.domain.event import is_told
from chalicelib.domain.ids import MessageKey, PublicIds
from chalicelib.domain.message import Direction
from chalicelib.operations.ports import StoredMessage
from chalicelib.storage.blob_store import BlobStore
from chalicelib.storage.id_key_store import load_or_create_id_key
from chalicelib.storage.message_store import DynamoMessageStore

BEGINNINGS = ("message.queued", "message.received")


def feed_violations(
    get: Callable[[str], Any],
    messages: dict[str, dict[str, Any]],
    known: Collection[str],
    no_blobs: BlobStore,
    *,
    in_order: bool,
) -> list[str]:
    """Sentences; `messages` are all that are there, by id. `known`: how the timeline of these begins was compared before.

    `in_order`: not both the sender and who had the first news died before they told; then the log's order is what it is
    (docs/decisions/0019-one-list-in-the-order-of-its-writes.md).
    """
    feed = _walk(get)
    found = [f"the feed tells {event_id} twice" for event_id, count in Counter(map(_id, feed)).items() if count > 1]
    by_message: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in feed:
        message_id = event["data"]["messageId"]
        by_message[message_id].append(event)
        if event["deleted"] is (message_id in messages):
            found.append(f"{message_id}: its event says deleted: {event['deleted']}")
    ids = PublicIds(load_or_create_id_key())
    for message_id, stored in _stored(messages, ids, no_blobs).items():
        begins = _beginning(stored, ids)
        if message_id not in known:
            shown, *_ = get(f"/messages/{message_id}/events")["data"]
            if shown["id"] != begins:
                found.append(f"{message_id}: its timeline begins with {shown}, not with {begins}")
        timeline = stored.delivery.timeline if stored.delivery else ()
        told = [begins, *(entry.id for entry in timeline if is_told(entry))]
        events = by_message[message_id]
        if sorted(map(_id, events)) != sorted(told):
            found.append(f"{message_id}: the feed tells {[event['event'] for event in events]}, its timeline {told}")
        elif in_order and events[0]["event"] not in BEGINNINGS:
            found.append(f"{message_id}: the feed begins with {events[0]['event']}")
    return found


def _stored(messages: Collection[str], ids: PublicIds, no_blobs: BlobStore) -> dict[str, StoredMessage]:
    """What the table holds of these messages, in one read for each inbox."""
    by_inbox: dict[int, dict[MessageKey, str]] = defaultdict(dict)
    for message_id in messages:
        key = ids.message_key(message_id)
        by_inbox[key.inbox_number][key] = message_id
    return {
        names[stored.content.key]: stored
        for names in by_inbox.values()
        for stored in DynamoMessageStore(no_blobs).page(list(names), body_budget=0)
    }


def _beginning(stored: StoredMessage, ids: PublicIds) -> str:
    is_outbound = stored.content.direction is Direction.OUTBOUND
    type_ = EventType.QUEUED if is_outbound else EventType.RECEIVED
    return ids.event_id(stored.content.log_since, beginning(stored.content.key, type_))


def _walk(get: Callable[[str], Any]) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    page = get("/events?limit=100")
    while page["data"]:
        events += page["data"]
        page = get(f"/events?limit=100&after={page['nextCursor']}")
    return events


def _id(event: dict[str, Any]) -> str:
    event_id: str = event["id"]
    return event_id
