"""What SES's silence about a message proves, and when (docs/decisions/0014-one-late-resend.md)."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.delivery import MessageDelivery
from chalicelib.operations.send_delays import DELAY_LIMIT

LOOKS = 3  # at an ambiguous message in an evidence window
_MARGIN = 10  # the part of the window by which another mail must have been accepted later than ours was handed over
_CALL = 2  # the part of the window in which a call of SES has ended, whatever became of it


@dataclass(frozen=True)
class Evidence:
    """The rule by which a message without an answer is handed over once more, or given up.

    `window` is how long news of a mail that SES took may be under way; a call of SES ends within half of it.
    """

    window: timedelta
    outcome_unknown_after: timedelta

    def is_mark_stale(self, delivery: MessageDelivery, now: datetime) -> bool:
        """Whether it is too late to call SES under this mark."""
        return delivery.submitted_at is not None and now - delivery.submitted_at > self.window / _CALL

    def overtakes(self, news: datetime | None, delivery: MessageDelivery, now: datetime) -> bool:
        """Whether SES's news has come to a mail taken so much later than ours that ours is overdue."""
        submitted_at = delivery.submitted_at
        return (
            submitted_at is not None
            and news is not None
            and news >= submitted_at + self.window / _MARGIN
            and now >= submitted_at + self.window / _CALL
        )

    def is_resend_due(self, delivery: MessageDelivery, now: datetime) -> bool:
        """A whole window has passed, and what was left behind by the news has had a third of one to catch up."""
        return (
            delivery.resent_at is None
            and delivery.submitted_at is not None
            and delivery.overtaken_at is not None
            and now >= delivery.submitted_at + self.window
            and now >= delivery.overtaken_at + self.window / LOOKS
        )

    def is_hopeless(self, delivery: MessageDelivery, now: datetime) -> bool:
        """Whether nobody will ever know: no news of other mails all that time, or a second call without an answer."""
        may_be_resent = delivery.resent_at is None and delivery.overtaken_at is not None
        return not may_be_resent and self.is_overdue(delivery, now)

    def is_overdue(self, delivery: MessageDelivery, now: datetime) -> bool:
        """Whether it has waited as long as a message without an answer may."""
        return now - (delivery.submitted_at or now) >= self.outcome_unknown_after

    def seconds_to_next_look(self, delivery: MessageDelivery, now: datetime) -> int:
        """A third of the window, or what is left until the message is given up if that is less."""
        left = (delivery.submitted_at or now) + self.outcome_unknown_after - now
        wait = self.window / LOOKS
        if left > timedelta():
            wait = min(wait, left)
        return max(1, min(math.ceil(wait.total_seconds()), DELAY_LIMIT))
