"""The world with all that it keeps in a table and a bucket, every call of theirs under watch, and a scan of what is there."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.ids import AttachmentId, MessageKey, decode, encode
from chalicelib.domain.receipt import Receipt
from chalicelib.operations.dead_messages import Coroner
from chalicelib.operations.holds_all import HoldsAll
from chalicelib.operations.housekeeping import KeepHouse
from chalicelib.operations.tidy_bucket import TidyBucket
from chalicelib.operations.tidy_inbound import TidyInbound
from chalicelib.operations.tidy_table import TidyTable
from chalicelib.storage.attachment_store import DynamoAttachmentStore
from chalicelib.storage.blob_store import S3BlobStore
from chalicelib.storage.bucket_walk import S3BucketWalk
from chalicelib.storage.filing_store import DynamoFilingStore
from chalicelib.storage.message_id_header_store import DynamoMessageIdHeaders
from chalicelib.storage.message_store import DynamoMessageStore
from chalicelib.storage.received_mails import S3ReceivedMails, receipt_metadata
from chalicelib.storage.source_links import BucketSourceLinks
from chalicelib.storage.table_walk import DynamoTableWalk
from chalicelib.storage.tables import client, table_name
from chalicelib.storage.walk_store import DynamoSequenceMarks, DynamoWalkStore
from tests.fakes.s3 import FakeS3
from tests.operations.watched import Effect, Watch
from tests.storage.stored_world import StoredWorld

BUCKET = "mail"
ROUND = timedelta(hours=7)  # after which every walk goes round again, and a look at an inbox is an hour old
OUTSIDE = {"send_queue", "provider", "inbound_queue"}  # the ports that are not a table and a bucket


class KeptWorld(StoredWorld):
    """`page_items` and `page_objects` are small, so that a walk has many steps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, page_items: int = 40, page_objects: int = 40) -> None:
        self._page_items, self._page_objects = page_items, page_objects
        super().__init__()
        self._stand_between(monkeypatch)

    def _wire(self) -> None:
        self.s3 = FakeS3(self.clock)
        s3: Any = self.s3
        blobs = S3BlobStore(s3, BUCKET)
        self.messages = DynamoMessageStore(blobs)
        self.attachments: Any = DynamoAttachmentStore(blobs)
        self.source_links: Any = BucketSourceLinks(blobs)
        self.filings: Any = DynamoFilingStore()
        self.mails: Any = S3ReceivedMails(s3, BUCKET)
        self.message_id_headers: Any = DynamoMessageIdHeaders()
        super()._wire()
        bucket, marks = S3BucketWalk(s3, BUCKET, self._page_objects), DynamoSequenceMarks()
        coroner = Coroner(self.index, marks, self.abandon_reservation)
        send_queue = self._watched("send_queue", self.send_queue)
        inbound_queue = self._watched("inbound_queue", self.inbound_queue)
        table = TidyTable(
            DynamoTableWalk(self._page_items),
            bucket,
            marks,
            self.index,
            self.threads,
            self.attachments,
            send_queue,
            coroner,
            HoldsAll(self.switch_store, self.inboxes),
        )
        rounds = (table, TidyBucket(bucket, self.attachments, coroner), TidyInbound(bucket, self.mails, inbound_queue))
        self.keep_house = KeepHouse(rounds, DynamoWalkStore(), self.clock)

    def _watched(self, name: str, port: Any) -> Any:
        return super()._watched(name, port) if name in OUTSIDE else port

    def _stand_between(self, monkeypatch: pytest.MonkeyPatch) -> None:
        dynamodb: Any = client()
        for made, method in ((dynamodb, "_make_api_call"), (self.s3, "call")):
            real = getattr(made, method)

            def call(operation: str, wanted: Any, real: Any = real) -> Any:
                effect: Effect = lambda: real(operation, wanted)  # noqa: E731
                return self._watch(operation, effect)

            monkeypatch.setattr(made, method, call)

    # ---------------------------------------------------------------------------------------- housekeeping

    def rounds(self, count: int = 3, nap: timedelta = ROUND) -> None:
        """Let time pass and every walk go round, so many times."""
        for _ in range(count):
            self.clock.now += nap
            for _ in range(60):
                self.keep_house()
                if all(DynamoWalkStore().get(name).after is None for name in ("table", "bucket", "inbound")):
                    break
            else:
                raise AssertionError("a round does not end")

    def unwatched_rounds(self, count: int, nap: timedelta = ROUND) -> None:
        """The same, done by others than the one that is watched."""
        watch: Watch = self._watch
        with self.watching(lambda _, effect: effect()):
            self.rounds(count, nap)
        self._watch = watch

    def come_to_rest(self) -> None:
        """Everything is delivered again, and the house is kept until nothing is left to do."""
        for _ in range(5):
            self.work()
            self._receive_again()
            self.rounds(1)
        self.work()
        self._receive_again()

    def _receive_again(self) -> None:
        receipts: list[Receipt] = [*self.inbound_queue.notices]
        self.inbound_queue.notices.clear()
        for receipt in receipts:
            if receipt.blob in self.s3.objects:
                self.receive_message(receipt)

    def mail(self, raw: bytes, receipt: Receipt) -> None:
        """SES has stored a mail, with its receipt."""
        self.s3.put_object(Bucket=BUCKET, Key=receipt.blob, Body=raw, Metadata=dict(receipt_metadata(receipt)))

    # -------------------------------------------------------------------------------------- what is there

    def items(self) -> list[dict[str, Any]]:
        """The whole table."""
        pages = client().get_paginator("scan").paginate(TableName=table_name(), ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def picture(self) -> dict[str, Any]:
        """All that is there but what housekeeping notes of itself."""
        table = {
            f"{item['pk']['S']} {item['sk']['S']}": item
            for item in self.items()
            if item["sk"]["S"] != "Q" and not item["sk"]["S"].startswith("W#")
        }
        return table | {name: stored.data for name, stored in self.s3.objects.items()}

    def assert_nothing_is_left(self) -> None:
        """Table and bucket hold what the visible messages and the unused uploads need: no less, and nothing else."""
        self.assert_agrees()
        needed = set(self._needed())
        found = {
            f"{item['pk']['S']} {item['sk']['S']}"
            for item in self.items()
            if item["pk"]["S"][:2] in ("I#", "U#", "S#") and item["sk"]["S"][:2] not in ("F#", "F:", "D#", "Q", "P#")
        } | set(self.s3.objects)
        assert found - needed == set()
        assert {name for name in needed if not name.startswith("?")} - found == set()

    def _needed(self) -> Iterator[str]:
        used: dict[AttachmentId, int] = {}
        for key in self.listed():
            stored = self.messages.get(key)
            assert stored is not None
            content, partition = stored.content, "I#" + _inbox(key)
            assert not content.body_truncated
            yield f"{partition} M#{key.sequence:011}"
            if stored.delivery is not None:
                yield f"{partition} M#{key.sequence:011}#V"
                if stored.delivery.ses_message_id is not None:
                    yield f"S#{stored.delivery.ses_message_id} S"
            yield f"{partition} T#{content.thread.first_sequence:011}"
            if content.arrival is not None:
                yield f"{partition} R#{content.arrival.ses_message_id}"
                yield f"raw/{_inbox(key)}/{key.sequence}"
            for file in {each.id for each in content.attachments}:
                used[file] = used.get(file, 0) + 1
                yield f"U#{file} U#{_inbox(key)}#{key.sequence:011}"
                yield f"attachments/{file}"
            if len(content.body_text or "") > 300_000:
                yield f"bodies/{_inbox(key)}/{key.sequence}/text"
        yield from self._needed_by_items(used)

    def _needed_by_items(self, used: dict[AttachmentId, int]) -> Iterator[str]:
        """What stands for itself: a Message-ID of a visible message, the record of a deleted mail, a file."""
        for item in self.items():
            partition, sort_key = item["pk"]["S"], item["sk"]["S"]
            if partition.startswith("S#"):
                # Also of a message whose delivery item does not name it: its worker died right after SES had answered.
                if self.phase(MessageKey(int(item["in"]["N"]), int(item["sq"]["N"]))).visible:
                    yield f"{partition} {sort_key}"
            elif partition.startswith("I#") and sort_key.startswith("H#"):
                if self.phase(MessageKey(decode(partition[2:]), int(item["sq"]["N"]))).visible:
                    yield f"{partition} {sort_key}"
            elif partition.startswith("I#") and sort_key.startswith("R#") and "de" in item:
                yield f"{partition} {sort_key}"
            elif partition.startswith("U#") and sort_key == "U":
                yield from self._needed_by_file(AttachmentId(partition[2:]), item, used)
        for file in used:
            yield f"U#{file} U"

    def _needed_by_file(self, file: AttachmentId, item: dict[str, Any], used: dict[AttachmentId, int]) -> Iterator[str]:
        count = int(item["u"]["N"])
        assert count == used.get(file, 0)
        assert "g" not in item
        if count or int(item["ttl"]["N"]) > self.clock().timestamp():
            yield f"U#{file} U"
            yield f"?uploads/{file}"  # where messages have copies of their own: until it is a day old


def _inbox(key: MessageKey) -> str:
    return encode(key.inbox_number, 12)
