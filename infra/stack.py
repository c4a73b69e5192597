"""A deployed stack: what CloudFormation calls its queues, and the settings its functions have."""

import argparse
import os
import re
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

QUEUES = {
    "send": "SendQueue",
    "delivery": "DeliveryNotificationQueue",
    "inbound": "InboundNotificationQueue",
    "webhook": "WebhookQueue",
    "slow-webhook": "SlowWebhookQueue",
}
"""The queues by the names a person types, with their logical ids in resources.yaml."""


def connect(service: str) -> Any:
    """boto3's client of a service, where the profile and region of whoever gives the command say.

    boto3 knows AWS_DEFAULT_REGION alone; AWS_REGION, which the other SDKs and `aws` prefer, counts here as it does there.
    """
    if region := os.environ.get("AWS_REGION"):
        os.environ["AWS_DEFAULT_REGION"] = region
    return boto3.client(service)  # type: ignore[call-overload]  # boto3's types want the name spelled out


def stage(text: str) -> str:
    """What names a stack, for argparse: `make` hands on an empty one where none was said."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}", text):
        raise argparse.ArgumentTypeError(f"say STAGE=…, a name of letters, digits and hyphens; {text!r} is none")
    return text


def stack_of(stage: str) -> str:
    """The stack's name."""
    return f"agentsend-{stage}"


class CommandFailed(Exception):
    """The command cannot be carried out; the message says why and what to do."""


@dataclass(frozen=True)
class Stack:
    """A stack by its name, over boto3's clients of CloudFormation and Lambda."""

    name: str
    cloudformation: Any
    functions: Any

    def queue_url(self, queue: str) -> str:
        return self._physical_id(QUEUES[queue])

    def settings(self) -> dict[str, str]:
        """The environment of the functions, which all have the same."""
        function = self._physical_id("SendQueueSender")
        answer = self.functions.get_function_configuration(FunctionName=function)
        variables: dict[str, str] = answer["Environment"]["Variables"]
        return variables

    def _physical_id(self, logical_id: str) -> str:
        try:
            answer = self.cloudformation.describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        except ClientError as error:
            reason = error.response["Error"]["Message"]
            raise CommandFailed(
                f"{logical_id} of the stack {self.name} cannot be found: {reason}\n"
                "Check the stack's name, and the account and region that AWS_PROFILE and AWS_REGION choose."
            ) from error
        found: str = answer["StackResourceDetail"]["PhysicalResourceId"]
        return found
