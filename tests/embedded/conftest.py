"""An emulated AWS for a test session, clients to it, and small Chalice apps."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from embedded.data_folder import DataFolder
from embedded.resources import AwsClients
from tests.embedded.smtp_client import Door, opened

REGION = "us-east-1"


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds, which another process brings about; fails when it never does."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.02)


@dataclass(frozen=True)
class RunningAws:
    """The endpoints of an emulated AWS, and clients to it."""

    endpoints: dict[str, str]

    def client(self, service: str) -> Any:
        return boto3.session.Session().client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.endpoints[f"AWS_ENDPOINT_URL_{service.upper()}"],
            region_name=REGION,
            aws_access_key_id="embedded",
            aws_secret_access_key="embedded",
            config=Config(retries={"total_max_attempts": 2}, max_pool_connections=20),
        )

    def clients(self) -> AwsClients:
        return AwsClients(*(self.client(name) for name in ("dynamodb", "sqs", "sns", "s3")))


@pytest.fixture(scope="session")
def running_aws(embedded_endpoints: dict[str, str]) -> RunningAws:
    """The emulated AWS of this worker; each test uses names of its own."""
    return RunningAws(embedded_endpoints)


@pytest.fixture
def queue_url(running_aws: RunningAws) -> str:
    """A fresh queue whose messages come again after one second."""
    sqs = running_aws.client("sqs")
    url: str = sqs.create_queue(QueueName=f"q-{uuid.uuid4()}", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    return url


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DataFolder]:
    """A locked data folder."""
    folder = DataFolder(tmp_path / "data")
    folder.lock()
    yield folder
    folder.unlock()


@pytest.fixture
def door() -> Iterator[Door]:
    """An SMTP door with stand-ins behind it."""
    with opened() as door:
        yield door
