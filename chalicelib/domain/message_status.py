"""The statuses a message can show."""

from enum import StrEnum


class MessageStatus(StrEnum):
    """What a message shows; for outbound mail it follows from its recipients (docs/statuses.md)."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    RECEIVED = "received"
