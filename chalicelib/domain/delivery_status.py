"""The status of a delivery: a rank that only rises, and the message status that follows from its recipients.

SES reports arrive twice, late and in any order. Because news may only raise the rank, the end state depends on what
was learned and never on when. This is the one place where a bounce, a delivery or a complaint changes a status.
The ranks are those of the product's lifecycle page; docs/statuses.md draws them.
"""

from collections.abc import Iterable
from enum import IntEnum

from chalicelib.domain.message_status import MessageStatus


class DeliveryStatus(IntEnum):
    """Ordered: news may only raise a status, so order and repetition do not matter."""

    QUEUED = 0  # the API accepted it
    SENDING = 10  # a worker holds it
    FAILED_LOCALLY = 15  # never known to have reached SES: refused, retries used up, outcome unknown
    SENT = 20  # SES has taken it
    FAILED_SOFTLY = 25  # a transient bounce with no word of giving up; often only an out-of-office answer
    DELIVERED = 30  # the recipient's mail server has taken it
    FAILED = 35  # given up: rejected, not rendered, suppressed, or a transient bounce that is final
    BOUNCED = 40  # refused for good
    COMPLAINED = 50  # marked as spam by the recipient

    @property
    def shown(self) -> MessageStatus:
        """The contract's word for this rank."""
        return _SHOWN[self]


_SHOWN = {
    DeliveryStatus.QUEUED: MessageStatus.QUEUED,
    DeliveryStatus.SENDING: MessageStatus.SENDING,
    DeliveryStatus.FAILED_LOCALLY: MessageStatus.FAILED,
    DeliveryStatus.SENT: MessageStatus.SENT,
    DeliveryStatus.FAILED_SOFTLY: MessageStatus.FAILED,
    DeliveryStatus.DELIVERED: MessageStatus.DELIVERED,
    DeliveryStatus.FAILED: MessageStatus.FAILED,
    DeliveryStatus.BOUNCED: MessageStatus.BOUNCED,
    DeliveryStatus.COMPLAINED: MessageStatus.COMPLAINED,
}
_PROGRESS = (MessageStatus.QUEUED, MessageStatus.SENDING, MessageStatus.SENT, MessageStatus.DELIVERED)
_WORST_FIRST = (MessageStatus.COMPLAINED, MessageStatus.BOUNCED, MessageStatus.FAILED)


def message_status(recipients: Iterable[DeliveryStatus]) -> MessageStatus:
    """What the message shows: the worst failure of any recipient, else the progress of the slowest."""
    shown = {status.shown for status in recipients}
    for status in _WORST_FIRST:
        if status in shown:
            return status
    return next(status for status in _PROGRESS if status in shown)
