"""SES's news about outbound mail as delivery reports, one for each recipient concerned.

Which news means which status is the table of docs/statuses.md. A new kind of event takes its object in
`ses_event_json`, a function here with its line in `_READERS`, and its name among those that infra/resources.yaml asks for;
its test is a sample in tests/samples/ses_events with what it should tell beside it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.delivery import DeliveryReport, EventType, Reason, event_type
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import InvalidId, MessageKey
from chalicelib.domain.log_lines import log_of
from chalicelib.providers import ses_reasons
from chalicelib.providers.ses_event_json import (
    AGENTSEND_MESSAGE_TAG,
    Bounce,
    Mail,
    Recipient,
    SesEvent,
    UnreadableNotification,
    present,
    read_ses_event,
)

__all__ = ["AGENTSEND_MESSAGE_TAG", "UnreadableNotification", "delivery_reports"]

logger = log_of(__name__)

Reports = tuple[DeliveryReport, ...]

_PERMANENT = "Permanent"  # SES's word for a bounce that is final


def delivery_reports(
    body: str | bytes,
    *,
    message_key: Callable[[str], MessageKey],
    known: Callable[[str], MessageKey | None],
) -> Reports:
    """What one queue record tells of the deliveries of one of our messages; nothing for anybody else's mail.

    `message_key` deciphers our id (`InvalidId` if it is none of ours), `known` finds a message by SES's id. Raises
    `UnreadableNotification`, so that the record ends in the dead-letter queue instead of being lost.
    """
    event = read_ses_event(body)
    if event is None:
        return ()
    read = _READERS.get(event.kind or "")
    if read is None:
        raise UnreadableNotification("The SES event is of a kind that nothing here reads.")
    mail = present(event.mail, "mail")
    key = _message_of(mail, message_key, known)
    if key is None:
        logger.info(
            "an SES event about no message of ours was dropped",
            extra={"sesEvent": event.kind, "sesMessageId": mail.message_id},
        )
        return ()
    return read(event, _News(key, mail))


def _message_of(
    mail: Mail, message_key: Callable[[str], MessageKey], known: Callable[[str], MessageKey | None]
) -> MessageKey | None:
    for message_id in mail.tags.message_ids if mail.tags else ():
        try:
            return message_key(message_id)
        except InvalidId:
            continue  # a tag of that name by another sender in this account; SES's own id decides
    return known(mail.message_id)


@dataclass(frozen=True, slots=True)
class _News:
    """Makes the reports of one event; every one of them proves that SES took the mail, so each carries SES's id."""

    message: MessageKey
    mail: Mail

    def of_one(
        self,
        recipient: str | None,
        type_: EventType,
        status: DeliveryStatus | None,
        at: datetime,
        reason: Reason | None = None,
    ) -> DeliveryReport:
        return DeliveryReport(
            self.message,
            type_,
            status,
            at,
            recipient,
            reason=reason,
            ses_message_id=self.mail.message_id,
            accepted_at=self.mail.at,
        )

    def of_all(self, status: DeliveryStatus, reason: Reason | None = None) -> Reports:
        """News about the mail as a whole, which SES does not date: it goes with the time SES took the mail."""
        return (
            DeliveryReport(
                self.message,
                event_type(status.shown),
                status,
                self.mail.at,
                every_recipient=True,
                reason=reason,
                ses_message_id=self.mail.message_id,
                accepted_at=self.mail.at,
            ),
        )


def _acceptance(_: SesEvent, news: _News) -> Reports:
    """Send says so itself; and whoever opens, clicks or unsubscribes has a mail that SES took."""
    return news.of_all(DeliveryStatus.SENT)


def _delivery(event: SesEvent, news: _News) -> Reports:
    delivery = present(event.delivery, "delivery")
    return tuple(
        news.of_one(address, EventType.DELIVERED, DeliveryStatus.DELIVERED, delivery.at)
        for address in delivery.recipients
    )


def _delay(event: SesEvent, news: _News) -> Reports:
    """SES holds the mail and keeps trying, so it was sent."""
    delay = present(event.delivery_delay, "deliveryDelay")
    return tuple(
        news.of_one(
            recipient.email_address,
            EventType.DELAYED,
            DeliveryStatus.SENT,
            delay.at,
            ses_reasons.delay_reason(delay.delay_type, recipient.diagnostic_code),
        )
        for recipient in delay.delayed_recipients
    )


def _bounce(event: SesEvent, news: _News) -> Reports:
    bounce = present(event.bounce, "bounce")
    if not bounce.bounced_recipients:
        # Some out-of-office answers come like this. Nobody is named, so nobody's status may change.
        type_ = EventType.BOUNCED if bounce.bounce_type == _PERMANENT else EventType.FAILED
        reason = ses_reasons.bounce_reason(bounce.bounce_type, bounce.bounce_sub_type, None)
        return (news.of_one(None, type_, None, bounce.at, reason),)
    return tuple(_bounced(bounce, recipient, news) for recipient in bounce.bounced_recipients)


def _bounced(bounce: Bounce, recipient: Recipient, news: _News) -> DeliveryReport:
    status = _bounced_status(bounce, recipient)
    reason = ses_reasons.bounce_reason(bounce.bounce_type, bounce.bounce_sub_type, recipient.diagnostic_code)
    return news.of_one(recipient.email_address, event_type(status.shown), status, bounce.at, reason)


def _bounced_status(bounce: Bounce, recipient: Recipient) -> DeliveryStatus:
    """Permanent is final. Of the rest, only what a server calls a failure is more than a passing notice."""
    if bounce.bounce_type == _PERMANENT:
        return DeliveryStatus.BOUNCED
    # Action and Status of RFC 3464; the status codes are those of RFC 3463.
    failed = (recipient.action or "").strip().lower() == "failed"
    has_code = re.match(r"\s*[45]\.\d", recipient.status or "") is not None
    return DeliveryStatus.FAILED if failed or has_code else DeliveryStatus.FAILED_SOFTLY


def _complaint(event: SesEvent, news: _News) -> Reports:
    complaint = present(event.complaint, "complaint")
    # On the account's suppression list: SES took the mail and did not try. Nobody complained of this one.
    suppressed = complaint.complaint_sub_type == "OnAccountSuppressionList"
    status = DeliveryStatus.FAILED if suppressed else DeliveryStatus.COMPLAINED
    type_ = event_type(status.shown)
    reason = ses_reasons.complaint_reason(complaint.complaint_feedback_type, complaint.complaint_sub_type)
    if not complaint.complained_recipients:
        return (news.of_one(None, type_, None, complaint.at, reason),)
    return tuple(
        news.of_one(recipient.email_address, type_, status, complaint.at, reason)
        for recipient in complaint.complained_recipients
    )


def _reject(event: SesEvent, news: _News) -> Reports:
    reject = present(event.reject, "reject")
    return news.of_all(DeliveryStatus.FAILED, ses_reasons.reject_reason(reject.reason))


def _rendering_failure(event: SesEvent, news: _News) -> Reports:
    failure = present(event.failure, "failure")
    return news.of_all(DeliveryStatus.FAILED, ses_reasons.rendering_failure_reason(failure.error_message))


_READERS: Mapping[str, Callable[[SesEvent, _News], Reports]] = {
    "Send": _acceptance,
    "Open": _acceptance,
    "Click": _acceptance,
    "Subscription": _acceptance,
    "Delivery": _delivery,
    "DeliveryDelay": _delay,
    "Bounce": _bounce,
    "Complaint": _complaint,
    "Reject": _reject,
    "Rendering Failure": _rendering_failure,
}
