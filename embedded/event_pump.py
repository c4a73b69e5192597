"""Feeds the app's event handlers, as Lambda's event source mappings and EventBridge's schedules do."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from chalice.app import ScheduledEventConfig, ScheduleExpression, SQSEventConfig
from chalice.utils import to_cfn_resource_name

from embedded.errors import CannotRun
from embedded.lambda_context import LambdaContext
from embedded.lambda_events import failed_message_ids, sqs_event

Handler = Callable[[dict[str, Any], LambdaContext], Any]

_BATCHES_AT_ONCE = 4  # a queue, unless its handler says `maximum_concurrency` …
_MOST_BATCHES_AT_ONCE = 12  # … which is meant for Lambda: here all of them share a process
_RECEIVE_LIMIT = 10  # SQS gives no more at once
_WAIT_SECONDS = 1  # a long poll; a stop waits for its end
_FIRST_SECONDS = 10.0  # until a schedule's function is called for the first time
_RETRY_SECONDS = 1.0  # after a call to SQS has failed
_TIMEOUT_SECONDS = 60.0
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}

log = logging.getLogger(__name__)


class UnsupportedEventSource(CannotRun):
    """The app asks for an event source that embedded/ cannot feed; the message names it."""


@dataclass(frozen=True, slots=True)
class QueueSource:
    """A queue, and the function its messages go to."""

    name: str
    handler: Handler
    queue_url: str
    queue_arn: str
    batch_size: int = 1
    batches_at_once: int = _BATCHES_AT_ONCE
    reports_failures: bool = True  # `ReportBatchItemFailures`


@dataclass(frozen=True, slots=True)
class Schedule:
    """A function that is called again and again."""

    name: str
    handler: Handler
    every_seconds: float


Source = QueueSource | Schedule


def sources_of(
    app: Any, *, substitute: Callable[[str], str], reports_failures: Callable[[str], bool], sqs: Any
) -> list[Source]:
    """The event sources that the app's decorators registered. Raises `UnsupportedEventSource`.

    `substitute` resolves queue names like `${SendQueue.QueueName}`; `reports_failures` knows a function by the logical
    id that `chalice package` gives it.
    """
    sources: list[Source] = []
    for config in app.event_sources:
        handler = app.handler_map[config.name]
        if isinstance(config, ScheduledEventConfig):
            sources.append(Schedule(config.name, handler, seconds_between(config.name, config.schedule_expression)))
        elif isinstance(config, SQSEventConfig) and config.queue:
            url = sqs.get_queue_url(QueueName=substitute(config.queue))["QueueUrl"]
            answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            sources.append(
                QueueSource(
                    config.name,
                    handler,
                    url,
                    answer["Attributes"]["QueueArn"],
                    batch_size=min(config.batch_size, _RECEIVE_LIMIT),
                    batches_at_once=min(config.maximum_concurrency or _BATCHES_AT_ONCE, _MOST_BATCHES_AT_ONCE),
                    reports_failures=reports_failures(to_cfn_resource_name(config.name)),
                )
            )
        else:
            raise UnsupportedEventSource(f"{config.name}: embedded/event_pump.py cannot feed {type(config).__name__}")
    return sources


def seconds_between(name: str, expression: str | ScheduleExpression) -> float:
    """How often a schedule calls its function."""
    text = expression if isinstance(expression, str) else expression.to_string()
    match = _RATE.fullmatch(text)
    if match is None:
        raise UnsupportedEventSource(f"{name}: embedded/event_pump.py knows schedules as rate(…), not {text}")
    return int(match[1]) * _UNIT_SECONDS[match[2]]


class EventPump:
    """Polls queues and keeps schedules, each in a thread of its own, until it is stopped."""

    def __init__(self, sources: Iterable[Source], *, sqs: Any, region: str) -> None:
        self._sqs = sqs
        self._region = region
        self._stopping = threading.Event()
        self._running: set[threading.Thread] = set()
        self._running_lock = threading.Lock()
        self._threads = [self._thread(source) for source in sources]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 10) -> None:
        """Fetch no more and let the handlers that run come to their end."""
        self._stopping.set()
        deadline = time.monotonic() + timeout
        with self._running_lock:
            running = list(self._running)
        for thread in [*self._threads, *running]:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _thread(self, source: Source) -> threading.Thread:
        if isinstance(source, Schedule):
            return threading.Thread(target=self._keep_schedule, args=(source,), name=source.name, daemon=True)
        return threading.Thread(target=self._poll, args=(source,), name=source.name, daemon=True)

    def _keep_schedule(self, schedule: Schedule) -> None:
        # Soon after the start, too: here a process often ends before an hour is over.
        wait = min(_FIRST_SECONDS, schedule.every_seconds)
        while not self._stopping.wait(wait):
            wait = schedule.every_seconds
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            event = {"source": "aws.events", "detail-type": "Scheduled Event", "time": now, "region": self._region}
            event |= {"id": schedule.name, "account": "000000000000", "version": "0"}
            try:
                schedule.handler(
                    event | {"resources": [], "detail": {}}, LambdaContext(schedule.name, _TIMEOUT_SECONDS)
                )
            except Exception:
                log.exception("%s failed; its next time is its next try", schedule.name)

    def _poll(self, source: QueueSource) -> None:
        free = threading.Semaphore(source.batches_at_once)
        while not self._stopping.is_set():
            if not free.acquire(timeout=0.5):
                continue
            messages = self._receive(source)
            if not messages:
                free.release()
                continue
            batch = threading.Thread(target=self._handle_and_release, args=(source, messages, free), daemon=True)
            with self._running_lock:
                self._running.add(batch)
            batch.start()

    def _receive(self, source: QueueSource) -> list[dict[str, Any]]:
        try:
            answer = self._sqs.receive_message(
                QueueUrl=source.queue_url,
                MaxNumberOfMessages=source.batch_size,
                WaitTimeSeconds=_WAIT_SECONDS,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except Exception:
            if not self._stopping.is_set():
                log.exception("%s: reading the queue failed; trying again", source.name)
                self._stopping.wait(_RETRY_SECONDS)
            return []
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        if messages and self._stopping.is_set():
            self._give_back(source, messages)
            return []
        return messages

    def _give_back(self, source: QueueSource, messages: list[dict[str, Any]]) -> None:
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
            for number, message in enumerate(messages)
        ]
        self._sqs.change_message_visibility_batch(QueueUrl=source.queue_url, Entries=entries)

    def _handle_and_release(
        self, source: QueueSource, messages: list[dict[str, Any]], free: threading.Semaphore
    ) -> None:
        try:
            self._handle(source, messages)
        finally:
            free.release()
            with self._running_lock:
                self._running.discard(threading.current_thread())

    def _handle(self, source: QueueSource, messages: list[dict[str, Any]]) -> None:
        """Call the function; delete what it dealt with. The rest comes again after the visibility time-out."""
        event = sqs_event(messages, source.queue_arn, self._region)
        try:
            answer = source.handler(event, LambdaContext(source.name, _TIMEOUT_SECONDS))
        except Exception:
            log.exception("%s failed; its %d message(s) will come again", source.name, len(messages))
            return
        ids = frozenset(message["MessageId"] for message in messages)
        failed = failed_message_ids(answer, ids) if source.reports_failures else frozenset[str]()
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
            for number, message in enumerate(messages)
            if message["MessageId"] not in failed
        ]
        if entries:
            try:
                self._sqs.delete_message_batch(QueueUrl=source.queue_url, Entries=entries)
            except Exception:
                log.exception("%s: deleting from the queue failed; the messages will come again", source.name)
