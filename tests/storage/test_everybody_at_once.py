"""One inbox, every store and operation together: writers, a sender, readers, and reads that are torn and stale.

`make fuzz` runs the long one, from FUZZ_SEED (at random, and printed).
"""

import os
import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.reputation import Reputation
from chalicelib.operations.ports import PageRequest, SendJob
from chalicelib.storage.thread_store import DynamoThreadStore
from tests.operations.world import INBOX, make_draft, make_event
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.index_oracle import assert_counted
from tests.storage.read_committed import ReadCommitted
from tests.storage.stored_world import ALL, StoredWorld

WRITERS, READERS = 6, 2


class BusyWorld(StoredWorld):
    """Its threads fill chunks after a few messages."""

    def _make_stores(self) -> None:
        super()._make_stores()
        self.threads = DynamoThreadStore(members_limit=8, moved_at_once=4, chunk_limit=6, enough=3)


@dataclass
class Known:
    """What everybody was answered, under one lock."""

    threads: dict[int, int] = field(default_factory=dict)  # of each message that is there, by its thread's first one
    statuses: dict[int, MessageStatus] = field(default_factory=dict)  # of those that were sent
    done: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> set[int]:
        with self.lock:
            return set(self.threads)


@dataclass
class People:
    """Everybody at work on one world."""

    world: BusyWorld
    seed: int
    known: Known = field(default_factory=Known)
    later: list[SendJob] = field(default_factory=list)  # not due before all is over
    over: threading.Event = field(default_factory=threading.Event)

    def work(self, acts: int) -> None:
        """So many acts of each writer, while the others do what they do."""
        self.over.clear()
        with ThreadPoolExecutor(WRITERS + READERS + 1) as pool:
            writing = [pool.submit(self._write, self._luck(f"writer {number}"), acts) for number in range(WRITERS)]
            others = [pool.submit(self._until_over, self._read, self._luck(f"reader {n}")) for n in range(READERS)]
            others.append(pool.submit(self._until_over, self._send, self._luck("sender")))
            try:
                for work in writing:
                    work.result()
            finally:
                self.over.set()
            for work in others:
                work.result()

    def rest(self) -> None:
        """Every job is done, also those that nobody had got to."""
        while self.world.send_queue.jobs:
            self._send(self._luck("rest"))
        for job in self.later:
            self.world.send_queue.put(job)
        self.later.clear()
        self.world.work()

    def _write(self, luck: random.Random, acts: int) -> None:
        mine: list[int] = []
        for _ in range(acts):
            act = luck.choices(["send", "reply", "delete"], weights=[3, 5, 2])[0]
            if act == "delete" and mine:
                self._delete(mine.pop(luck.randrange(len(mine))))
            else:
                mine += self._submit(luck, answers=act == "reply")

    def _submit(self, luck: random.Random, *, answers: bool) -> list[int]:
        threads = sorted(set(self.known.threads.copy().values())) if answers else []
        thread = ThreadKey(INBOX, luck.choice(threads[-12:])) if threads else None
        try:
            content = self.world.submit(make_draft(thread=thread)).content
        except NotFound:  # all of it was deleted meanwhile
            assert thread is not None
            self.known.done["replies to nobody"] += 1
            return []
        assert thread in (None, content.thread)
        with self.known.lock:
            self.known.threads[content.key.sequence] = content.thread.first_sequence
            self.known.done["replies" if thread else "first messages"] += 1
        return [content.key.sequence]

    def _delete(self, sequence: int) -> None:
        with self.known.lock:  # before: from now on it may be gone
            del self.known.threads[sequence]
            self.known.done["deletions"] += 1
        self.world.delete_message(MessageKey(INBOX, sequence), self.world.caller)

    def _send(self, luck: random.Random) -> None:
        """The next job, and maybe its news."""
        if not self.world.send_queue.jobs:
            self.over.wait(0.002)
            return
        job, delay = self.world.send_queue.jobs.pop(0)
        if delay:
            self.later.append(job)
            return
        self.world.send_message(job)
        delivery = self.world.messages.get_delivery(job.message)
        if delivery is None or delivery.ses_message_id is None:
            return
        status = luck.choice([None, DeliveryStatus.DELIVERED, DeliveryStatus.COMPLAINED])
        if status is not None:
            event = make_event(job.message, status, ses_message_id=delivery.ses_message_id)
            self.world.record_delivery_report(event)
        with self.known.lock:
            self.known.statuses[job.message.sequence] = MessageStatus.SENT if status is None else status.shown

    def _read(self, luck: random.Random) -> None:
        """Nothing twice, nothing that stood still missed, and totals are those of what is shown."""
        before = self.known.now()
        request = luck.choice([ALL, PageRequest(limit=luck.randint(1, 12), offset=luck.randint(0, 40))])
        page = self.world.list_messages(INBOX, self.world.caller, request)
        shown = [message.content.key.sequence for message in page.items]
        assert shown == sorted(set(shown), reverse=True)
        if request is ALL:
            assert page.total == len(shown)
            assert before & self.known.now() <= set(shown)
        assert page.total >= len(shown)
        threads = self.world.list_threads(INBOX, self.world.caller, request)
        heads = [summary.last_message.content.key.sequence for summary in threads.items]
        assert heads == sorted(set(heads), reverse=True)
        for summary in threads.items[:2]:
            self._read_thread(summary.thread.key)
        with self.known.lock:
            self.known.done["pages"] += 1

    def _read_thread(self, key: ThreadKey) -> None:
        def members() -> set[int]:
            with self.known.lock:
                return {number for number, first in self.known.threads.items() if first == key.first_sequence}

        before = members()
        try:
            page = self.world.list_thread_messages(key, self.world.caller, ALL)
        except NotFound:
            assert not before & members()
            return
        shown = [message.content.key.sequence for message in page.items]
        assert shown == sorted(set(shown))
        assert before & members() <= set(shown)

    def _until_over(self, act: Callable[[random.Random], None], luck: random.Random) -> None:
        while not self.over.is_set():
            act(luck)

    def _luck(self, name: str) -> random.Random:
        return random.Random(f"{self.seed} {name}")

    def check(self) -> None:
        """At rest everything is as it was answered, in every list."""
        world, known = self.world, self.known
        page = world.list_messages(INBOX, world.caller, ALL)
        assert {
            message.content.key.sequence: message.content.thread.first_sequence for message in page.items
        } == known.threads
        found = {message.content.key.sequence: message.status for message in page.items}
        assert found == {sequence: known.statuses.get(sequence, MessageStatus.SENT) for sequence in known.threads}
        world.assert_agrees()
        known.done["sealed buckets"] = assert_counted()


def live(table: Any, monkeypatch: pytest.MonkeyPatch, seed: int, rounds: int, acts: int) -> Counter[str]:
    """Some rounds; after each all is compared."""
    print("seed", seed)  # noqa: T201  shown when it fails
    layer = ReadCommitted(table, random.Random(seed), share=0.0)
    layer.install(monkeypatch)
    people = People(BusyWorld(daily_send_limit=1_000_000, reputation=Reputation(sends=10**9)), seed)
    for _ in range(rounds):
        layer.share = 0.3
        people.work(acts)
        layer.share = 0.0  # replicas have caught up by now
        people.rest()
        people.check()
    return people.known.done


pytestmark = [
    pytest.mark.usefixtures("table", "small_buckets"),
    NOT_ON_MOTO,
]


def test_everybody_at_once_leaves_what_they_were_answered(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    done = live(table, monkeypatch, random.randrange(2**32), rounds=1, acts=25)
    assert min(done[name] for name in ("replies", "deletions", "pages", "sealed buckets")) > 0


@pytest.mark.long
def test_everybody_at_once_for_a_long_time(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    done = live(table, monkeypatch, int(os.environ.get("FUZZ_SEED", random.randrange(2**32))), rounds=4, acts=60)
    assert min(done[name] for name in ("replies", "deletions", "pages", "sealed buckets")) > 50
