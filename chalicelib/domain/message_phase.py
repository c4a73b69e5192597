"""Where a message stands, as the one character the message index keeps for it."""

from enum import StrEnum

from chalicelib.domain.message_status import MessageStatus


class MessagePhase(StrEnum):
    """A message's cell. SENDING has two phases: before and after the mark that a worker is calling SES."""

    RESERVED = "-"  # a sequence number was given out; the message is not committed yet
    QUEUED = "q"
    CLAIMED = "s"  # a worker prepares it
    SUBMITTING = "u"  # a worker may have handed it to SES; only evidence moves it on
    SENT = "t"
    DELIVERED = "d"
    FAILED = "f"
    BOUNCED = "b"
    COMPLAINED = "c"
    RECEIVED = "r"
    GONE = "x"  # deleted, or a reservation that was killed

    @property
    def visible(self) -> bool:
        """Whether a reader may see the message."""
        return self not in (MessagePhase.RESERVED, MessagePhase.GONE)

    @property
    def status(self) -> MessageStatus:
        """The contract's word; only for visible phases."""
        return _STATUS[self]

    @classmethod
    def showing(cls, status: MessageStatus) -> "MessagePhase":
        """The phase that shows an outbound status once a worker has begun; SENDING means submitting."""
        return _SHOWING[status]


_STATUS = {
    MessagePhase.QUEUED: MessageStatus.QUEUED,
    MessagePhase.CLAIMED: MessageStatus.SENDING,
    MessagePhase.SUBMITTING: MessageStatus.SENDING,
    MessagePhase.SENT: MessageStatus.SENT,
    MessagePhase.DELIVERED: MessageStatus.DELIVERED,
    MessagePhase.FAILED: MessageStatus.FAILED,
    MessagePhase.BOUNCED: MessageStatus.BOUNCED,
    MessagePhase.COMPLAINED: MessageStatus.COMPLAINED,
    MessagePhase.RECEIVED: MessageStatus.RECEIVED,
}
_SHOWING = {status: phase for phase, status in _STATUS.items()}
