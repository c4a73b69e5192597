"""What news does to a message's deliveries: it only ever raises them, in whatever order and however often it comes."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.delivery import (
    TIMELINE_LIMIT,
    DeliveryReport,
    EventType,
    MessageDelivery,
    Reason,
    StatusChange,
    match_recipient,
)
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_status import MessageStatus
from tests.factories.deliveries import (
    ACCEPTED_AT,
    ADA,
    BOB,
    EVE,
    RECIPIENTS,
    REPORTED_AT,
    make_delivery,
    make_report,
)

QUEUED, SENDING, FAILED_LOCALLY, SENT, FAILED_SOFTLY, DELIVERED, FAILED, BOUNCED, COMPLAINED = DeliveryStatus

SES_ID = "010f019a1c2d3e4f-5b7c1d20-000000"
MAILBOX_FULL = Reason("bounce_transient_mailbox_full", "The recipient's mailbox is full.")


def apply_all(delivery: MessageDelivery, *reports: DeliveryReport) -> MessageDelivery:
    for report in reports:
        delivery, _ = delivery.apply(report)
    return delivery


def statuses(delivery: MessageDelivery) -> dict[str, DeliveryStatus]:
    return {recipient.address: recipient.status for recipient in delivery.recipients}


# --------------------------------------------------------------------------------------------- the lattice


@dataclass(frozen=True)
class Story:
    """Everything that is ever learned about one message, and one order in which it may arrive."""

    delivery: MessageDelivery
    reports: list[DeliveryReport]
    arrival: list[DeliveryReport]

    def expected(self, address: str) -> DeliveryStatus:
        told = [report.status for report in self.reports if report.status and report.recipient in (address, None)]
        proven = [SENT for report in self.reports if report.ses_message_id]
        return max([QUEUED, *told, *proven])


@st.composite
def stories(draw: st.DrawFn) -> Story:
    delivery = make_delivery(*[QUEUED] * draw(st.integers(1, len(RECIPIENTS))))
    addresses = [recipient.address for recipient in delivery.recipients]
    about_one = st.builds(
        make_report,
        st.sampled_from([None, *DeliveryStatus]),
        st.sampled_from(addresses),
        occurred_at=st.integers(0, 99).map(lambda seconds: REPORTED_AT + timedelta(seconds=seconds)),
        ses_message_id=st.sampled_from([None, SES_ID]),
    )
    about_all = st.builds(make_report, st.sampled_from(DeliveryStatus), st.none(), every_recipient=st.just(True))
    reports = draw(st.lists(about_one | about_all, min_size=1, max_size=12))
    repeated = draw(st.lists(st.sampled_from(reports), max_size=12))
    return Story(delivery, reports, draw(st.permutations(reports + repeated)))


@given(stories())
def test_the_end_depends_on_what_was_learned_and_not_on_order_or_repetition(story: Story) -> None:
    end = apply_all(story.delivery, *story.arrival)

    assert statuses(end) == {address: story.expected(address) for address in statuses(story.delivery)}


@given(stories())
def test_the_timeline_holds_the_same_entries_in_whatever_order_the_news_came(story: Story) -> None:
    in_order = {entry.id for entry in apply_all(story.delivery, *story.reports).timeline}
    as_arrived = [entry.id for entry in apply_all(story.delivery, *story.arrival).timeline]

    assert set(as_arrived) == in_order
    assert len(as_arrived) == len(in_order)


@given(stories())
def test_a_status_never_falls_and_every_rise_is_told(story: Story) -> None:
    delivery = story.delivery
    for report in story.arrival:
        after, changes = delivery.apply(report)
        for before, now in zip(delivery.recipients, after.recipients, strict=True):
            assert now.status >= before.status
        assert set(changes) == {
            StatusChange(before.address, before.status, now.status)
            for before, now in zip(delivery.recipients, after.recipients, strict=True)
            if now.status > before.status
        }
        delivery = after


@given(stories())
def test_news_already_known_changes_nothing_at_all(story: Story) -> None:
    end = apply_all(story.delivery, *story.arrival)

    for report in story.reports:
        assert end.apply(report) == (end, ())


# ------------------------------------------------------------------------------------------ single promises


def test_an_out_of_office_answer_does_not_fail_a_delivered_mail() -> None:
    delivery, changes = make_delivery(DELIVERED).apply(make_report(FAILED_SOFTLY))

    assert delivery.message_status is MessageStatus.DELIVERED
    assert changes == ()


def test_an_out_of_office_answer_that_is_faster_than_the_delivery_is_overruled() -> None:
    delivery = apply_all(make_delivery(SENT), make_report(FAILED_SOFTLY), make_report(DELIVERED))

    assert delivery.message_status is MessageStatus.DELIVERED


@pytest.mark.parametrize("final", [FAILED, BOUNCED, COMPLAINED])
def test_a_delivered_mail_can_still_fail_bounce_or_be_complained_of(final: DeliveryStatus) -> None:
    delivery = apply_all(make_delivery(SENT), make_report(DELIVERED), make_report(final))

    assert statuses(delivery) == {ADA: final}


def test_late_evidence_corrects_a_message_given_up_as_outcome_unknown() -> None:
    given_up = make_delivery(FAILED_LOCALLY, FAILED_LOCALLY)

    delivery, _ = given_up.apply(make_report(SENT, None, every_recipient=True, ses_message_id=SES_ID))

    assert delivery.message_status is MessageStatus.SENT
    assert delivery.ses_message_id == SES_ID


def test_ses_news_about_one_recipient_proves_that_the_mail_was_sent_to_all() -> None:
    delivery, changes = make_delivery(SENDING, SENDING).apply(make_report(DELIVERED, ADA, ses_message_id=SES_ID))

    assert statuses(delivery) == {ADA: DELIVERED, BOB: SENT}
    assert changes == (StatusChange(ADA, SENDING, DELIVERED), StatusChange(BOB, SENDING, SENT))


def test_our_own_news_about_one_recipient_says_nothing_of_the_others() -> None:
    delivery, _ = make_delivery(QUEUED, QUEUED).apply(make_report(FAILED, BOB))

    assert statuses(delivery) == {ADA: QUEUED, BOB: FAILED}


def test_a_rise_keeps_its_reason_and_time() -> None:
    delivery, _ = make_delivery(SENT).apply(make_report(FAILED, reason=MAILBOX_FULL))

    assert delivery.recipients[0].reason == MAILBOX_FULL
    assert delivery.updated_at == REPORTED_AT


def test_a_reason_belongs_to_the_recipient_it_is_about() -> None:
    delivery, _ = make_delivery(SENDING, SENDING).apply(
        make_report(FAILED, ADA, reason=MAILBOX_FULL, ses_message_id="x")
    )

    assert [recipient.reason for recipient in delivery.recipients] == [MAILBOX_FULL, None]


def test_a_bounce_that_names_nobody_is_noted_and_changes_nobody() -> None:
    delivery, changes = make_delivery(DELIVERED, SENT).apply(make_report(None, None, ses_message_id=SES_ID))

    assert statuses(delivery) == {ADA: DELIVERED, BOB: SENT}
    assert changes == ()
    assert [(entry.type, entry.recipient) for entry in delivery.timeline] == [(EventType.DELAYED, None)]
    assert delivery.timeline[0].status is MessageStatus.SENT


@pytest.mark.parametrize("failure", [FAILED_LOCALLY, FAILED_SOFTLY])
def test_a_failure_that_failed_nothing_shows_the_status_that_holds_and_says_so(failure: DeliveryStatus) -> None:
    delivery, _ = make_delivery(DELIVERED, SENT).apply(make_report(failure, ADA, reason=MAILBOX_FULL))

    [entry] = delivery.timeline
    assert (entry.type, entry.status) == (EventType.DELAYED, MessageStatus.DELIVERED)
    assert entry.reason is not None
    assert entry.reason.code == MAILBOX_FULL.code
    assert "stays delivered" in entry.reason.message


@given(stories())
def test_the_timeline_tells_changes_from_notes(story: Story) -> None:
    delivery = story.delivery
    for report in story.arrival:
        known = {entry.id for entry in delivery.timeline}
        delivery, changes = delivery.apply(report)
        assert {entry.is_change for entry in delivery.timeline if entry.id not in known} <= {bool(changes)}


@given(stories())
def test_the_timeline_never_tells_of_a_failure_while_none_is_shown(story: Story) -> None:
    delivery = story.delivery
    for report in story.arrival:
        known = {entry.id for entry in delivery.timeline}
        delivery, _ = delivery.apply(report)
        for entry in delivery.timeline:
            if entry.id not in known and entry.type in (EventType.FAILED, EventType.BOUNCED, EventType.COMPLAINED):
                shown = {recipient.status.shown for recipient in delivery.recipients}
                assert shown & {MessageStatus.FAILED, MessageStatus.BOUNCED, MessageStatus.COMPLAINED}


def test_a_new_delivery_starts_with_everyone_queued() -> None:
    delivery = MessageDelivery.begin([ADA, BOB], ACCEPTED_AT)

    assert statuses(delivery) == {ADA: QUEUED, BOB: QUEUED}
    assert delivery.updated_at == ACCEPTED_AT


# ----------------------------------------------------------------------------------------------- the timeline


def test_our_own_record_and_the_send_event_make_one_entry() -> None:
    ours = make_report(SENT, None, every_recipient=True, occurred_at=REPORTED_AT)
    of_ses = make_report(SENT, None, every_recipient=True, occurred_at=ACCEPTED_AT, ses_message_id=SES_ID)

    assert len(apply_all(make_delivery(SENDING), ours, of_ses).timeline) == 1


def test_a_failure_of_ours_that_is_recorded_again_after_a_crash_makes_one_entry() -> None:
    later = REPORTED_AT + timedelta(minutes=6)

    delivery = apply_all(
        make_delivery(SENDING), make_report(FAILED_LOCALLY), make_report(FAILED_LOCALLY, occurred_at=later)
    )

    assert len(delivery.timeline) == 1


def test_two_delays_at_different_times_are_two_entries() -> None:
    delays = [
        make_report(SENT, type=EventType.DELAYED, occurred_at=REPORTED_AT + timedelta(hours=hour)) for hour in range(2)
    ]

    assert [entry.type for entry in apply_all(make_delivery(SENT), *delays).timeline] == [EventType.DELAYED] * 2


def test_the_same_news_about_two_messages_has_different_entry_ids() -> None:
    one, other = make_report(DELIVERED), make_report(DELIVERED, message=MessageKey(7, 1))

    ids = {make_delivery(SENT).apply(report)[0].timeline[0].id for report in (one, other)}

    assert len(ids) == 2


def test_the_same_news_about_two_recipients_has_different_entry_ids() -> None:
    delivery = apply_all(make_delivery(SENT, SENT), make_report(DELIVERED, ADA), make_report(DELIVERED, BOB))

    assert len({entry.id for entry in delivery.timeline}) == 2


def test_a_full_timeline_takes_changes_only() -> None:
    notes = [
        make_report(SENT, type=EventType.DELAYED, occurred_at=REPORTED_AT + timedelta(minutes=minute))
        for minute in range(TIMELINE_LIMIT + 5)
    ]

    full = apply_all(make_delivery(SENT), *notes)
    after, _ = full.apply(make_report(BOUNCED))

    assert len(full.timeline) == TIMELINE_LIMIT
    assert after.timeline[TIMELINE_LIMIT].type is EventType.BOUNCED


# -------------------------------------------------------------------------------------- whom a report means


@pytest.mark.parametrize(
    ("reported", "ours", "meant"),
    [
        pytest.param(ADA, [ADA, BOB], ADA, id="exact"),
        pytest.param("ada@EXAMPLE.com", [ADA, BOB], ADA, id="domain in other case"),
        pytest.param("Ada@Example.COM", [ADA, BOB], ADA, id="local part in other case"),
        pytest.param("ada@example.com", ["Ada@example.com", BOB], "Ada@example.com", id="ours in other case"),
        pytest.param("Ada@example.com", [ADA, "Ada@example.com"], "Ada@example.com", id="exact before case-folded"),
        pytest.param("Ada@EXAMPLE.COM", [ADA, "Ada@example.com"], "Ada@example.com", id="domain before local part"),
        pytest.param("ada.home@example.org", [ADA], ADA, id="forwarded, one recipient"),
        pytest.param("ada.home@example.org", [ADA, BOB], None, id="forwarded, several recipients"),
        pytest.param("not an address", [ADA, BOB], None, id="no address at all"),
    ],
)
def test_a_report_means_the_recipient(reported: str, ours: list[str], meant: str | None) -> None:
    assert match_recipient(reported, ours) == meant


def test_news_about_a_forwarded_address_of_several_is_noted_under_that_address() -> None:
    delivery, changes = make_delivery(SENT, SENT).apply(make_report(BOUNCED, "ada.home@example.org"))

    assert statuses(delivery) == {ADA: SENT, BOB: SENT}
    assert changes == ()
    assert delivery.timeline[0].recipient == "ada.home@example.org"


def test_news_in_another_spelling_is_the_same_news() -> None:
    delivery = apply_all(
        make_delivery(SENT, SENT, SENT), make_report(DELIVERED, EVE), make_report(DELIVERED, "Eve@Example.ORG")
    )

    assert [(entry.recipient, entry.status) for entry in delivery.timeline] == [(EVE, MessageStatus.DELIVERED)]
