"""The workers of webhooks: one for news and first attempts, a slow one for all that may have to wait for an endpoint."""

from chalicelib.domain.log_lines import also
from chalicelib.events.door import EventDoor
from chalicelib.operations.ports.metrics import Metric
from chalicelib.operations.ports.webhooks import DeliveryJob, LineJob, NoticeJob, ReplayJob
from chalicelib.providers.webhook_queue import webhook_job
from chalicelib.wiring import operations

door = EventDoor(__name__)

# Batches. An endpoint that dies holds as many of the first as it has calls under way, so an account's endpoints, all of them at
# once, leave some to the others (tests/operations/test_sick_endpoints.py). The account's other functions need room, too.
AT_ONCE = 200
AT_ONCE_SLOWLY = 100


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
            deployment.call_webhook(delivery)
        case other:
            deployment.slow_webhook_queue.put(other)


@door.on_queue("${SlowWebhookQueue.QueueName}", name="slow_webhook_worker", maximum_concurrency=AT_ONCE_SLOWLY)
def slow_webhook_worker(body: str) -> None:
    """Deliveries, lines of those who wait, and replays."""
    deployment = operations()
    match webhook_job(body):
        case NoticeJob() as notice:
            deployment.webhook_queue.put(notice)
        case DeliveryJob() as delivery:
            deployment.deliver_webhook(delivery)
        case LineJob() as line:
            deployment.serve_line(line)
        case ReplayJob() as replay:
            deployment.carry_out_replay(replay)
