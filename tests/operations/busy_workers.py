"""Webhooks worked off by so many workers and no more, on a virtual clock: who waits for an endpoint holds one up.

Each record of a batch is a thread of its own, but only one runs at a time, and none while time passes: the run is the same
each time.
"""

import heapq
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.webhook import Webhook
from chalicelib.operations.call_slots import CallSlots, Entry
from chalicelib.operations.ports.webhooks import WebhookJob
from tests.factories.accounts import NOON
from tests.fakes.clock import FakeClock
from tests.operations.watched import Crash, Watch, unwatched
from tests.operations.webhook_world import WebhookWorld

BATCHES = 12  # as embedded
BATCH = 10  # records


class Strand:
    """Work that runs until it sleeps, and goes on when it is told to."""

    def __init__(self, work: Callable[[], None], slots: CallSlots) -> None:
        self._work = work
        self.slots = slots
        self._turn = threading.Semaphore(0)
        self._yielded = threading.Semaphore(0)
        self.sleeps: float | None = None  # None: it is over
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def go_on(self) -> None:
        self._turn.release()
        self._yielded.acquire()

    def sleep(self, seconds: float) -> None:
        self.sleeps = seconds
        self._yielded.release()
        self._turn.acquire()

    def _run(self) -> None:
        self._turn.acquire()
        _current.strand = self
        self._work()
        self.sleeps = None
        self._yielded.release()


_current = threading.local()


class SlotsOfBatch(CallSlots):
    """As in Lambda, where each batch has a process of its own."""

    @contextmanager
    def entered(self, webhook: Webhook, *, is_sick: bool) -> Iterator[Entry]:
        with _current.strand.slots.entered(webhook, is_sick=is_sick) as entry:
            yield entry


class StrandClock(FakeClock):
    """Whoever lets time pass in a strand sleeps meanwhile."""

    def advance(self, seconds: float) -> None:
        strand: Strand | None = getattr(_current, "strand", None)
        if strand is None:
            super().advance(seconds)
        else:
            strand.sleep(seconds)


class BusyWorld(WebhookWorld):
    """A webhook world whose workers take up to ten records at once, and come back when all ten are done."""

    def __init__(
        self, watch: Watch = unwatched, seed: int = 1, *, batches: int = BATCHES, in_lambda: bool = False
    ) -> None:
        self._in_lambda = in_lambda
        self._happens: list[tuple[datetime, int, Callable[[], object]]] = []
        self._cancelled: set[int] = set()
        super().__init__(watch, seed, StrandClock(NOON))
        self._free = batches

    def make_slots(self) -> CallSlots:
        return SlotsOfBatch() if self._in_lambda else super().make_slots()

    def later(self, seconds: float, do: Callable[[], None]) -> Callable[[], None]:
        def tried() -> None:
            with suppress(Crash):  # a thread of its own, whose death nobody notices
                do()

        return self._at(self.clock() + timedelta(seconds=seconds), tried)

    def _at(self, at: datetime, do: Callable[[], object]) -> Callable[[], None]:
        number = next(self._numbers)
        heapq.heappush(self._happens, (at, number, do))
        return lambda: self._cancelled.add(number)

    def run(self, until: timedelta, plan: Mapping[timedelta, Callable[[], object]] | None = None) -> None:
        ends = NOON + until
        for after, do in (plan or {}).items():
            self._at(NOON + after, do)
        self._at(self.clock().replace(second=0, microsecond=0) + timedelta(minutes=1), self._each_minute)
        while True:
            self._collect()
            happens = self._happens[0][0]
            works = self._jobs[0][0] if self._jobs and self._free else ends + timedelta(1)
            if min(happens, works) > ends:
                break
            self.clock.now = max(self.clock.now, min(happens, works))
            if works <= happens:
                self._take_batch()
                continue
            _, number, do = heapq.heappop(self._happens)
            if number not in self._cancelled:
                do()
        self._cancelled.update(number for _, number, do in self._happens if do == self._each_minute)
        self.clock.now = max(self.clock.now, ends)

    def _each_minute(self) -> None:
        self._schedule()
        self._at(self.clock() + timedelta(minutes=1), self._each_minute)

    def _take_batch(self) -> None:
        batch: list[Strand] = []
        slots = super().make_slots()
        while self._jobs and self._jobs[0][0] <= self.clock.now and len(batch) < BATCH:
            batch.append(Strand(self._worked(heapq.heappop(self._jobs)[2]), slots))
        self._free -= 1
        for strand in tuple(batch):  # who is done leaves it
            self._go_on(strand, batch)

    def _worked(self, job: WebhookJob) -> Callable[[], None]:
        def work() -> None:
            began = self.clock()
            try:
                self.work(job)
            except (Crash, Unavailable):
                self._push(began + timedelta(seconds=60), job)

        return work

    def _go_on(self, strand: Strand, batch: list[Strand]) -> None:
        strand.go_on()
        self._collect()
        if strand.sleeps is not None:
            self._at(self.clock.now + timedelta(seconds=strand.sleeps), lambda: self._go_on(strand, batch))
            return
        batch.remove(strand)
        self._free += not batch


def delays(world: WebhookWorld, webhook: Webhook) -> list[float]:
    """After how many seconds each event arrived."""
    happened = {str(each.id): each.created_at for each in world.log.events[world.account_id]}
    arrived: dict[str, datetime] = {}
    for call in world.calls(webhook):
        if call.answer.is_success:
            arrived.setdefault(call.event_id, call.at)
    return [(at - happened[event_id]).total_seconds() for event_id, at in arrived.items()]
