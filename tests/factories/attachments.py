"""Files for tests: a small uploaded one of the account unless a test says what matters to it."""

from dataclasses import replace
from datetime import UTC, datetime

from chalicelib.domain.attachment import UNUSED_LIFETIME, Attachment
from chalicelib.domain.ids import AccountId, AttachmentId

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FILE_ID = AttachmentId("att_0123456789abcdefghjk")
DATA = b"\x00\xff\r\nThe numbers of November.\n"


def make_attachment(**changes: object) -> Attachment:
    attachment = Attachment(
        id=FILE_ID,
        account_id=AccountId("acc_0123456789abcdefghjk"),
        filename="report.pdf",
        content_type="application/pdf",
        size=len(DATA),
        created_at=NOON,
        expires_at=NOON + UNUSED_LIFETIME,
    )
    return replace(attachment, **changes)  # type: ignore[arg-type]
