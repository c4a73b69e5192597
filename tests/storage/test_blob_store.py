"""The contract of BlobStore (storage/blob_store.py), on moto's S3 and the embedded system's."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from moto import mock_aws

from chalicelib.storage.blob_store import BlobStore, S3BlobStore
from tests.fakes.blob_store import FakeBlobStore
from tests.storage.engines import AWAY_FROM_AWS

TEXT = "text/plain; charset=utf-8"
NAME = "bodies/000000000007/3/text"


@pytest.fixture(params=["fake", "moto", "embedded"])
def blobs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlobStore]:
    for name, value in AWAY_FROM_AWS.items():
        monkeypatch.setenv(name, value)
    if request.param == "fake":
        yield FakeBlobStore()
    elif request.param == "moto":
        with mock_aws(), bucket(None) as store:
            yield store
    else:
        yield request.getfixturevalue("embedded_blobs")


@pytest.fixture
def embedded_blobs(embedded_endpoints: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[BlobStore]:
    for name, value in AWAY_FROM_AWS.items():
        monkeypatch.setenv(name, value)
    with bucket(embedded_endpoints["AWS_ENDPOINT_URL_S3"]) as store:
        yield store


@contextmanager
def bucket(endpoint: str | None) -> Iterator[S3BlobStore]:
    style = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    client: Any = boto3.client("s3", endpoint_url=endpoint, config=style)
    name = f"bodies-{uuid.uuid4()}"
    client.create_bucket(Bucket=name)
    yield S3BlobStore(client, name)
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


def test_a_link_is_followed_without_a_key_and_never_shown(embedded_blobs: BlobStore) -> None:
    embedded_blobs.put(NAME, b"text", TEXT)
    with httpx.Client(trust_env=False) as client:
        answer = client.get(embedded_blobs.url(NAME))
    assert answer.content == b"text"
    assert answer.headers["Content-Type"] == TEXT
    assert answer.headers["Content-Disposition"] == "attachment"
