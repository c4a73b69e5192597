"""What operations ask for to count and to time; shown on the dashboard, never decided by."""

from enum import StrEnum
from typing import Protocol


class Metric(StrEnum):
    """Messages that came to something, each counted once; times in seconds."""

    ACCEPTED = "Accepted"
    SENT = "Sent"  # SES has taken it
    DELIVERED = "Delivered"  # the first of its recipients
    BOUNCED = "Bounced"  # the first
    COMPLAINED = "Complained"  # the first
    FAILED = "Failed"  # it shows that, for now at least
    RECEIVED = "Received"  # in each inbox
    TIME_TO_SENT = "TimeToSent"  # since it was accepted
    TIME_TO_DELIVERED = "TimeToDelivered"  # since it was accepted
    WEBHOOK_DELAY = "WebhookDelay"  # from what happened until an endpoint has answered 2xx
    WEBHOOK_FAILED = "WebhookFailed"  # attempts
    SEND_QUEUE_AGE = "SendQueueAge"  # from queued until a worker gets it for the first time
    DELIVERY_QUEUE_AGE = "DeliveryNotificationQueueAge"
    INBOUND_QUEUE_AGE = "InboundNotificationQueueAge"
    WEBHOOK_QUEUE_AGE = "WebhookQueueAge"

    @property
    def is_time(self) -> bool:
        return self in _TIMES


_TIMES = frozenset(
    {
        Metric.TIME_TO_SENT,
        Metric.TIME_TO_DELIVERED,
        Metric.WEBHOOK_DELAY,
        Metric.SEND_QUEUE_AGE,
        Metric.DELIVERY_QUEUE_AGE,
        Metric.INBOUND_QUEUE_AGE,
        Metric.WEBHOOK_QUEUE_AGE,
    }
)


class Metrics(Protocol):
    """Collects values; may lose those of a process that dies."""

    def add(self, metric: Metric, value: float = 1) -> None:
        """Count so many, or note one time. Never raises."""
