"""Dead letters go back to their queue, once, in full; by one command, on moto and on the embedded system's queues."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra import redrive
from infra.redrive import DeadLetters
from infra.stack import CommandFailed
from tests.storage.engines import AWAY_FROM_AWS

BODIES = [f"letter {number}" for number in range(23)]


@pytest.fixture(params=["moto", "embedded"])
def sqs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in AWAY_FROM_AWS.items():
        monkeypatch.setenv(name, value)
    if request.param == "moto":
        with mock_aws():
            yield boto3.client("sqs")
    else:
        endpoints = request.getfixturevalue("embedded_endpoints")
        yield boto3.client("sqs", endpoint_url=endpoints["AWS_ENDPOINT_URL_SQS"])


@pytest.fixture
def letters(sqs: Any) -> DeadLetters:
    """A queue with its dead letters."""
    name = f"q-{uuid.uuid4().hex}"
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    queue = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"]
    return DeadLetters.of(sqs, queue)


def put(letters: DeadLetters, *bodies: str) -> None:
    attribute = {"kind": {"DataType": "String", "StringValue": "a kind"}}
    for body in bodies:
        letters.sqs.send_message(QueueUrl=letters.letters, MessageBody=body, MessageAttributes=attribute)


def taken(letters: DeadLetters) -> list[dict[str, Any]]:
    """Everything in the queue itself."""
    found: list[dict[str, Any]] = []
    while True:
        answer = letters.sqs.receive_message(
            QueueUrl=letters.queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        if not answer.get("Messages"):
            return found
        found += answer["Messages"]


def later() -> float:
    """A clock that is ahead, so that what was put a moment ago was put before the run."""
    return 4_000_000_000


def test_every_letter_is_moved_whole_and_once(letters: DeadLetters) -> None:
    put(letters, *BODIES)
    seen: list[int] = []

    assert letters.move(seen.append, later) == len(BODIES)

    moved = taken(letters)
    assert sorted(message["Body"] for message in moved) == sorted(BODIES)
    assert {message["MessageAttributes"]["kind"]["StringValue"] for message in moved} == {"a kind"}
    assert (letters.count(), seen) == (0, [*range(1, len(BODIES) + 1)])


def test_a_letter_that_is_dead_again_while_the_run_lasts_is_not_moved_for_ever(letters: DeadLetters) -> None:
    put(letters, "poison")

    assert letters.move(clock=lambda: 0.0) == 0

    assert taken(letters) == []


def test_a_run_that_dies_between_its_two_calls_loses_nothing(
    letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(letters, "one")
    monkeypatch.setattr("infra.redrive.VISIBILITY_SECONDS", 0)

    def die(**_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(letters.sqs, "delete_message", die)
        with pytest.raises(KeyboardInterrupt):
            letters.move(clock=later)
    letters.move(clock=later)

    assert {message["Body"] for message in taken(letters)} == {"one"}
    assert letters.count() == 0


def test_a_dry_run_counts_and_moves_nothing(letters: DeadLetters) -> None:
    put(letters, "one", "two")
    said: list[str] = []

    assert redrive.redrive(letters.sqs, letters.queue, dry_run=True, say=said.append) == 0

    assert said == ["2 dead letters, none moved\n"]
    assert letters.count() == 2


def test_a_queue_without_dead_letters_is_named(sqs: Any) -> None:
    plain = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex}")["QueueUrl"]

    with pytest.raises(CommandFailed, match="has no dead-letter queue"):
        DeadLetters.of(sqs, plain)
