"""How many messages a second one inbox accepts, from many clients at once, on a running embedded system.

`make bench-http` runs this and writes the table into bench/README.md.
"""

import json
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from bench.prose import prose
from bench.readme import markdown_table, write_section
from bench.running_system import Client, running_system

CLIENTS = (1, 8, 16)
MESSAGES = 2_000  # for each number of clients
BODY_SIZE = 2_500  # bytes


@dataclass(frozen=True)
class Accepted:
    """What came of sending from so many clients at once."""

    clients: int
    statuses: Counter[int]
    seconds: float
    times: list[float]  # of each request, in milliseconds
    listed: int  # messages the inbox lists afterwards

    def row(self) -> list[str]:
        others = sum(self.statuses.values()) - self.statuses[202]
        slow = quantiles(self.times, n=100)[98]
        return [
            str(self.clients),
            f"{self.statuses[202] / self.seconds:.0f}",
            f"{self.statuses[202]:,}",
            str(others),
            f"{self.listed:,}",
            f"{median(self.times):.0f}",
            f"{slow:.0f}",
        ]


def send(netloc: str, clients: int) -> Accepted:
    """Send to one new inbox, as fast as answers come."""
    inbox = Client(netloc).json("POST", "/inboxes", {})["id"]
    path = f"/inboxes/{inbox}/messages"

    def one_client(number: int) -> list[tuple[int, float]]:
        client, chance = Client(netloc), random.Random(number)
        answers = []
        for _ in range(MESSAGES // clients):
            draft = {
                "to": ["success@simulator.amazonses.com"],
                "subject": "Order",
                "bodyText": prose(BODY_SIZE, chance),
            }
            body = json.dumps(draft).encode()
            began = time.perf_counter()
            status, _ = client.call("POST", path, body)
            answers.append((status, (time.perf_counter() - began) * 1_000))
        return answers

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        answers = [answer for part in pool.map(one_client, range(clients)) for answer in part]
    seconds = time.perf_counter() - began
    listed = Client(netloc).json("GET", f"{path}?limit=1")["total"]
    return Accepted(clients, Counter(status for status, _ in answers), seconds, [spent for _, spent in answers], listed)


def main() -> None:
    heads = ["clients", "accepted a second", "answered 202", "anything else", "listed", "median ms", "99 % within ms"]
    with tempfile.TemporaryDirectory() as folder, running_system(Path(folder)) as netloc:
        text = markdown_table(heads, [send(netloc, clients).row() for clients in CLIENTS])
    print(text)
    if "--write" in sys.argv:
        write_section("throughput", text)


if __name__ == "__main__":
    main()
