"""Fills an inbox with a made-up history, through the storage code, without sending a million messages.

Buckets are written whole and then sealed by the code that seals them in life, so the index is what it would have become.
Contents and deliveries are written only where they will be read.
"""

import random
import uuid
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.prose import prose
from bench.traffic import Traffic
from chalicelib.domain.address import Mailbox
from chalicelib.domain.delivery import DeliveryReport, MessageDelivery, Reason, event_type
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.message import DeliveryMode, Direction, MessageContent
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.thread import Thread
from chalicelib.storage import keys
from chalicelib.storage.cell_pages import BUCKET_CELLS, EMPTY
from chalicelib.storage.message_codec import pack, to_stored, write_delivery
from chalicelib.storage.message_index import SEAL_EVERY, DynamoMessageIndex
from chalicelib.storage.ses_message_id_store import DynamoSesMessageIds
from chalicelib.storage.tables import ContentItem, DeliveryItem, InboxItem, client, table_name
from chalicelib.storage.thread_store import DynamoThreadStore

BODY_SIZE = 2_500  # bytes
WRITERS = 8
_BATCH = 25  # items in one BatchWriteItem
_ADA = Mailbox("ada@example.com", "Ada Lovelace")
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_LIVES = {
    MessagePhase.SENT: (),
    MessagePhase.DELIVERED: (DeliveryStatus.DELIVERED,),
    MessagePhase.FAILED: (DeliveryStatus.FAILED,),
    MessagePhase.BOUNCED: (DeliveryStatus.BOUNCED,),
    MessagePhase.COMPLAINED: (DeliveryStatus.DELIVERED, DeliveryStatus.COMPLAINED),
}
_REASONS = {
    DeliveryStatus.FAILED: Reason(
        "bounce_transient_general", "The other server refused it for some days.", "451 4.7.1"
    ),
    DeliveryStatus.BOUNCED: Reason("bounce_permanent_general", "There is no such address.", "smtp; 550 5.1.1 unknown"),
}


@dataclass(frozen=True)
class Filling:
    """An empty inbox, and the history it is to get."""

    inbox: Inbox
    traffic: Traffic

    def write_index(self) -> None:
        """The inbox's counters, all buckets, and what sealing makes of them."""
        cells = self.traffic.cells
        buckets = [cells[start : start + BUCKET_CELLS] for start in range(0, len(cells), BUCKET_CELLS)]
        for start in range(0, len(buckets), _BATCH):
            batch = enumerate(buckets[start : start + _BATCH], start)
            _write([{"PutRequest": {"Item": self._bucket(number, text)}} for number, text in batch])
        self._count()
        # The last message that made a sender look whether a bucket is due.
        looked = MessageKey(self.inbox.number, (len(cells) - 1) // SEAL_EVERY * SEAL_EVERY)
        while DynamoMessageIndex().seal_due(looked):
            pass

    def write_messages(self, sequences: Collection[int]) -> None:
        """Contents and deliveries."""
        with ContentItem.batch_write() as batch:
            for sequence in sequences:
                data = pack(to_stored(self.content(sequence)))
                batch.save(ContentItem(self._partition, keys.message(sequence), content=data))
        with DeliveryItem.batch_write() as batch:
            for sequence in sequences:
                known = self.delivery(sequence)
                if known is not None:
                    data = write_delivery(known)
                    key = keys.delivery(sequence)
                    batch.save(DeliveryItem(self._partition, key, version=known.version, delivery=data))

    def write_threads(self, sequences: Collection[int]) -> None:
        """The threads of these messages."""
        with ThreadPoolExecutor(WRITERS) as writers:
            list(writers.map(self._write_thread, {self.traffic.threads[sequence] for sequence in sequences}))

    def write_ses_ids(self, sequences: Collection[int]) -> None:
        """What finds these messages when SES reports about them."""
        for sequence in sequences:
            DynamoSesMessageIds().put(self.ses_message_id(sequence), MessageKey(self.inbox.number, sequence))

    def content(self, sequence: int) -> MessageContent:
        number = self.inbox.number
        first = self.traffic.threads[sequence]
        inbound = self.traffic.phases[sequence] is MessagePhase.RECEIVED
        ours = Mailbox(self.inbox.address, self.inbox.display_name or "")
        return MessageContent(
            key=MessageKey(number, sequence),
            thread=ThreadKey(number, first),
            account_id=self.inbox.account_id,
            direction=Direction.INBOUND if inbound else Direction.OUTBOUND,
            mode=DeliveryMode.DRY_RUN,
            sender=_ADA if inbound else ours,
            to=(ours,) if inbound else (_ADA,),
            cc=(),
            bcc=(),
            reply_to=(),
            subject=f"Your order {first}",
            body_text=prose(BODY_SIZE, random.Random(sequence)),
            body_html=None,
            headers={},
            metadata={},
            in_reply_to=None,
            references=(),
            created_at=_accepted_at(sequence),
        )

    def delivery(self, sequence: int) -> MessageDelivery | None:
        """The delivery item of a message we sent, as each step of its life has left it."""
        phase = self.traffic.phases[sequence]
        if phase is MessagePhase.RECEIVED:
            return None
        at = _accepted_at(sequence)
        known = MessageDelivery.begin([_ADA.address], at)
        for status in (DeliveryStatus.SENDING, DeliveryStatus.SENT, *_LIVES[phase]):
            at += timedelta(milliseconds=700)
            known, _ = known.apply(self._report(sequence, status, at))
            known = replace(known, version=known.version + 1)
            if status is DeliveryStatus.SENDING:
                known = replace(known, submitted_at=at)
            if status is DeliveryStatus.SENT:
                known = replace(known, message_id_header=f"<{known.ses_message_id}@email.amazonses.com>")
        return known

    def ses_message_id(self, sequence: int) -> str:
        """An id of SES's shape."""
        chance = random.Random(f"{self.inbox.number}.{sequence}")
        return f"0100{chance.getrandbits(48):012x}-{uuid.UUID(int=chance.getrandbits(128))}-000000"

    def _report(self, sequence: int, status: DeliveryStatus, at: datetime) -> DeliveryReport:
        key = MessageKey(self.inbox.number, sequence)
        ours = status in (DeliveryStatus.SENDING, DeliveryStatus.SENT)  # found out by ourselves, not told by SES
        return DeliveryReport(
            key,
            event_type(status.shown),
            status,
            at,
            None if ours else _ADA.address,
            every_recipient=ours,
            reason=_REASONS.get(status),
            ses_message_id=None if status is DeliveryStatus.SENDING else self.ses_message_id(sequence),
        )

    def _write_thread(self, first: int) -> None:
        content = self.content(first)
        key = ThreadKey(self.inbox.number, first)
        people = (content.sender.address, content.to[0].address)
        store = DynamoThreadStore()
        store.begin(Thread(key, self.inbox.account_id, content.subject, people, 1, content.created_at))
        for sequence in self.traffic.members[first][1:]:
            store.join(key, sequence, people)

    def _count(self) -> None:
        """Give the inbox the counters it has after this history."""
        phases = self.traffic.phases
        sent = sum(phase is not MessagePhase.RECEIVED for phase in phases)
        InboxItem(self._partition, keys.INBOX).update(
            actions=[
                InboxItem.next_sequence.set(len(phases)),
                InboxItem.total_sent.set(sent),
                InboxItem.bounce_count.set(phases.count(MessagePhase.BOUNCED)),
                InboxItem.complaint_count.set(phases.count(MessagePhase.COMPLAINED)),
            ]
        )

    def _bucket(self, number: int, cells: str) -> dict[str, Any]:
        key = {"pk": {"S": self._partition}, "sk": {"S": keys.bucket(keys.MESSAGE_CELLS, number)}}
        return {**key, "st": {"L": [{"S": character} for character in cells.ljust(BUCKET_CELLS, EMPTY)]}}

    @property
    def _partition(self) -> str:
        return keys.inbox_partition(self.inbox.number)


def _write(requests: list[Any]) -> None:
    left: Any = {table_name(): requests}
    while left:
        left = client().batch_write_item(RequestItems=left)["UnprocessedItems"]


def _accepted_at(sequence: int) -> datetime:
    return _BEGAN + timedelta(seconds=sequence * 20)
