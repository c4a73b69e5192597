"""How many bytes of log each step of a message writes: its lines, and the line of metrics."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.inbound_costs import Arrivals
from bench.readme import markdown_table, write_section
from bench.rig import Rig, messages_of, nowhere, rig
from bench.webhooks import answering
from chalicelib.domain.event import LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId
from chalicelib.events.webhook_queue import webhook_worker
from chalicelib.operations.ports.webhooks import DeliveryJob
from chalicelib.providers.webhook_queue import webhook_job_body
from chalicelib.wiring import metrics, operations
from embedded.json_lines import JsonLines
from embedded.lambda_context import LambdaContext
from embedded.lambda_events import sqs_event

EVENT_BYTES = 26  # CloudWatch counts these for each line beside its own (CloudWatch Logs pricing)
STACK = "agentsend-prod"


class Written(logging.Handler):
    """The bytes that CloudWatch would count."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(JsonLines())
        self.lines: list[int] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(("botocore", "boto3", "embedded")):
            self.lines.append(_bytes(self.format(record)))


def _bytes(line: str) -> int:
    return len(line.encode()) + EVENT_BYTES


@contextmanager
def writing() -> Iterator[Written]:
    root, handler = logging.getLogger(), Written()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield handler
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def counted(what: str, work: Callable[[], object]) -> list[str]:
    """One step; its lines, their bytes, and those of its metrics."""
    metric_lines: list[str] = []
    metrics().write = metric_lines.append
    with writing() as log:
        work()
    metrics().write = nowhere
    counts = (len(log.lines), _rounded(sum(log.lines)), len(metric_lines), _rounded(sum(map(_bytes, metric_lines))))
    return [what, *map(str, counts)]


def _rounded(count: int) -> int:
    """Times have more digits now and fewer then."""
    return round(count, -1)


def rows(made: Rig, url: str) -> Iterator[list[str]]:
    inbox = made.api("POST", "/inboxes", {})["id"]
    draft = {"to": ["success@simulator.amazonses.com"], "subject": "Your order", "bodyText": "word " * 500}
    path = f"/inboxes/{inbox}/messages"
    made.api("POST", path, draft)
    made.send(*made.jobs())  # what a process says once is left out
    made.notify(*made.take_events())
    yield counted("accept a message", lambda: made.api("POST", path, draft))
    jobs = made.jobs()
    yield counted("send it, alone in its batch", lambda: made.send(*jobs))
    send, delivery = made.take_events()
    yield counted("its Send event", lambda: made.notify(send))
    yield counted("its Delivery event", lambda: made.notify(delivery))
    for _ in range(10):
        made.api("POST", path, draft)
    ten = made.jobs()
    yield counted("send ten in a batch", lambda: made.send(*ten))
    made.notify(*made.take_events())
    arrivals = Arrivals(made)
    notice = arrivals._notice(arrivals._mail())  # noqa: SLF001 - of the same bench
    yield counted("receive a mail", lambda: made.receive(notice))
    yield counted("read a message list", lambda: made.api("GET", path))
    made.api("POST", "/webhooks", {"url": url})
    wired = operations()
    account_id = AccountId(made.api("GET", "/account")["id"])
    told = wired.tell_events.log.read(account_id, None, 100).events
    (webhook,) = wired.webhooks.all(account_id)
    body = webhook_job_body(DeliveryJob(account_id, webhook.id, LoggedEvent(LogPlace(1_000, 0), told[0].event)))
    event = sqs_event(messages_of([body]), "arn:aws:sqs:us-east-1:000000000000:bench", "us-east-1")
    yield counted("deliver to a webhook", lambda: webhook_worker(event, LambdaContext("webhook_worker", 60)))


def table() -> str:
    with rig() as made, answering() as (_, url):
        os.environ["STACK_NAME"] = STACK
        metrics.cache_clear()
        metrics().write = nowhere
        found = list(rows(made, url))
    return markdown_table(["What", "lines", "bytes", "lines of metrics", "bytes of metrics"], found)


def main() -> None:
    text = table()
    print(text)
    if "--write" in sys.argv:
        write_section("log-bytes", text)


if __name__ == "__main__":
    main()
