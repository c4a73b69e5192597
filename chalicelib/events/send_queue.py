"""The sender: each job of the send queue becomes a call of SES."""

from chalicelib.events.door import EventDoor
from chalicelib.providers.sqs_queues import send_job
from chalicelib.wiring import operations

door = EventDoor(__name__)


@door.on_queue("${SendQueue.QueueName}", name="send_queue_sender")
def send_queue_sender(body: str) -> None:
    """Send the message a job names, or find that it needs no sending."""
    operations().send_message(send_job(body))
