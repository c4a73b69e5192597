"""A deployment in this process whose queues do not move by themselves: its handlers are called by the test."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from chalicelib.domain.account import Caller
from chalicelib.domain.arrival import Authentication
from chalicelib.domain.inbox import Inbox
from chalicelib.operations.create_inbox import NewInbox
from chalicelib.settings import settings
from chalicelib.wiring import Operations, forget_operations, operations
from embedded.aws_environment import CREDENTIALS, DEFAULT_REGION
from embedded.data_folder import PROJECT, DataFolder
from embedded.emulated_aws import EmulatedAws
from embedded.mail_bucket import MailBucket
from embedded.resources import AwsClients, Deployment
from embedded.ses_inbound import Envelope, SesInbound, new_ses_message_id
from embedded.ses_notices import ReceiptRule
from embedded.system import PARAMETERS, SETTINGS
from embedded.template import read_template
from tests.journeys.system import API_KEY

CLIENT = "mail.example (mail.example [192.0.2.1])"


@dataclass(frozen=True)
class Deployed:
    """The operations on an emulated AWS, and SES's door to it, whose notices go nowhere but to the test."""

    operations: Operations
    caller: Caller
    bucket: MailBucket

    def inbox(self, number: int) -> Inbox:
        return self.operations.create_inbox(NewInbox(number), self.caller)

    def mail_in(self, raw: bytes, sender: str, *to: str) -> str:
        """Put a mail where SES puts it; the notice that tells of it."""
        said: list[str] = []
        rule = ReceiptRule(self.bucket.name, "arn:aws:sns:us-east-1:000000000000:inbound", DEFAULT_REGION)
        door = SesInbound(self.bucket, lambda _topic, message: said.append(message), rule)
        door.take(new_ses_message_id(), Envelope(sender, to, CLIENT), raw, Authentication())
        [notice] = said
        return notice

    def objects(self, prefix: str) -> int:
        """How many objects lie under a prefix of the bucket."""
        pages = self.bucket.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket.name, Prefix=prefix)
        return sum(page.get("KeyCount", 0) for page in pages)


@contextmanager
def deployed(folder: Path) -> Iterator[Deployed]:
    data = DataFolder(folder)
    data.lock()
    aws = EmulatedAws(data, {})
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        endpoints: dict[str, str] = {}
        try:
            aws.start()
            aws.wait_until_ready(endpoints)
            region = {"AWS_REGION": DEFAULT_REGION, "AWS_DEFAULT_REGION": DEFAULT_REGION}
            for name, value in (endpoints | CREDENTIALS | region).items():
                patch.setenv(name, value)
            clients = AwsClients(*(boto3.client(name) for name in ("dynamodb", "sqs", "sns", "s3")))
            template = read_template(PROJECT / "infra" / "resources.yaml")
            deployment = Deployment(template, PARAMETERS, clients, DEFAULT_REGION)
            deployment.create()
            for name, value in (SETTINGS | deployment.environment()).items():
                patch.setenv(name, value)
            settings.cache_clear()
            forget_operations()
            made = operations()
            yield Deployed(made, made.bootstrap(API_KEY), MailBucket(clients.s3, deployment.ref("MailBucket")))
        finally:
            settings.cache_clear()
            forget_operations()
            aws.stop()
            data.unlock()
