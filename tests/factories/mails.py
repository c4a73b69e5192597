"""Composed mails for tests, with the ids and headers a test does not care about filled in."""

from collections.abc import Sequence

from chalicelib.domain.message import MessageContent
from chalicelib.mime.compose import AttachmentPart, compose

MESSAGE_ID = "msg_0123456789abcdefghjk"
MESSAGE_ID_HEADER = f"<{MESSAGE_ID}@mail.example.com>"


def compose_mail(
    content: MessageContent,
    *,
    message_id: str = MESSAGE_ID,
    message_id_header: str = MESSAGE_ID_HEADER,
    in_reply_to: str | None = None,
    references: Sequence[str] = (),
    attachments: Sequence[AttachmentPart] = (),
) -> bytes:
    return compose(
        content,
        message_id=message_id,
        message_id_header=message_id_header,
        in_reply_to=in_reply_to,
        references=references,
        attachments=attachments,
    )
