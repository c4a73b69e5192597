"""What a million messages and an idle month cost, from the units counted in bench/README.md and AWS's prices.

`python -m bench.cost --write` puts the tables into docs/cost.md; tests/bench/test_cost.py holds that they stand there.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chalice.app import ScheduledEventConfig

from app import app
from bench.prices import MILLION, PRICES
from bench.readme import markdown_table, sections, with_sections
from chalicelib.operations.ports.metrics import Metric
from embedded.event_pump import seconds_between

PROJECT = Path(__file__).parent.parent
DOCUMENT = PROJECT / "docs" / "cost.md"
BATCH = 10
ALARMS = 30  # at most; the template has fewer

# Assumed, for nothing here has run on Lambda: what an invocation is billed for.
ROUND_TRIP = 0.008  # seconds a call of DynamoDB, SQS or S3 takes within a region
SES_CALL = 0.060  # seconds SES takes to accept a mail, a call among the round trips
OWN_WORK = 0.010  # seconds of Python an invocation, with half a processor
WEBHOOK_ANSWER = 0.200  # seconds an endpoint takes
TRACED = 0.05  # of all invocations, where there is more than one a second; up to there all of them

MONTH = 30 * 24 * 3600
EMPTY_POLLS = 5 / 20  # a second and queue: Lambda reads each with five pollers, who wait 20 s
BYTES_IN_GB = 1e9

Row = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Bill:
    """Units of one message."""

    writes: float = 0
    reads: float = 0
    invocations: float = 0
    gb_seconds: float = 0
    api_requests: float = 0
    queue_requests: float = 0
    notices: float = 0
    puts: float = 0
    gets: float = 0
    log_bytes: float = 0
    ses: float = 0  # dollars a million

    def __add__(self, other: "Bill") -> "Bill":
        return Bill(*(getattr(self, name) + getattr(other, name) for name in Bill.__dataclass_fields__))

    def lines(self) -> dict[str, float]:
        """Dollars a million, by service."""
        return {
            "DynamoDB": self.writes * PRICES.write_units + self.reads * PRICES.read_units,
            "Lambda": self.invocations * PRICES.lambda_requests + self.gb_seconds * MILLION * PRICES.lambda_gb_second,
            "API Gateway": self.api_requests * PRICES.api_requests,
            "SQS": self.queue_requests * PRICES.queue_requests,
            "SNS": self.notices * PRICES.notices,
            "S3": self.puts * PRICES.puts + self.gets * PRICES.gets,
            "CloudWatch Logs, metrics in them": self.log_bytes * MILLION / BYTES_IN_GB * PRICES.log_gb,
            "X-Ray": self.invocations * TRACED * PRICES.traces,
        }


class Counted:
    """The tables of bench/README.md."""

    def __init__(self) -> None:
        found = sections((PROJECT / "bench" / "README.md").read_text(encoding="utf-8"))
        self._rows = {name: _rows(text) for name, text in found.items()}
        configured = json.loads((PROJECT / ".chalice" / "config.json").read_text(encoding="utf-8"))["stages"]["dev"]
        self._memory: dict[str, int] = {"": configured["lambda_memory_size"]} | {
            name: own["lambda_memory_size"]
            for name, own in configured["lambda_functions"].items()
            if "lambda_memory_size" in own
        }

    def row(self, section: str, begins: str) -> Row:
        """The row whose first cell begins so."""
        (row,) = [row for what, row in self._rows[section].items() if what.startswith(begins)]
        return row

    def gb(self, function: str) -> float:
        return self._memory.get(function, self._memory[""]) / 1024

    def log_bytes(self, begins: str) -> float:
        row = self.row("log-bytes", begins)
        return row["bytes"] + row["bytes of metrics"]

    def outbound(self, *, batched: bool) -> Bill:
        """One message of 2.5 KB to one recipient: accepted, sent, its two events."""
        share = 1 / BATCH if batched else 1
        accept = self.row("capacity", "accept a message of 2.5 KB")
        send = self.row("capacity", "send it, one of ten" if batched else "send it, alone")
        events = [self.row("capacity", "its Send event"), self.row("capacity", "its Delivery event")]
        bill = self._handled(accept, "api_handler", 1) + self._handled(send, "send_queue_sender", share, SES_CALL)
        for event in events:
            bill += self._handled(event, "delivery_notifications", share)
        logs = self.log_bytes("accept a message")
        if batched:  # the lines of ten, and a tenth of the metrics that one alone would write
            logs += self.log_bytes("send ten in a batch") / BATCH + self.row("log-bytes", "its Delivery event")["bytes"]
            logs += self.log_bytes("its Send event") / BATCH
            logs += self.row("log-bytes", "its Delivery event")["bytes of metrics"] / BATCH
        else:
            logs += sum(map(self.log_bytes, ("send it, alone", "its Send event", "its Delivery event")))
        queued = 3 * (1 + 2 * share)  # put, taken out, deleted: the job, and two events
        return bill + Bill(api_requests=1, queue_requests=queued, notices=2, log_bytes=logs, ses=PRICES.mails_out)

    def inbound(self) -> Bill:
        """One plain mail of 2.5 KB for one inbox."""
        row = self.row("inbound", "a plain mail of 2.5 KB")
        puts = 2  # SES's own, and our copy; the rest of the calls are a GET, and a DELETE that costs nothing
        return self._handled(row, "inbound_notifications", 1) + Bill(
            queue_requests=3,
            notices=1,
            puts=puts,
            gets=1,
            log_bytes=self.log_bytes("receive a mail"),
            ses=PRICES.mails_in,
        )

    def webhook(self) -> Bill:
        """One event told to one endpoint, which answers at once."""
        row = self.row("webhooks", "a notice to one webhook")
        return self._handled(row, "webhook_worker", 1, WEBHOOK_ANSWER) + Bill(
            queue_requests=3, log_bytes=self.log_bytes("deliver to a webhook")
        )

    def _handled(self, row: Row, function: str, invocations: float, more_seconds: float = 0) -> Bill:
        seconds = row["round trips"] * ROUND_TRIP + OWN_WORK + more_seconds
        return Bill(row["WCU"], row["RCU"], invocations, seconds * invocations * self.gb(function))

    def a_million(self) -> str:
        bills = [self.outbound(batched=False), self.outbound(batched=True), self.inbound(), self.webhook()]
        columns = [bill.lines() for bill in bills]
        rows = [["Amazon SES", *(f"{bill.ses:.2f}" if bill.ses else "" for bill in bills)]]
        rows += [[name, *(f"{column[name]:.2f}" for column in columns)] for name in columns[0]]
        ours = [sum(column.values()) for column in columns]
        rows.append(["**without SES**", *(f"**{dollars:.2f}**" for dollars in ours)])
        rows.append(
            ["**in all**", *(f"**{bill.ses + dollars:.2f}**" for bill, dollars in zip(bills, ours, strict=True))]
        )
        heads = ["$ a million", "sent, one at a time", "sent, in batches of ten", "received", "told to a webhook"]
        return markdown_table(heads, rows)

    def an_idle_month(self) -> str:
        calls = {
            source.name: MONTH / seconds_between(source.name, source.schedule_expression) for source in _schedules()
        }
        seconds = dict.fromkeys(calls, OWN_WORK + 8 * ROUND_TRIP)  # 8: those of due_webhooks in vain
        running = sum(
            times * (PRICES.lambda_requests / MILLION + seconds[name] * self.gb(name) * PRICES.lambda_gb_second)
            for name, times in calls.items()
        )
        reads = calls["due_webhooks"] * self.row("webhooks", "a minute in which nothing")["RCU"] + calls["erasing"]
        reads += 100 * calls["housekeeping"] + calls["due_domains"]  # docs/operations.md: at most 100 units a run
        queues = sum(hasattr(source, "queue") for source in app.event_sources)
        rows: list[tuple[str, float]] = [
            (f"{len(Metric)} metrics of our own", len(Metric) * PRICES.metric_month),
            (f"up to {ALARMS} alarms", ALARMS * PRICES.alarm_month),
            ("the dashboard", PRICES.dashboard_month),
            (
                f"Lambda looking into {queues} empty queues",
                queues * EMPTY_POLLS * MONTH / MILLION * PRICES.queue_requests,
            ),
            (f"{sum(calls.values()):,.0f} runs of the schedules", running),
            ("what they read", reads / MILLION * PRICES.read_units),
            ("their traces", sum(calls.values()) / MILLION * PRICES.traces),
        ]
        total = sum(dollars for _, dollars in rows)
        return markdown_table(
            ["An idle month", "$"],
            [[what, f"{dollars:.2f}"] for what, dollars in rows] + [["**in all**", f"**{total:.2f}**"]],
        )


def _rows(text: str) -> dict[str, Row]:
    """The numbers of a table by the first cell of their row."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    heads = lines[0] if lines else []
    return {
        cells[0]: {
            head: float(cell)
            for head, cell in zip(heads[1:], cells[1:], strict=True)
            if re.fullmatch(r"\d+(\.\d+)?", cell)
        }
        for cells in lines[2:]
    }


def _schedules() -> Sequence[ScheduledEventConfig]:
    return [source for source in app.event_sources if isinstance(source, ScheduledEventConfig)]


def document() -> str:
    """docs/cost.md as it should be."""
    counted = Counted()
    tables = {"a million": counted.a_million(), "an idle month": counted.an_idle_month()}
    return with_sections(DOCUMENT.read_text(encoding="utf-8"), tables)


def main() -> None:
    text = document()
    if "--write" in sys.argv:
        DOCUMENT.write_text(text, encoding="utf-8")
    for name, table in sections(text).items():
        print(f"{name}\n{table}\n")


if __name__ == "__main__":
    main()
