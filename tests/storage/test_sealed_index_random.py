"""The sealed index under a random life, alone and with everybody at once, against an oracle made of the answers.

`make fuzz` runs the long one: FUZZ_OPERATIONS (100,000) operations of 8 writers, from FUZZ_SEED (at random, and printed).
"""

import os
import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.domain.message_phase import MessagePhase
from chalicelib.storage.message_index import DynamoMessageIndex
from tests.storage.deaths import WRITES, Deaths, Died
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.faults import conflict
from tests.storage.fuzz_desk import Desk
from tests.storage.fuzz_people import Reader, Writer
from tests.storage.index_oracle import VISIBLE, assert_counted, assert_shows, assert_shows_all, random_request
from tests.storage.index_world import World
from tests.storage.read_committed import ReadCommitted
from tests.storage.small_buckets import resize

WRITERS, READERS = 8, 4
LONG = {
    "BUCKET_CELLS": 16,
    "DIRECTORY_BUCKETS": 8,
    "OPEN_CELLS": 8,
    "FEW": 4,
    "PATIENCE": 48,
    "NEWS_PATIENCE": 80,
    "BACKLOG_PATIENCE": 112,
    "SEAL_EVERY": 1,
    "FOLD_EVERY": 8,
    "FOLD_MOST": 12,
}


# ------------------------------------------------------------------------------------------- one after the other


@dataclass
class Life:
    """Random acts on one inbox, one after the other; some die half-way."""

    luck: random.Random
    deaths: Deaths
    world: World = field(default_factory=World)
    next_sequence: int = 0
    stalled: list[int] = field(default_factory=list)

    def step(self) -> None:
        acts = [self.send, self.reply, self.wake, self.kill, self.advance, self.put_back, self.delete, self.seal]
        act = self.luck.choices(acts, weights=[5, 6, 1, 1, 8, 1, 3, 4])[0]
        self.world.index = DynamoMessageIndex()  # a process of its own
        act()

    def send(self, first: int | None = None) -> None:
        sequence = self.next_sequence
        self.next_sequence += self.luck.choice([1, 1, 1, 1, 2, 4])
        self.world.enter(sequence, first)
        if self.luck.random() < 0.1:
            self.stalled.append(sequence)
        else:
            self._do(sequence, lambda: self.world.commit(sequence))

    def reply(self) -> None:
        self.send(self.world.oracle.thread_of[self._any()] if self.world.oracle.phases else None)

    def wake(self) -> None:
        if self.stalled:
            sequence = self.stalled.pop(self.luck.randrange(len(self.stalled)))
            self._do(sequence, lambda: self.world.commit(sequence))

    def kill(self) -> None:
        if self.stalled:
            sequence = self.luck.choice(self.stalled)
            self._do(sequence, lambda: self.world.kill(sequence))

    def advance(self) -> None:
        if self.world.oracle.phases:
            sequence, to, allowed = self._any(), self.luck.choice(VISIBLE), set(self.luck.sample(VISIBLE, 4))
            self._do(sequence, lambda: self.world.advance(sequence, to, allowed))

    def put_back(self) -> None:
        if self.world.oracle.phases:
            sequence = self._any()
            self.world.advance(sequence, MessagePhase.SUBMITTING, set(VISIBLE))
            self._do(sequence, lambda: self.world.put_back(sequence))

    def delete(self) -> None:
        if self.world.oracle.phases:
            sequence = self._any()
            self._do(sequence, lambda: self.world.delete(sequence))

    def seal(self) -> None:
        with suppress(Died):
            self._plan()
            self.world.seal(self.luck.choice([self.next_sequence, self.luck.randrange(self.next_sequence + 1)]))
        self.deaths.forget()

    def _do(self, sequence: int, act: Callable[[], object]) -> None:
        try:
            self._plan()
            act()
        except Died:
            self.deaths.forget()
            self.world.look(sequence)
        self.deaths.forget()

    def _plan(self) -> None:
        if self.luck.random() < 0.15:
            self.deaths.plan(self.luck.choice([0, 0, 1, 2]), after=self.luck.random() < 0.5)

    def _any(self) -> int:
        young = sorted(self.world.oracle.phases)[-10:]
        return self.luck.choice(young if self.luck.random() < 0.5 else list(self.world.oracle.phases))


@pytest.mark.usefixtures("small_buckets")
@NOT_ON_MOTO
@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_life_shows_what_the_oracle_shows(seed: int, table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    luck = random.Random(seed)
    deaths = Deaths(table)
    deaths.install(monkeypatch)
    ReadCommitted(table, luck, share=0.5).install(monkeypatch)
    life = Life(luck, deaths)
    for step in range(350):
        life.step()
        if step % 5 == 0:
            requests = [random_request(luck, life.next_sequence)]
            assert_shows(life.world.index, life.world.oracle, requests, luck)
        if step % 25 == 0:
            assert_counted()
    assert_shows_all(life.world.index, life.world.oracle)
    assert assert_counted() >= 2  # it was about sealed buckets


# --------------------------------------------------------------------------------------------- all at once


@dataclass
class Fuzz:
    """Writers and readers at once, in rounds; after each round all is compared."""

    seed: int
    table: Any
    monkeypatch: pytest.MonkeyPatch
    desk: Desk = field(default_factory=Desk)

    def __post_init__(self) -> None:
        deaths = Deaths(self.table)
        deaths.install(self.monkeypatch)
        self._conflict_at_times()
        ReadCommitted(self.table, self._luck("reads"), share=0.3).install(self.monkeypatch)
        self.writers = [Writer(self.desk, deaths, self._luck(f"writer {number}")) for number in range(WRITERS)]
        self.readers = [Reader(self.desk, self._luck(f"reader {number}")) for number in range(READERS)]

    def run_round(self, operations: int) -> None:
        over = threading.Event()
        each = operations // WRITERS

        def write(writer: Writer) -> None:
            for _ in range(each):
                if over.is_set():
                    return
                writer.step()

        def read(reader: Reader) -> None:
            while not over.is_set():
                reader.step()

        with ThreadPoolExecutor(WRITERS + READERS) as people:
            writing = [people.submit(write, writer) for writer in self.writers]
            reading = [people.submit(read, reader) for reader in self.readers]
            try:
                for work in writing:
                    work.result()
            finally:
                over.set()
            for work in reading:
                work.result()

    def check(self) -> int:
        """What was answered is what is shown, once each thread at which a writer died had its next message."""
        successor = self.writers[0]
        for thread in list(self.desk.unsettled):
            self._reply_into(thread, successor)
        oracle, luck = self.desk.oracle(), self._luck("check")
        assert_shows_all(successor.index, oracle)
        assert_shows(successor.index, oracle, [random_request(luck, self.desk.next_sequence) for _ in range(20)], luck)
        return assert_counted()

    def figures(self) -> Counter[str]:
        people: list[Writer | Reader] = [*self.writers, *self.readers]
        return sum((person.done for person in people), Counter())

    def _reply_into(self, thread: int, writer: Writer) -> None:
        while thread in self.desk.unsettled:  # it may die, too
            writer._commit(self.desk.reserve_in(thread))

    def _conflict_at_times(self) -> None:
        """DynamoDB refuses a write while a transaction is at its item; the engine of the tests never needs to."""
        call, luck = self.table._make_api_call, self._luck("conflicts")

        def deliver(operation: str, parameters: Any) -> Any:
            if operation in WRITES and luck.random() < 0.02:
                raise conflict(operation)
            return call(operation, parameters)

        self.monkeypatch.setattr(self.table, "_make_api_call", deliver)

    def _luck(self, name: str) -> random.Random:
        return random.Random(f"{self.seed} {name}")


@pytest.mark.usefixtures("small_buckets", "table")
@NOT_ON_MOTO  # moto answers one call at a time
def test_eight_writers_at_once_leave_what_they_were_answered(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fuzz = Fuzz(random.randrange(2**32), table, monkeypatch)
    print("seed", fuzz.seed)  # noqa: T201  shown when it fails
    for _ in range(2):
        fuzz.run_round(400)
        assert fuzz.check() > 10
    figures = fuzz.figures()
    assert min(figures[name] for name in ("deaths", "deletions", "pages")) > 10


@pytest.mark.long
@pytest.mark.usefixtures("table")
@NOT_ON_MOTO
def test_a_hundred_thousand_operations(
    table: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(text: str) -> None:
        with capsys.disabled():
            print("\n" + text, end="", flush=True)  # noqa: T201  it runs for many minutes

    resize(monkeypatch, LONG)
    operations = int(os.environ.get("FUZZ_OPERATIONS", "100000"))
    fuzz = Fuzz(int(os.environ.get("FUZZ_SEED", random.randrange(2**32))), table, monkeypatch)
    done = 0
    while done < operations:
        part = min(5_000, operations - done)
        fuzz.run_round(part)
        done += part
        sealed = fuzz.check()
        say(f"seed {fuzz.seed}: {done:,} operations, {sealed:,} buckets sealed, 0 mismatches")
    say("\n".join(f"{count:>9,} {name}" for name, count in sorted(fuzz.figures().items())))
    assert fuzz.figures()["deaths"] > operations // 100
