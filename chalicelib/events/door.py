"""Opens the envelope of a queue batch: each record to the handler, failures back to the queue. And keeps schedules.

Lambda imports the module of one handler alone, without `app.py` and without any middleware of it, so everything an
event needs around it is here.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, SQSEvent

from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.log_lines import about, log_of
from chalicelib.operations.ports.metrics import Metric
from chalicelib.wiring.metrics import metrics, written_down

logger = log_of(__name__)

BATCH_SIZE = 10  # records Lambda hands over at once; also how many are worked on side by side

Answer = dict[str, list[dict[str, str]]]
LookAhead = Callable[[Sequence[str]], Any]


class RunFailed(Exception):
    """A scheduled run has failed; what it did not get to, the next one does."""


class EventDoor:
    """Declares a module's Lambda functions on a Blueprint of its own."""

    def __init__(self, import_name: str) -> None:
        self.blueprint = Blueprint(import_name)

    def on_queue(
        self,
        queue: str,
        *,
        name: str,
        batch_size: int = BATCH_SIZE,
        ahead: LookAhead | None = None,
        maximum_concurrency: int | None = None,
        age: Metric | None = None,
    ) -> Callable[[Callable[..., None]], Callable[..., Any]]:
        """Call the decorated function with the body of each record of `queue`, all records of a batch side by side.

        A record whose call raises is reported as failed (SQS ReportBatchItemFailures) and delivered again; the others
        are done. `queue` is a CloudFormation reference: `${SendQueue.QueueName}`.

        `ahead` is called once with all bodies before, and what it returns is handed to each call as its second argument;
        it must get by with bodies that cannot be read. When it fails, that is None: each record then does it all alone.
        `maximum_concurrency`: so many batches at once, at most. `age`: the metric of how long records have waited.
        """

        def register(handle: Callable[..., None]) -> Callable[..., Any]:
            @functools.wraps(handle)
            def handle_batch(event: SQSEvent) -> Answer:
                records: list[Mapping[str, Any]] = event.to_dict()["Records"]
                with about(requestId=_request_id(event)), written_down():
                    if age is not None:
                        _note_ages(age, records)
                    more = () if ahead is None else (_looked(ahead, [record["body"] for record in records]),)
                    with ThreadPoolExecutor(batch_size) as workers:
                        # Each in a copy of this thread's context, so that their lines of the log carry what ours do.
                        calls = [workers.submit(copy_context().run, _handled, handle, each, *more) for each in records]
                        done = [call.result() for call in calls]
                failed = [record["messageId"] for record, ok in zip(records, done, strict=True) if not ok]
                return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

            decorate = self.blueprint.on_sqs_message(
                queue=queue, batch_size=batch_size, name=name, maximum_concurrency=maximum_concurrency
            )
            registered: Callable[..., Any] = decorate(handle_batch)
            return registered

        return register

    def on_schedule(self, expression: str, *, name: str) -> Callable[[Callable[[], None]], Callable[..., Any]]:
        """Call the decorated function again and again, as the expression says: `rate(15 minutes)`."""

        def register(handle: Callable[[], None]) -> Callable[..., Any]:
            @functools.wraps(handle)
            def handle_event(event: CloudWatchEvent) -> None:
                try:
                    with about(requestId=_request_id(event)), written_down():
                        handle()
                except Exception as error:  # noqa: BLE001 - it is logged, without its text
                    # Lambda logs what leaves here, with its text, and counts it: the alarm goes by that.
                    raise RunFailed(trace_of(error)) from None

            registered: Callable[..., Any] = self.blueprint.schedule(expression, name=name)(handle_event)
            return registered

        return register


def _looked(ahead: LookAhead, bodies: Sequence[str]) -> Any:
    try:
        return ahead(bodies)
    except Exception as error:  # noqa: BLE001 - it is logged, without its text
        logger.warning("the records of a batch share nothing this time: %s", trace_of(error))
        return None


def _handled(handle: Callable[..., None], record: Mapping[str, Any], *more: Any) -> bool:
    """Whether one record is done; its neighbours must not suffer from its error, so that ends here, in the log."""
    with about(sqsMessageId=record["messageId"]):
        try:
            handle(record["body"], *more)
        except Exception as error:  # noqa: BLE001 - it is logged, without its text
            logger.error("a record goes back to its queue: %s", trace_of(error))
            return False
    return True


def _request_id(event: SQSEvent | CloudWatchEvent) -> str | None:
    """Lambda's id of the invocation; its own log knows it, others do not."""
    return getattr(event.context, "aws_request_id", None)


def _note_ages(age: Metric, records: Sequence[Mapping[str, Any]]) -> None:
    """How long each record lay in its queue until somebody took it; those that come again waited for something else.

    What a job was put back for counts, too: a storm is seen by it.
    """
    now = time.time() * 1000
    for record in records:
        attributes = record.get("attributes", {})
        if attributes.get("ApproximateReceiveCount") == "1":
            metrics().add(age, max(0.0, now - int(attributes["SentTimestamp"])) / 1000)
