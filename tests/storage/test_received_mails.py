"""The contract of ReceivedMails (operations/ports), in memory, on moto's S3 and on the embedded system's."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from moto import mock_aws

from chalicelib.domain.arrival import Authentication, Verdict
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.receipt import Receipt
from chalicelib.operations.ports import ReceivedMails
from chalicelib.storage.received_mails import S3ReceivedMails, copy_name, receipt_in, receipt_metadata
from tests.fakes.received_mails import FakeReceivedMails
from tests.storage.engines import AWAY_FROM_AWS

KEY = MessageKey(7, 3)
RAW = b"From: ada@example.com\r\n\r\n\x00\xff\xfe bytes\n of any kind"
RECEIPT = Receipt(
    ses_message_id="o3vrnil0e2ic28trm7df",
    mail_from="bounces+ü@example.com",
    recipients=("agent@mail.example.com", "second+x@mail.example.com"),
    received_at=datetime(2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC),
    blob="inbound/o3vrnil0e2ic28trm7df",
    authentication=Authentication(Verdict.PASS, Verdict.FAIL, Verdict.GRAY, Verdict.NONE, Verdict.PASS),
)

PutMail = Callable[[str, bytes, Receipt | None], None]


@dataclass
class Door:
    """The store, and what SES does to its bucket."""

    mails: ReceivedMails
    put: PutMail


@pytest.fixture(params=["fake", "moto", "embedded"])
def door(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    for name, value in AWAY_FROM_AWS.items():
        monkeypatch.setenv(name, value)
    if request.param == "fake":
        fake = FakeReceivedMails()
        yield Door(fake, fake.put)
    elif request.param == "moto":
        with mock_aws(), bucket(None) as opened:
            yield opened
    else:
        endpoints: dict[str, str] = request.getfixturevalue("embedded_endpoints")
        with bucket(endpoints["AWS_ENDPOINT_URL_S3"]) as opened:
            yield opened


@contextmanager
def bucket(endpoint: str | None) -> Iterator[Door]:
    style = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    client: Any = boto3.client("s3", endpoint_url=endpoint, config=style)
    name = f"mail-{uuid.uuid4()}"
    client.create_bucket(Bucket=name)

    def put(blob: str, mail: bytes, receipt: Receipt | None) -> None:
        metadata = receipt_metadata(receipt) if receipt else {}
        client.put_object(Bucket=name, Key=blob, Body=mail, Metadata=metadata)

    yield Door(S3ReceivedMails(client, name), put)
    client.close()


def test_a_mail_is_read_as_ses_stored_it(door: Door) -> None:
    door.put(RECEIPT.blob, RAW, None)
    assert door.mails.read(RECEIPT.blob) == RAW
    assert door.mails.read(RECEIPT.blob + "x") is None


def test_a_copy_has_the_same_bytes_and_stays_when_the_mail_goes(door: Door) -> None:
    door.put(RECEIPT.blob, RAW, None)

    assert door.mails.keep_copy(RECEIPT, RECEIPT.recipients[1], KEY) is True
    assert door.mails.keep_copy(RECEIPT, RECEIPT.recipients[1], KEY) is True
    door.mails.delete(RECEIPT.blob)
    door.mails.delete(RECEIPT.blob)

    assert door.mails.read(RECEIPT.blob) is None
    assert door.mails.read_copy(KEY) == RAW


def test_of_a_mail_that_is_gone_there_is_no_copy(door: Door) -> None:
    assert door.mails.keep_copy(RECEIPT, RECEIPT.recipients[0], KEY) is False
    assert door.mails.read_copy(KEY) is None


def test_a_link_to_a_copy_gives_its_bytes_as_a_download(embedded_endpoints: dict[str, str]) -> None:
    with bucket(embedded_endpoints["AWS_ENDPOINT_URL_S3"]) as door, httpx.Client(trust_env=False) as client:
        door.put(RECEIPT.blob, RAW, None)
        door.mails.keep_copy(RECEIPT, RECEIPT.recipients[0], KEY)
        answer = client.get(door.mails.copy_url(KEY))
    assert answer.content == RAW
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_copy_of_one_message_is_not_anothers(door: Door) -> None:
    door.put(RECEIPT.blob, RAW, None)
    door.mails.keep_copy(RECEIPT, RECEIPT.recipients[0], KEY)
    door.mails.keep_copy(RECEIPT, RECEIPT.recipients[1], MessageKey(8, 3))

    door.mails.delete_copy(KEY)
    door.mails.delete_copy(KEY)

    assert door.mails.read_copy(KEY) is None
    assert door.mails.read_copy(MessageKey(8, 3)) == RAW


def test_waiting_mail_is_listed_with_its_receipt_where_that_is_with_it(door: Door) -> None:
    door.put(RECEIPT.blob, RAW, RECEIPT)
    door.put("inbound/alone", RAW, None)
    door.put("inbound/AMAZON_SES_SETUP_NOTIFICATION", b"This is a trial.", None)
    door.mails.keep_copy(RECEIPT, RECEIPT.recipients[0], KEY)

    assert set(door.mails.waiting()) == {RECEIPT, "inbound/alone"}
    door.mails.delete(RECEIPT.blob)
    assert set(door.mails.waiting()) == {"inbound/alone"}


def test_more_mail_than_one_listing_holds_is_listed(embedded_endpoints: dict[str, str]) -> None:
    with bucket(embedded_endpoints["AWS_ENDPOINT_URL_S3"]) as door:
        assert isinstance(door.mails, S3ReceivedMails)
        listing = door.mails.client.get_paginator("list_objects_v2").paginate
        for number in range(5):
            door.put(f"inbound/{number}", RAW, None)
        pages = list(listing(Bucket=door.mails.bucket, PaginationConfig={"PageSize": 2}))
        assert len(pages) == 3
        assert len(set(door.mails.waiting())) == 5


def test_a_copy_names_its_own_recipient_and_no_other(embedded_endpoints: dict[str, str]) -> None:
    with bucket(embedded_endpoints["AWS_ENDPOINT_URL_S3"]) as door:
        assert isinstance(door.mails, S3ReceivedMails)
        door.put(RECEIPT.blob, RAW, RECEIPT)
        door.mails.keep_copy(RECEIPT, RECEIPT.recipients[1], KEY)

        head = door.mails.client.head_object(Bucket=door.mails.bucket, Key=copy_name(KEY))

    assert head["ContentType"] == "message/rfc822"
    assert receipt_in(head["Metadata"], RECEIPT.blob) == replace(RECEIPT, recipients=RECEIPT.recipients[1:])


def test_a_receipt_too_long_for_an_objects_metadata_is_left_out() -> None:
    longest = replace(RECEIPT, recipients=tuple(f"agent-{number}@mail.example.com" for number in range(40)))
    assert receipt_metadata(longest)
    assert receipt_metadata(replace(longest, recipients=longest.recipients * 2)) == {}
    assert receipt_in({}, RECEIPT.blob) is None
