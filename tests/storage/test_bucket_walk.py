"""The walk through the bucket (operations/ports), in memory, on moto's S3 and on the embedded system's."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from chalicelib.domain.ids import MessageKey
from chalicelib.storage.blob_store import S3BlobStore
from chalicelib.storage.bucket_walk import S3BucketWalk
from tests.fakes.clock import FakeClock
from tests.fakes.s3 import FakeS3
from tests.storage.engines import AWAY_FROM_AWS

KEY = MessageKey(2**56 - 1, 2**36 - 1)
NAMES = [f"raw/{number}" for number in range(7)]


@pytest.fixture(params=["fake", "moto", "embedded"])
def s3(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in AWAY_FROM_AWS.items():
        monkeypatch.setenv(name, value)
    style = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    if request.param == "fake":
        yield FakeS3(FakeClock())
    elif request.param == "moto":
        with mock_aws():
            yield boto3.client("s3", config=style)
    else:
        endpoints: dict[str, str] = request.getfixturevalue("embedded_endpoints")
        yield boto3.client("s3", endpoint_url=endpoints["AWS_ENDPOINT_URL_S3"], config=style)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"mail-{uuid.uuid4()}"
    if not isinstance(s3, FakeS3):
        s3.create_bucket(Bucket=name)
    return name


def test_a_walk_sees_every_object_once_however_small_its_pages(s3: Any, bucket: str) -> None:
    for name in (*NAMES, "uploads/1"):
        S3BlobStore(s3, bucket).put(name, b"bytes", "text/plain")
    walk = S3BucketWalk(s3, bucket, page_objects=3)

    seen: list[str] = []
    blobs, after = walk.page(None)
    while True:
        assert len(blobs) <= 3
        seen += [blob.name for blob in blobs]
        if after is None:
            break
        blobs, after = walk.page(after)

    assert seen == [*NAMES, "uploads/1"]
    assert [blob.name for blob in walk.page(NAMES[-1])[0]] == ["uploads/1"]
    assert [blob.name for blob in walk.page(None, "uploads/")[0]] == ["uploads/1"]
    assert all(blob.modified_at > datetime.now(UTC) - timedelta(days=400) for blob in blobs)


def test_it_tells_for_which_message_a_file_was_stored(s3: Any, bucket: str) -> None:
    blobs, walk = S3BlobStore(s3, bucket), S3BucketWalk(s3, bucket)
    blobs.put("attachments/a", b"bytes", "text/plain", owner=KEY)
    blobs.put("attachments/b", b"bytes", "text/plain")
    blobs.copy("attachments/b", "attachments/c")

    assert [walk.owner(f"attachments/{name}") for name in "abcd"] == [KEY, None, None, None]
    assert [walk.exists(f"attachments/{name}") for name in "abcd"] == [True, True, True, False]
    walk.remove("attachments/a")
    walk.remove("attachments/a")
    assert not walk.exists("attachments/a")
