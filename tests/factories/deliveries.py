"""Deliveries and the reports about them: Ada's mail, unless a test says what matters to it."""

from dataclasses import replace
from datetime import UTC, datetime

from chalicelib.domain.delivery import DeliveryReport, EventType, MessageDelivery, RecipientDelivery, event_type
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import MessageKey

ADA, BOB, EVE = "ada@example.com", "bob@example.net", "eve@example.org"
RECIPIENTS = (ADA, BOB, EVE, "mia@example.com", "tom@example.net")

KEY = MessageKey(7, 0)
ACCEPTED_AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REPORTED_AT = datetime(2026, 11, 22, 12, 0, 5, tzinfo=UTC)


def make_delivery(*statuses: DeliveryStatus) -> MessageDelivery:
    """One recipient for each status, named as in `RECIPIENTS`; without any, Ada is queued."""
    return MessageDelivery(
        tuple(
            RecipientDelivery(address, status, ACCEPTED_AT)
            for address, status in zip(RECIPIENTS, statuses or (DeliveryStatus.QUEUED,), strict=False)
        )
    )


def make_report(
    status: DeliveryStatus | None = DeliveryStatus.SENT, recipient: str | None = ADA, **changes: object
) -> DeliveryReport:
    """News about one recipient; `changes` replaces any other field."""
    type_ = EventType.FAILED if status is None else event_type(status.shown)
    report = DeliveryReport(KEY, type_, status, REPORTED_AT, recipient)
    # dataclasses.replace checks the names; the values' types are the caller's promise.
    return replace(report, **changes)  # type: ignore[arg-type]
