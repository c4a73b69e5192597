"""SES's notices about received mail, field by field.

Amazon SES guide: Contents of notifications for Amazon SES email receiving, and the example of an S3 action beside it.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.domain.arrival import Verdict
from chalicelib.domain.receipt import WAITING_MAIL, Receipt
from embedded.ses_headers import RECEIVED_MAILBOXES, common_headers, listed_headers, read_header, timestamp

# SNS takes no message over 256 KB; a notice whose header would take it there goes without one.
_MAX_NOTICE_BYTES = 250_000
_HEADER_BYTES_READ = 64 * 1024
_STATUSES = {Verdict.PASS: "PASS", Verdict.FAIL: "FAIL", Verdict.GRAY: "GRAY", Verdict.NONE: "DISABLED"}


@dataclass(frozen=True, slots=True)
class ReceiptRule:
    """What infra/resources.yaml tells SES to do with mail for us: into the bucket, then a notice to the topic."""

    bucket: str
    topic_arn: str
    region: str


def notice(receipt: Receipt, raw: bytes, rule: ReceiptRule, at: datetime) -> str:
    """The notice about a mail that lies in the bucket; `at` is when it has come to lie there."""
    message = read_header(raw, _HEADER_BYTES_READ)
    headers, truncated = listed_headers(message)
    common = {"returnPath": receipt.mail_from} | common_headers(message, RECEIVED_MAILBOXES)
    text = json.dumps(_notice(receipt, rule, at, {"headers": headers, "commonHeaders": common}, truncated=truncated))
    if len(text) > _MAX_NOTICE_BYTES:  # json.dumps writes ASCII only
        text = json.dumps(_notice(receipt, rule, at, {}, truncated=True))
    return text


def _notice(
    receipt: Receipt, rule: ReceiptRule, at: datetime, header: dict[str, Any], *, truncated: bool
) -> dict[str, Any]:
    verdicts = receipt.authentication
    judged = {
        "spamVerdict": verdicts.spam,
        "virusVerdict": verdicts.virus,
        "spfVerdict": verdicts.spf,
        "dkimVerdict": verdicts.dkim,
        "dmarcVerdict": verdicts.dmarc,
    }
    return {
        "notificationType": "Received",
        "mail": {
            "timestamp": timestamp(receipt.received_at),
            "source": receipt.mail_from or "<>",
            "messageId": receipt.ses_message_id,
            "destination": list(receipt.recipients),
            "headersTruncated": truncated,
            **header,
        },
        "receipt": {
            "timestamp": timestamp(at),
            "processingTimeMillis": round((at - receipt.received_at).total_seconds() * 1000),
            "recipients": list(receipt.recipients),
            **{name: {"status": _STATUSES[verdict]} for name, verdict in judged.items()},
            **({"dmarcPolicy": "none"} if verdicts.dmarc is Verdict.FAIL else {}),
            "action": {
                "type": "S3",
                "topicArn": rule.topic_arn,
                "bucketName": rule.bucket,
                "objectKeyPrefix": WAITING_MAIL,
                "objectKey": receipt.blob,
            },
        },
    }
