"""The events the simulated SES publishes, field by field as SES's event publishing does.

Amazon SES guide: Contents of event data that Amazon SES publishes to Amazon SNS, and the examples beside it.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from embedded.ses_behaviour import Outcome
from embedded.ses_headers import SENT_MAILBOXES, common_headers, listed_headers, read_header, timestamp

_REPORTING_MTA = "a8-50.smtp-out.amazonses.com"
_REMOTE_MTA_IP = "127.0.0.1"
_FEEDBACK_AGENT = "Amazon SES Mailbox Simulator"
_GIVES_UP_AFTER = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class AcceptedMail:
    """A mail SES has taken: what its events say of it."""

    ses_message_id: str
    raw: bytes
    source: str
    recipients: tuple[str, ...]  # RFC 5321 RCPT TO, as they were given
    tags: Mapping[str, Sequence[str]]
    accepted_at: datetime
    region: str = "us-east-1"
    account_id: str = "000000000000"


def send_event(mail: AcceptedMail) -> dict[str, Any]:
    """SES has taken the mail and will try to deliver it."""
    return {"eventType": "Send", "mail": mail_object(mail), "send": {}}


def outcome_event(mail: AcceptedMail, recipient: str, outcome: Outcome, at: datetime) -> dict[str, Any]:
    """What became of one recipient."""
    if outcome is Outcome.DELIVERY:
        return {"eventType": "Delivery", "mail": mail_object(mail), "delivery": _delivery(mail, recipient, at)}
    if outcome is Outcome.DELIVERY_DELAY:
        return {"eventType": "DeliveryDelay", "mail": mail_object(mail), "deliveryDelay": _delay(mail, recipient, at)}
    if outcome is Outcome.COMPLAINT:
        return {"eventType": "Complaint", "complaint": _complaint(recipient, at), "mail": mail_object(mail)}
    return {"eventType": "Bounce", "bounce": _bounce(recipient, outcome, at), "mail": mail_object(mail)}


def mail_object(mail: AcceptedMail) -> dict[str, Any]:
    """The `mail` object, the same in every event of a mail."""
    message = read_header(mail.raw)
    headers, truncated = listed_headers(message)
    domain = mail.source.rpartition("@")[2].rstrip(">")
    return {
        "timestamp": timestamp(mail.accepted_at),
        "source": mail.source,
        "sourceArn": f"arn:aws:ses:{mail.region}:{mail.account_id}:identity/{domain}",
        "sendingAccountId": mail.account_id,
        "messageId": mail.ses_message_id,
        "destination": list(mail.recipients),
        "headersTruncated": truncated,
        "headers": headers,
        "commonHeaders": common_headers(message, SENT_MAILBOXES),
        "tags": {name: list(values) for name, values in mail.tags.items()},
    }


def _delivery(mail: AcceptedMail, recipient: str, at: datetime) -> dict[str, Any]:
    return {
        "timestamp": timestamp(at),
        "processingTimeMillis": round((at - mail.accepted_at).total_seconds() * 1000),
        "recipients": [recipient],
        "smtpResponse": "250 2.6.0 Message received",
        "remoteMtaIp": _REMOTE_MTA_IP,
        "reportingMTA": _REPORTING_MTA,
    }


def _delay(mail: AcceptedMail, recipient: str, at: datetime) -> dict[str, Any]:
    answer = "smtp; 421 4.4.5 Too many connections, try again later"
    return {
        "timestamp": timestamp(at),
        "delayType": "TransientCommunicationFailure",
        "expirationTime": timestamp(mail.accepted_at + _GIVES_UP_AFTER),
        "delayedRecipients": [{"emailAddress": recipient, "status": "4.4.5", "diagnosticCode": answer}],
        "reportingMTA": _REPORTING_MTA,
    }


def _complaint(recipient: str, at: datetime) -> dict[str, Any]:
    return {
        "feedbackId": _feedback_id(at),
        "complaintSubType": None,
        "complainedRecipients": [{"emailAddress": recipient}],
        "timestamp": timestamp(at),
        "userAgent": _FEEDBACK_AGENT,
        "complaintFeedbackType": "abuse",
        "arrivalDate": timestamp(at),
    }


def _bounce(recipient: str, outcome: Outcome, at: datetime) -> dict[str, Any]:
    if outcome is Outcome.BOUNCE_AUTOMATIC_ANSWER:
        # No action, no status: nothing was refused. This is how SES reports ooto@ of its own simulator.
        return {
            "feedbackId": _feedback_id(at),
            "bounceType": "Transient",
            "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": recipient}],
            "timestamp": timestamp(at),
        }
    # SES's simulator words it so, and calls the suppressed address General, too.
    diagnostic = f"smtp; 550 5.1.1 As requested: user unknown <{recipient}>"
    if outcome is Outcome.BOUNCE_NO_INBOX:
        diagnostic = "smtp; 550 5.1.1 No inbox here has this address"
    if outcome is Outcome.BOUNCE_SUPPRESSED:
        diagnostic = f"smtp; 550 5.1.1 As requested: user unknown (suppressed address: {recipient})"
    return {
        "feedbackId": _feedback_id(at),
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [
            {"emailAddress": recipient, "action": "failed", "status": "5.1.1", "diagnosticCode": diagnostic}
        ],
        "timestamp": timestamp(at),
        "remoteMtaIp": _REMOTE_MTA_IP,
        "reportingMTA": f"dns; {_REPORTING_MTA}",
    }


def _feedback_id(at: datetime) -> str:
    return f"0100{round(at.timestamp() * 1000):012x}-{uuid.uuid4()}-000000"
