"""News from SES about what became of a message: SES → SNS → queue → here."""

from chalicelib.events.door import EventDoor
from chalicelib.providers.ses_events import delivery_reports
from chalicelib.wiring import operations

door = EventDoor(__name__)


@door.on_queue("${DeliveryNotificationQueue.QueueName}", name="delivery_notifications")
def delivery_notifications(body: str) -> None:
    """One SES event may concern several recipients; each gets its own report."""
    ids = operations().ses_message_ids
    for report in delivery_reports(body, known=ids.get, message_key=operations().public_ids().message_key):
        operations().record_delivery_report(report)
