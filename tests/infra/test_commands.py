"""`make redrive` and `make requeue` against a stack: they find what they need, or say what is wrong."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from chalicelib.wiring import Operations
from infra import redrive, requeue
from infra.stack import QUEUES, Stack
from tests.storage.engines import AWAY_FROM_AWS


@dataclass
class CloudFormation:
    """Knows one stack, `mail`, and calls everything in it by its logical id."""

    urls: Mapping[str, str] = field(default_factory=dict)

    def describe_stack_resource(self, *, StackName: str, LogicalResourceId: str) -> Any:  # noqa: N803
        if StackName != "mail":
            error: Any = {"Error": {"Code": "ValidationError", "Message": f"Stack '{StackName}' does not exist"}}
            raise ClientError(error, "DescribeStackResource")
        name = self.urls.get(LogicalResourceId, LogicalResourceId)
        return {"StackResourceDetail": {"PhysicalResourceId": name}}


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in AWAY_FROM_AWS.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield boto3.client("sqs")


def test_the_command_moves_the_letters_of_the_stacks_queue(sqs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    queue = sqs.create_queue(QueueName="queue", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    sqs.send_message(QueueUrl=dead, MessageBody="one")
    stack = CloudFormation({"SendQueue": queue})

    def connect(service: str) -> Any:
        return {"sqs": sqs, "cloudformation": stack}.get(service)

    assert redrive.main(["--stack", "mail", "--queue", "send", "--dry-run"], connect) == 0

    assert capsys.readouterr().out == "1 dead letter, none moved\n"
    assert redrive.main(["--stack", "mail", "--queue", "send"], connect) == 0


def test_a_stack_that_is_not_there_is_an_error_that_says_what_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    def connect(_service: str) -> Any:
        return CloudFormation()

    assert redrive.main(["--stack", "other", "--queue", "send"], connect) == 1
    assert requeue.main(["--stack", "other"], connect) == 1
    assert capsys.readouterr().err.count("Check the stack's name, and the account and region") == 2


def test_the_settings_of_a_stack_are_those_of_its_functions() -> None:
    class Functions:
        def get_function_configuration(self, *, FunctionName: str) -> Any:  # noqa: N803
            return {"Environment": {"Variables": {"TABLE_NAME": f"of {FunctionName}"}}}

    stack = Stack("mail", CloudFormation(), Functions())

    assert stack.settings() == {"TABLE_NAME": "of SendQueueSender"}
    assert [stack.queue_url(name) for name in QUEUES] == list(QUEUES.values())


def test_requeue_tells_how_much_it_has_rebuilt() -> None:
    @dataclass
    class Rebuilt:
        def requeue_unsent(self) -> int:
            return 3

        def requeue_received(self) -> int:
            return 1

        def requeue_webhooks(self) -> int:
            return 7

        def renew_receipt_rules(self) -> int:
            return 2

    said: list[str] = []
    requeue.requeue(cast("Operations", Rebuilt()), said.append)

    assert [line[0] for line in said] == ["3", "1", "7", "2"]
