"""What messages cost in an inbox that sends a hundred a second: news comes late, and a backlog is sent out of order."""

import random
import sys
from collections import deque
from dataclasses import dataclass, field

from bench.capacity import Bench
from bench.meter import Count
from bench.readme import markdown_table, short, write_section
from bench.rig import Rig, rig
from chalicelib.domain.ids import MessageKey, inbox_number
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.storage.cell_pages import BUCKET_CELLS
from chalicelib.wiring import operations

A_SECOND = 100  # messages
SECONDS = 5  # until the news of a delivery comes
MEASURED = 2 * BUCKET_CELLS  # messages: two buckets are sealed meanwhile
BACKLOG = 5_000
_STEPS = (
    (MessagePhase.QUEUED, MessagePhase.CLAIMED),
    (MessagePhase.CLAIMED, MessagePhase.SUBMITTING),
    (MessagePhase.SUBMITTING, MessagePhase.SENT),
    (MessagePhase.SENT, MessagePhase.DELIVERED),
)


@dataclass
class BusyInbox:
    """One inbox; its messages are sent at once, and the news of each comes so many messages later."""

    rig: Rig
    under_way: deque[str] = field(default_factory=deque)

    def lives(self) -> Count:
        bench = Bench(self.rig)
        lag = SECONDS * A_SECOND
        for _ in range(lag + BUCKET_CELLS):
            self._live(bench, lag)
        with self.rig.meter.counting() as count:
            for _ in range(MEASURED):
                self._live(bench, lag)
        return count

    def _live(self, bench: Bench, lag: int) -> None:
        bench.accept(to=["success@simulator.amazonses.com"])
        self.rig.send(*self.rig.jobs())
        sent, delivered = self.rig.take_events()
        self.rig.notify(sent)
        self.under_way.append(delivered)
        if len(self.under_way) > lag:
            self.rig.notify(self.under_way.popleft())


def backlog(made: Rig) -> Count:
    """The index's part of sending what has been put back again and again: in any order."""
    number, index = inbox_number(made.api("POST", "/inboxes", {})["id"]), operations().index
    for sequence in range(BACKLOG):
        index.commit(MessageKey(number, sequence), MessagePhase.QUEUED, lambda only=sequence: (only,))  # type: ignore[misc]
    order = random.Random(20261122).sample(range(BACKLOG), BACKLOG)
    with made.meter.counting() as count:
        for sequence in order:
            key = MessageKey(number, sequence)
            for before, after in _STEPS:
                index.advance(key, after, {before})
            index.seal_due(key)
    return count


def transactions(count: Count) -> int:
    return count.names.count("DynamoDB.TransactWriteItems")


def main() -> None:
    with rig() as made:
        rows = [
            (
                f"a whole life at {A_SECOND} a second, its news {SECONDS} s later",
                BusyInbox(made).lives(),
                MEASURED,
                "≤ 18 WCU",
            ),
            (
                f"the four steps of each of {BACKLOG:,} that waited, in any order (index alone)",
                backlog(made),
                BACKLOG,
                "",
            ),
        ]
    heads = ["What", "WCU", "RCU", "AWS calls", "folds and seals, of all messages", "goal"]
    cells = []
    for what, count, messages, goal in rows:
        figures = (count.write_units, count.read_units, len(count.calls))
        cells.append(
            [what, *(short(each / messages) for each in figures), f"{transactions(count) / messages:.2%}", goal]
        )
    text = markdown_table(heads, cells)
    print(text)
    if "--write" in sys.argv:
        write_section("busy", text)


if __name__ == "__main__":
    main()
