"""Housekeeping's walk through the mail that waits: what is not in its inboxes for an hour is announced again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from chalicelib.domain.log_lines import log_of
from chalicelib.domain.receipt import WAITING_MAIL, is_trial
from chalicelib.operations.housekeeping import Step, repair_each
from chalicelib.operations.ports import BucketWalk, InboundQueue, ReceivedMails, SeenBlob

logger = log_of(__name__)

EVERY = timedelta(hours=6)
WAITED = timedelta(hours=1)  # a notice has been tried five times by then


@dataclass(frozen=True)
class TidyInbound:
    """One round through the waiting mail (`housekeeping.Round`)."""

    bucket: BucketWalk
    mails: ReceivedMails
    inbound_queue: InboundQueue
    name: str = "inbound"
    every: timedelta = EVERY

    def step(self, after: str | None, now: datetime) -> Step:
        blobs, following = self.bucket.page(after, WAITING_MAIL)
        late = [blob for blob in blobs if blob.modified_at + WAITED < now]
        return Step(following, repair_each([(blob.name, partial(self._announce, blob)) for blob in late]))

    def _announce(self, blob: SeenBlob) -> bool:
        if is_trial(blob.name):
            return False
        receipt = self.mails.receipt(blob.name)
        if isinstance(receipt, str):
            # As SES itself stores mail; only its notice says for whom, and that lies in a queue or among the dead letters.
            logger.warning("a mail waits for its notice", extra={"blob": receipt})
            return False
        if receipt is None:
            return False
        self.inbound_queue.put(receipt)
        return True
