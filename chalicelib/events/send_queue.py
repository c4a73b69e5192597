"""The sender: each job of the send queue becomes a call of SES, or wakes those that were held."""

from collections.abc import Iterator, Mapping, Sequence

from chalicelib.domain.ids import MessageKey
from chalicelib.events.door import EventDoor
from chalicelib.operations.look_ahead import UNKNOWN, Ahead
from chalicelib.operations.ports import SendJob, WakeJob
from chalicelib.operations.ports.metrics import Metric
from chalicelib.providers.sqs_queues import UnreadableJob, sender_job
from chalicelib.wiring import operations

door = EventDoor(__name__)


def _look_ahead(bodies: Sequence[str]) -> Mapping[MessageKey, Ahead]:
    return operations().look_ahead(list(_readable(bodies)))


@door.on_queue("${SendQueue.QueueName}", name="send_queue_sender", ahead=_look_ahead, age=Metric.SEND_QUEUE_AGE)
def send_queue_sender(body: str, ahead: Mapping[MessageKey, Ahead] | None) -> None:
    """Send the message a job names, or find that it needs no sending; or queue what a stop switch held."""
    job = sender_job(body)
    if isinstance(job, WakeJob):
        operations().wake_held(job)
    else:
        operations().send_message(job, (ahead or {}).get(job.message, UNKNOWN))


def _readable(bodies: Sequence[str]) -> Iterator[SendJob]:
    for body in bodies:
        try:
            job = sender_job(body)
        except UnreadableJob:
            continue  # its own record says so, and goes back
        if isinstance(job, SendJob):
            yield job
