"""News from SES about mail that came in: SES → bucket and SNS → queue → here."""

from chalicelib.events.door import EventDoor
from chalicelib.operations.ports.metrics import Metric
from chalicelib.providers.ses_receipts import read_receipt
from chalicelib.wiring import operations

# While a mail of 40 MB is read and stored, up to 560 MB are in use (text with one character outside the first 64K, which
# Python then holds in four bytes each). Two at once, and the rest of the process, fit into the function's 1,769 MB.
BATCH_SIZE = 2

door = EventDoor(__name__)


@door.on_queue(
    "${InboundNotificationQueue.QueueName}",
    name="inbound_notifications",
    batch_size=BATCH_SIZE,
    age=Metric.INBOUND_QUEUE_AGE,
)
def inbound_notifications(body: str) -> None:
    """One notice is about one mail, which may be for several inboxes."""
    deployment = operations()
    receipt = read_receipt(body, bucket=deployment.bucket_name)
    if receipt is not None:
        deployment.receive_message(receipt)
