"""The queues on SQS that something is put into here, and the JSON of the sender's jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import INBOX_NUMBER_BITS, SEQUENCE_BITS, MessageKey, ThreadKey
from chalicelib.domain.receipt import Receipt
from chalicelib.operations.ports import Paused, SendJob, WakeJob
from chalicelib.providers.ses_receipts import notice_body


class UnreadableJob(ValueError):
    """The record is not a job of ours; the text says why. It belongs in the dead-letter queue."""


_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _JobJson(msgspec.Struct, frozen=True, rename="camel"):
    """A job as it lies in the queue. `v` changes when an older worker could no longer read it rightly."""

    v: Literal[1]
    inbox: Annotated[int, msgspec.Meta(ge=1, lt=1 << INBOX_NUMBER_BITS)]
    sequence: Annotated[int, msgspec.Meta(ge=0, lt=1 << SEQUENCE_BITS)]
    queued_at: _Moment
    deferrals: Annotated[int, msgspec.Meta(ge=0)] = 0
    thread: Annotated[int, msgspec.Meta(ge=0, lt=1 << SEQUENCE_BITS)] | None = None
    paused: tuple[_Moment, _Moment] | msgspec.UnsetType = msgspec.UNSET  # since when, and when it was last seen
    woken: bool | msgspec.UnsetType = msgspec.UNSET


class _WakeJson(msgspec.Struct, frozen=True):
    """The other kind of job in the same queue; without `wake` it is one of the first kind."""

    wake: WakeJob | None = None


_wake_decoder = msgspec.json.Decoder(_WakeJson)
_BATCH = 10  # entries that SendMessageBatch takes; jobs are far below its limit of bytes
_decoder = msgspec.json.Decoder(_JobJson)  # made at import: the records of a batch are read side by side


@dataclass(frozen=True)
class SqsSendQueue:
    """Jobs for the sender in a standard queue."""

    client: Any  # boto3's SQS client; botocore makes its class at run time
    queue_url: str

    def put(self, job: SendJob | WakeJob, delay: int = 0) -> None:
        """Queue a job for `delay` seconds from now (0 to 900, SQS's limit). Raises `Unavailable`."""
        body = job_body(job) if isinstance(job, SendJob) else msgspec.json.encode(_WakeJson(job)).decode()
        try:
            self.client.send_message(QueueUrl=self.queue_url, MessageBody=body, DelaySeconds=delay)
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("The send queue did not take the message.") from error

    def put_all(self, jobs: Sequence[SendJob]) -> None:
        """The same for many, without delay. When it raises, some of them are queued and some are not."""
        for start in range(0, len(jobs), _BATCH):
            bodies = enumerate(map(job_body, jobs[start : start + _BATCH]))
            entries = [{"Id": str(number), "MessageBody": body} for number, body in bodies]
            try:
                answer = self.client.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                raise Unavailable("The send queue did not take the messages.") from error
            if answer.get("Failed"):
                raise Unavailable("The send queue did not take every message.")


@dataclass(frozen=True)
class SqsInboundQueue:
    """`operations.ports.InboundQueue`: the queue that SES's notices about received mail come to."""

    client: Any  # boto3's SQS client; botocore makes its class at run time
    queue_url: str
    bucket: str

    def put(self, receipt: Receipt) -> None:
        """Queue a notice. Raises `Unavailable`."""
        try:
            self.client.send_message(QueueUrl=self.queue_url, MessageBody=notice_body(receipt, bucket=self.bucket))
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("The queue of received mail did not take the notice.") from error


def job_body(job: SendJob) -> str:
    """A job as the text of a queue record."""
    key = job.message
    thread = job.thread.first_sequence if job.thread else None
    paused = (job.paused.since, job.paused.seen_at) if job.paused else msgspec.UNSET
    woken = job.woken or msgspec.UNSET
    json = _JobJson(1, key.inbox_number, key.sequence, job.queued_at, job.deferrals, thread, paused, woken)
    return msgspec.json.encode(json).decode()


def send_job(body: str | bytes) -> SendJob:
    """The job in a queue record. Raises `UnreadableJob`."""
    try:
        job = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UnreadableJob(f"The record is not a send job: {error}") from error
    thread = None if job.thread is None else ThreadKey(job.inbox, job.thread)
    paused = Paused(*job.paused) if job.paused else None
    key = MessageKey(job.inbox, job.sequence)
    return SendJob(key, job.queued_at, job.deferrals, thread, paused, bool(job.woken))


def sender_job(body: str | bytes) -> SendJob | WakeJob:
    """The job of either kind in a queue record. Raises `UnreadableJob`."""
    try:
        wake = _wake_decoder.decode(body).wake
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UnreadableJob(f"The record is no job of the sender: {error}") from error
    return send_job(body) if wake is None else wake
