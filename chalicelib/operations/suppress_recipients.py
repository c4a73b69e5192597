"""Stop writing to addresses that bounced or complained, and refuse mail that would go to nobody else."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.domain.address import Mailbox
from chalicelib.domain.delivery import MessageDelivery, StatusChange
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import ErrorCode, Forbidden
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.suppression import Suppression, SuppressionReason, may_be_suppressed
from chalicelib.domain.times import to_milliseconds
from chalicelib.operations.ports import Clock, SuppressionStore

# Only what the other side said for good. A soft bounce may be an out-of-office answer, and a mail that failed because its
# recipient is suppressed, by us or by SES, says nothing new.
_REASONS: Mapping[DeliveryStatus, SuppressionReason] = {
    DeliveryStatus.BOUNCED: SuppressionReason.BOUNCE,
    DeliveryStatus.COMPLAINED: SuppressionReason.COMPLAINT,
}


@dataclass(frozen=True)
class SuppressRecipients:
    """Put recipients on their sender's list for what news changes about them. Again is harmless."""

    suppressions: SuppressionStore
    clock: Clock

    def __call__(self, key: MessageKey, delivery: MessageDelivery, changes: Collection[StatusChange]) -> None:
        if delivery.begun is None:
            return  # stored by a version that did not note whose it is
        for change in changes:
            reason = _REASONS.get(change.after)
            if reason is not None and may_be_suppressed(change.recipient):
                now = to_milliseconds(self.clock())
                self.suppressions.add(Suppression(delivery.begun.account_id, change.recipient, reason, now, key))


def refuse_if_all(suppressed: Mapping[str, Suppression], recipients: Sequence[Mailbox]) -> None:
    """Raises Forbidden when every recipient is suppressed, and names them: to their sender, who has just named them."""
    if not all(mailbox.address in suppressed for mailbox in recipients):
        return
    named = ", ".join(f"{address} ({known.reason})" for address, known in suppressed.items())
    raise Forbidden(
        f"Every recipient is on the suppression list of this account: {named}.",
        fix="Write to another address. If the address takes mail again, take it off the list with DELETE "
        "/suppressions/{address}, and send the message anew.",
        code=ErrorCode.RECIPIENT_SUPPRESSED,
    )
