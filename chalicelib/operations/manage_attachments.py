"""Files by themselves: uploaded through us or past us, read by link, deleted while no message uses them."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.domain.account import Caller
from chalicelib.domain.attachment import (
    FILE_LIMIT,
    UNUSED_LIFETIME,
    Attachment,
    DirectUpload,
    UploadStatus,
)
from chalicelib.domain.errors import Conflict, ErrorCode, InvalidInput
from chalicelib.domain.file_name import clean_filename, likely_type
from chalicelib.domain.ids import AttachmentId, new_attachment_id
from chalicelib.domain.times import to_milliseconds
from chalicelib.operations.access import require_attachment
from chalicelib.operations.ports import AttachmentStore, Clock


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file as its owner describes it; without a media type, the name's ending decides."""

    filename: str
    content_type: str | None
    size: int  # bytes

    def to_attachment(self, caller: Caller, clock: Clock, status: UploadStatus) -> Attachment:
        """Raises InvalidInput for a size no file may have."""
        _check_size(self.size)
        now, filename = to_milliseconds(clock()), clean_filename(self.filename)
        return Attachment(
            id=new_attachment_id(),
            account_id=caller.account_id,
            filename=filename,
            content_type=self.content_type or likely_type(filename),
            size=self.size,
            created_at=now,
            status=status,
            expires_at=(now + UNUSED_LIFETIME).replace(microsecond=0),  # a time to live is in whole seconds
        )


@dataclass(frozen=True, slots=True)
class ReadableAttachment:
    """A file, and the link it is read by; None until its bytes have arrived."""

    attachment: Attachment
    url: str | None


NameAttachment = Callable[[AttachmentId], None]
"""Called with the id before anything is stored under it."""


@dataclass(frozen=True)
class UploadAttachment:
    """Store a file for messages to come."""

    attachments: AttachmentStore
    clock: Clock

    def __call__(
        self, file: NewFile, data: bytes, *, caller: Caller, name_resource: NameAttachment
    ) -> ReadableAttachment:
        attachment = file.to_attachment(caller, self.clock, UploadStatus.COMPLETE)
        name_resource(attachment.id)
        self.attachments.create(attachment, data)
        return ReadableAttachment(attachment, self.attachments.url(attachment))


@dataclass(frozen=True)
class BeginUpload:
    """Announce a file whose bytes go straight to storage."""

    attachments: AttachmentStore
    clock: Clock

    def __call__(self, file: NewFile, *, caller: Caller, name_resource: NameAttachment) -> Attachment:
        attachment = file.to_attachment(caller, self.clock, UploadStatus.AWAITING_UPLOAD)
        name_resource(attachment.id)
        self.attachments.begin_upload(attachment)
        return attachment


@dataclass(frozen=True)
class LinkUpload:
    """Where the bytes of an announced file go."""

    attachments: AttachmentStore
    clock: Clock

    def __call__(self, attachment: Attachment) -> DirectUpload:
        return self.attachments.upload_link(attachment, self.clock())


@dataclass(frozen=True)
class GetAttachment:
    """A file with a fresh link."""

    attachments: AttachmentStore
    clock: Clock

    def __call__(self, attachment_id: AttachmentId, caller: Caller) -> ReadableAttachment:
        found = require_attachment(self.attachments, attachment_id, caller, self.clock())
        if found.withheld:
            raise Conflict(
                "This file came with a mail in which Amazon SES found a virus, so it is withheld.",
                fix="Ask the sender for a clean copy; the message itself can still be read.",
                code=ErrorCode.ATTACHMENT_WITHHELD,
            )
        attachment = self.attachments.look_for_upload(found)
        is_there = attachment.status is UploadStatus.COMPLETE
        return ReadableAttachment(attachment, self.attachments.url(attachment) if is_there else None)


@dataclass(frozen=True)
class DeleteAttachment:
    """Delete a file that no message uses; the others go with their messages."""

    attachments: AttachmentStore
    clock: Clock

    def __call__(self, attachment_id: AttachmentId, caller: Caller) -> None:
        found = require_attachment(self.attachments, attachment_id, caller, self.clock())
        if not self.attachments.delete_unused(found.id):
            raise InvalidInput(
                {"attachmentId": ["a message uses this file, and messages never change"]},
                fix="Delete the messages that use it; the file goes with the last of them.",
            )


def _check_size(size: int) -> None:
    if size < 1:
        raise InvalidInput({"size": ["the file is empty"]}, fix="Send a file that has at least one byte.")
    if size > FILE_LIMIT:
        raise InvalidInput(
            {"size": [f"the file has {size:,} bytes; at most {FILE_LIMIT:,} (10 MiB) are possible"]},
            fix="Send a smaller file, or put it elsewhere and send a link to it.",
            code=ErrorCode.ATTACHMENT_TOO_LARGE,
        )
