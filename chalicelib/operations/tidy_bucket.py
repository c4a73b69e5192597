"""Housekeeping's walk through the bucket: bytes whose message or file never came to be or is gone.

| Object                         | goes when                                                                     |
|--------------------------------|-------------------------------------------------------------------------------|
| `bodies/`, `raw/`              | its message is dead                                                           |
| `links/`                       | its message is dead, or it is a day old                                       |
| `attachments/`                 | there is no such file, and the message it came with, if any, is dead          |
| `uploads/`                     | it is a day old, and there is no such file or messages have their own copy    |

Anything else is left alone. `inbound/` is mail, and the business of `tidy_inbound.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from chalicelib.domain.attachment import UNUSED_LIFETIME
from chalicelib.domain.ids import AttachmentId, InvalidId, MessageKey, decode
from chalicelib.operations.dead_messages import Coroner, Inquest
from chalicelib.operations.housekeeping import Repair, Step, judged, repair_each
from chalicelib.operations.ports import AttachmentStore, BucketWalk, SeenBlob

EVERY = timedelta(hours=6)
YOUNG = timedelta(hours=1)  # what a request may still be at work on
DAY_OLD = UNUSED_LIFETIME + timedelta(hours=1)  # an upload that is not noted by now would be noted as expired

OF_MESSAGES = ("bodies", "raw", "links")


@dataclass(frozen=True)
class TidyBucket:
    """One round through the bucket (`housekeeping.Round`)."""

    bucket: BucketWalk
    attachments: AttachmentStore
    coroner: Coroner
    name: str = "bucket"
    every: timedelta = EVERY

    def step(self, after: str | None, now: datetime) -> Step:
        blobs, following = self.bucket.page(after)
        old = [blob for blob in blobs if blob.modified_at + YOUNG < now]
        # Read before the files are: one that comes to be in between is of a message that was not dead.
        owners = self._owners(old)
        inquest = judged(lambda: self.coroner.look(owners.values(), now))
        if inquest is None:
            return Step(following, 0)
        files = self._files(old)
        repairs: list[tuple[str, Repair]] = [
            (blob.name, partial(self._remove, blob, owners.get(blob.name), inquest, now))
            for blob in old
            if self._may_go(blob, owners.get(blob.name), files, now)
        ]
        return Step(following, repair_each(repairs))

    def _owners(self, blobs: Sequence[SeenBlob]) -> dict[str, MessageKey]:
        """The messages whose bytes these are, as far as their names tell."""
        owners = {blob.name: _message_in(blob.name) for blob in blobs}
        return {name: key for name, key in owners.items() if key is not None}

    def _files(self, blobs: Sequence[SeenBlob]) -> dict[AttachmentId, bool]:
        ids = [found for blob in blobs if (found := _file_in(blob.name)) is not None]
        return dict(self.attachments.known(ids)) if ids else {}

    def _may_go(self, blob: SeenBlob, owner: MessageKey | None, files: dict[AttachmentId, bool], now: datetime) -> bool:
        file, kind = _file_in(blob.name), blob.name.partition("/")[0]
        if kind == "attachments" and file is not None:
            return file not in files
        if kind == "uploads" and file is not None:
            return blob.modified_at + DAY_OLD < now and files.get(file, True)
        return owner is not None

    def _remove(self, blob: SeenBlob, owner: MessageKey | None, inquest: Inquest, now: datetime) -> bool:
        kind = blob.name.partition("/")[0]
        is_old_link = kind == "links" and blob.modified_at + DAY_OLD < now
        if kind == "attachments":
            owner = self.bucket.owner(blob.name)
            inquest = self.coroner.look([owner] if owner else [], now)
        if owner is not None and not is_old_link and not inquest.bury(owner):
            return False
        self.bucket.remove(blob.name)
        return True


def _message_in(name: str) -> MessageKey | None:
    """The message that an object is named after."""
    kind, *rest = name.split("/")
    if kind not in OF_MESSAGES or len(rest) < 2 or not rest[1].isdecimal():
        return None
    try:
        return MessageKey(decode(rest[0]), int(rest[1]))
    except InvalidId:
        return None


def _file_in(name: str) -> AttachmentId | None:
    """The file that an object is named after."""
    kind, _, rest = name.partition("/")
    return AttachmentId(rest) if kind in ("attachments", "uploads") and rest else None
