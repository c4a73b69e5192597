"""The worker of webhooks: each record is news to tell, a delivery, a line of those who wait, or a replay."""

from chalicelib.domain.log_lines import also
from chalicelib.events.door import EventDoor
from chalicelib.operations.ports.metrics import Metric
from chalicelib.operations.ports.webhooks import DeliveryJob, LineJob, NoticeJob, ReplayJob
from chalicelib.providers.webhook_queue import webhook_job
from chalicelib.wiring import operations

door = EventDoor(__name__)


AT_ONCE = 100  # batches; each may be held for 15 s by an endpoint, and the account's other functions need room, too


@door.on_queue(
    "${WebhookQueue.QueueName}", name="webhook_worker", maximum_concurrency=AT_ONCE, age=Metric.WEBHOOK_QUEUE_AGE
)
def webhook_worker(body: str) -> None:
    """An endpoint that does not answer is no failure of the record: its retry has a job of its own."""
    deployment = operations()
    job = webhook_job(body)
    also(accountId=job.account_id)
    match job:
        case NoticeJob() as notice:
            deployment.tell_webhooks(notice)
        case DeliveryJob() as delivery:
            deployment.deliver_webhook(delivery)
        case LineJob() as line:
            deployment.serve_line(line)
        case ReplayJob() as replay:
            deployment.carry_out_replay(replay)
