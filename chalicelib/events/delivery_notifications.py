"""News from SES about what became of a message: SES → SNS → queue → here."""

from chalicelib.events.door import EventDoor
from chalicelib.operations.ports.metrics import Metric
from chalicelib.providers.ses_events import delivery_reports
from chalicelib.wiring import operations

door = EventDoor(__name__)


@door.on_queue("${DeliveryNotificationQueue.QueueName}", name="delivery_notifications", age=Metric.DELIVERY_QUEUE_AGE)
def delivery_notifications(body: str) -> None:
    """One SES event may concern several recipients; each gets its own report."""
    deployment = operations()
    message_key = deployment.public_ids().message_key
    for report in delivery_reports(body, known=deployment.message_ses_knows_as, message_key=message_key):
        deployment.record_delivery_report(report)
