"""The files of a received mail, as one inbox's message has them."""

from dataclasses import dataclass

from chalicelib.domain.arrival import Verdict
from chalicelib.domain.attachment import Attachment, MessageAttachment
from chalicelib.domain.ids import AccountId, AttachmentId, MessageKey, derived_text
from chalicelib.operations.received_content import ReceivedMail


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file as the message names it, and its bytes."""

    in_message: MessageAttachment
    data: bytes

    def stored(self, mail: ReceivedMail, key: MessageKey, account_id: AccountId) -> Attachment:
        """The file by itself. From a mail in which a virus was found nothing is handed out."""
        return Attachment(
            id=self.in_message.id,
            account_id=account_id,
            filename=self.in_message.filename,
            content_type=self.in_message.content_type,
            size=self.in_message.size,
            created_at=mail.received_at,
            inbox_number=key.inbox_number,
            withheld=mail.receipt.authentication.virus is Verdict.FAIL,
        )


def received_files(mail: ReceivedMail, key: MessageKey) -> tuple[ReceivedFile, ...]:
    """Ids follow from the mail and the message, so that a second try stores the same files again and no others."""
    return tuple(
        ReceivedFile(
            MessageAttachment(
                id=_id(mail, key, position),
                filename=file.filename,
                content_type=file.content_type,
                size=len(file.data),
                content_id=file.content_id,
                inline=file.inline,
            ),
            file.data,
        )
        for position, file in enumerate(mail.parsed.attachments)
    )


def _id(mail: ReceivedMail, key: MessageKey, position: int) -> AttachmentId:
    place = f"{key.inbox_number}.{key.sequence}.{position}"
    return AttachmentId("att_" + derived_text("received file", mail.receipt.ses_message_id, place))
