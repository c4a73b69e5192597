"""News from SES about mail that came in: SES → bucket and SNS → queue → here."""

from chalicelib.events.door import EventDoor
from chalicelib.providers.ses_receipts import read_receipt
from chalicelib.wiring import operations

# A mail may have 40 MB, and is held in memory several times over while it is read: few at once.
BATCH_SIZE = 4

door = EventDoor(__name__)


@door.on_queue("${InboundNotificationQueue.QueueName}", name="inbound_notifications", batch_size=BATCH_SIZE)
def inbound_notifications(body: str) -> None:
    """One notice is about one mail, which may be for several inboxes."""
    deployment = operations()
    receipt = read_receipt(body, bucket=deployment.bucket_name)
    if receipt is not None:
        deployment.receive_message(receipt)
