"""How many messages a second one inbox accepts, from many clients at once, on a running embedded system.

`make bench-http` runs this and writes the table into bench/README.md.
"""

import json
import random
import resource
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
from bench.rig import Rig, rig
from bench.running_system import Client, running_system
from chalicelib.domain.ids import MessageKey, inbox_number
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import Reservation
from chalicelib.wiring import operations

CLIENTS = (1, 8, 16)
MESSAGES = 400  # for each number of clients
SHARED_WRITES = 1_000
PATIENCE = 5  # seconds in which another one must be delivered
BODY_SIZE = 2_500  # bytes


@dataclass(frozen=True)
class Accepted:
    """What came of sending from so many clients at once."""

    clients: int
    statuses: Counter[int]
    seconds: float
    times: list[float]  # of each request, in milliseconds
    delivered: int  # messages the inbox lists as delivered in the end

    def row(self) -> list[str]:
        accepted = self.statuses[202]
        rates = [
            f"{accepted / self.seconds:.0f}",
            f"{median(self.times):.0f}",
            f"{quantiles(self.times, n=100)[98]:.0f}",
        ]
        counts = [str(accepted), str(self.statuses.total() - accepted), str(self.delivered)]
        return [str(self.clients), *rates, *counts]


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
    statuses = Counter(status for status, _ in answers)
    delivered = _delivered(Client(netloc), path, statuses[202])
    return Accepted(clients, statuses, seconds, [spent for _, spent in answers], delivered)


def _delivered(client: Client, path: str, wanted: int) -> int:
    """How many are delivered when all are, or when no more come."""
    before, found = -1, 0
    while before < found < wanted:
        time.sleep(PATIENCE)
        before, found = found, client.json("GET", f"{path}?limit=1&status=delivered")["total"]
    return found


def shared_writes(made: Rig, writers: int) -> list[str]:
    """Only what all messages of an inbox write to the same items: take a number, commit; the rest is each its own."""
    number = inbox_number(made.api("POST", "/inboxes", {})["id"])
    stores = operations()
    inbox = stores.inboxes.get(number)
    if inbox is None:
        raise RuntimeError("the inbox was made and is not there")
    account, day = inbox.account_id, inbox.sends_day

    def accept(_: int) -> bool:
        reservation = stores.inboxes.reserve(number, account, day)
        if not isinstance(reservation, Reservation):
            return False
        key = MessageKey(number, reservation.sequence)
        return stores.index.commit(key, MessagePhase.QUEUED, lambda: [key.sequence])

    began = time.perf_counter()
    with ThreadPoolExecutor(writers) as pool:
        accepted = sum(pool.map(accept, range(SHARED_WRITES)))
    rate = accepted / (time.perf_counter() - began)
    return [str(writers), f"{rate:.0f}", str(accepted), str(SHARED_WRITES - accepted)]


def main() -> None:
    heads = [
        "clients",
        "accepted a second",
        "median ms",
        "99 % within ms",
        "answered 202",
        "anything else",
        "delivered",
    ]
    with tempfile.TemporaryDirectory() as folder:
        with running_system(Path(folder)) as netloc:
            results = [send(netloc, clients) for clients in CLIENTS]
        # Of the system and the emulated AWS under it, which have ended by now.
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    milliseconds = (used.ru_utime + used.ru_stime) * 1_000 / sum(result.statuses[202] for result in results)
    cpu = f"Processor time of the system and the emulated AWS, per message: {milliseconds:.0f} ms."
    with rig() as made:
        rows = [shared_writes(made, clients) for clients in CLIENTS]
    shared = markdown_table(["writers", "numbers taken and messages committed a second", "committed", "refused"], rows)
    sections = {"throughput": markdown_table(heads, [result.row() for result in results]) + f"\n\n{cpu}"}
    sections["shared-writes"] = shared
    for name, text in sections.items():
        print(f"{text}\n")
        if "--write" in sys.argv:
            write_section(name, text)


if __name__ == "__main__":
    main()
