"""The notice against the example of an S3 action in the Amazon SES guide, and against its reader."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.arrival import Authentication, Verdict
from chalicelib.domain.receipt import Receipt
from chalicelib.providers.ses_receipts import read_receipt
from embedded.ses_inbound import (
    Envelope,
    derived_ses_message_id,
    fits_one_mail,
    new_ses_message_id,
    receipt_of,
    trace_fields,
    wanted_verdicts,
)
from embedded.ses_notices import ReceiptRule, notice

RULE = ReceiptRule("my-bucket", "arn:aws:sns:us-east-1:012345678912:example-topic", "us-east-1")
AT = datetime(2015, 9, 11, 20, 32, 33, 936_000, tzinfo=UTC)
ALL_PASS = Authentication(*[Verdict.PASS] * 5)
ENVELOPE = Envelope(
    "0000014fbe1c09cf@amazonses.com",
    ("recipient@example.com",),
    "a9-183.smtp-out.amazonses.com (a9-183.smtp-out.amazonses.com [54.240.9.183])",
)
RECEIPT = receipt_of("d6iitobk75ur44p8kdnnp7g2n800", ENVELOPE, AT, ALL_PASS)
RAW = (
    b"From: sender@example.com\r\nTo: recipient@example.com\r\nSubject: Example subject\r\nMIME-Version: 1.0\r\n"
    b"Date: Fri, 11 Sep 2015 20:32:32 +0000\r\n"
    b"Message-ID: <61967230-7A45-4A9D-BEC9-87CBCF2211C9@example.com>\r\n\r\nExample content\r\n"
)


def noticed(receipt: Receipt, raw: bytes) -> dict[str, Any]:
    stored = trace_fields(receipt, ENVELOPE.client, RULE.region) + raw
    told: dict[str, Any] = json.loads(notice(receipt, stored, RULE, AT + timedelta(milliseconds=406)))
    return told


def test_the_notice_is_the_one_in_the_guide() -> None:
    passed = {"status": "PASS"}
    assert noticed(RECEIPT, RAW) == {
        "notificationType": "Received",
        "receipt": {
            "timestamp": "2015-09-11T20:32:34.342Z",
            "processingTimeMillis": 406,
            "recipients": ["recipient@example.com"],
            "spamVerdict": passed,
            "virusVerdict": passed,
            "spfVerdict": passed,
            "dkimVerdict": passed,
            "dmarcVerdict": passed,
            "action": {
                "type": "S3",
                "topicArn": "arn:aws:sns:us-east-1:012345678912:example-topic",
                "bucketName": "my-bucket",
                "objectKeyPrefix": "inbound/",
                "objectKey": "inbound/d6iitobk75ur44p8kdnnp7g2n800",
            },
        },
        "mail": {
            "timestamp": "2015-09-11T20:32:33.936Z",
            "source": "0000014fbe1c09cf@amazonses.com",
            "messageId": "d6iitobk75ur44p8kdnnp7g2n800",
            "destination": ["recipient@example.com"],
            "headersTruncated": False,
            "headers": [
                {"name": "Return-Path", "value": "<0000014fbe1c09cf@amazonses.com>"},
                {
                    "name": "Received",
                    "value": "from a9-183.smtp-out.amazonses.com (a9-183.smtp-out.amazonses.com [54.240.9.183]) by "
                    "inbound-smtp.us-east-1.amazonaws.com with SMTP id d6iitobk75ur44p8kdnnp7g2n800 for "
                    "recipient@example.com; Fri, 11 Sep 2015 20:32:33 +0000 (UTC)",
                },
                {"name": "From", "value": "sender@example.com"},
                {"name": "To", "value": "recipient@example.com"},
                {"name": "Subject", "value": "Example subject"},
                {"name": "MIME-Version", "value": "1.0"},
                {"name": "Date", "value": "Fri, 11 Sep 2015 20:32:32 +0000"},
                {"name": "Message-ID", "value": "<61967230-7A45-4A9D-BEC9-87CBCF2211C9@example.com>"},
            ],
            "commonHeaders": {
                "returnPath": "0000014fbe1c09cf@amazonses.com",
                "from": ["sender@example.com"],
                "date": "Fri, 11 Sep 2015 20:32:32 +0000",
                "to": ["recipient@example.com"],
                "messageId": "<61967230-7A45-4A9D-BEC9-87CBCF2211C9@example.com>",
                "subject": "Example subject",
            },
        },
    }


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("mail_from", ["", "ada@example.com", "müller@example.com"])
def test_its_reader_finds_in_it_what_was_put_in(verdict: Verdict, mail_from: str) -> None:
    receipt = replace(RECEIPT, mail_from=mail_from, authentication=Authentication(*[verdict] * 5))
    assert read_receipt(json.dumps(noticed(receipt, RAW)), bucket=RULE.bucket) == receipt


def test_a_failed_dmarc_check_comes_with_the_domains_policy() -> None:
    failed = replace(RECEIPT, authentication=Authentication(dmarc=Verdict.FAIL))
    assert noticed(failed, RAW)["receipt"]["dmarcPolicy"] == "none"


def test_a_header_over_10_kb_is_cut_and_a_larger_one_left_out_so_that_sns_takes_the_notice() -> None:
    assert noticed(RECEIPT, b"X: " + b"x" * 10_240 + b"\r\n" + RAW)["mail"]["headersTruncated"] is True
    many = b"To: " + b"\xff@example.com, " * 40_000 + b"\r\n\r\n"
    told = noticed(RECEIPT, many)
    assert told["mail"]["headersTruncated"] is True
    assert len(json.dumps(told)) < 256 * 1024
    assert read_receipt(json.dumps(told), bucket=RULE.bucket) == RECEIPT


@given(st.binary(max_size=300))
def test_every_mail_can_be_announced(raw: bytes) -> None:
    for prefix in (b"", b"From: ", b"To: a\r\nMessage-ID:"):
        assert read_receipt(json.dumps(noticed(RECEIPT, prefix + raw)), bucket=RULE.bucket) == RECEIPT


def test_comments_nested_without_end_do_not_keep_a_mail_from_being_announced() -> None:
    assert noticed(RECEIPT, b"From: " + b"(" * 9_000 + b"\r\n\r\n")["mail"]["commonHeaders"]["from"]


@pytest.mark.parametrize(
    ("header", "verdicts"),
    [
        (b"", Authentication()),
        (b"X-Embedded-Verdicts: dmarc=pass; spf=pass\r\n", Authentication(dmarc=Verdict.PASS, spf=Verdict.PASS)),
        (b"x-embedded-verdicts: DMARC = Fail;\r\n VIRUS=fail;spam=gray\r\n",
         Authentication(dmarc=Verdict.FAIL, virus=Verdict.FAIL, spam=Verdict.GRAY)),
        (b"X-Embedded-Verdicts: dmarc=perhaps; other=pass; spf; =; \xff=pass\r\n", Authentication()),
        (b"X-Embedded-Verdicts: dkim=fail\r\nX-Embedded-Verdicts: dkim=pass; spf=pass\r\n",
         Authentication(dkim=Verdict.FAIL)),
        (b"Subject: x\r\n\r\nX-Embedded-Verdicts: dmarc=pass\r\n", Authentication()),
    ],
)  # fmt: skip
def test_a_test_mail_says_what_was_found_out_about_it(header: bytes, verdicts: Authentication) -> None:
    assert wanted_verdicts(header + RAW) == verdicts


def test_ids_differ_unless_they_come_from_the_same_seed() -> None:
    assert len({new_ses_message_id() for _ in range(100)}) == 100
    assert derived_ses_message_id("a") == derived_ses_message_id("a") != derived_ses_message_id("b")
    for made in (new_ses_message_id(), derived_ses_message_id("a")):
        assert len(made) == 40
        assert made.isalnum()
        assert made.islower()


def test_what_fits_one_mail_can_be_announced_once_more_from_what_is_stored_with_it() -> None:
    assert fits_one_mail("ü" * 128, ["a" * 242 + "@agents.test"])
    assert not fits_one_mail("a@example.com", [f"inbox-{number}@agents.test" for number in range(100)])
