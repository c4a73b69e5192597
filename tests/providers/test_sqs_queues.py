"""The send queue on SQS."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import INBOX_NUMBER_BITS, SEQUENCE_BITS, MessageKey, ThreadKey
from chalicelib.operations.ports import Paused, SendJob
from chalicelib.providers.sqs_queues import SqsSendQueue, UnreadableJob, job_body, send_job

JOB = SendJob(
    MessageKey(7, 42), datetime(2026, 11, 22, 12, 0, 0, 512_000, tzinfo=UTC), deferrals=3, thread=ThreadKey(7, 41)
)
GOOD: dict[str, Any] = {
    "v": 1,
    "inbox": 7,
    "sequence": 42,
    "queuedAt": "2026-11-22T12:00:00.512000Z",
    "deferrals": 3,
    "thread": 41,
}


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client: Any = boto3.session.Session(region_name="eu-west-1").client("sqs")
        yield client
        client.close()


class RecordingClient:
    """Notes what is sent, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.sent: list[dict[str, Any]] = []

    def send_message(self, **message: Any) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(message)


def test_a_job_that_was_put_is_received_unchanged(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="send")["QueueUrl"]

    SqsSendQueue(sqs, url).put(JOB)

    (record,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert send_job(record["Body"]) == JOB


def test_a_delayed_job_is_not_received_before_its_time(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="send")["QueueUrl"]

    SqsSendQueue(sqs, url).put(JOB, delay=900)

    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert counts["ApproximateNumberOfMessagesDelayed"] == "1"


def test_the_delay_is_handed_to_sqs_as_it_is() -> None:
    client = RecordingClient()

    SqsSendQueue(client, "https://queue.invalid/send").put(JOB, delay=17)

    assert [(sent["QueueUrl"], sent["DelaySeconds"]) for sent in client.sent] == [("https://queue.invalid/send", 17)]


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ServiceUnavailable", "Message": ""}}, "SendMessage"),
        EndpointConnectionError(endpoint_url="https://queue.invalid"),
    ],
)
def test_a_job_that_sqs_did_not_take_is_an_error_the_caller_may_repeat(error: Exception) -> None:
    with pytest.raises(Unavailable) as failure:
        SqsSendQueue(RecordingClient(error), "https://queue.invalid/send").put(JOB)

    assert failure.value.__cause__ is error


def test_a_job_is_written_as_documented() -> None:
    assert json.loads(job_body(JOB)) == GOOD


def test_a_pause_goes_with_its_job() -> None:
    paused = replace(JOB, paused=Paused(JOB.queued_at, JOB.queued_at + timedelta(minutes=5)))
    assert send_job(job_body(paused)) == paused
    assert set(json.loads(job_body(paused))) == {*GOOD, "paused"}


@given(
    st.integers(1, (1 << INBOX_NUMBER_BITS) - 1),
    st.integers(0, (1 << SEQUENCE_BITS) - 1),
    st.datetimes(min_value=datetime(2026, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the strategy adds the zone
    st.integers(0, 10_000),
    st.none() | st.integers(0, (1 << SEQUENCE_BITS) - 1),
)
def test_every_job_survives_the_queue(
    inbox: int, sequence: int, queued_at: datetime, deferrals: int, first: int | None
) -> None:
    thread = None if first is None else ThreadKey(inbox, first)
    job = SendJob(MessageKey(inbox, sequence), queued_at, deferrals, thread)

    assert send_job(job_body(job)) == job


def test_a_job_of_an_older_writer_that_names_no_thread_is_read() -> None:
    older = {name: value for name, value in GOOD.items() if name != "thread"}
    assert send_job(json.dumps(older)) == replace(JOB, thread=None)


def test_a_job_of_a_newer_writer_with_more_fields_is_read() -> None:
    assert send_job(json.dumps({**GOOD, "priority": "high"})) == JOB


def test_times_are_aware_and_in_utc() -> None:
    assert send_job(json.dumps(GOOD)).queued_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"v": 2}, r"\$\.v"),
        ({"inbox": 0}, r"\$\.inbox"),
        ({"inbox": 1 << INBOX_NUMBER_BITS}, r"\$\.inbox"),
        ({"inbox": "7"}, r"\$\.inbox"),
        ({"sequence": -1}, r"\$\.sequence"),
        ({"queuedAt": "2026-11-22T12:00:00"}, r"\$\.queuedAt"),
        ({"deferrals": -1}, r"\$\.deferrals"),
    ],
)
def test_a_job_that_cannot_be_right_is_refused_by_field(change: dict[str, object], named: str) -> None:
    with pytest.raises(UnreadableJob, match=named):
        send_job(json.dumps({**GOOD, **change}))


@pytest.mark.parametrize("body", ["", "{}", "null", "[]", "words", b"\xff", "\ud800", '{"x": ' + "[" * 100_000])
def test_what_is_no_job_is_refused(body: str | bytes) -> None:
    with pytest.raises(UnreadableJob, match="not a send job"):
        send_job(body)
