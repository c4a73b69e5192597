"""What must hold of the event feed at rest: each event of every message once, the same as in its timeline, none besides."""

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from chalicelib.domain.event import is_told
from chalicelib.domain.ids import PublicIds
from chalicelib.storage.blob_store import BlobStore
from chalicelib.storage.id_key_store import load_or_create_id_key
from chalicelib.storage.message_store import DynamoMessageStore

BEGINNINGS = ("message.queued", "message.received")


def feed_violations(get: Callable[[str], Any], messages: dict[str, dict[str, Any]], no_blobs: BlobStore) -> list[str]:
    """Sentences; `messages` are all that are there, by id."""
    feed = _walk(get)
    found = [f"the feed tells {event_id} twice" for event_id, count in Counter(map(_id, feed)).items() if count > 1]
    by_message: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in feed:
        message_id = event["data"]["messageId"]
        by_message[message_id].append(event)
        if event["deleted"] is (message_id in messages):
            found.append(f"{message_id}: its event says deleted: {event['deleted']}")
    stored, ids = DynamoMessageStore(no_blobs), PublicIds(load_or_create_id_key())
    for message_id in messages:
        delivery = stored.get_delivery(ids.message_key(message_id))
        begun, *_ = get(f"/messages/{message_id}/events")["data"]
        told = [begun["id"], *(entry.id for entry in (delivery.timeline if delivery else ()) if is_told(entry))]
        events = by_message[message_id]
        if sorted(map(_id, events)) != sorted(told):
            found.append(f"{message_id}: the feed tells {[event['event'] for event in events]}, its timeline {told}")
        elif events[0]["event"] not in BEGINNINGS:
            found.append(f"{message_id}: the feed begins with {events[0]['event']}")
    return found


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
