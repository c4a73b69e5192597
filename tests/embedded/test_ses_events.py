import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.delivery import EventType
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import MessageKey
from chalicelib.providers.ses_events import delivery_reports
from embedded.ses_behaviour import Outcome
from embedded.ses_events import AcceptedMail, mail_object, outcome_event, send_event

NOW = datetime(2026, 11, 22, 10, 0, 0, 123_000, tzinfo=UTC)
ADA = "ada@example.com"
RAW = (
    b"From: Demo Agent <demo@agents.test>\r\nTo: Ada <ada@example.com>, bob@example.com\r\nCc: carl@example.com\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <ours@agents.test>\r\nX-Long: one\r\n two\r\n\r\nText\r\n"
)


def make_mail(raw: bytes = RAW, recipients: tuple[str, ...] = (ADA, "bob@example.com")) -> AcceptedMail:
    return AcceptedMail(
        ses_message_id="0100-1",
        raw=raw,
        source="demo@agents.test",
        recipients=recipients,
        tags={"ses:configuration-set": ["set"], "message": ["msg_1"]},
        accepted_at=NOW,
    )


def test_the_mail_object_says_what_ses_would_say() -> None:
    mail = mail_object(make_mail())
    assert mail["timestamp"] == "2026-11-22T10:00:00.123Z"
    assert mail["sourceArn"] == "arn:aws:ses:us-east-1:000000000000:identity/agents.test"
    assert mail["destination"] == [ADA, "bob@example.com"]
    assert mail["tags"] == {"ses:configuration-set": ["set"], "message": ["msg_1"]}
    assert mail["headers"][0] == {"name": "From", "value": "Demo Agent <demo@agents.test>"}
    assert mail["headers"][-1] == {"name": "X-Long", "value": "one two"}
    assert mail["headersTruncated"] is False
    assert mail["commonHeaders"] == {
        "from": ["Demo Agent <demo@agents.test>"],
        "to": ["Ada <ada@example.com>", "bob@example.com"],
        "cc": ["carl@example.com"],
        "date": "Sun, 22 Nov 2026 10:00:00 +0000",
        "messageId": "<ours@agents.test>",
        "subject": "=?utf-8?q?Gr=C3=BC=C3=9Fe?=",
    }


def test_headers_over_10_kb_are_cut_and_it_says_so() -> None:
    mail = mail_object(make_mail(b"A: 1\r\nB: " + b"x" * 10_240 + b"\r\nC: 3\r\n\r\n"))
    assert (mail["headers"], mail["headersTruncated"]) == ([{"name": "A", "value": "1"}], True)


@given(st.binary(max_size=300))
def test_any_bytes_make_an_event_that_utf_8_json_can_hold(raw: bytes) -> None:
    text = json.dumps(send_event(make_mail(raw)), ensure_ascii=False).encode("utf-8")
    assert json.loads(text)["mail"]["messageId"] == "0100-1"


# Keys and kinds of values, from events that SES published for its own simulator (and its guide's DeliveryDelay).
SHAPES: dict[Outcome, tuple[str, str, dict[str, Any]]] = {
    Outcome.DELIVERY: (
        "Delivery",
        "delivery",
        {"timestamp": str, "processingTimeMillis": int, "recipients": list, "smtpResponse": str, "remoteMtaIp": str}
        | {"reportingMTA": str},
    ),
    Outcome.DELIVERY_DELAY: (
        "DeliveryDelay",
        "deliveryDelay",
        {"timestamp": str, "delayType": str, "expirationTime": str, "delayedRecipients": list, "reportingMTA": str},
    ),
    Outcome.BOUNCE_UNKNOWN_USER: (
        "Bounce",
        "bounce",
        {"feedbackId": str, "bounceType": str, "bounceSubType": str, "bouncedRecipients": list, "timestamp": str}
        | {"remoteMtaIp": str, "reportingMTA": str},
    ),
    Outcome.BOUNCE_AUTOMATIC_ANSWER: (
        "Bounce",
        "bounce",
        {"feedbackId": str, "bounceType": str, "bounceSubType": str, "bouncedRecipients": list, "timestamp": str},
    ),
    Outcome.COMPLAINT: (
        "Complaint",
        "complaint",
        {"feedbackId": str, "complaintSubType": type(None), "complainedRecipients": list, "timestamp": str}
        | {"userAgent": str, "complaintFeedbackType": str, "arrivalDate": str},
    ),
}


@pytest.mark.parametrize("outcome", SHAPES)
def test_an_event_has_the_fields_that_ses_gives_it(outcome: Outcome) -> None:
    kind, name, shape = SHAPES[outcome]
    event = outcome_event(make_mail(), ADA, outcome, NOW + timedelta(seconds=1))
    assert event.keys() == {"eventType", "mail", name}
    assert event["eventType"] == kind
    assert {key: type(value) for key, value in event[name].items()} == shape


def reports_of(event: dict[str, Any]) -> list[tuple[EventType, DeliveryStatus | None, str | None]]:
    key = MessageKey(1, 1)
    reports = delivery_reports(json.dumps(event), known=lambda _ses_id: key, message_key=lambda _text: key)
    return [(report.type, report.status, report.recipient) for report in reports]


@pytest.mark.parametrize(
    ("outcome", "report"),
    [
        (Outcome.DELIVERY, (EventType.DELIVERED, DeliveryStatus.DELIVERED, ADA)),
        (Outcome.DELIVERY_DELAY, (EventType.DELAYED, DeliveryStatus.SENT, ADA)),
        (Outcome.BOUNCE_UNKNOWN_USER, (EventType.BOUNCED, DeliveryStatus.BOUNCED, ADA)),
        (Outcome.BOUNCE_NO_INBOX, (EventType.BOUNCED, DeliveryStatus.BOUNCED, ADA)),
        (Outcome.BOUNCE_SUPPRESSED, (EventType.BOUNCED, DeliveryStatus.BOUNCED, ADA)),
        (Outcome.BOUNCE_AUTOMATIC_ANSWER, (EventType.FAILED, DeliveryStatus.FAILED_SOFTLY, ADA)),
        (Outcome.COMPLAINT, (EventType.COMPLAINED, DeliveryStatus.COMPLAINED, ADA)),
    ],
)
def test_the_product_reads_each_event_as_what_it_means(
    outcome: Outcome, report: tuple[EventType, DeliveryStatus, str]
) -> None:
    assert report in reports_of(outcome_event(make_mail(), ADA, outcome, NOW))


def test_the_product_takes_a_send_event_for_everyone() -> None:
    assert reports_of(send_event(make_mail())) == [(EventType.SENT, DeliveryStatus.SENT, None)]


def test_there_is_a_case_for_every_outcome() -> None:
    assert set(SHAPES) | {Outcome.BOUNCE_SUPPRESSED, Outcome.BOUNCE_NO_INBOX} == set(Outcome)
