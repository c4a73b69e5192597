"""Mail for the rig: stored as SES stores it, and its notice kept for when it is wanted."""

from typing import Any

from chalicelib.domain.arrival import Authentication, Verdict
from embedded.mail_bucket import MailBucket
from embedded.resources import Deployment
from embedded.ses_inbound import Envelope, SesInbound, new_ses_message_id
from embedded.ses_notices import ReceiptRule

_VERIFIED = Authentication(*[Verdict.PASS] * 5)


class Door:
    """Takes mail for a deployment, through the very code of the embedded SMTP door."""

    def __init__(self, deployment: Deployment, s3: Any, region: str) -> None:
        rule = ReceiptRule(deployment.ref("MailBucket"), deployment.ref("InboundNotificationTopic"), region)
        self._notices: list[str] = []
        self._inbound = SesInbound(MailBucket(s3, rule.bucket), lambda _topic, text: self._notices.append(text), rule)

    def take(self, mail: bytes, *recipients: str, mail_from: str) -> str:
        """The notice of the mail, which lies in the bucket now."""
        envelope = Envelope(mail_from, recipients, "mail.example.com (mail.example.com [192.0.2.1])")
        self._inbound.take(new_ses_message_id(), envelope, mail, _VERIFIED)
        return self._notices.pop()
