"""SES's events and notifications become delivery reports: the table of statuses, told by whole samples."""

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.delivery import DeliveryReport, EventType, MessageDelivery
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import MessageKey
from chalicelib.providers.ses_events import (
    AGENTSEND_MESSAGE_TAG,
    UnreadableNotification,
    delivery_reports,
)
from chalicelib.providers.ses_reasons import DIAGNOSTIC_CHARACTERS
from tests.factories.deliveries import ADA, BOB, EVE
from tests.providers.ses_event_samples import (
    FOLDER,
    IDS,
    KEY,
    MESSAGE_ID,
    SES_MESSAGE_ID,
    reports_of,
    sample,
)

SENT, FAILED_SOFTLY, DELIVERED = DeliveryStatus.SENT, DeliveryStatus.FAILED_SOFTLY, DeliveryStatus.DELIVERED
FAILED, BOUNCED, COMPLAINED = DeliveryStatus.FAILED, DeliveryStatus.BOUNCED, DeliveryStatus.COMPLAINED

TAKEN_AT = datetime(2026, 11, 22, 12, 0, 0, 512_000, tzinfo=UTC)  # `mail.timestamp` of every sample of ours
BOUNCED_AT = datetime(2026, 11, 22, 12, 0, 7, 41_000, tzinfo=UTC)

# Sample, what it tells of Ada, and why.
ABOUT_ADA = [
    ("delivery", "message.delivered", DELIVERED, None),
    ("bounce_permanent_general", "message.bounced", BOUNCED, "bounce_permanent_general"),
    ("bounce_permanent_no_email", "message.bounced", BOUNCED, "bounce_permanent_no_email"),
    ("bounce_permanent_suppressed", "message.bounced", BOUNCED, "bounce_permanent_suppressed"),
    (
        "bounce_permanent_on_account_suppression_list",
        "message.bounced",
        BOUNCED,
        "bounce_permanent_on_account_suppression_list",
    ),
    ("bounce_permanent_headers_truncated", "message.bounced", BOUNCED, "bounce_permanent_general"),
    ("bounce_transient_out_of_office", "message.failed", FAILED_SOFTLY, "bounce_transient_general"),
    ("bounce_transient_action_delayed", "message.failed", FAILED_SOFTLY, "bounce_transient_general"),
    ("bounce_transient_general", "message.failed", FAILED, "bounce_transient_general"),
    ("bounce_transient_status_without_action", "message.failed", FAILED, "bounce_transient_general"),
    ("bounce_transient_action_without_status", "message.failed", FAILED, "bounce_transient_general"),
    ("bounce_transient_mailbox_full", "message.failed", FAILED, "bounce_transient_mailbox_full"),
    ("bounce_transient_message_too_large", "message.failed", FAILED, "bounce_transient_message_too_large"),
    ("bounce_transient_content_rejected", "message.failed", FAILED, "bounce_transient_content_rejected"),
    ("bounce_transient_attachment_rejected", "message.failed", FAILED, "bounce_transient_attachment_rejected"),
    (
        "bounce_transient_custom_timeout_exceeded",
        "message.failed",
        FAILED,
        "bounce_transient_custom_timeout_exceeded",
    ),
    ("bounce_undetermined", "message.failed", FAILED_SOFTLY, "bounce_undetermined"),
    ("bounce_undetermined_given_up", "message.failed", FAILED, "bounce_undetermined"),
    ("complaint_abuse", "message.complained", COMPLAINED, "complaint_abuse"),
    ("complaint_not_spam", "message.complained", COMPLAINED, "complaint_not_spam"),
    ("complaint_without_feedback_report", "message.complained", COMPLAINED, "complaint_other"),
    ("complaint_on_account_suppression_list", "message.failed", FAILED, "complaint_on_account_suppression_list"),
    ("sns_envelope_delivery", "message.delivered", DELIVERED, None),
]

# Sample, what it tells of the message whoever the recipients are, and why.
ABOUT_ALL = [
    ("send", "message.sent", SENT, None),
    ("send_several_recipients", "message.sent", SENT, None),
    ("open", "message.sent", SENT, None),
    ("click", "message.sent", SENT, None),
    ("subscription", "message.sent", SENT, None),
    ("rendering_failure", "message.failed", FAILED, "rendering_failure"),
]

# Sample, and the type of the note it leaves.
ABOUT_NOBODY = [
    ("bounce_transient_no_recipients", "message.failed", "bounce_transient_general"),
    ("bounce_permanent_no_recipients", "message.bounced", "bounce_permanent_general"),
    ("complaint_no_recipients", "message.complained", "complaint_abuse"),
]

ABOUT_SEVERAL = [
    ("delivery_two_of_three_recipients", {ADA: DELIVERED, BOB: DELIVERED}),
    ("delivery_delay_transient_communication_failure", {ADA: SENT, BOB: SENT}),
    ("bounce_several_recipients_differing", {ADA: FAILED_SOFTLY, BOB: FAILED, "Eve@Example.ORG": FAILED}),
    ("complaint_several_recipients_of_one_domain", {ADA: COMPLAINED, "alan@example.com": COMPLAINED}),
]

# Identity notifications of a real account, without tags.
WITHOUT_TAGS = [
    ("identity_bounce", "bounce@simulator.amazonses.com", BOUNCED),
    ("identity_bounce_sns_envelope", "bounce@simulator.amazonses.com", BOUNCED),
    ("identity_complaint", "complaint@simulator.amazonses.com", COMPLAINED),
    ("identity_delivery", "success@simulator.amazonses.com", DELIVERED),
    ("identity_delivery_before_complaint", "complaint@simulator.amazonses.com", DELIVERED),
]

WITH_EXPECTATION = sorted(path.name.removesuffix(".expected.json") for path in FOLDER.glob("*.expected.json"))

NO_NEWS = ["sns_envelope_topic_tried", "identity_subscription_succeeded"]


def event(name: str, **changes: Any) -> dict[str, Any]:
    """A sample as an object, some of its top-level members replaced."""
    return {**json.loads(sample(name)), **changes}


def reports_of_event(value: dict[str, Any]) -> tuple[DeliveryReport, ...]:
    return reports_of(json.dumps(value))


# -------------------------------------------------------------------------------------------- the table


@pytest.mark.parametrize(("name", "type_", "status", "code"), ABOUT_ADA)
def test_news_about_one_recipient(name: str, type_: str, status: DeliveryStatus, code: str | None) -> None:
    (report,) = reports_of(sample(name))

    assert (report.recipient, report.every_recipient) == (ADA, False)
    assert (report.type, report.status) == (type_, status)
    assert (report.reason.code if report.reason else None) == code


@pytest.mark.parametrize(("name", "type_", "status", "code"), ABOUT_ALL)
def test_news_about_the_whole_message(name: str, type_: str, status: DeliveryStatus, code: str | None) -> None:
    (report,) = reports_of(sample(name))

    assert (report.recipient, report.every_recipient) == (None, True)
    assert (report.type, report.status) == (type_, status)
    assert (report.reason.code if report.reason else None) == code
    assert report.occurred_at == TAKEN_AT


@pytest.mark.parametrize(("name", "type_", "code"), ABOUT_NOBODY)
def test_news_that_names_nobody_is_only_noted(name: str, type_: str, code: str) -> None:
    (report,) = reports_of(sample(name))

    assert (report.recipient, report.every_recipient, report.status) == (None, False, None)
    assert report.type == type_
    assert report.reason is not None
    assert report.reason.code == code


@pytest.mark.parametrize(("name", "expected"), ABOUT_SEVERAL)
def test_each_recipient_gets_a_report_of_its_own(name: str, expected: dict[str, DeliveryStatus]) -> None:
    assert {report.recipient: report.status for report in reports_of(sample(name))} == expected


@pytest.mark.parametrize(("name", "recipient", "status"), WITHOUT_TAGS)
def test_a_notification_without_tags_is_found_by_the_id_ses_gave(
    name: str, recipient: str, status: DeliveryStatus
) -> None:
    asked: list[str] = []

    def known(ses_message_id: str) -> MessageKey:
        asked.append(ses_message_id)
        return KEY

    (report,) = delivery_reports(sample(name), message_key=IDS.message_key, known=known)

    assert (report.message, report.recipient, report.status) == (KEY, recipient, status)
    assert asked == [report.ses_message_id]


@pytest.mark.parametrize("name", NO_NEWS)
def test_ses_trying_the_topic_out_is_no_news(name: str) -> None:
    assert reports_of(sample(name)) == ()


def test_ses_trying_the_topic_out_is_no_news_with_raw_delivery_either() -> None:
    assert reports_of("Successfully validated SNS topic for Amazon SES event publishing.") == ()


def test_every_sample_is_read_by_a_test_above() -> None:
    rows = [*ABOUT_ADA, *ABOUT_ALL, *ABOUT_NOBODY, *ABOUT_SEVERAL, *WITHOUT_TAGS]

    told = {str(row[0]) for row in rows} | set(NO_NEWS) | set(WITH_EXPECTATION)
    assert told == {path.stem for path in FOLDER.glob("*.json") if not path.stem.endswith(".expected")}


@pytest.mark.parametrize("name", WITH_EXPECTATION)
def test_a_sample_tells_what_stands_beside_it(name: str) -> None:
    """A new kind of event is tested by two files: the event, and what it tells."""
    assert [_as_told(report) for report in reports_of(sample(name))] == json.loads(sample(f"{name}.expected"))


def _as_told(report: DeliveryReport) -> dict[str, Any]:
    return {
        "type": report.type,
        "status": report.status.name if report.status is not None else None,
        "recipient": report.recipient,
        "everyRecipient": report.every_recipient,
        "reason": report.reason.code if report.reason else None,
    }


# ----------------------------------------------------------------------------------- what a report carries


def test_a_report_names_our_message_and_the_id_ses_gave_it() -> None:
    (report,) = reports_of(sample("delivery"))

    assert (report.message, report.ses_message_id) == (KEY, SES_MESSAGE_ID)


def test_a_report_has_the_time_of_the_event_and_not_of_the_mail() -> None:
    (report,) = reports_of(sample("bounce_permanent_general"))

    assert report.occurred_at == BOUNCED_AT
    assert report.occurred_at.utcoffset() == timedelta(0)


def test_a_time_with_another_offset_becomes_utc() -> None:
    bounce = {**event("bounce_permanent_general")["bounce"], "timestamp": "2026-11-22T14:00:07.041+02:00"}

    (report,) = reports_of_event(event("bounce_permanent_general", bounce=bounce))

    assert (report.occurred_at, report.occurred_at.tzinfo) == (BOUNCED_AT, UTC)


def test_a_reason_quotes_the_other_server_word_for_word() -> None:
    (report,) = reports_of(sample("bounce_transient_mailbox_full"))

    assert report.reason is not None
    assert report.reason.diagnostic == "smtp; 552 5.2.2 The email account that you tried to reach is over quota"


def test_a_long_diagnostic_is_cut() -> None:
    bounce = event("bounce_permanent_general")["bounce"]
    bounce["bouncedRecipients"][0]["diagnosticCode"] = "smtp; 550 " + "x" * 10_000

    (report,) = reports_of_event(event("bounce_permanent_general", bounce=bounce))

    assert report.reason is not None
    assert report.reason.diagnostic == ("smtp; 550 " + "x" * 10_000)[:DIAGNOSTIC_CHARACTERS]


def test_bare_enveloped_text_and_bytes_tell_the_same() -> None:
    bare, enveloped = sample("delivery"), sample("sns_envelope_delivery")

    told = {reports_of(body) for body in (bare, bare.decode(), enveloped, enveloped.decode())}

    assert len(told) == 1


def test_a_mail_with_huge_headers_is_read() -> None:
    value = event("delivery")
    value["mail"]["headers"] += [{"name": "X-Long", "value": "x" * 1_000}] * 1_000

    (report,) = reports_of_event(value)

    assert report.status is DELIVERED


@pytest.mark.parametrize("truncated", [True, "true", None])
def test_headers_may_be_absent(truncated: object) -> None:
    value = event("delivery")
    del value["mail"]["headers"], value["mail"]["commonHeaders"]
    value["mail"]["headersTruncated"] = truncated

    (report,) = reports_of_event(value)

    assert report.recipient == ADA


@pytest.mark.parametrize(
    ("bounce_type", "sub_type", "status", "code"),
    [
        ("Permanent", "OnTenantSuppressionList", BOUNCED, "bounce_permanent_on_tenant_suppression_list"),
        ("Permanent", "NeverHeardOf", BOUNCED, "bounce_permanent_never_heard_of"),
        ("Transient", "NeverHeardOf", FAILED_SOFTLY, "bounce_transient_never_heard_of"),
        ("NeverHeardOf", "General", FAILED_SOFTLY, "bounce_never_heard_of_general"),
    ],
)
def test_a_bounce_of_a_new_kind_is_still_understood(
    bounce_type: str, sub_type: str, status: DeliveryStatus, code: str
) -> None:
    bounce = {**event("bounce_undetermined")["bounce"], "bounceType": bounce_type, "bounceSubType": sub_type}

    (report,) = reports_of_event(event("bounce_undetermined", bounce=bounce))

    assert report.reason is not None
    assert (report.status, report.reason.code) == (status, code)


def test_a_repeated_event_leaves_one_entry_in_the_timeline() -> None:
    delivery = MessageDelivery.begin([ADA, BOB, EVE], TAKEN_AT)

    for _ in range(2):
        for name in ("send", "delivery_two_of_three_recipients", "open", "bounce_several_recipients_differing"):
            for report in reports_of(sample(name)):
                delivery, _changes = delivery.apply(report)

    # Sent once, though Open tells it too; then two deliveries and three bounces.
    assert len(delivery.timeline) == 6
    assert {recipient.address: recipient.status for recipient in delivery.recipients} == {
        ADA: DELIVERED,
        BOB: FAILED,
        EVE: FAILED,
    }


# --------------------------------------------------------------------------------------- whose mail it was


def test_the_tag_is_enough_and_the_map_is_not_asked() -> None:
    def known(_: str) -> MessageKey:
        raise AssertionError("the tag names the message already")

    (report,) = delivery_reports(sample("delivery"), message_key=IDS.message_key, known=known)

    assert report.message == KEY


def test_a_tag_that_is_none_of_our_ids_leaves_it_to_the_id_of_ses() -> None:
    value = event("delivery")
    value["mail"]["tags"][AGENTSEND_MESSAGE_TAG] = ["msg_of-somebody-else"]

    (report,) = delivery_reports(
        json.dumps(value), message_key=IDS.message_key, known={SES_MESSAGE_ID: MessageKey(7, 1)}.get
    )

    assert report.message == MessageKey(7, 1)


@pytest.mark.parametrize("tags", [None, {}, {"ses:from-domain": ["mail.example.com"]}, {AGENTSEND_MESSAGE_TAG: []}])
def test_mail_of_nobody_we_know_gives_no_reports_and_one_log_line_without_addresses(
    tags: object, caplog: pytest.LogCaptureFixture
) -> None:
    value = event("delivery")
    value["mail"]["tags"] = tags

    with caplog.at_level(logging.INFO):
        reports = reports_of_event(value)

    (record,) = caplog.records
    assert reports == ()
    assert {"sesEvent": "Delivery", "sesMessageId": SES_MESSAGE_ID}.items() <= record.__dict__.items()
    assert "@" not in str(record.__dict__)


def test_the_tag_of_the_samples_is_the_id_of_their_message() -> None:
    assert event("send")["mail"]["tags"][AGENTSEND_MESSAGE_TAG] == [MESSAGE_ID]


# ------------------------------------------------------------------------------------------ unreadable ones


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="empty"),
        pytest.param("not JSON", id="words"),
        pytest.param(b"\xff\xfe", id="not text"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param("null", id="null"),
        pytest.param("[]", id="array"),
        pytest.param("{}", id="empty object"),
        pytest.param('{"mail": {}}', id="a mail without an event"),
        pytest.param('{"Message": "{}"}', id="empty event in an envelope"),
        pytest.param('{"Message": "words"}', id="words in an envelope"),
        pytest.param('{"Type": "SubscriptionConfirmation", "Message": "You have chosen"}', id="other SNS message"),
        pytest.param('{"x": ' + "[" * 100_000, id="bottomless"),
    ],
)
def test_what_is_no_ses_event_is_refused(body: str | bytes) -> None:
    with pytest.raises(UnreadableNotification):
        reports_of(body)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("delivery", "mail"),
        ("delivery", "delivery"),
        ("delivery_delay_mailbox_full", "deliveryDelay"),
        ("bounce_permanent_general", "bounce"),
        ("complaint_abuse", "complaint"),
        ("reject", "reject"),
        ("rendering_failure", "failure"),
    ],
)
def test_an_event_without_its_object_is_refused_by_name(name: str, part: str) -> None:
    value = event(name)
    del value[part]

    with pytest.raises(UnreadableNotification, match=f"'{part}'"):
        reports_of_event(value)


@pytest.mark.parametrize("kind", ["Received", "Delivered", "bounce"])
def test_an_event_of_an_unknown_kind_is_refused(kind: str) -> None:
    with pytest.raises(UnreadableNotification, match="kind"):
        reports_of_event(event("delivery", eventType=kind))


@pytest.mark.parametrize("timestamp", ["2026-11-22T12:00:00", "yesterday", 1_795_348_800, None])
def test_an_event_without_a_full_time_is_refused(timestamp: object) -> None:
    bounce = {**event("bounce_permanent_general")["bounce"], "timestamp": timestamp}

    with pytest.raises(UnreadableNotification, match="timestamp"):
        reports_of_event(event("bounce_permanent_general", bounce=bounce))


def test_what_was_refused_is_not_quoted() -> None:
    bounce = event("bounce_permanent_general")["bounce"]
    bounce["bouncedRecipients"][0]["action"] = [ADA]

    with pytest.raises(UnreadableNotification) as refusal:
        reports_of_event(event("bounce_permanent_general", bounce=bounce))

    assert ADA not in str(refusal.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
members = st.sampled_from(["eventType", "notificationType", "mail", "bounce", "complaint", "delivery", "Message"])


@given(st.text() | st.binary() | st.dictionaries(members, json_values).map(json.dumps))
def test_whatever_comes_is_read_or_refused(body: str | bytes) -> None:
    try:
        reports = reports_of(body)
    except UnreadableNotification:
        return
    assert all(isinstance(report.type, EventType) for report in reports)
