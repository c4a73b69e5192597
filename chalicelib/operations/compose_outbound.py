"""Compose a stored message as the mail that SES is handed."""

from chalicelib.domain.attachment import MessageAttachment
from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.ids import PublicIds
from chalicelib.domain.message import MessageContent, own_message_id_header
from chalicelib.mime.compose import AttachmentPart, ComposeError, compose
from chalicelib.operations.ports import AttachmentStore


def compose_outbound(
    content: MessageContent, delivery: MessageDelivery | None, public_ids: PublicIds, attachments: AttachmentStore
) -> bytes:
    """The mail as SES is handed it; the same bytes each time for the same content and headers."""
    message_id = public_ids.message_id(content.key)
    return compose(
        content,
        message_id=message_id,
        message_id_header=own_message_id_header(message_id, content.sender.domain),
        in_reply_to=delivery.in_reply_to if delivery else content.in_reply_to,
        references=delivery.references if delivery else content.references,
        attachments=[_part(attachment, attachments) for attachment in content.attachments],
    )


def _part(attachment: MessageAttachment, attachments: AttachmentStore) -> AttachmentPart:
    data = attachments.data(attachment.id)
    if data is None or len(data) != attachment.size:
        raise ComposeError(
            f"the file {attachment.filename!r} is missing in storage; upload it and send the message anew"
        )
    return AttachmentPart(
        attachment.filename, attachment.content_type, data, attachment.content_id, inline=attachment.inline
    )
