"""The queue of the webhook worker on SQS, and the JSON of its jobs.

Every job names its account as the message group: in a standard queue that orders nothing, but keeps the backlog of one account,
however many webhooks it has, from delaying the others ("Amazon SQS fair queues", SQS Developer Guide).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.operations.ports.webhooks import DeliveryJob, LineJob, NoticeJob, ReplayJob, WebhookJob
from chalicelib.providers.sqs_queues import UnreadableJob

_BATCH = 10  # entries that SendMessageBatch takes
_BATCH_BYTES = 200_000  # below its limit of 256 KiB for all of them


class _JobJson(msgspec.Struct, frozen=True, omit_defaults=True):
    """A job as it lies in the queue: one of its fields. `v` changes when an older worker could not read it rightly."""

    v: int
    notice: NoticeJob | None = None
    delivery: DeliveryJob | None = None
    line: LineJob | None = None
    replay: ReplayJob | None = None


_decoder = msgspec.json.Decoder(_JobJson)  # made at import: the records of a batch are read side by side
_VERSION = 1


@dataclass(frozen=True)
class SqsWebhookQueue:
    """`operations.ports.WebhookQueue` in a standard queue."""

    client: Any  # boto3's SQS client; botocore makes its class at run time
    queue_url: str

    def put(self, job: WebhookJob, delay: int = 0) -> None:
        """Queue a job for `delay` seconds from now (0 to 900, SQS's limit). Raises `Unavailable`."""
        try:
            self.client.send_message(QueueUrl=self.queue_url, **_entry(job, delay))
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("The queue of webhooks did not take the job.") from error

    def put_all(self, jobs: Sequence[tuple[WebhookJob, int]]) -> None:
        """The same for many. When it raises, some of them are queued and some are not."""
        for batch in _batches(jobs):
            entries = [{"Id": str(number), **entry} for number, entry in enumerate(batch)]
            try:
                answer = self.client.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                raise Unavailable("The queue of webhooks did not take the jobs.") from error
            if answer.get("Failed"):
                raise Unavailable("The queue of webhooks did not take every job.")


def webhook_job_body(job: WebhookJob) -> str:
    """A job as the text of a queue record."""
    match job:
        case NoticeJob():
            json = _JobJson(_VERSION, notice=job)
        case DeliveryJob():
            json = _JobJson(_VERSION, delivery=job)
        case LineJob():
            json = _JobJson(_VERSION, line=job)
        case ReplayJob():
            json = _JobJson(_VERSION, replay=job)
    return msgspec.json.encode(json).decode()


def webhook_job(body: str | bytes) -> WebhookJob:
    """The job in a queue record. Raises `UnreadableJob`."""
    try:
        json = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UnreadableJob(f"The record is not a job for webhooks: {error}") from error
    job = json.notice or json.delivery or json.line or json.replay
    if json.v != _VERSION or job is None:
        raise UnreadableJob("The record is not a job for webhooks of a version known here.")
    return job


def _entry(job: WebhookJob, delay: int) -> dict[str, Any]:
    return {"MessageBody": webhook_job_body(job), "DelaySeconds": delay, "MessageGroupId": job.account_id}


def _batches(jobs: Sequence[tuple[WebhookJob, int]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for job, delay in jobs:
        entry = _entry(job, delay)
        length = len(entry["MessageBody"].encode())
        if batch and (len(batch) == _BATCH or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch
