"""Writers, repeaters, processes that forget, lost replies and a reader with its cursor, in any order, beside a list.

`make fuzz` does so for longer: FUZZ_OPERATIONS (20,000) steps.
"""

import itertools
import os
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.event import Event, LogPlace
from chalicelib.domain.ids import AccountId
from chalicelib.storage.event_log import DynamoEventLog
from chalicelib.storage.log_chunks import APPEND_LIMIT
from tests.factories.accounts import NOON
from tests.factories.events import make_event
from tests.fakes.clock import FakeClock
from tests.fakes.operations import IDS
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.parallel import at_once

PROCESSES = 3
_accounts = itertools.count()


def process(window: int = 1) -> DynamoEventLog:
    """With a narrow window, so that nearly everything is told late and moved."""
    return DynamoEventLog(FakeClock(NOON), IDS, window=window)


@dataclass
class Weather:
    """A table that is asked to do what it is told, and now and then loses its reply."""

    client: Any
    loses_next: bool = False

    def __post_init__(self) -> None:
        self._call: Callable[[str, Any], Any] = self.client._make_api_call

    def __call__(self, operation: str, parameters: Any) -> Any:
        answer = self._call(operation, parameters)
        if operation == "UpdateItem" and self.loses_next:
            self.loses_next = False
            raise ReadTimeoutError(endpoint_url="http://table.example.com")
        return answer


@dataclass
class Logbook:
    """One account's log; what was begun, what was answered, and what a reader saw on the way."""

    weather: Weather
    account: AccountId = field(default_factory=lambda: AccountId(f"acc_{next(_accounts):020}"))
    processes: list[DynamoEventLog] = field(default_factory=lambda: [process() for _ in range(PROCESSES)])
    begun: list[Event] = field(default_factory=list)
    answered: set[Event] = field(default_factory=set)
    seen: list[Event] = field(default_factory=list)
    cursor: LogPlace | None = None

    def begin(self, who: int, count: int) -> None:
        """A change is stored with where its event is looked for; nobody has told it yet."""
        since = self.processes[who].newest_chunk(self.account)
        self.begun += [make_event(len(self.begun) + number, since) for number in range(count)]

    def tell(self, who: int, events: list[Event]) -> None:
        if not events:
            return
        try:
            told = self.processes[who].tell(self.account, events)
        except Unavailable:
            return  # its job comes again
        assert {known.event for known in told.events} == set(events)
        self.answered.update(events)

    def forget(self, who: int) -> None:
        self.processes[who] = process()

    def read(self, limit: int) -> None:
        page = self.processes[0].read(self.account, self.cursor, limit)
        self.seen += [known.event for known in page.events]
        self.cursor = page.end

    def raise_webhooks(self, who: int) -> None:
        with suppress(Unavailable):
            self.processes[who].raise_webhooks(self.account)

    def check(self) -> None:
        self.weather.loses_next = False
        for event in self.begun:  # every job comes back until its work is done
            self.tell(0, [event])
        stands = [known.event for known in process().read(self.account, None, 10**6).events]
        assert len(stands) == len(set(stands))
        assert set(stands) == set(self.begun)
        assert self.answered <= set(stands)
        before = -1
        while before < len(self.seen):
            before = len(self.seen)
            self.read(100)
        assert self.seen == stands


@pytest.fixture
def weather(table: Any, monkeypatch: pytest.MonkeyPatch) -> Weather:
    made = Weather(table)
    monkeypatch.setattr(table, "_make_api_call", made)
    return made


WHO = st.integers(0, PROCESSES - 1)
STEPS = st.one_of(
    st.tuples(st.just("begin"), WHO, st.integers(1, 9)),
    st.tuples(st.just("tell"), WHO, st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True)),
    st.tuples(st.just("tell newest"), WHO, st.integers(1, 2 * APPEND_LIMIT)),
    st.tuples(st.just("lose"), WHO, st.just(0)),
    st.tuples(st.just("forget"), WHO, st.just(0)),
    st.tuples(st.just("raise"), WHO, st.just(0)),
    st.tuples(st.just("read"), WHO, st.integers(1, 40)),
)


def take(book: Logbook, step: tuple[str, int, Any]) -> None:
    name, who, more = step
    if name == "begin":
        book.begin(who, more)
    elif name == "tell":
        book.tell(who, [book.begun[number] for number in more if number < len(book.begun)])
    elif name == "tell newest":
        book.tell(who, book.begun[-more:])
    elif name == "lose":
        book.weather.loses_next = True
    elif name == "forget":
        book.forget(who)
    elif name == "raise":
        book.raise_webhooks(who)
    else:
        book.read(more)


@NOT_ON_MOTO
@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=40))
def test_whatever_happens_each_event_stands_once_and_a_reader_misses_none(
    weather: Weather, steps: list[tuple[str, int, Any]]
) -> None:
    book = Logbook(weather)
    for step in steps:
        take(book, step)
    book.check()


def follow_while_others_write(book: Logbook, luck: random.Random, operations: int) -> None:
    """Writers in threads, each telling its own and repeating anybody's; one reader follows them."""
    share = operations // 4

    def write(writer: int) -> None:
        mine, chance = process(), random.Random(writer)
        for number in range(share):
            if chance.random() < 0.1:
                mine = process()
            since = mine.newest_chunk(book.account)
            events = [make_event(10 * (writer * share + number) + each, since) for each in range(chance.randint(1, 4))]
            mine.tell(book.account, events)
            book.begun.extend(events)
            again = chance.sample(book.begun, min(len(book.begun), 2))
            mine.tell(book.account, again)

    def read() -> None:
        while len(book.seen) < share:
            book.read(luck.randint(1, 50))

    calls: list[Callable[[], None]] = [partial(write, writer) for writer in range(4)]
    at_once([*calls, read])
    book.check()


@NOT_ON_MOTO
def test_a_reader_that_follows_writers_in_threads_sees_each_event_once_in_order(weather: Weather) -> None:
    follow_while_others_write(Logbook(weather), random.Random(1), 80)


@pytest.mark.long
@NOT_ON_MOTO
def test_the_same_for_long(weather: Weather) -> None:
    seed = int(os.environ.get("FUZZ_SEED", random.randrange(2**32)))
    print("seed", seed)  # noqa: T201  shown when it fails
    operations = int(os.environ.get("FUZZ_OPERATIONS", "20000"))
    follow_while_others_write(Logbook(weather), random.Random(seed), operations)
