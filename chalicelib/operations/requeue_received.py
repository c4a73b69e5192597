"""Announce waiting mail again: after a restore from backup, or when the queue of notices was lost."""

from dataclasses import dataclass

from chalicelib.domain.log_lines import log_of
from chalicelib.operations.ports import InboundQueue, ReceivedMails

logger = log_of(__name__)


@dataclass(frozen=True)
class RequeueReceived:
    """Queue a notice for every mail that is not in its inboxes yet. A notice too many is harmless.

    A mail can be announced when its receipt is with it. Where it is not, as SES itself stores mail, nothing but the lost
    notice said who it is for: such mail is left where it is and named in the log.
    """

    mails: ReceivedMails
    inbound_queue: InboundQueue

    def __call__(self) -> int:
        """How many notices were queued. Lists every waiting mail: not for everyday use."""
        count = 0
        for waiting in self.mails.waiting():
            if isinstance(waiting, str):
                logger.warning("a waiting mail has no receipt with it", extra={"blob": waiting})
                continue
            self.inbound_queue.put(waiting)
            count += 1
        return count
