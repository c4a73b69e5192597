"""Files in the bucket, and in the table what they are and which messages use them.

    uploads/{id}       an upload that no message uses; a rule of the bucket removes what is older than a day
    attachments/{id}   the bytes that messages carry, copied from there before the first use is noted

A copy whose use was never noted (the process died in between) is read by nobody and overwritten by the next try; it
stays when there is none. A late PUT to an upload link reaches `uploads/` alone and changes nothing that was sent.

Each use is an item of its own beside the file's, and the file counts them: item and count change in one transaction,
so that each message counts once however often it is noted or let go. The last one marks the file as going, removes its
bytes and then its item; whoever lets go again finds the mark and finishes that.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pynamodb.expressions.update import Action

from chalicelib.domain.attachment import UNUSED_LIFETIME, Attachment, DirectUpload, UploadStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.file_name import ANY_TYPE
from chalicelib.domain.ids import AccountId, AttachmentId, MessageKey
from chalicelib.storage import keys
from chalicelib.storage.blob_store import URL_SECONDS, BlobStore
from chalicelib.storage.conditional_writes import (
    Write,
    Written,
    delete,
    new,
    update,
    update_if,
    write_together,
)
from chalicelib.storage.failures import raises_unavailable, tries
from chalicelib.storage.tables import AttachmentItem, AttachmentUseItem, batch_get

WORKERS = 8

T = TypeVar("T")
R = TypeVar("R")


@raises_unavailable
@dataclass(frozen=True)
class DynamoAttachmentStore:
    """`operations.ports.AttachmentStore` over the table and the bucket."""

    blobs: BlobStore

    def create(self, attachment: Attachment, data: bytes) -> None:
        self.blobs.put(_upload(attachment.id), data, ANY_TYPE)
        _to_item(attachment).save()

    def begin_upload(self, attachment: Attachment) -> None:
        _to_item(attachment).save()

    def upload_link(self, attachment: Attachment, now: datetime) -> DirectUpload:
        url = self.blobs.put_url(_upload(attachment.id), size=attachment.size, content_type=attachment.content_type)
        headers = (("Content-Type", attachment.content_type),)
        return DirectUpload(url, "PUT", headers, now + timedelta(seconds=URL_SECONDS))

    def find(self, ids: Sequence[AttachmentId], now: datetime) -> dict[AttachmentId, Attachment]:
        places = [keys.attachment(attachment_id) for attachment_id in dict.fromkeys(ids)]
        items = [AttachmentItem.from_raw_data(raw) for raw in batch_get([(place.pk, place.sk) for place in places])]
        found = [_from_item(item) for item in items if not item.is_going]
        # DynamoDB removes expired items late, up to days; until then they count as absent.
        return {attachment.id: attachment for attachment in found if not attachment.has_expired(now)}

    def look_for_upload(self, attachment: Attachment) -> Attachment:
        if attachment.status is UploadStatus.COMPLETE:
            return attachment
        head = self.blobs.head(_upload(attachment.id))
        if head is None or head.size != attachment.size:
            return attachment
        actions: list[Action] = [
            AttachmentItem.status.set(UploadStatus.COMPLETE.value),
            AttachmentItem.upload_tag.set(head.tag),
        ]
        awaited = AttachmentItem.status == UploadStatus.AWAITING_UPLOAD.value
        outcome = update_if(_bare_item(attachment.id), actions, awaited)
        if isinstance(outcome, Written):
            return _from_item(outcome.item)
        # Somebody else saw it arrive, or it was deleted just now.
        return attachment if outcome.found is None else _from_item(outcome.found)

    def url(self, attachment: Attachment) -> str:
        name = _kept(attachment.id) if attachment.is_used else _upload(attachment.id)
        return self.blobs.url(name, filename=attachment.filename, content_type=attachment.content_type)

    def use(self, attachments: Sequence[Attachment], message: MessageKey, now: datetime) -> frozenset[AttachmentId]:
        copied = _side_by_side(self._keep, attachments)
        gone = frozenset(each.id for each, is_there in zip(attachments, copied, strict=True) if not is_there)
        if gone:
            return gone
        left = list(attachments)
        while left:
            failed = write_together([write for each in left for write in _use(each, message, now)])
            # Each file has two places: its use, which fails when it is noted already, and itself.
            refused = [
                each.id for place, each in enumerate(left) if 2 * place + 1 in failed and 2 * place not in failed
            ]
            if refused or not failed:
                return frozenset(refused)
            left = [each for place, each in enumerate(left) if 2 * place not in failed]
        return frozenset()

    def known(self, ids: Collection[AttachmentId]) -> Mapping[AttachmentId, bool]:
        places = [keys.attachment(attachment_id) for attachment_id in dict.fromkeys(ids)]
        items = map(AttachmentItem.from_raw_data, batch_get([(place.pk, place.sk) for place in places]))
        return {AttachmentId(item.pk.removeprefix("U#")): bool(item.uses) for item in items}

    def delete_unused(self, attachment_id: AttachmentId) -> bool:
        going: list[Action] = [AttachmentItem.is_going.set(value=True)]
        outcome = update_if(_bare_item(attachment_id), going, AttachmentItem.uses == 0)
        if not isinstance(outcome, Written):
            return outcome.found is None
        self._remove(attachment_id)
        return True

    def release(self, ids: Sequence[AttachmentId], message: MessageKey, *, never_sent: bool = False) -> None:
        _side_by_side(lambda attachment_id: self._release(attachment_id, message, never_sent=never_sent), ids)

    def put_received(self, attachment: Attachment, data: bytes, message: MessageKey) -> None:
        # With its message: until the item is there, nothing else tells whose these bytes are.
        self.blobs.put(_kept(attachment.id), data, ANY_TYPE, owner=message)
        item = _to_item(attachment)
        item.uses = 1
        # Both or none: when either is there, both were written by an earlier try.
        write_together([new(_use_item(attachment.id, message)), new(item)])

    def data(self, attachment_id: AttachmentId) -> bytes | None:
        return self.blobs.get(_kept(attachment_id))

    def _keep(self, attachment: Attachment) -> bool:
        """Put an upload's bytes where no link can replace them; False when they are not those that were complete."""
        if attachment.is_used:
            return True
        return self.blobs.copy(_upload(attachment.id), _kept(attachment.id), tag=attachment.upload_tag)

    def _release(self, attachment_id: AttachmentId, message: MessageKey, *, never_sent: bool) -> None:
        use_place, place = _use_item(attachment_id, message), keys.attachment(attachment_id)
        for _ in tries():
            raw = {item["sk"]["S"]: item for item in batch_get([(place.pk, place.sk), (place.pk, use_place.sk)])}
            if place.sk not in raw:
                return
            item = AttachmentItem.from_raw_data(raw[place.sk])
            if item.is_going:
                self._remove(attachment_id)
                return
            if use_place.sk not in raw:
                return
            is_last = item.uses == 1
            is_upload_again = never_sent and item.inbox_number is None  # its bytes still lie where they were uploaded
            actions: list[Action] = [AttachmentItem.uses.set(AttachmentItem.uses - 1)]
            if is_last and is_upload_again:
                actions.append(AttachmentItem.ttl.set(datetime.fromisoformat(item.created_at) + UNUSED_LIFETIME))
            elif is_last:
                actions.append(AttachmentItem.is_going.set(value=True))
            unchanged = AttachmentItem.uses == 1 if is_last else AttachmentItem.uses > 1
            used = delete(use_place, AttachmentUseItem.pk.exists())
            if write_together([used, update(_bare_item(attachment_id), actions, unchanged)]):
                continue  # others came or went meanwhile
            if is_last and not is_upload_again:
                self._remove(attachment_id)
            return
        raise Unavailable("Too many messages use this file at once.")

    def _remove(self, attachment_id: AttachmentId) -> None:
        """The bytes first: as long as the item is there, whoever lets go again finds what is left to do."""
        self.blobs.delete(_kept(attachment_id))
        self.blobs.delete(_upload(attachment_id))
        _bare_item(attachment_id).delete()


def _use(attachment: Attachment, message: MessageKey, now: datetime) -> tuple[Write, Write]:
    """For a transaction: that the message uses the file, once, if it is still to be had."""
    item = _bare_item(attachment.id)
    actions: list[Action] = [AttachmentItem.uses.add(1), AttachmentItem.ttl.remove()]
    usable = (
        (AttachmentItem.account_id == attachment.account_id)
        & (AttachmentItem.status == UploadStatus.COMPLETE.value)
        & AttachmentItem.is_going.does_not_exist()
        & (AttachmentItem.ttl.does_not_exist() | (AttachmentItem.ttl > now))
    )
    return new(_use_item(attachment.id, message)), update(item, actions, usable)


def _side_by_side(work: Callable[[T], R], members: Sequence[T]) -> list[R]:
    if len(members) < 2:
        return [work(member) for member in members]
    with ThreadPoolExecutor(WORKERS) as workers:
        return list(workers.map(work, members))


def _upload(attachment_id: AttachmentId) -> str:
    return f"uploads/{attachment_id}"


def _kept(attachment_id: AttachmentId) -> str:
    return f"attachments/{attachment_id}"


def _bare_item(attachment_id: AttachmentId) -> AttachmentItem:
    place = keys.attachment(attachment_id)
    return AttachmentItem(place.pk, place.sk)


def _use_item(attachment_id: AttachmentId, message: MessageKey) -> AttachmentUseItem:
    place = keys.attachment_use(attachment_id, message.inbox_number, message.sequence)
    return AttachmentUseItem(place.pk, place.sk)


def _to_item(attachment: Attachment) -> AttachmentItem:
    item = _bare_item(attachment.id)
    item.account_id = attachment.account_id
    item.filename = attachment.filename
    item.content_type = attachment.content_type
    item.size = attachment.size
    item.created_at = attachment.created_at.isoformat()
    item.status = attachment.status.value
    item.uses = 0
    item.inbox_number = attachment.inbox_number
    item.withheld = True if attachment.withheld else None
    item.upload_tag = attachment.upload_tag
    item.ttl = attachment.expires_at
    return item


def _from_item(item: Any) -> Attachment:
    is_used = bool(item.uses)
    return Attachment(
        id=AttachmentId(item.pk.removeprefix("U#")),
        account_id=AccountId(item.account_id),
        filename=item.filename,
        content_type=item.content_type,
        size=int(item.size),
        created_at=datetime.fromisoformat(item.created_at),
        status=UploadStatus(item.status),
        expires_at=None if is_used or item.ttl is None else item.ttl.astimezone(UTC),
        inbox_number=None if item.inbox_number is None else int(item.inbox_number),
        withheld=bool(item.withheld),
        upload_tag=item.upload_tag,
    )
