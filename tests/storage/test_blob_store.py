"""The contract of BlobStore (storage/blob_store.py), on moto's S3 and the embedded system's."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

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


def test_the_head_tells_the_size_and_a_tag_that_changes_with_the_bytes(blobs: BlobStore) -> None:
    assert blobs.head(NAME) is None
    blobs.put(NAME, b"text", TEXT)
    first = blobs.head(NAME)
    assert first is not None
    assert first.size == 4
    blobs.put(NAME, b"else", TEXT)
    assert blobs.head(NAME) != first
    blobs.put(NAME, b"text", TEXT)
    assert blobs.head(NAME) == first


def test_a_copy_has_the_same_bytes_and_lives_by_itself(blobs: BlobStore) -> None:
    blobs.put(NAME, b"text", TEXT)
    assert blobs.copy(NAME, "copy")
    assert blobs.copy(NAME, "copy")
    blobs.delete(NAME)
    assert blobs.get("copy") == b"text"


def test_what_is_not_there_is_not_copied(blobs: BlobStore) -> None:
    assert not blobs.copy(NAME, "copy")
    assert blobs.get("copy") is None


@pytest.mark.parametrize("blobs", ["fake", "embedded"], indirect=True)  # moto knows no CopySourceIfMatch
def test_bytes_that_were_replaced_are_not_copied_by_the_tag_of_the_old_ones(blobs: BlobStore) -> None:
    blobs.put(NAME, b"text", TEXT)
    head = blobs.head(NAME)
    assert head is not None
    assert blobs.copy(NAME, "copy", tag=head.tag)
    blobs.put(NAME, b"else", TEXT)
    assert not blobs.copy(NAME, "copy", tag=head.tag)
    assert blobs.get("copy") == b"text"


@pytest.mark.parametrize(
    "filename", ["report.pdf", "Grüße «1» 😀.txt", "a\"b\\c;d%41'.txt", "報告書.docx", "=?utf-8?q?a?="]
)
def test_a_link_gives_the_name_and_the_type_it_was_made_with(embedded_blobs: BlobStore, filename: str) -> None:
    embedded_blobs.put(NAME, b"text", "application/octet-stream")
    with httpx.Client(trust_env=False) as client:
        answer = client.get(embedded_blobs.url(NAME, filename=filename, content_type="image/png"))
    assert (answer.status_code, answer.content) == (200, b"text")
    assert answer.headers["Content-Type"] == "image/png"
    kind, plain, extended = answer.headers["Content-Disposition"].split("; ")
    assert kind == "attachment"
    assert plain.isascii()
    assert unquote(extended.removeprefix("filename*=UTF-8''")) == filename


@pytest.mark.parametrize(
    "content_type",
    ["text/html", "TEXT/HTML; charset=utf-8", "image/svg+xml", "application/xhtml+xml", "text/xml", "text/javascript"],
)
def test_what_a_browser_would_run_is_handed_out_without_its_type(embedded_blobs: BlobStore, content_type: str) -> None:
    embedded_blobs.put(NAME, b"<script>", content_type)
    with httpx.Client(trust_env=False) as client:
        answer = client.get(embedded_blobs.url(NAME, filename="page.html", content_type=content_type))
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")


def test_a_link_to_put_takes_the_bytes_without_a_key(embedded_blobs: BlobStore) -> None:
    url = embedded_blobs.put_url(NAME, size=4, content_type="image/png")
    with httpx.Client(trust_env=False) as client:
        answer = client.put(url, content=b"\x00\xff\r\n", headers={"Content-Type": "image/png"})
    assert answer.status_code == 200
    assert embedded_blobs.get(NAME) == b"\x00\xff\r\n"


def test_length_and_type_are_part_of_a_link_to_put(embedded_blobs: BlobStore) -> None:
    (signed,) = parse_qs(urlsplit(embedded_blobs.put_url(NAME, size=4, content_type="image/png")).query)[
        "X-Amz-SignedHeaders"
    ]
    assert signed.split(";") == ["content-length", "content-type", "host"]
