"""SES's notices about received mail become receipts: told by whole samples, and by what might come instead."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.arrival import Authentication, Verdict
from chalicelib.domain.receipt import Receipt
from chalicelib.providers.ses_receipts import UnreadableReceipt, notice_body, read_receipt

FOLDER = Path(__file__).parent.parent / "samples" / "ses_receipts"
BUCKET = "mail-bucket"
SES_ID = "r8k3q0v7m2c5x9b1n6t4h0d2f8j5g3a1z7y4w6p1"
PASS, FAIL, GRAY, NONE = Verdict.PASS, Verdict.FAIL, Verdict.GRAY, Verdict.NONE

RECEIPT = Receipt(
    ses_message_id=SES_ID,
    mail_from="ada@example.com",
    recipients=("agent@agents.example.com",),
    received_at=datetime(2026, 11, 22, 12, 0, 0, 512_000, tzinfo=UTC),
    blob=f"inbound/{SES_ID}",
    authentication=Authentication(spf=PASS, dkim=GRAY, dmarc=PASS, spam=PASS, virus=PASS),
)
TOLD = {
    "received": RECEIPT,
    "received_failing_every_check": replace(RECEIPT, authentication=Authentication(FAIL, FAIL, FAIL, GRAY, FAIL)),
    "received_checks_not_made": replace(RECEIPT, authentication=Authentication(NONE, NONE, NONE, NONE, NONE)),
    "received_headers_truncated": RECEIPT,
    "received_headers_left_out": RECEIPT,
    "received_null_return_path": replace(RECEIPT, mail_from=""),
    "received_several_recipients": replace(
        RECEIPT, recipients=("agent@agents.example.com", "Second+orders@Agents.Example.COM")
    ),
    "sns_envelope_received": RECEIPT,
}
REFUSED = {"sns_action": "type 'SNS'", "bounce_action": "type 'Bounce'", "lambda_action": "no 'Message'"}


def sample(name: str) -> str:
    return (FOLDER / f"{name}.json").read_text()


def changed(**changes: Any) -> str:
    """The plain sample with fields replaced, named by their path: `mail__source`."""
    notice = json.loads(sample("received"))
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = notice
        for parent in parents:
            place = place[parent]
        place[last] = value
    return json.dumps(notice)


def read(body: str | bytes) -> Receipt | None:
    return read_receipt(body, bucket=BUCKET)


@pytest.mark.parametrize("name", TOLD)
def test_a_notice_becomes_a_receipt(name: str) -> None:
    assert read(sample(name)) == TOLD[name]


def test_every_sample_is_looked_at() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {*TOLD, *REFUSED, "setup_notification"}


@pytest.mark.parametrize("name", REFUSED)
def test_a_mail_that_was_not_put_into_the_bucket_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(UnreadableReceipt, match=REFUSED[name]):
        read(sample(name))


@pytest.mark.parametrize(
    "body",
    [
        sample("setup_notification"),
        "Successfully validated SNS topic for Amazon SES event publishing.",
        json.dumps({"Type": "Notification", "Message": "Successfully validated SNS topic for Amazon SES."}),
        '{"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have successfully subscribed."}',
        '{"notificationType": "AMAZON_SES_SETUP_NOTIFICATION"}',
        '{"notificationType": "Something new"}',
    ],
)
def test_what_tells_of_no_mail_is_dropped(body: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert read(body) is None
    assert "@" not in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        "[]",
        "null",
        "{}",
        '"\ud800"',
        "[" * 100_000,
        '{"notificationType": "Received"}',
        '{"Type": "Notification", "Message": "not JSON"}',
        changed(mail__timestamp="yesterday"),
        changed(mail__timestamp="2026-11-22T12:00:00"),
        changed(mail=None),
        changed(receipt=None),
        changed(receipt__recipients="agent@agents.example.com"),
        changed(receipt__action__objectKey=None),
    ],
)
def test_what_is_no_notice_is_refused_without_quoting_it(body: str) -> None:
    with pytest.raises(UnreadableReceipt) as refused:
        read(body)
    assert "@" not in str(refused.value)


@pytest.mark.parametrize(
    "elsewhere", [{"receipt__action__bucketName": "another"}, {"receipt__action__objectKey": "raw/000000000007/3"}]
)
def test_a_mail_elsewhere_in_storage_is_refused(elsewhere: dict[str, str]) -> None:
    with pytest.raises(UnreadableReceipt, match="elsewhere"):
        read(changed(**elsewhere))


@pytest.mark.parametrize(
    ("source", "mail_from"),
    [
        ("", ""),
        ("<>", ""),
        (None, ""),
        ("MAILER-DAEMON", ""),
        ("mailer-daemon@mail.example.com", "mailer-daemon@mail.example.com"),
        ("<MAILER-DAEMON@example.com>", "MAILER-DAEMON@example.com"),
        ("<ada@example.com>", "ada@example.com"),
        ("Ada+x@Example.com", "Ada+x@Example.com"),
        ("ada\r\n\x00@example.com", "ada@example.com"),
        ("a" * 5_000, "a" * 320),
    ],
)
def test_a_return_path_is_plain_or_null(source: str | None, mail_from: str) -> None:
    receipt = read(changed(mail__source=source))
    assert receipt is not None
    assert receipt.mail_from == mail_from


def test_a_time_with_another_offset_is_the_same_moment() -> None:
    assert read(changed(mail__timestamp="2026-11-22T13:00:00.512+01:00")) == RECEIPT


def test_a_verdict_that_is_not_known_yet_is_none() -> None:
    receipt = read(changed(receipt__spfVerdict={"status": "MAYBE"}))
    assert receipt is not None
    assert receipt.authentication.spf is NONE


verdicts = st.sampled_from(Verdict)


@given(
    recipients=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1)).map(tuple),
    mail_from=st.sampled_from(["", "ada@example.com", "ü@example.com"]),
    authentication=st.builds(Authentication, verdicts, verdicts, verdicts, verdicts, verdicts),
    received_at=st.datetimes(timezones=st.just(UTC)),
)
def test_a_notice_of_ours_is_read_back(**changes: Any) -> None:
    receipt = replace(RECEIPT, **changes)
    assert read(notice_body(receipt, bucket=BUCKET)) == receipt


@given(st.binary(max_size=200))
def test_bytes_at_random_are_refused(body: bytes) -> None:
    with pytest.raises(UnreadableReceipt):
        read(body)
