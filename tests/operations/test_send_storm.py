"""Storms: thousands at once against SES's rate, SES that throttles, and records that nobody can do."""

import heapq
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import pytest

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_status import MessageStatus
from chalicelib.events import send_queue
from chalicelib.events.door import BATCH_SIZE
from chalicelib.operations.look_ahead import Ahead
from chalicelib.operations.ports import Envelope, SendJob, SesAcceptance
from chalicelib.operations.send_pace import SHARE
from chalicelib.providers.sqs_queues import job_body
from tests.events.sqs_events import failures, sqs_event
from tests.factories.accounts import NOON
from tests.fakes.mail_provider import FakeMailProvider
from tests.operations.storm import MAX_RECEIVES, THREADS, Storm
from tests.operations.world import VISIBILITY_TIMEOUT, World

RATE = 14.0
NOBODY_MEETS = 10  # seconds after which a test gives up waiting


@pytest.mark.parametrize(
    ("messages", "throttled", "workers"),
    [
        (600, 0.0, 30),
        (600, 0.3, 10),
        pytest.param(5_000, 0.3, 10, marks=pytest.mark.long),
        pytest.param(5_000, 0.3, 100, marks=pytest.mark.long),
        pytest.param(15_000, 0.3, 30, marks=pytest.mark.long),
    ],
)
def test_all_of_a_storm_are_sent_within_the_rate_and_none_becomes_a_dead_letter(
    messages: int, throttled: float, workers: int
) -> None:
    storm = Storm(messages, rate=RATE, throttled=throttled, workers=workers, seed=20261122)

    storm.pass_by()

    assert {storm.world.status(key) for key in storm.keys} == {MessageStatus.SENT}
    assert len(storm.ses.mails) == messages == len({handed.message_id for handed in storm.ses.mails})
    assert storm.queue.dead == []
    assert storm.queue.most_receives == 1  # whatever was put back came as a record of its own
    assert storm.ses.meter.busiest_second() <= RATE


def test_a_storm_that_ses_does_not_throttle_uses_the_rate() -> None:
    storm = Storm(500, rate=RATE, throttled=0.0, workers=10, seed=1)

    storm.pass_by()

    # Jobs without a turn are spread over a minute, so the last ones may come late.
    assert storm.world.clock() - NOON < timedelta(seconds=500 / (RATE * SHARE) + 60)


def test_while_the_account_may_not_send_the_waiting_cost_a_few_probes_a_minute() -> None:
    hours, workers = 1, 3
    storm = Storm(150, rate=RATE, throttled=0.0, workers=workers, seed=1)
    storm.ses.paused_until = NOON + timedelta(hours=hours)

    storm.pass_by()

    probes = [at for at, _ in storm.ses.meter.arrivals if at < storm.ses.paused_until]
    assert len(probes) <= hours * 60 * workers * THREADS
    assert {storm.world.status(key) for key in storm.keys} == {MessageStatus.SENT}
    assert storm.queue.dead == []


# ------------------------------------------------------------------------------------------ poison, and side by side


@dataclass
class Operations:
    """What the sender's door calls."""

    send: World
    sent_at: dict[MessageKey, datetime] = field(default_factory=dict)

    def look_ahead(self, jobs: Sequence[SendJob]) -> Mapping[MessageKey, Ahead]:
        return self.send.look_ahead(jobs)

    def send_message(self, job: SendJob, ahead: Ahead) -> None:
        self.send.send_message(job, ahead)
        self.sent_at.setdefault(job.message, self.send.clock())


def test_one_poison_record_in_ten_delays_no_good_message_and_ends_among_the_dead_letters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    operations = Operations(world)
    monkeypatch.setattr(send_queue, "operations", lambda: operations)
    keys = [world.submitted() for _ in range(450)]
    good = [job_body(job) for job, _ in world.send_queue.jobs]
    bodies = [body for number in range(50) for body in (*good[number * 9 : number * 9 + 9], f"poison {number}")]
    numbers, dead = count(), list[str]()
    due = [(world.clock(), next(numbers), body, 1) for body in bodies]

    while due:
        batch = [heapq.heappop(due) for _ in range(min(BATCH_SIZE, len(due)))]
        world.clock.now = max(world.clock.now, batch[-1][0])
        answer = send_queue.send_queue_sender(sqs_event(*(body for _, _, body, _ in batch)), None)
        poison = [number for number, (_, _, body, _) in enumerate(batch) if body.startswith("poison")]
        assert answer == failures(*poison)
        for _, _, body, receives in (batch[number] for number in poison):
            if receives == MAX_RECEIVES:
                dead.append(body)
            else:
                back = world.clock() + timedelta(seconds=VISIBILITY_TIMEOUT)
                heapq.heappush(due, (back, next(numbers), body, receives + 1))

    assert {world.status(key) for key in keys} == {MessageStatus.SENT}
    assert max(operations.sent_at[key] for key in keys) - NOON < timedelta(seconds=VISIBILITY_TIMEOUT)
    assert len(dead) == 50


class MeetingSes(FakeMailProvider):
    """Answers nobody before so many are with it at once."""

    def __init__(self, guests: int) -> None:
        super().__init__()
        self._meeting = threading.Barrier(guests, timeout=NOBODY_MEETS)
        self._one_by_one = threading.Lock()

    def send(self, mail: bytes, envelope: Envelope, message_id: str) -> SesAcceptance:
        self._meeting.wait()  # raises, and so fails its record, when the others do not come
        with self._one_by_one:
            return super().send(mail, envelope, message_id)


def test_the_ten_messages_of_a_batch_are_with_ses_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.provider = MeetingSes(BATCH_SIZE)
    world._wire()
    monkeypatch.setattr(send_queue, "operations", lambda: Operations(world))
    keys = [world.submitted() for _ in range(BATCH_SIZE)]
    jobs = [job for job, _ in world.send_queue.jobs]

    answer = send_queue.send_queue_sender(sqs_event(*map(job_body, jobs)), None)

    assert answer == failures()
    assert {world.status(key) for key in keys} == {MessageStatus.SENT}
