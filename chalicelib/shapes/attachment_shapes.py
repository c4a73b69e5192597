"""The JSON of files: by themselves, as messages name them, and where their bytes are sent to."""

from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.domain.attachment import Attachment, DirectUpload, MessageAttachment, UploadStatus
from chalicelib.operations.manage_attachments import ReadableAttachment
from chalicelib.shapes.json_shapes import Shape, Timestamp, timestamp


class AttachmentJson(Shape, frozen=True):
    """A file: uploaded to go with messages, or come with one."""

    id: Annotated[str, Meta(examples=["att_3v1x6y0a7z5k2m9q4r8t"])]
    filename: str
    content_type: str
    size: Annotated[int, Meta(description="Bytes.")]
    url: Annotated[str | None, Meta(description="Where it is read, for an hour; null until its bytes have arrived.")]
    status: UploadStatus
    expires_at: Annotated[Timestamp | None, Meta(description="When it goes unless a message uses it; null: one does.")]
    created_at: Timestamp


class MessageAttachmentJson(Shape, frozen=True):
    """A file that came or went with a message; `GET /attachments/{id}` gives a link to it."""

    id: str
    filename: str
    content_type: str
    size: int
    content_id: Annotated[str | None, Meta(description="By which the HTML body shows it: `cid:…`.")]
    disposition: Literal["attachment", "inline"]


class UploadJson(Shape, frozen=True):
    """Where the bytes of an announced file go: one request with this method, these headers and the bytes as its body."""

    id: str
    upload_url: str
    method: str
    headers: dict[str, str]
    expires_at: Annotated[Timestamp, Meta(description="Until when the link takes the bytes.")]


def attachment_as_json(readable: ReadableAttachment) -> AttachmentJson:
    attachment = readable.attachment
    return AttachmentJson(
        id=attachment.id,
        filename=attachment.filename,
        content_type=attachment.content_type,
        size=attachment.size,
        url=readable.url,
        status=attachment.status,
        expires_at=None if attachment.expires_at is None else timestamp(attachment.expires_at),
        created_at=timestamp(attachment.created_at),
    )


def message_attachment_as_json(attachment: MessageAttachment) -> MessageAttachmentJson:
    return MessageAttachmentJson(
        id=attachment.id,
        filename=attachment.filename,
        content_type=attachment.content_type,
        size=attachment.size,
        content_id=attachment.content_id,
        disposition="inline" if attachment.inline else "attachment",
    )


def upload_as_json(attachment: Attachment, upload: DirectUpload) -> UploadJson:
    return UploadJson(
        id=attachment.id,
        upload_url=upload.url,
        method=upload.method,
        headers=dict(upload.headers),
        expires_at=timestamp(upload.expires_at),
    )
