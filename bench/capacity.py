"""What each operation costs: capacity units, AWS calls and round trips, counted on the real handlers.

`make bench` runs this on Dynoxide and writes the table into bench/README.md.
"""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from statistics import mean
from typing import Any

from bench.meter import Count
from bench.prose import prose
from bench.readme import markdown_table, short, write_section
from bench.rig import Rig, rig
from chalicelib.events.door import BATCH_SIZE

REPEATS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; the goal is the design's, or empty."""

    what: str
    counts: tuple[Count, ...]
    goal: str = ""
    messages: int = 1  # in each count; their units and calls are shared out, their round trips happen side by side

    def figures(self) -> tuple[float, float, float, float]:
        return (
            mean(count.write_units for count in self.counts) / self.messages,
            mean(count.read_units for count in self.counts) / self.messages,
            mean(len(count.calls) for count in self.counts) / self.messages,
            mean(count.round_trips for count in self.counts),
        )


class Bench:
    """Runs the scenarios on one rig."""

    def __init__(self, made: Rig) -> None:
        self._rig = made
        self._chance = random.Random(20261122)
        self.inbox: str = made.api("POST", "/inboxes", {})["id"]

    def counting(self) -> AbstractContextManager[Count]:
        return self._rig.meter.counting()

    def accept(self, size: int = 2_500, **more: Any) -> Any:
        draft = {"to": ["ada@example.com"], "subject": "Your order", "bodyText": prose(size, self._chance), **more}
        return self._rig.api("POST", f"/inboxes/{self.inbox}/messages", draft)

    def life(self, size: int, to: str = "success@simulator.amazonses.com") -> dict[str, Count]:
        """One message from acceptance to its last event, each step counted."""
        counts: dict[str, Count] = {}
        with self.counting() as counts["accept"]:
            self.accept(size, to=[to])
        [job] = self._rig.jobs()
        with self.counting() as counts["send"]:
            self._rig.send(job)
        send, *others = self._rig.take_events()
        with self.counting() as counts["send event"]:
            self._rig.notify(send)
        for event in others:
            with self.counting() as counts["status event"]:
                self._rig.notify(event)
            with self.counting() as counts["repeated event"]:
                self._rig.notify(event)
        return counts

    def rows(self) -> Iterator[Row]:
        self.life(2_500)  # what a process asks once in many minutes, the account's send rate, is not in the means
        lives = [self.life(2_500) for _ in range(REPEATS)]
        yield Row("accept a message of 2.5 KB", _of(lives, "accept"), "≤ 9 calls, ≤ 5 round trips")
        yield Row("send it, alone in its queue batch", _of(lives, "send"))
        yield Row("send it, one of ten in a queue batch", self._batches(), "≤ 8 calls", BATCH_SIZE)
        yield Row("its Send event, after our own record", _of(lives, "send event"))
        yield Row("its Delivery event", _of(lives, "status event"), "≤ 4 WCU, ≤ 5 calls")
        yield Row("the same event again", _of(lives, "repeated event"))
        whole = tuple(_joined(life, "accept", "send", "send event", "status event") for life in lives)
        yield Row("**the whole life: accepted, sending, sent, delivered**", whole, "≤ 18 WCU")
        yield Row("a permanent bounce", self._bounces())
        gone = [self.life(2_500, BOUNCE.replace("@", f"+{number}@")) for number in range(REPEATS)]
        yield Row("a permanent bounce, whose recipient is suppressed", _of(gone, "status event"))
        for size in (1_000, 10_000, 100_000, 300_000):
            sized = [self.life(size) for _ in range(3)]
            yield Row(f"a status change, body of {size // 1000} KB", _of(sized, "status event"), "the same for each")
        yield from self._replies()
        yield from self._reads()
        yield from self._files()

    def _batches(self) -> tuple[Count, ...]:
        """Full batches; how many turns are taken in one call depends on how their threads meet."""
        counts = []
        for _ in range(REPEATS):
            for _ in range(BATCH_SIZE):
                self.accept(to=["success@simulator.amazonses.com"])
            with self.counting() as count:
                self._rig.send(*self._rig.jobs())
            self._rig.take_events()
            counts.append(count)
        return tuple(counts)

    def _replies(self) -> Iterator[Row]:
        first = self.accept()
        self._rig.send(*self._rig.jobs())
        accepting, sending = [], []
        for _ in range(REPEATS):
            with self.counting() as count:
                self.accept(threadId=first["threadId"])
            accepting.append(count)
            [job] = self._rig.jobs()
            with self.counting() as count:
                self._rig.send(job)
            sending.append(count)
        self._rig.take_events()
        yield Row("accept a reply into a thread", tuple(accepting), "≤ 9 calls, ≤ 5 round trips")
        yield Row("send that reply, alone in its queue batch", tuple(sending))
        path = f"/messages/{first['id']}"
        for what, target, body in (
            ("reply to a message", f"{path}/reply", {"bodyText": prose(2_500, self._chance)}),
            ("forward a message", f"{path}/forward", {"to": ["bob@example.com"]}),
        ):
            answers = [self._counted(partial(self._rig.api, "POST", target, body)) for _ in range(REPEATS)]
            yield Row(what, tuple(answers))

    def _reads(self) -> Iterator[Row]:
        for _ in range(120):
            newest = self.accept()
        list_path = f"/inboxes/{self.inbox}/messages"
        for what, target, goal in (
            ("get a message", f"/messages/{newest['id']}", ""),
            ("its timeline", f"/messages/{newest['id']}/events", ""),
            ("its thread", f"/threads/{newest['threadId']}", ""),
            ("list 20 messages", list_path, "≤ 5 calls"),
            ("list 20 messages from offset 100", f"{list_path}?offset=100", "≤ 5 calls"),
            ("list 100 messages", f"{list_path}?limit=100", "≤ 5 calls"),
            ("list 20 delivered ones", f"{list_path}?status=delivered", "≤ 5 calls"),
            ("list 20 threads", f"/inboxes/{self.inbox}/threads", ""),
            ("get an inbox", f"/inboxes/{self.inbox}", ""),
            ("get the account with its usage", "/account", ""),
            ("the same again, with nothing new to count", "/account", ""),
        ):
            yield Row(what, (self._counted(partial(self._rig.api, "GET", target)),), goal)
        yield Row("delete a message", (self._counted(lambda: self._rig.api("DELETE", f"/messages/{newest['id']}")),))

    def _files(self) -> Iterator[Row]:
        data = self._chance.randbytes(100_000)
        uploads = [self._counted(lambda: self._rig.upload(data)) for _ in range(REPEATS)]
        yield Row("upload a file of 100 KB", tuple(uploads))
        accepted, sent, deleted = [], [], []
        self._rig.jobs()
        for _ in range(REPEATS):
            ids = [self._rig.upload(data)["id"] for _ in range(2)]
            with self.counting() as count:
                message = self.accept(attachmentIds=ids)
            accepted.append(count)
            [job] = self._rig.jobs()
            sent.append(self._counted(partial(self._rig.send, job)))
            deleted.append(self._counted(partial(self._rig.api, "DELETE", f"/messages/{message['id']}")))
        yield Row("accept a message with two files", tuple(accepted))
        yield Row("send it", tuple(sent))
        yield Row("delete it, and its files with it", tuple(deleted))

    def _bounces(self) -> tuple[Count, ...]:
        """In an inbox of their own, which sends too few to be judged by them."""
        inbox, self.inbox = self.inbox, self._rig.api("POST", "/inboxes", {})["id"]
        lives = [self.life(2_500, BOUNCE) for _ in range(REPEATS)]
        self.inbox = inbox
        return _of(lives, "status event")

    def _counted(self, work: Callable[[], Any]) -> Count:
        with self.counting() as count:
            work()
        return count


BOUNCE = "bounce@simulator.amazonses.com"


def _of(lives: list[dict[str, Count]], step: str) -> tuple[Count, ...]:
    return tuple(life[step] for life in lives)


def _joined(life: dict[str, Count], *steps: str) -> Count:
    return Count([call for step in steps for call in life[step].calls])


def table(rows: list[Row]) -> str:
    heads = ["What", "WCU", "RCU", "AWS calls", "round trips", "goal"]
    return markdown_table(heads, [[row.what, *map(short, row.figures()), row.goal] for row in rows])


def main() -> None:
    with rig() as made:
        rows = list(Bench(made).rows())
    text = table(rows)
    print(text)
    for row in rows if "--calls" in sys.argv else ():
        print(f"\n{row.what}: {', '.join(row.counts[-1].names)}")
    if "--write" in sys.argv:
        write_section("capacity", text)


if __name__ == "__main__":
    main()
