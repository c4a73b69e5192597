"""Webhooks worked off by so many workers of either queue and no more, on a virtual clock: who waits for an endpoint holds one up.

Each record of a batch is a thread of its own, but only one runs at a time, and none while time passes: the run is the same
each time.
"""

import heapq
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.webhook import Webhook
from chalicelib.events.door import BATCH_SIZE
from chalicelib.events.webhook_queue import AT_ONCE, AT_ONCE_SLOWLY
from chalicelib.operations.call_slots import OF_ACCOUNT, OF_ACCOUNT_SLOWLY, CallSlots, Entry
from chalicelib.operations.ports.webhooks import WebhookJob
from tests.factories.accounts import NOON
from tests.fakes.clock import FakeClock
from tests.fakes.webhooks import FakeWebhookQueue
from tests.operations.watched import Crash, Watch, unwatched
from tests.operations.webhook_world import WebhookWorld

EMBEDDED = 12  # batches of each queue


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
    def entered(self, webhook: Webhook) -> Iterator[Entry]:
        with _current.strand.slots.entered(webhook) as entry:
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

    def __init__(self, watch: Watch = unwatched, seed: int = 1, *, in_lambda: bool = False) -> None:
        self._in_lambda = in_lambda
        self._records = (
            1 if in_lambda else BATCH_SIZE
        )  # in Lambda a batch is what has come: at worst, each record has one
        self._happens: list[tuple[datetime, int, Callable[[], object]]] = []
        self._cancelled: set[int] = set()
        super().__init__(watch, seed, StrandClock(NOON))
        first, slow = (AT_ONCE, AT_ONCE_SLOWLY) if in_lambda else (EMBEDDED, EMBEDDED)
        self._lanes = (Lane(self.queue, first, OF_ACCOUNT), Lane(self.slow_queue, slow, OF_ACCOUNT_SLOWLY))

    def make_slots(self, of_account: int) -> CallSlots:
        return SlotsOfBatch() if self._in_lambda else super().make_slots(of_account)

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
            lane = min(self._lanes, key=Lane.next_at)
            works = min(lane.next_at(), ends + timedelta(1))
            if min(happens, works) > ends:
                break
            self.clock.now = max(self.clock.now, min(happens, works))
            if works <= happens:
                self._take_batch(lane)
                continue
            _, number, do = heapq.heappop(self._happens)
            if number not in self._cancelled:
                do()
        self._cancelled.update(number for _, number, do in self._happens if do == self._each_minute)
        self.clock.now = max(self.clock.now, ends)

    def _each_minute(self) -> None:
        self._schedule()
        self._at(self.clock() + timedelta(minutes=1), self._each_minute)

    def _push(self, at: datetime, job: WebhookJob, queue: FakeWebhookQueue) -> None:
        (lane,) = (each for each in self._lanes if each.queue is queue)
        heapq.heappush(lane.jobs, (at, next(self._numbers), job))

    def _take_batch(self, lane: "Lane") -> None:
        batch: list[Strand] = []
        slots = super().make_slots(lane.of_account)
        while lane.jobs and lane.jobs[0][0] <= self.clock.now and len(batch) < self._records:
            batch.append(Strand(self._worked(heapq.heappop(lane.jobs)[2], lane), slots))
        lane.free -= 1
        lane.fewest_free = min(lane.fewest_free, lane.free)
        for strand in tuple(batch):  # who is done leaves it
            self._go_on(strand, batch, lane)

    def _worked(self, job: WebhookJob, lane: "Lane") -> Callable[[], None]:
        def work() -> None:
            began = self.clock()
            try:
                self.work(job, lane.queue)
            except (Crash, Unavailable):
                self._push(began + timedelta(seconds=60), job, lane.queue)

        return work

    def _go_on(self, strand: Strand, batch: list[Strand], lane: "Lane") -> None:
        strand.go_on()
        self._collect()
        if strand.sleeps is not None:
            self._at(self.clock.now + timedelta(seconds=strand.sleeps), lambda: self._go_on(strand, batch, lane))
            return
        batch.remove(strand)
        lane.free += not batch

    @property
    def fewest_free(self) -> int:
        """Of the workers of first attempts, at the worst moment."""
        return self._lanes[0].fewest_free


@dataclass
class Lane:
    """A queue and its workers."""

    queue: FakeWebhookQueue
    free: int  # batches
    of_account: int
    jobs: list[tuple[datetime, int, WebhookJob]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fewest_free = self.free

    def next_at(self) -> datetime:
        return self.jobs[0][0] if self.jobs and self.free else datetime.max.replace(tzinfo=UTC)


def delays(world: WebhookWorld, webhook: Webhook) -> list[float]:
    """After how many seconds each event arrived."""
    happened = {str(each.id): each.created_at for each in world.log.events[webhook.account_id]}
    arrived: dict[str, datetime] = {}
    for call in world.calls(webhook):
        if call.answer.is_success:
            arrived.setdefault(call.event_id, call.at)
    return [(at - happened[event_id]).total_seconds() for event_id, at in arrived.items()]
