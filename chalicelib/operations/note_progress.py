"""Note how a message gets on: a line of the log, by which its story is found, and the metrics.

Called by whoever's conditional write has changed something, right after it. So a change is noted once, though its news may
come many times; if the process dies in between it is not noted, and nothing depends on that.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import AccountId, MessageKey, PublicIds, inbox_id
from chalicelib.domain.log_lines import Field, log_of
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.webhook import Webhook
from chalicelib.domain.webhook_delivery import WebhookDelivery
from chalicelib.operations.ports.metrics import Metric, Metrics

logger = log_of(__name__)

_FIRSTS = {
    DeliveryStatus.DELIVERED: Metric.DELIVERED,
    DeliveryStatus.BOUNCED: Metric.BOUNCED,
    DeliveryStatus.COMPLAINED: Metric.COMPLAINED,
}


@dataclass(frozen=True)
class NoteProgress:
    """Accepted, sent, delivered, received, told to a webhook."""

    metrics: Metrics
    public_ids: PublicIds

    def accepted(self, key: MessageKey, account_id: AccountId) -> None:
        logger.info("message accepted", extra=self._fields(key, account_id))
        self.metrics.add(Metric.ACCEPTED)

    def received(self, key: MessageKey, account_id: AccountId, ses_message_id: str, *, has_decided: bool) -> None:
        """Counted by the one worker that has decided where the mail goes; others may have carried it out with it."""
        logger.info("message received", extra={**self._fields(key, account_id), "sesMessageId": ses_message_id})
        if has_decided:
            self.metrics.add(Metric.RECEIVED)

    def delivery(self, key: MessageKey, before: MessageDelivery, after: MessageDelivery, at: datetime) -> None:
        """What is known of a message's deliveries was `before` and was made `after`, by news of this time."""
        is_sent = before.ses_message_id is None and after.ses_message_id is not None
        reached = _reached(before, after)
        if not (is_sent or reached):
            return
        account_id = None if after.begun is None else after.begun.account_id
        shown = dict.fromkeys(status.shown for status in sorted(reached)) or [MessageStatus.SENT]
        fields = {**self._fields(key, account_id), "sesMessageId": after.ses_message_id}
        for word in shown:
            logger.info("message %s", word, extra=fields)
        if is_sent:
            self._count(Metric.SENT, Metric.TIME_TO_SENT, after, at)
        for status, metric in _FIRSTS.items():
            if status in reached and not before.has_been(status):
                time = Metric.TIME_TO_DELIVERED if metric is Metric.DELIVERED else None
                self._count(metric, time, after, at)
        if MessageStatus.FAILED is after.message_status is not before.message_status:
            self.metrics.add(Metric.FAILED)

    def _count(self, metric: Metric, time: Metric | None, delivery: MessageDelivery, at: datetime) -> None:
        self.metrics.add(metric)
        if time is not None and delivery.begun is not None:
            self.metrics.add(time, max(0.0, (at - delivery.begun.at).total_seconds()))

    def attempt(self, webhook: Webhook, delivery: WebhookDelivery, ended: datetime) -> None:
        """A webhook was called; `delivery` is how it stands behind that attempt."""
        event, answer = delivery.logged.event, delivery.attempts[-1]
        is_success = answer.status_code is not None and 200 <= answer.status_code < 300
        about = {} if event.message is None else self._fields(event.message, webhook.account_id)
        logger.info(
            "webhook delivered" if is_success else "webhook attempt failed",
            extra={
                **about,
                "accountId": webhook.account_id,
                "webhookId": webhook.id,
                "eventId": event.id,
                "attempt": delivery.tries,
                "statusCode": answer.status_code,
            },
        )
        if not is_success:
            self.metrics.add(Metric.WEBHOOK_FAILED)
        elif not (delivery.is_test or delivery.round):
            self.metrics.add(Metric.WEBHOOK_DELAY, max(0.0, (ended - event.created_at).total_seconds()))

    def _fields(self, key: MessageKey, account_id: AccountId | None) -> dict[str, Field]:
        return {
            "messageId": self.public_ids.message_id(key),
            "inboxId": inbox_id(key.inbox_number),
            "accountId": account_id,
        }


def _reached(before: MessageDelivery, after: MessageDelivery) -> frozenset[DeliveryStatus]:
    """Where recipients have got to, beyond being handed over."""
    stood = {recipient.address: recipient.status for recipient in before.recipients}
    moved: Iterable[DeliveryStatus] = (
        recipient.status for recipient in after.recipients if recipient.status is not stood.get(recipient.address)
    )
    return frozenset(status for status in moved if status not in (DeliveryStatus.QUEUED, DeliveryStatus.SENDING))
