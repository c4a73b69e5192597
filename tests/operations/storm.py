"""Thousands of queued messages, many workers, a SES with a rate: on a virtual clock, with SQS's rules for redelivery."""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any

from chalicelib.operations.ports import Envelope, SendJob, SendPaused, SendThrottled, SesAcceptance, WakeJob
from chalicelib.operations.send_message import SendMessage
from chalicelib.operations.send_pace import SendPace
from chalicelib.operations.switches import Switches
from tests.factories.accounts import NOON
from tests.fakes.mail_provider import FakeMailProvider
from tests.fakes.send_rates import FakeSendQuota, FakeSendRates
from tests.operations.ses_meter import SesMeter
from tests.operations.virtual_time import VirtualTime
from tests.operations.world import VISIBILITY_TIMEOUT, World

MAX_RECEIVES = 5  # infra/resources.yaml, then a record is a dead letter
THREADS = 10  # of a worker: one for each record of a batch
IDLE = 1.0  # seconds until a thread that found nothing looks again, at the least: it waits for what is due next


@dataclass
class Record:
    """What lies in the queue: a job, and how often it was received."""

    job: SendJob | WakeJob
    receives: int = 0


@dataclass
class StormQueue:
    """A standard queue whose records come when they are due; a put is a record of its own."""

    clock: Callable[[], datetime]
    dead: list[Record] = field(default_factory=list)
    most_receives: int = 0
    _due: list[tuple[datetime, int, Record]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    def put(self, job: SendJob | WakeJob, delay: int = 0) -> None:
        self._add(Record(job), delay)

    def put_all(self, jobs: Sequence[SendJob]) -> None:
        for job in jobs:
            self.put(job)

    def give_back(self, record: Record) -> None:
        """Its worker failed: it is seen again after the visibility time-out."""
        self._add(record, VISIBILITY_TIMEOUT)

    def receive(self) -> Record | None:
        while self._due and self._due[0][0] <= self.clock():
            record = heapq.heappop(self._due)[2]
            if record.receives == MAX_RECEIVES:
                self.dead.append(record)
                continue
            record.receives += 1
            self.most_receives = max(self.most_receives, record.receives)
            return record
        return None

    def seconds_until_due(self) -> float:
        """Until the next record can be received; 0 when none waits."""
        return (self._due[0][0] - self.clock()).total_seconds() if self._due else 0.0

    def __len__(self) -> int:
        return len(self._due)

    def _add(self, record: Record, delay: float) -> None:
        heapq.heappush(self._due, (self.clock() + timedelta(seconds=delay), next(self._numbers), record))


@dataclass
class RatedSes(FakeMailProvider):
    """Takes a moment for each call, throttles a part of them, and notes when each arrived."""

    time: VirtualTime = field(kw_only=True)
    clock: Callable[[], datetime] = field(kw_only=True)
    chance: Random = field(kw_only=True)
    throttled: float = field(kw_only=True)  # the part
    paused_until: datetime = NOON
    meter: SesMeter = field(default_factory=SesMeter)

    def send(self, mail: bytes, envelope: Envelope, message_id: str) -> SesAcceptance:
        self.time.sleep(self.chance.uniform(0.01, 0.06))  # the way there
        self.meter.note(self.clock(), len(envelope.rcpt_tos))
        is_throttled = self.chance.random() < self.throttled
        self.outcomes = [SendThrottled()] if is_throttled else []
        if self.clock() < self.paused_until:
            self.outcomes = [SendPaused()]
        try:
            return super().send(mail, envelope, message_id)
        finally:
            self.time.sleep(self.chance.uniform(0.01, 0.2))  # and back


class Storm:
    """A number of messages is queued at once; `pass_by` lets workers send until the queue is empty."""

    def __init__(self, messages: int, *, rate: float, throttled: float, workers: int, seed: int) -> None:
        self.world = World(daily_send_limit=messages)
        self.time = VirtualTime(self.world.clock)
        self.queue = StormQueue(self.world.clock)
        self.rates = FakeSendRates()
        self.ses = RatedSes(time=self.time, clock=self.world.clock, chance=Random(seed), throttled=throttled)
        self.world.provider = self.ses
        self.world.send_queue = self.queue  # type: ignore[assignment]
        self.world._wire()
        self.keys = [self.world.submitted() for _ in range(messages)]
        self.outcomes: Counter[str] = Counter()
        self._quota = FakeSendQuota(rate)
        self._workers = workers
        self._busy = 0
        self._open_until = NOON

    def pass_by(self, *turns: tuple[float, Callable[[], object]]) -> None:
        """`turns` are what else happens, and after how many seconds; workers stay at least until then."""
        self._open_until = self.world.clock() + timedelta(seconds=max((at for at, _ in turns), default=0) + 1)
        tasks = [partial(self._turn, at, turn) for at, turn in turns]
        for _ in range(self._workers):
            pace = SendPace(self.rates, self._quota, self.world.clock, self.time.sleep)
            send = self._worker(pace)
            tasks.extend([partial(self._poll, send)] * THREADS)
        self.time.run(tasks)

    def _worker(self, pace: SendPace) -> SendMessage:
        made = self.world.send_message
        own: dict[str, Any] = {"pace": pace, "switches": Switches(self.world.switch_store, self.world.clock)}
        hand_over = replace(made.hand_over, **own)
        settle = replace(made.settle_ambiguous, hand_over=hand_over, **own)
        hold = replace(made.hold, switches=own["switches"])
        return replace(made, hand_over=hand_over, settle_ambiguous=settle, hold=hold, **own)

    def _turn(self, at: float, turn: Callable[[], object]) -> None:
        self.time.sleep(at)
        turn()

    def _poll(self, send: SendMessage) -> None:
        while len(self.queue) or self._busy or self.world.clock() < self._open_until:
            record = self.queue.receive()
            if record is None:
                self.time.sleep(max(IDLE, self.queue.seconds_until_due()))
                continue
            self._busy += 1
            try:
                if isinstance(record.job, WakeJob):
                    self.world.wake_held(record.job)
                else:
                    send(record.job)
            except Exception as error:  # noqa: BLE001 - as the door does
                self.outcomes[type(error).__name__] += 1
                self.queue.give_back(record)
            finally:
                self._busy -= 1
