"""What the event log costs: telling, a page of the feed whatever the length of the log, and a request that waits for nothing.

`make bench` runs this on Dynoxide and writes the table into bench/README.md; EVENTS (1,000,000) is the length of the long log.
"""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

from bench.meter import Count
from bench.readme import markdown_table, short, write_section
from bench.rig import API_KEY, Rig, rig
from chalicelib.domain.account import Caller
from chalicelib.domain.delivery import EventType
from chalicelib.domain.event import Event, LogPlace
from chalicelib.domain.ids import AccountId, MessageKey
from chalicelib.operations.join_events import JoinEvents
from chalicelib.operations.manage_accounts import FIRST_ACCOUNT
from chalicelib.operations.read_feed import FeedRequest, ReadFeed
from chalicelib.storage import keys
from chalicelib.storage.event_codec import pack_event
from chalicelib.storage.event_log import DynamoEventLog
from chalicelib.storage.log_chunks import CLOSED_AT, EXPIRES_AFTER
from chalicelib.storage.tables import LogChunkItem
from chalicelib.wiring import operations

ALONE = 360  # events
BATCH = 10  # messages whose sending is told at once, two events each
BATCHES = 18
SHORT = 10_000  # events
LONG = int(os.environ.get("EVENTS", "1000000"))
WAIT = 20  # seconds


class EventBench:
    """Runs the scenarios on one rig, with a log of its own."""

    def __init__(self, made: Rig) -> None:
        self._rig = made
        self._log = DynamoEventLog(lambda: datetime.now(UTC), operations().public_ids())
        self._ids = operations().public_ids()

    def rows(self) -> Iterator[list[str]]:
        yield self._row("tell an event, alone", self._counted(self._tell_alone), ALONE)
        yield self._row(
            f"tell an event, {2 * BATCH} of {BATCH} messages side by side",
            self._counted(self._batches),
            2 * BATCH * BATCHES,
        )
        told = 0
        for size in (SHORT, LONG):
            self._fill(told, size)
            told = size
            newest = self._log.newest_chunk(_FILLED)
            for limit in (20, 100):
                for where, place in (
                    ("first", None),
                    ("middle", LogPlace(newest // 2, 0)),
                    ("last", LogPlace(newest - 6, 0)),
                ):
                    read = self._counted(partial(self._log.read, _FILLED, place, limit))
                    yield self._row(f"{where} {limit} of {size:,} events", read)
            yield self._row(
                f"tell an event that happened {size:,} events ago", self._counted(partial(self._tell_late, size))
            )
            yield self._row("… and once more, by somebody else", self._counted(partial(self._tell_late, size)))
        yield self._row("a look for something new, in vain", self._counted(self._look))
        yield self._row(f"a request that waits {WAIT} s in vain, authentication aside", self._wait())
        inbox = self._rig.api("POST", "/inboxes", {})["id"]
        for _ in range(BATCH):
            self._rig.api(
                "POST", f"/inboxes/{inbox}/messages", {"to": ["ada@example.com"], "subject": "s", "bodyText": "b"}
            )
        self._rig.send(*self._rig.jobs())
        yield self._row(
            "GET /events: 20 events of 10 short messages", self._counted(lambda: self._rig.api("GET", "/events"))
        )

    def _row(self, what: str, count: Count, share: int = 1) -> list[str]:
        figures = (count.write_units / share, count.read_units / share, len(count.calls) / share)
        return [what, *map(short, figures)]

    def _counted(self, work: Callable[[], object]) -> Count:
        with self._rig.meter.counting() as count:
            work()
        return count

    def _tell_alone(self) -> None:
        for number in range(ALONE):
            since = self._log.newest_chunk(_ALONE, 0)
            self._log.tell(_ALONE, [self._event(number, since)])

    def _batches(self) -> None:
        with ThreadPoolExecutor(BATCH) as threads:
            for batch in range(BATCHES):
                list(threads.map(self._tell_two, range(batch * BATCH, (batch + 1) * BATCH)))

    def _tell_two(self, number: int) -> None:
        since = self._log.newest_chunk(_BATCH, 0)
        self._log.tell(_BATCH, [self._event(2 * number + each, since) for each in range(2)])

    def _fill(self, start: int, stop: int) -> None:
        """Closed chunks, as a hundred thousand tellings would have left them."""
        partition, expires = keys.log_partition(_FILLED), datetime.now(UTC) + EXPIRES_AFTER
        with LogChunkItem.batch_write() as batch:
            for chunk in range(start // CLOSED_AT, stop // CLOSED_AT):
                numbers = range(chunk * CLOSED_AT, (chunk + 1) * CLOSED_AT)
                packed = [pack_event(self._event(number, chunk)) for number in numbers]
                batch.save(LogChunkItem(partition, keys.log_chunk(chunk), events=packed, ttl=expires))
        self._log = DynamoEventLog(lambda: datetime.now(UTC), self._ids)

    def _tell_late(self, number: int) -> None:
        """By a process that knows nothing, of a message that was accepted when there was no event yet."""
        log = DynamoEventLog(lambda: datetime.now(UTC), self._ids)
        log.tell(
            _FILLED, [Event(self._ids.event_id(0, 2**40 + number), EventType.QUEUED, _BEGAN, MessageKey(1, number))]
        )

    def _event(self, number: int, since: int) -> Event:
        return Event(self._ids.event_id(since, number), EventType.SENT, datetime.now(UTC), MessageKey(1, number))

    def _look(self) -> None:
        self._log.read(_FILLED, LogPlace(self._log.newest_chunk(_FILLED) + 1, 0), 20)

    def _wait(self) -> Count:
        known = operations()
        passed = [0.0]
        join = JoinEvents(known.inboxes, known.webhooks, known.domains, known.messages, known.index)

        def pass_by(seconds: float) -> None:
            passed[0] += seconds

        feed = ReadFeed(self._log, known.inboxes, join, self._ids, WAIT, clock=lambda: passed[0], sleep=pass_by)
        key = known.authenticate(API_KEY).caller.key
        with self._rig.meter.counting() as count:
            feed(FeedRequest(None, 20, wait=WAIT), Caller(_EMPTY, key))
        return count


_BEGAN = datetime.now(UTC).replace(microsecond=0)
_ALONE, _BATCH, _FILLED, _EMPTY = (AccountId(f"{FIRST_ACCOUNT}{name}") for name in ("a", "b", "f", "e"))


def main() -> None:
    with rig() as made:
        rows = list(EventBench(made).rows())
    text = markdown_table(["What", "WCU", "RCU", "AWS calls"], rows)
    print(text)
    if "--write" in sys.argv:
        write_section("events", text)


if __name__ == "__main__":
    main()
