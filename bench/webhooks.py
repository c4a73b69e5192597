"""What a webhook costs: calls and capacity units of each way an attempt can go, counted on the real worker."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import mean

from bench.meter import Count, Meter
from bench.readme import markdown_table, short, write_section
from bench.rig import Rig, rig
from chalicelib.domain.endpoint_health import EndpointHealth
from chalicelib.domain.event import LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId
from chalicelib.operations.ports.webhooks import DeliveryJob, LineJob, NoticeJob
from chalicelib.storage import tables
from chalicelib.wiring import operations

REPEATS = 10
Row = tuple[str, list[Count]]


class Bench:
    """An account with one webhook and events to tell; `answers` is what its endpoint says."""

    def __init__(self, rig: Rig, url: str) -> None:
        made = self.operations = operations()
        self.meter = Meter()
        for client in (tables.client(), made.webhook_queue.client):
            self.meter.listen(client)
        self.account_id = AccountId(rig.api("GET", "/account")["id"])
        rig.api("POST", "/webhooks", {"url": url})
        (self.webhook,) = made.webhooks.all(self.account_id)
        inbox = rig.api("POST", "/inboxes", {})["id"]
        message = {"to": ["ada@example.com"], "subject": "Hello", "bodyText": "word " * 200}
        for _ in range(REPEATS):
            rig.api("POST", f"/inboxes/{inbox}/messages", message)
        rig.send(*rig.jobs())
        told = made.tell_events.log.read(self.account_id, None, 100).events
        self.events = [each.event for each in told if each.event.message is not None]
        self.number = 100

    def fresh(self) -> LoggedEvent:
        """An event as if it stood at a place of its own, so that each delivery is a new one."""
        self.number += 1
        return LoggedEvent(LogPlace(self.number, 0), self.events[self.number % len(self.events)])

    def well(self) -> None:
        """The endpoint is taken for healthy."""
        known = self.operations.deliveries.health(self.webhook.id)
        self.operations.deliveries.change_health(
            self.webhook.id, known, lambda current: EndpointHealth(version=current.version)
        )

    def job(self, attempts: int = 0) -> DeliveryJob:
        return DeliveryJob(self.account_id, self.webhook.id, self.fresh(), attempts)

    def counted(self, what: str, work: Callable[[], object], before: Callable[[], object] = lambda: None) -> Row:
        counts = []
        for _ in range(REPEATS):
            before()
            with self.meter.counting() as count:
                work()
            counts.append(count)
        return what, counts


def rows(bench: Bench, endpoint: "Endpoint") -> Iterator[Row]:
    made = bench.operations
    yield bench.counted(
        "a notice to one webhook, delivered",
        lambda: made.tell_webhooks(NoticeJob(bench.account_id, 1, (bench.fresh(),))),
    )
    settled = bench.job()
    made.call_webhook(settled)
    yield bench.counted("the same once more", lambda: made.call_webhook(settled))
    endpoint.status = 500
    yield bench.counted("a first attempt that fails", lambda: made.call_webhook(bench.job()), bench.well)
    failing = bench.job()

    def until_late() -> None:
        nonlocal failing
        failing = bench.job()
        for attempts in range(2):
            bench.well()
            made.deliver_webhook(DeliveryJob(bench.account_id, bench.webhook.id, failing.logged, attempts))
        bench.well()

    yield bench.counted(
        "a third that fails: the next is due in half an hour",
        lambda: made.deliver_webhook(DeliveryJob(bench.account_id, bench.webhook.id, failing.logged, 2)),
        until_late,
    )

    def break_it() -> None:
        bench.well()
        now = datetime.now(UTC)
        health = made.deliveries.health(bench.webhook.id)
        line = EndpointHealth(
            failures=9, failing_since=now, open_until=now + timedelta(minutes=5), line_due_at=now + timedelta(minutes=5)
        )
        made.deliveries.change_health(bench.webhook.id, health, lambda _: line)

    yield bench.counted(
        "one that meets a broken endpoint: on to the slow queue", lambda: made.call_webhook(bench.job()), break_it
    )
    yield bench.counted("the same there: into its line", lambda: made.deliver_webhook(bench.job()), break_it)
    endpoint.status = 200
    bench.well()

    def ten_wait() -> None:
        for _ in range(10):
            made.deliveries.wait(bench.job(), datetime.now(UTC))

    yield bench.counted(
        "letting on ten who waited",
        lambda: made.serve_line(LineJob(bench.account_id, bench.webhook.id, datetime.now(UTC) + timedelta(days=1))),
        ten_wait,
    )
    made.queue_due_webhooks()
    yield bench.counted("a minute in which nothing is due", made.queue_due_webhooks)


class Endpoint:
    """Answers every POST with `status`."""

    def __init__(self) -> None:
        self.status = 200


@contextmanager
def answering() -> Iterator[tuple[Endpoint, str]]:
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(endpoint.status)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield endpoint, f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def table() -> str:
    with rig() as made, answering() as (endpoint, url):
        found = list(rows(Bench(made, url), endpoint))
    if "--calls" in sys.argv:
        for what, counts in found:
            print(f"{what}: {', '.join(counts[-1].names)}\n")
    heads = ["", "WCU", "RCU", "calls", "round trips"]
    lines = [
        [
            what,
            short(mean(each.write_units for each in counts)),
            short(mean(each.read_units for each in counts)),
            short(mean(len(each.calls) for each in counts)),
            short(mean(each.round_trips for each in counts)),
        ]
        for what, counts in found
    ]
    return markdown_table(heads, lines)


def main() -> None:
    text = table()
    print(text)
    if "--write" in sys.argv:
        write_section("webhooks", text)


if __name__ == "__main__":
    main()
