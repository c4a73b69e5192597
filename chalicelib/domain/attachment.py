"""Files: uploaded to go with messages, or come with them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.ids import AccountId, AttachmentId

FILE_LIMIT = 10 * 1024 * 1024
"""Bytes of one uploaded file."""

MESSAGE_FILES_LIMIT = 10
MESSAGE_BYTES_LIMIT = 25 * 1024 * 1024
"""How many uploaded files one message carries, and how many bytes they have together."""

UNUSED_LIFETIME = timedelta(hours=24)
"""After which an upload that no message uses is gone."""


class UploadStatus(StrEnum):
    """Whether a file's bytes are there."""

    AWAITING_UPLOAD = "awaiting_upload"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of an account. Its bytes never change once a message uses it."""

    id: AttachmentId
    account_id: AccountId
    filename: str
    content_type: str
    size: int  # bytes; of a direct upload what was announced, and nothing else is taken for complete
    created_at: datetime
    status: UploadStatus = UploadStatus.COMPLETE
    expires_at: datetime | None = None  # set as long as no message uses it
    inbox_number: int | None = None  # the inbox whose mail it came with; None: it was uploaded
    withheld: bool = False  # it came with a mail that the virus scan failed, and is never handed out
    upload_tag: str | None = None  # of a direct upload that has arrived: S3's ETag, so that no other bytes replace it

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    @property
    def is_used(self) -> bool:
        """Whether a message carries it."""
        return self.expires_at is None


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file as a draft names it: by its id, and where it stands in the mail."""

    id: AttachmentId
    content_id: str | None = None  # without angle brackets
    inline: bool = False


@dataclass(frozen=True, slots=True)
class MessageAttachment:
    """A file as a message names it; its bytes lie in the bucket under its id."""

    id: AttachmentId
    filename: str
    content_type: str
    size: int  # bytes
    content_id: str | None = None  # without angle brackets; the HTML shows it as `cid:…`
    inline: bool = False


@dataclass(frozen=True, slots=True)
class DirectUpload:
    """Where and how the bytes of a file are sent to storage, past the API; the link dies at `expires_at`."""

    url: str
    method: str
    headers: tuple[tuple[str, str], ...]
    expires_at: datetime


def ids_of(attachments: Iterable[MessageAttachment]) -> tuple[AttachmentId, ...]:
    """Each file once, however often a message shows it."""
    return tuple(dict.fromkeys(attachment.id for attachment in attachments))
