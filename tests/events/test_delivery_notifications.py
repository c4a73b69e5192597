"""The door for SES's news: each recipient's report reaches the operation; unreadable news spares the others."""

from dataclasses import dataclass, field

import pytest

from chalicelib.domain.delivery import DeliveryReport
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey, PublicIds
from chalicelib.events import delivery_notifications
from chalicelib.events.delivery_notifications import delivery_notifications as handler
from tests.events.sqs_events import failures, sqs_event
from tests.providers.ses_event_samples import IDS, KEY, SES_MESSAGE_ID, sample

DELIVERY = sample("delivery").decode()
UNREADABLE = [
    "",
    "not JSON",
    "[]",
    "null",
    "{}",
    '{"eventType": "Delivery"}',
    '{"eventType": "Sunrise"}',
    "[" * 100_000,
]


@dataclass
class Operations:
    """What this door calls; reports are noted, and refused for the recipient that `fails_for`."""

    ids: PublicIds = IDS
    known: dict[str, MessageKey] = field(default_factory=dict)  # by SES's id
    reports: list[DeliveryReport] = field(default_factory=list)
    fails_for: str | None = None

    def public_ids(self) -> PublicIds:
        return self.ids

    def message_ses_knows_as(self, ses_message_id: str) -> MessageKey | None:
        return self.known.get(ses_message_id)

    def record_delivery_report(self, report: DeliveryReport) -> None:
        if report.recipient == self.fails_for:
            raise Unavailable("the table is not there")
        self.reports.append(report)


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> Operations:
    operations = Operations()
    monkeypatch.setattr(delivery_notifications, "operations", lambda: operations)
    return operations


def test_a_delivery_is_reported_for_the_message_its_tag_names(operations: Operations) -> None:
    assert handler(sqs_event(DELIVERY), None) == failures()

    (report,) = operations.reports
    assert report.message == KEY
    assert report.recipient == "ada@example.com"
    assert report.status is DeliveryStatus.DELIVERED
    assert report.ses_message_id == SES_MESSAGE_ID


def test_each_recipient_of_one_event_gets_a_report(operations: Operations) -> None:
    handler(sqs_event(sample("delivery_two_of_three_recipients").decode()), None)

    assert [report.recipient for report in operations.reports] == ["ada@example.com", "bob@example.net"]


def test_an_event_without_a_tag_of_ours_is_found_by_the_id_of_ses(operations: Operations) -> None:
    operations.ids = PublicIds(b"another deployment's key")
    operations.known[SES_MESSAGE_ID] = MessageKey(3, 4)

    assert handler(sqs_event(DELIVERY), None) == failures()
    assert [report.message for report in operations.reports] == [MessageKey(3, 4)]


def test_news_about_nobodys_mail_is_done(operations: Operations) -> None:
    operations.ids = PublicIds(b"another deployment's key")

    assert handler(sqs_event(DELIVERY), None) == failures()
    assert operations.reports == []


def test_an_event_in_the_envelope_of_a_topic_is_read_too(operations: Operations) -> None:
    assert handler(sqs_event(sample("sns_envelope_delivery").decode()), None) == failures()
    assert [report.status for report in operations.reports] == [DeliveryStatus.DELIVERED]


@pytest.mark.parametrize("body", UNREADABLE)
def test_what_is_no_event_goes_back_and_spares_its_neighbours(operations: Operations, body: str) -> None:
    assert handler(sqs_event(DELIVERY, body, DELIVERY), None) == failures(1)
    assert len(operations.reports) == 2


def test_an_event_goes_back_whole_when_one_of_its_reports_fails(operations: Operations) -> None:
    operations.fails_for = "bob@example.net"

    answer = handler(sqs_event(sample("delivery_two_of_three_recipients").decode(), DELIVERY), None)

    assert answer == failures(0)
    assert {report.recipient for report in operations.reports} == {"ada@example.com"}


def test_the_word_of_a_topic_that_it_was_tried_out_is_done(operations: Operations) -> None:
    assert handler(sqs_event(sample("sns_envelope_topic_tried").decode(), DELIVERY), None) == failures()
    assert len(operations.reports) == 1
