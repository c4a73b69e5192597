"""The deployment's own housekeeping, as wiring builds it, on the embedded system's table and bucket."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config

from chalicelib.settings import read_settings
from chalicelib.wiring import Operations
from tests.api.conftest import ENVIRONMENT
from tests.factories.attachments import DATA, make_attachment
from tests.fakes.clock import FakeClock
from tests.storage.engines import AWAY_FROM_AWS, key_schema


def test_it_takes_an_unused_upload_off_the_disk_and_then_has_nothing_to_do(
    embedded_endpoints: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (AWAY_FROM_AWS | embedded_endpoints).items():
        monkeypatch.setenv(name, value)
    name, clock = f"mail-{uuid.uuid4()}", FakeClock(datetime.now(UTC))
    s3: Any = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    s3.create_bucket(Bucket=name)
    boto3.client("dynamodb").create_table(TableName=name, **key_schema())
    deployment = Operations(read_settings(ENVIRONMENT | {"TABLE_NAME": name, "BUCKET_NAME": name}), clock)
    file = make_attachment(expires_at=clock() + timedelta(hours=24))
    deployment.attachments.create(file, DATA)

    assert deployment.keep_house() == 0
    clock.advance(26 * 3600)
    assert deployment.keep_house() > 0

    assert "Contents" not in s3.list_objects_v2(Bucket=name)
    clock.advance(7 * 3600)
    assert deployment.keep_house() == 0
