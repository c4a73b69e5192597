"""What an inbox holds, swept away part by part: by whole items, for nobody looks at its lists any more.

The cells go first. Every bucket becomes one of dead cells, so that whoever is still at work on a message finds it gone: a
commit is refused, a queued mail is not sent, news is dropped. The dead buckets stay, a kilobyte for 480 messages with nothing
in it, for a job or a notice may come weeks later.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.domain.ids import AttachmentId, MessageKey, encode
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.log_lines import log_of
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import AttachmentStore, BucketWalk
from chalicelib.operations.ports.erasures import Aged, Swept
from chalicelib.storage import keys
from chalicelib.storage.cell_list import CellList
from chalicelib.storage.cell_pages import place
from chalicelib.storage.conditional_writes import delete, put, update, write_together
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.id_key_store import load_or_create_id_key
from chalicelib.storage.message_codec import UnreadableItem, read_content, read_delivery
from chalicelib.storage.sweeping import page_of, place_of, put_all, remove
from chalicelib.storage.tables import AddressItem, ForgottenAddressItem, InboxItem, query

logger = log_of(__name__)

BUCKETS_AT_ONCE = 50  # 24,000 messages
OLDEST = 8  # messages that are looked at when something may have grown old
_BLOBS = ("raw", "bodies", "links")
_MESSAGES = "begins_with(sk, :prefix)"
_PREFIX = {":prefix": {"S": "M#"}}


@raises_unavailable
@dataclass(frozen=True)
class DynamoInboxRemains:
    """`operations.ports.InboxRemains` over the table and the bucket."""

    bucket: BucketWalk
    attachments: AttachmentStore

    def close(self, inbox: Inbox, after: str) -> Swept:
        partition = keys.inbox_partition(inbox.number)
        cells = CellList(partition, keys.MESSAGE_CELLS)
        newest = int(after) - 1 if after else place(inbox.next_sequence - 1).bucket
        numbers = range(newest, max(-1, newest - BUCKETS_AT_ONCE), -1)
        put_all([cells.filled(number, MessagePhase.GONE.value) for number in numbers])
        if numbers and numbers[-1] > 0:
            return Swept(str(numbers[-1]), len(numbers))
        # Behind the last bucket: as long as one is sealed, whoever reads it needs the head.
        directories = page_of(partition, _MESSAGES, {":prefix": {"S": keys.DIRECTORY}}, limit=1_000)
        remove([(partition, keys.HEAD), *map(place_of, directories)])
        return Swept(None, len(numbers))

    def forget_name(self, inbox: Inbox) -> None:
        if not inbox.address:
            return
        known, forgotten = keys.address(inbox.address), keys.forgotten_address(inbox.address, load_or_create_id_key())
        item = InboxItem(keys.inbox_partition(inbox.number), keys.INBOX)
        ours = AddressItem.inbox_number == inbox.number
        emptied: list[Action] = [InboxItem.address.set(""), InboxItem.display_name.remove()]
        # Together: at no moment is the address free. Refused when it was done before, by another run.
        write_together(
            [
                put(ForgottenAddressItem(forgotten.pk, forgotten.sk)),
                delete(AddressItem(known.pk, known.sk), ours),
                update(item, emptied, InboxItem.address == inbox.address),
            ]
        )

    def sweep_messages(self, inbox_number: int) -> Swept:
        items = page_of(keys.inbox_partition(inbox_number), _MESSAGES, _PREFIX)
        for key, files in _files_in(inbox_number, items):
            self.attachments.release(files, key)
        remove((place_.pk, place_.sk) for place_ in _ses_ids_in(items))
        # The items themselves last: as long as they are there, sweeping again finds what else is left of them.
        return _swept(remove(map(place_of, items)))

    def sweep_rest(self, inbox_number: int) -> Swept:
        partition = keys.inbox_partition(inbox_number)
        items = page_of(partition, "sk > :inbox", {":inbox": {"S": keys.INBOX}})
        return _swept(remove(place_of(item) for item in items))

    def sweep_blobs(self, inbox_number: int) -> Swept:
        removed = 0
        for kind in _BLOBS:
            blobs, _ = self.bucket.page(None, f"{kind}/{encode(inbox_number, 12)}/")
            for blob in blobs:
                self.bucket.remove(blob.name)
            removed += len(blobs)
        return _swept(removed)

    def oldest(self, inbox_number: int, after: int) -> Sequence[Aged]:
        partition = keys.inbox_partition(inbox_number)
        found: list[Aged] = []
        span = {":low": {"S": keys.message(after + 1)}, ":high": {"S": "M$"}}
        for item in query(partition, "sk BETWEEN :low AND :high", span, consistent=False, page=2 * OLDEST):
            if "c" not in item:
                continue  # its deliveries
            found.append(Aged(MessageKey(inbox_number, _sequence(item)), read_content(item["c"]["B"]).created_at))
            if len(found) == OLDEST:
                break
        return found


def _swept(removed: int) -> Swept:
    return Swept("" if removed else None, removed)


def _files_in(inbox_number: int, items: Iterable[Mapping[str, Any]]) -> Iterator[tuple[MessageKey, list[AttachmentId]]]:
    for item in items:
        if "c" in item:
            try:
                files = [AttachmentId(known.id) for known in read_content(item["c"]["B"]).attachments]
            except (UnreadableItem, ValueError):
                logger.error("a message that goes cannot be read; housekeeping finds what it used")
                continue
            if files:
                yield MessageKey(inbox_number, _sequence(item)), files


def _ses_ids_in(items: Iterable[Mapping[str, Any]]) -> Iterator[keys.ItemKey]:
    for item in items:
        if "d" in item:
            try:
                known = read_delivery(item["d"]["B"], int(item["n"]["N"])).ses_message_id
            except (UnreadableItem, ValueError):
                continue
            if known is not None:
                yield keys.ses_message_id(known)


def _sequence(item: Mapping[str, Any]) -> int:
    return int(item["sk"]["S"].split("#")[1])
