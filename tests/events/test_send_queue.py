"""The sender's door: each record's job reaches the operation; what is no job goes back and spares the others."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.events import send_queue
from chalicelib.operations.look_ahead import UNKNOWN, Ahead
from chalicelib.operations.ports import SendJob
from chalicelib.providers.sqs_queues import job_body
from tests.events.sqs_events import failures, sqs_event

QUEUED_AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
UNREADABLE = ["", "not JSON", "[]", "null", '{"v": 1}', '{"v": 2, "inbox": 7, "sequence": 1}', "\ud800", "[" * 100_000]


def job(sequence: int, deferrals: int = 0) -> SendJob:
    return SendJob(MessageKey(7, sequence), QUEUED_AT, deferrals)


@dataclass
class Operations:
    """The one operation this door calls; it notes each job and fails for those that `fail`."""

    jobs: list[SendJob] = field(default_factory=list)
    fail: frozenset[int] = frozenset()
    known_ahead: bool = True
    ahead: dict[MessageKey, Ahead] = field(default_factory=dict)

    def look_ahead(self, jobs: list[SendJob]) -> dict[MessageKey, Ahead]:
        if not self.known_ahead:
            raise Unavailable("the table is not there")
        return {job.message: Ahead(MessagePhase.CLAIMED) for job in jobs}

    def send_message(self, job: SendJob, ahead: Ahead) -> None:
        if job.message.sequence in self.fail:
            raise Unavailable("the table is not there")
        self.jobs.append(job)
        self.ahead[job.message] = ahead


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> Operations:
    operations = Operations()
    monkeypatch.setattr(send_queue, "operations", lambda: operations)
    return operations


def by_sequence(jobs: list[SendJob]) -> list[SendJob]:
    return sorted(jobs, key=lambda job: job.message.sequence)


def test_each_job_of_a_batch_is_sent(operations: Operations) -> None:
    jobs = [job(0), job(1, deferrals=3), job(2)]

    assert send_queue.send_queue_sender(sqs_event(*map(job_body, jobs)), None) == failures()
    assert by_sequence(operations.jobs) == jobs


@pytest.mark.parametrize("body", UNREADABLE)
def test_what_is_no_job_goes_back_and_spares_its_neighbours(operations: Operations, body: str) -> None:
    answer = send_queue.send_queue_sender(sqs_event(job_body(job(0)), body, job_body(job(1))), None)

    assert answer == failures(1)
    assert by_sequence(operations.jobs) == [job(0), job(1)]


def test_what_the_batch_has_shown_goes_with_each_job(operations: Operations) -> None:
    send_queue.send_queue_sender(sqs_event(job_body(job(0)), "not JSON", job_body(job(1))), None)

    assert set(operations.ahead.values()) == {Ahead(MessagePhase.CLAIMED)}


def test_jobs_are_done_alone_when_looking_ahead_fails(operations: Operations) -> None:
    operations.known_ahead = False

    answer = send_queue.send_queue_sender(sqs_event(job_body(job(0)), job_body(job(1))), None)

    assert answer == failures()
    assert operations.ahead == {job(0).message: UNKNOWN, job(1).message: UNKNOWN}


def test_a_job_that_fails_goes_back_and_spares_its_neighbours(operations: Operations) -> None:
    operations.fail = frozenset({1})

    answer = send_queue.send_queue_sender(sqs_event(*(job_body(job(number)) for number in range(3))), None)

    assert answer == failures(1)
    assert by_sequence(operations.jobs) == [job(0), job(2)]
