"""Message contents and delivery items: compressed in the table, long bodies in the bucket."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.ids import MessageKey, encode
from chalicelib.domain.log_lines import log_of
from chalicelib.domain.message import BodyUrls, Direction, MessageContent
from chalicelib.domain.usage import MessageSize
from chalicelib.operations.ports import CountedOutcome, Outcome, StoredMessage, VersionConflict
from chalicelib.storage import delivery_items, keys
from chalicelib.storage.arrival_codec import apart_from_text
from chalicelib.storage.blob_store import BlobStore
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.message_codec import (
    StoredContent,
    from_stored,
    pack,
    pack_without_bodies,
    read_content,
    read_delivery,
    size_of,
    to_stored,
)
from chalicelib.storage.ses_message_id_store import note_ses_message_id
from chalicelib.storage.tables import (
    ContentItem,
    DeliveryItem,
    batch_get,
    query,
)

logger = log_of(__name__)

INLINE_LIMIT = 300_000  # bytes of a compressed content that stay in the table; an item may have 400 KB
ANSWER_LIMIT = 4_000_000  # bytes of bodies that fit into an answer; longer ones are read by URL
_LARGEST_GROWTH = 12  # bytes in Lambda's answer for one character: an emoji is two escapes of six
BLOB_READERS = 8
AT_ONCE = 50  # messages of two items each that one BatchGetItem reads
FEW = 3  # stretches that are read by a query each, side by side; more are read by their keys
# Up to this many messages in a stretch for each one wanted, the whole stretch is read. A query is billed by the sum of
# what it reads, a read by key by whole units: at the usual sizes both cost the same at about this density.
NEIGHBOURS = 3
TEXT, HTML = "text", "html"
_CONTENT_TYPES = {TEXT: "text/plain; charset=utf-8", HTML: "text/html; charset=utf-8"}


@raises_unavailable
@dataclass(frozen=True)
class DynamoMessageStore:
    """`operations.ports.MessageStore` over the table and the bucket."""

    blobs: BlobStore

    def put(self, content: MessageContent) -> None:
        stored = to_stored(content)
        is_long = _answer_size(content) > ANSWER_LIMIT  # asked first: packing 40 MB takes seconds
        if is_long or len(data := pack(stored)) > INLINE_LIMIT:
            data = pack_without_bodies(self._bodies_to_blobs(content.key, stored))
        partition = keys.inbox_partition(content.key.inbox_number)
        ContentItem(partition, keys.message(content.key.sequence), content=data).save()

    def get(self, key: MessageKey) -> StoredMessage | None:
        partition = keys.inbox_partition(key.inbox_number)
        items = batch_get([(partition, keys.message(key.sequence)), (partition, keys.delivery(key.sequence))])
        contents, deliveries = _sorted_out(items)
        if key.sequence not in contents:
            return None
        return self._whole(key, contents[key.sequence], deliveries.get(key.sequence))

    def get_together(self, wanted_keys: Sequence[MessageKey]) -> Mapping[MessageKey, StoredMessage]:
        places = [place for key in wanted_keys for place in _both(_partition(key), [key.sequence])]
        by_inbox: dict[str, list[dict[str, Any]]] = {}
        for item in batch_get(places):
            by_inbox.setdefault(item["pk"]["S"], []).append(item)
        read = {partition: _sorted_out(items) for partition, items in by_inbox.items()}
        found: dict[MessageKey, StoredMessage] = {}
        for key in wanted_keys:
            contents, deliveries = read.get(_partition(key), ({}, {}))
            stored = contents.get(key.sequence)
            if stored is not None and not _blob_names(key, stored):
                found[key] = self._whole(key, stored, deliveries.get(key.sequence))
        return found

    def get_delivery(self, key: MessageKey) -> MessageDelivery | None:
        partition = keys.inbox_partition(key.inbox_number)
        try:
            item = DeliveryItem.get(partition, keys.delivery(key.sequence), consistent_read=True)
        except DeliveryItem.DoesNotExist:
            return None
        return read_delivery(item.delivery, int(item.version))

    def save_delivery(self, key: MessageKey, delivery: MessageDelivery) -> MessageDelivery:
        saved = replace(delivery, version=delivery.version + 1)
        # Refused: the reply to our own write may have been lost and the SDK has repeated it; then it stands as we wrote it.
        if not delivery_items.save(key, delivery) and self.get_delivery(key) != saved:
            raise VersionConflict
        return saved

    def save_outcome(self, key: MessageKey, delivery: MessageDelivery, outcome: Outcome) -> CountedOutcome:
        saved = replace(delivery, version=delivery.version + 1)
        is_to_be_judged = delivery_items.save_outcome(key, delivery, outcome)
        if is_to_be_judged is None and self.get_delivery(key) != saved:  # as above
            raise VersionConflict
        return CountedOutcome(saved, is_to_be_judged is not False)

    def save_acceptance(self, key: MessageKey, delivery: MessageDelivery) -> MessageDelivery:
        if delivery.ses_message_id is None:
            raise ValueError("a delivery without SES's id proves no acceptance")
        # First, and not in a transaction with the rest, which would cost twice the units. A crash in between leaves an id
        # that leads to the message a moment early; of one that is deleted then, housekeeping removes it.
        note_ses_message_id(delivery.ses_message_id, key)
        return self.save_delivery(key, delivery)

    def save_resend(self, key: MessageKey, delivery: MessageDelivery) -> MessageDelivery:
        return delivery_items.save_resend(key, delivery)

    def page(self, wanted_keys: Sequence[MessageKey], *, body_budget: int) -> list[StoredMessage]:
        if not wanted_keys:
            return []
        contents, deliveries = self._read(wanted_keys)
        wanted = {key.sequence: contents[key.sequence] for key in wanted_keys if key.sequence in contents}
        cut = _longest_until_rest_fits(wanted, body_budget)
        present = [key for key in wanted_keys if key.sequence in wanted]
        with_blobs = [key for key in present if key.sequence not in cut and _blob_names(key, wanted[key.sequence])]
        whole: dict[int, StoredMessage] = {}
        if with_blobs:
            with ThreadPoolExecutor(BLOB_READERS) as readers:
                read = readers.map(
                    lambda key: self._whole(key, wanted[key.sequence], deliveries.get(key.sequence)), with_blobs
                )
                whole = {message.content.key.sequence: message for message in read}
        return [
            _without_bodies(key, wanted[key.sequence], deliveries.get(key.sequence))
            if key.sequence in cut
            else whole.get(key.sequence) or self._whole(key, wanted[key.sequence], deliveries.get(key.sequence))
            for key in present
        ]

    def sizes(self, wanted_keys: Sequence[MessageKey]) -> Mapping[MessageKey, MessageSize]:
        places = {(_partition(key), keys.message(key.sequence)): key for key in wanted_keys}
        found = batch_get(list(places), consistent=False)
        return {places[item["pk"]["S"], item["sk"]["S"]]: size_of(read_content(item["c"]["B"])) for item in found}

    def body_urls(self, content: MessageContent) -> BodyUrls | None:
        if _answer_size(content) <= ANSWER_LIMIT:
            return None
        return BodyUrls(
            text=self.blobs.url(_blob_name(content.key, TEXT)) if content.body_text is not None else None,
            html=self.blobs.url(_blob_name(content.key, HTML)) if content.body_html is not None else None,
        )

    def delete(self, key: MessageKey) -> None:
        partition = keys.inbox_partition(key.inbox_number)
        contents, _ = _sorted_out(batch_get([(partition, keys.message(key.sequence))]))
        if key.sequence in contents:
            for name in _blob_names(key, contents[key.sequence]).values():
                self.blobs.delete(name)
        DeliveryItem(partition, keys.delivery(key.sequence)).delete()
        # The content last: as long as it is there, deleting again finds what is left to do.
        ContentItem(partition, keys.message(key.sequence)).delete()

    def _bodies_to_blobs(self, key: MessageKey, stored: StoredContent) -> StoredContent:
        """The content without its bodies, which now lie in the bucket; UTF-8 as it is, for they are read by URL too."""
        sizes: dict[str, int | None] = {}
        for kind, body in ((TEXT, stored.body_text), (HTML, stored.body_html)):
            data = None if body is None else body.encode()
            sizes[kind] = None if data is None else len(data)
            if data is not None:
                self.blobs.put(_blob_name(key, kind), data, _CONTENT_TYPES[kind])
        return msgspec.structs.replace(
            stored,
            body_text=None,
            body_html=None,
            text_blob_size=sizes[TEXT],
            html_blob_size=sizes[HTML],
            arrival=apart_from_text(stored.arrival, stored.body_text),
        )

    def _read(self, wanted: Sequence[MessageKey]) -> tuple[dict[int, StoredContent], dict[int, MessageDelivery]]:
        """Contents and deliveries by sequence number.

        Read eventually consistently at half the price; what a replica does not have yet is read again from the leader.
        """
        partition = keys.inbox_partition(wanted[0].inbox_number)
        sequences = [key.sequence for key in wanted]
        stretches = _stretches(sequences)
        # A query for each would cost half the units, for it adds up what it reads; but a page of 100 be 100 calls.
        by_key = len(stretches) > FEW
        items = _read_scattered(partition, sequences) if by_key else _read_stretches(partition, stretches)
        contents, deliveries = _sorted_out(items)
        missing = [sequence for sequence in sequences if sequence not in contents]
        if missing:
            late_contents, late_deliveries = _sorted_out(batch_get(_both(partition, missing)))
            contents |= late_contents
            deliveries |= late_deliveries
        return contents, deliveries

    def _whole(self, key: MessageKey, stored: StoredContent, delivery: MessageDelivery | None) -> StoredMessage:
        bodies = {kind: self._blob(name) for kind, name in _blob_names(key, stored).items()}
        is_incomplete = None in bodies.values()
        if is_incomplete:  # a restored table and a bucket that was not, say; or the message is being deleted just now
            logger.error("a body is missing in the bucket", extra={"inbox": key.inbox_number, "sequence": key.sequence})
        return StoredMessage(
            from_stored(
                key,
                stored,
                body_text=bodies.get(TEXT, stored.body_text),
                body_html=bodies.get(HTML, stored.body_html),
                truncated=is_incomplete,
            ),
            delivery,
        )

    def _blob(self, name: str) -> str | None:
        data = self.blobs.get(name)
        return None if data is None else data.decode()


def _answer_size(content: MessageContent) -> int:
    """Bytes the bodies take in Lambda's answer, which holds ours as a string that its serialiser escapes to ASCII."""
    bodies = [body for body in (content.body_text, content.body_html) if body is not None]
    characters = sum(map(len, bodies))
    if characters * _LARGEST_GROWTH <= ANSWER_LIMIT:
        return 0  # small enough whatever it holds; nearly every message
    if characters > ANSWER_LIMIT:
        return characters  # too large whatever it holds; a received body may have 40 MB, and six times that escaped
    return sum(len(json.dumps(json.dumps(body, ensure_ascii=False))) for body in bodies)


def _partition(key: MessageKey) -> str:
    return keys.inbox_partition(key.inbox_number)


def _both(partition: str, sequences: Iterable[int]) -> list[tuple[str, str]]:
    return [
        (partition, sort_key)
        for sequence in sequences
        for sort_key in (keys.message(sequence), keys.delivery(sequence))
    ]


def _stretches(sequences: Collection[int]) -> list[tuple[int, int]]:
    """Where the wanted messages lie, from the first to the last of each stretch that is read whole."""
    ordered = sorted(sequences)
    if ordered[-1] - ordered[0] + 1 <= NEIGHBOURS * len(ordered):
        return [(ordered[0], ordered[-1])]
    found: list[tuple[int, int]] = []
    low, count = ordered[0], 0
    for high, following in zip(ordered, [*ordered[1:], None], strict=True):
        count += 1
        if following is None or following - low + 1 > NEIGHBOURS * (count + 1):
            found.append((low, high))
            low, count = following or 0, 0
    return found


def _read_stretches(partition: str, stretches: Collection[tuple[int, int]]) -> list[dict[str, Any]]:
    """The items of all messages of some stretches, eventually consistent."""

    def read(stretch: tuple[int, int]) -> list[dict[str, Any]]:
        low, high = stretch
        span = {":low": {"S": keys.message(low)}, ":high": {"S": keys.delivery(high)}}
        return list(query(partition, "sk BETWEEN :low AND :high", span, consistent=False))

    if len(stretches) == 1:
        return [item for stretch in stretches for item in read(stretch)]
    with ThreadPoolExecutor(FEW) as readers:
        return [item for part in readers.map(read, stretches) for item in part]


def _read_scattered(partition: str, sequences: Sequence[int]) -> list[dict[str, Any]]:
    """The items of some messages, eventually consistent; of many first the contents: received ones have no more."""
    if len(sequences) <= AT_ONCE:
        return batch_get(_both(partition, sequences), consistent=False)
    items = batch_get([(partition, keys.message(sequence)) for sequence in sequences], consistent=False)
    sent = [key for key, stored in _sorted_out(items)[0].items() if stored.direction == Direction.OUTBOUND.value]
    return items + batch_get([(partition, keys.delivery(sequence)) for sequence in sent], consistent=False)


def _sorted_out(items: Iterable[Mapping[str, Any]]) -> tuple[dict[int, StoredContent], dict[int, MessageDelivery]]:
    """Raw items of a mixed read: contents and deliveries, by sequence number."""
    contents: dict[int, StoredContent] = {}
    deliveries: dict[int, MessageDelivery] = {}
    for item in items:
        sort_key: str = item["sk"]["S"]
        sequence = int(sort_key.split("#")[1])
        if sort_key.endswith(keys.DELIVERY_SUFFIX):
            deliveries[sequence] = read_delivery(item["d"]["B"], int(item["n"]["N"]))
        else:
            contents[sequence] = read_content(item["c"]["B"])
    return contents, deliveries


def _longest_until_rest_fits(contents: Mapping[int, StoredContent], budget: int) -> set[int]:
    """Which messages must go without their bodies: the longest, until the rest is within the budget (bytes)."""
    left = sum(stored.body_size for stored in contents.values())
    cut: set[int] = set()
    for sequence in sorted(contents, key=lambda sequence: contents[sequence].body_size, reverse=True):
        if left <= budget:
            break
        cut.add(sequence)
        left -= contents[sequence].body_size
    return cut


def _without_bodies(key: MessageKey, stored: StoredContent, delivery: MessageDelivery | None) -> StoredMessage:
    return StoredMessage(from_stored(key, stored, body_text=None, body_html=None, truncated=True), delivery)


def _blob_names(key: MessageKey, stored: StoredContent) -> dict[str, str]:
    """The names of the bodies that live in the bucket, by kind."""
    sizes = {TEXT: stored.text_blob_size, HTML: stored.html_blob_size}
    return {kind: _blob_name(key, kind) for kind, size in sizes.items() if size is not None}


def _blob_name(key: MessageKey, kind: str) -> str:
    return f"bodies/{encode(key.inbox_number, 12)}/{key.sequence}/{kind}"
