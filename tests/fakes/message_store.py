"""Message contents and deliveries in memory."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message import BodyUrls, MessageContent
from chalicelib.domain.usage import MessageSize
from chalicelib.operations.ports import CountedOutcome, Outcome, StoredMessage, VersionConflict
from chalicelib.storage.message_codec import size_of, to_stored
from tests.fakes.inbox_store import FakeInboxStore
from tests.fakes.ses_message_ids import FakeSesMessageIds

ANSWER_LIMIT = 4_000_000


@dataclass
class FakeMessageStore:
    """Behaves as the real one; outcomes are noted, and counted on the inbox when there are inboxes."""

    inboxes: FakeInboxStore | None = None
    ses_message_ids: FakeSesMessageIds = field(default_factory=FakeSesMessageIds)
    contents: dict[MessageKey, MessageContent] = field(default_factory=dict)
    deliveries: dict[MessageKey, MessageDelivery] = field(default_factory=dict)
    outcomes: list[tuple[MessageKey, Outcome]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def put(self, content: MessageContent) -> None:
        self.contents[content.key] = content

    def get(self, key: MessageKey) -> StoredMessage | None:
        content = self.contents.get(key)
        return None if content is None else StoredMessage(content, self.deliveries.get(key))

    def get_together(self, wanted_keys: Sequence[MessageKey]) -> Mapping[MessageKey, StoredMessage]:
        return {key: stored for key in wanted_keys if (stored := self.get(key)) is not None}

    def get_delivery(self, key: MessageKey) -> MessageDelivery | None:
        return self.deliveries.get(key)

    def save_delivery(self, key: MessageKey, delivery: MessageDelivery) -> MessageDelivery:
        with self._lock:
            return self._saved(key, delivery)

    def save_outcome(self, key: MessageKey, delivery: MessageDelivery, outcome: Outcome) -> CountedOutcome:
        with self._lock:
            saved = self._saved(key, delivery)
            self.outcomes.append((key, outcome))
            return CountedOutcome(saved, self.inboxes is not None and self.inboxes.count(key, outcome))

    def _saved(self, key: MessageKey, delivery: MessageDelivery) -> MessageDelivery:
        known = self.deliveries.get(key)
        if delivery.version != (known.version if known else 0):
            raise VersionConflict
        saved = self.deliveries[key] = replace(delivery, version=delivery.version + 1)
        return saved

    def save_acceptance(self, key: MessageKey, delivery: MessageDelivery) -> MessageDelivery:
        if delivery.ses_message_id is None:
            raise ValueError("a delivery without SES's id proves no acceptance")
        self.ses_message_ids.put(delivery.ses_message_id, key)
        return self.save_delivery(key, delivery)

    def save_resend(self, key: MessageKey, delivery: MessageDelivery) -> MessageDelivery:
        return self.save_delivery(key, delivery)

    def page(self, keys: Sequence[MessageKey], *, body_budget: int) -> list[StoredMessage]:
        found = [stored for key in keys if (stored := self.get(key))]
        left = sum(map(_body_size, found))
        cut: set[MessageKey] = set()
        for stored in sorted(found, key=_body_size, reverse=True):
            if left <= body_budget:
                break
            cut.add(stored.content.key)
            left -= _body_size(stored)
        return [_without_bodies(stored) if stored.content.key in cut else stored for stored in found]

    def sizes(self, keys: Sequence[MessageKey]) -> Mapping[MessageKey, MessageSize]:
        return {key: size_of(to_stored(self.contents[key])) for key in keys if key in self.contents}

    def body_urls(self, content: MessageContent) -> BodyUrls | None:
        if _escaped_size(content) <= ANSWER_LIMIT:
            return None
        place = f"https://blobs.example.com/{content.key.inbox_number}/{content.key.sequence}"
        return BodyUrls(
            text=None if content.body_text is None else f"{place}/text",
            html=None if content.body_html is None else f"{place}/html",
        )

    def delete(self, key: MessageKey) -> None:
        self.contents.pop(key, None)
        self.deliveries.pop(key, None)


def _body_size(stored: StoredMessage) -> int:
    bodies = (stored.content.body_text, stored.content.body_html)
    return sum(len(body.encode()) for body in bodies if body is not None)


def _escaped_size(content: MessageContent) -> int:
    """Bytes in Lambda's answer, which is JSON within JSON."""
    bodies = (content.body_text, content.body_html)
    return sum(len(json.dumps(json.dumps(body, ensure_ascii=False))) for body in bodies if body is not None)


def _without_bodies(stored: StoredMessage) -> StoredMessage:
    return replace(stored, content=replace(stored.content, body_text=None, body_html=None, body_truncated=True))
