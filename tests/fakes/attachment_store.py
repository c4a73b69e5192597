"""Files and their uses in memory."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from chalicelib.domain.attachment import UNUSED_LIFETIME, Attachment, DirectUpload, UploadStatus
from chalicelib.domain.ids import AttachmentId, MessageKey

URL_LIFETIME = timedelta(hours=1)


@dataclass
class FakeAttachmentStore:
    """Behaves as the real one; `uploads` and `kept` are its two places for bytes."""

    files: dict[AttachmentId, Attachment] = field(default_factory=dict)
    uses: dict[AttachmentId, set[MessageKey]] = field(default_factory=dict)
    uploads: dict[AttachmentId, bytes] = field(default_factory=dict)
    kept: dict[AttachmentId, bytes] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def create(self, attachment: Attachment, data: bytes) -> None:
        self.uploads[attachment.id] = data
        self.files[attachment.id] = attachment

    def begin_upload(self, attachment: Attachment) -> None:
        self.files[attachment.id] = attachment

    def upload_link(self, attachment: Attachment, now: datetime) -> DirectUpload:
        headers = (("Content-Type", attachment.content_type),)
        return DirectUpload(f"https://blobs.example.com/{attachment.id}", "PUT", headers, now + URL_LIFETIME)

    def find(self, ids: Sequence[AttachmentId], now: datetime) -> dict[AttachmentId, Attachment]:
        found = {known: self.files[known] for known in ids if known in self.files}
        return {known: attachment for known, attachment in found.items() if not attachment.has_expired(now)}

    def look_for_upload(self, attachment: Attachment) -> Attachment:
        data = self.uploads.get(attachment.id)
        known = self.files.get(attachment.id, attachment)
        if known.status is UploadStatus.COMPLETE or data is None or len(data) != attachment.size:
            return known
        self.files[attachment.id] = replace(known, status=UploadStatus.COMPLETE, upload_tag=_tag(data))
        return self.files[attachment.id]

    def url(self, attachment: Attachment) -> str:
        return f"https://blobs.example.com/{'attachments' if attachment.is_used else 'uploads'}/{attachment.id}"

    def use(self, attachments: Sequence[Attachment], message: MessageKey, now: datetime) -> frozenset[AttachmentId]:
        with self._lock:
            changed = frozenset(each.id for each in attachments if not self._keep(each))
            if changed:
                return changed
            gone = frozenset(each.id for each in attachments if not self._is_usable(each, message, now))
            if gone:
                return gone
            for each in attachments:
                self.files[each.id] = replace(self.files[each.id], expires_at=None)
                self.uses.setdefault(each.id, set()).add(message)
            return frozenset()

    def release(self, ids: Sequence[AttachmentId], message: MessageKey, *, never_sent: bool = False) -> None:
        with self._lock:
            for known in ids:
                users = self.uses.get(known, set())
                if message in users:
                    users.remove(message)
                    if users:
                        continue
                    file = self.files[known]
                    if never_sent and file.inbox_number is None:
                        expires_at = (file.created_at + UNUSED_LIFETIME).replace(microsecond=0)
                        self.files[known] = replace(file, expires_at=expires_at)
                    else:
                        self._remove(known)

    def delete_unused(self, attachment_id: AttachmentId) -> bool:
        with self._lock:
            if self.uses.get(attachment_id):
                return False
            self._remove(attachment_id)
            return True

    def known(self, ids: Collection[AttachmentId]) -> Mapping[AttachmentId, bool]:
        return {known: bool(self.uses.get(known)) for known in ids if known in self.files}

    def put_received(self, attachment: Attachment, data: bytes, message: MessageKey) -> None:
        with self._lock:
            self.kept[attachment.id] = data
            if attachment.id not in self.files:
                self.files[attachment.id] = attachment
                self.uses[attachment.id] = {message}

    def data(self, attachment_id: AttachmentId) -> bytes | None:
        return self.kept.get(attachment_id)

    def _keep(self, attachment: Attachment) -> bool:
        if attachment.is_used:
            return True
        data = self.uploads.get(attachment.id)
        if data is None or (attachment.upload_tag is not None and _tag(data) != attachment.upload_tag):
            return False
        self.kept[attachment.id] = data
        return True

    def _is_usable(self, attachment: Attachment, message: MessageKey, now: datetime) -> bool:
        if message in self.uses.get(attachment.id, ()):
            return True
        known = self.files.get(attachment.id)
        return (
            known is not None
            and known.account_id == attachment.account_id
            and known.status is UploadStatus.COMPLETE
            and not known.has_expired(now)
        )

    def _remove(self, attachment_id: AttachmentId) -> None:
        for place in (self.files, self.uses, self.uploads, self.kept):
            place.pop(attachment_id, None)


def _tag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
