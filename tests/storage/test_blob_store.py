"""The contract of BlobStore (storage/blob_store.py), on moto's S3 and the embedded system's."""

import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from chalicelib.storage.blob_store import BlobStore, S3BlobStore
from tests.fakes.blob_store import FakeBlobStore
from tests.storage.engines import AWAY_FROM_AWS

BUCKET = "mail-bodies"
TEXT = "text/plain; charset=utf-8"
NAME = "bodies/000000000007/3/text"


@pytest.fixture(params=["fake", "moto", "embedded"])
def blobs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlobStore]:
    for name, value in AWAY_FROM_AWS.items():
        monkeypatch.setenv(name, value)
    if request.param == "fake":
        yield FakeBlobStore()
    elif request.param == "moto":
        with mock_aws():
            yield from in_bucket(None)
    else:
        yield from in_bucket(request.getfixturevalue("embedded_endpoints")["AWS_ENDPOINT_URL_S3"])


def in_bucket(endpoint: str | None) -> Iterator[S3BlobStore]:
    style = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    client: Any = boto3.client("s3", endpoint_url=endpoint, config=style)
    client.create_bucket(Bucket=BUCKET)
    yield S3BlobStore(client, BUCKET)
    for blob in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=blob["Key"])
    client.close()


@pytest.mark.parametrize("data", [b"", b"\x00\xff\r\n" * 3, "Grüße 😀".encode() * 100_000])
def test_bytes_are_read_back_as_they_were_put(blobs: BlobStore, data: bytes) -> None:
    blobs.put(NAME, data, TEXT)
    blobs.put(NAME, data, TEXT)
    assert blobs.get(NAME) == data


def test_what_was_never_put_is_none(blobs: BlobStore) -> None:
    blobs.put(NAME, b"text", TEXT)
    assert blobs.get(NAME + "x") is None


def test_what_was_deleted_is_gone_and_deleting_again_is_harmless(blobs: BlobStore) -> None:
    blobs.put(NAME, b"text", TEXT)
    blobs.delete(NAME)
    blobs.delete(NAME)
    assert blobs.get(NAME) is None


def test_a_link_names_the_blob(blobs: BlobStore) -> None:
    assert NAME in blobs.url(NAME)


def test_a_link_is_followed_without_a_key_and_never_shown(embedded_endpoints: dict[str, str], blobs: BlobStore) -> None:
    if not isinstance(blobs, S3BlobStore) or not blobs.url(NAME).startswith(embedded_endpoints["AWS_ENDPOINT_URL_S3"]):
        return
    blobs.put(NAME, b"text", TEXT)
    with urllib.request.urlopen(blobs.url(NAME)) as answer:
        assert answer.read() == b"text"
        assert answer.headers["Content-Type"] == TEXT
        assert answer.headers["Content-Disposition"] == "attachment"
