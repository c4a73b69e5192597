"""News about deliveries, end to end: what a message shows after it, what is counted, and what a crash or a race costs."""

from functools import partial
from itertools import count, product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.delivery import DeliveryReport, EventType, Reason
from chalicelib.domain.delivery_status import DeliveryStatus, message_status
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from tests.factories.accounts import NOON
from tests.operations.news import (
    BOUNCED,
    COMPLAINED,
    DELIVERED,
    FAILED,
    FAILED_SOFTLY,
    NEWS,
    SENT,
    assert_agrees,
    counted,
    sent_to,
)
from tests.operations.watched import Crash, Failing, Meanwhile, Recording
from tests.operations.world import ADA, BOB, INBOX, World, make_draft, make_event

# ------------------------------------------------------------------------------------------ the table of ranks


@pytest.mark.parametrize(("first", "second"), list(product(NEWS, NEWS)))
def test_of_two_reports_the_higher_rank_is_shown_whichever_comes_first(
    first: DeliveryStatus, second: DeliveryStatus
) -> None:
    world, key = sent_to(ADA)

    world.record_delivery_report(make_event(key, first))
    assert world.status(key) is first.shown
    world.record_delivery_report(make_event(key, second))

    assert world.delivery(key).recipients[0].status is max(first, second)
    assert world.status(key) is max(first, second).shown


@pytest.mark.parametrize(("ada", "bob"), list(product(NEWS, NEWS)))
def test_a_message_shows_the_worst_failure_else_the_slowest(ada: DeliveryStatus, bob: DeliveryStatus) -> None:
    world, key = sent_to(ADA, BOB)

    world.record_delivery_report(make_event(key, ada, ADA))
    world.record_delivery_report(make_event(key, bob, BOB))

    assert world.status(key) is message_status([ada, bob])
    assert_agrees(world, key)


@given(
    st.lists(st.tuples(st.sampled_from(NEWS), st.sampled_from([ADA, BOB, None])), max_size=6),
    st.randoms(use_true_random=False),
)
def test_the_end_depends_on_what_was_learned_and_not_on_order_or_repetition(
    news: list[tuple[DeliveryStatus, str | None]], random: Random
) -> None:
    ends = []
    shuffled = [*news, *news[:2]]
    random.shuffle(shuffled)
    for told in (news, shuffled):
        world, key = sent_to(ADA, BOB)
        for status, recipient in told:
            world.record_delivery_report(make_event(key, status, recipient))
        assert_agrees(world, key)
        ends.append([recipient.status for recipient in world.delivery(key).recipients])

    assert ends[0] == ends[1]


def test_an_out_of_office_answer_does_not_undo_a_delivery() -> None:
    world, key = sent_to(ADA)
    world.record_delivery_report(make_event(key, DELIVERED))

    world.record_delivery_report(make_event(key, FAILED_SOFTLY))

    assert world.status(key) is MessageStatus.DELIVERED
    last = world.delivery(key).timeline[-1]
    assert (last.type, last.status) == (EventType.DELAYED, MessageStatus.DELIVERED)


def test_the_reason_of_a_bounce_is_kept_with_its_recipient() -> None:
    world, key = sent_to(ADA, BOB)
    reason = Reason("bounce_permanent_no_email", "There is no such address.", "550 5.1.1 unknown")
    report = make_event(key, BOUNCED, BOB)

    world.record_delivery_report(
        DeliveryReport(key, report.type, BOUNCED, NOON, BOB, reason=reason, ses_message_id="x")
    )

    assert [recipient.reason for recipient in world.delivery(key).recipients] == [None, reason]


def test_news_without_a_status_is_noted_and_changes_nothing() -> None:
    world, key = sent_to(ADA)
    noted = DeliveryReport(key, EventType.BOUNCED, None, NOON, ses_message_id="ses-1")

    world.record_delivery_report(noted)

    assert world.status(key) is MessageStatus.SENT
    last = world.delivery(key).timeline[-1]
    assert (last.type, last.status) == (EventType.DELAYED, MessageStatus.SENT)
    assert counted(world) == (0, 0)


# --------------------------------------------------------------------------------------- before, late, never


def test_an_event_before_the_senders_own_record_completes_it() -> None:
    world = World()
    key = world.submitted()

    def deliver() -> None:
        world.record_delivery_report(make_event(key, DELIVERED))

    with world.watching(Meanwhile("messages.save_acceptance", deliver)):
        world.work()

    assert world.status(key) is MessageStatus.DELIVERED
    assert world.delivery(key).ses_message_id == "ses-1"
    assert world.delivery(key).message_id_header == "<ses-1@ses.example.com>"
    assert [entry.type for entry in world.delivery(key).timeline].count(EventType.SENT) == 1


def test_an_event_in_place_of_the_senders_record_brings_the_ids_of_ses() -> None:
    world = World()
    key = world.submitted()
    with world.watching(
        Failing("provider.send", [Crash()], after_effect=True)
    ):  # SES has the mail, and the worker dies
        world.deliver_next()
    assert world.phase(key) is MessagePhase.SUBMITTING

    world.record_delivery_report(make_event(key, SENT, None))

    assert world.status(key) is MessageStatus.SENT
    assert world.delivery(key).message_id_header == "<ses-1@ses.example.com>"
    assert world.ses_message_ids.get("ses-1") == key


@pytest.mark.parametrize("status", NEWS)
def test_news_about_an_unknown_message_is_dropped(status: DeliveryStatus) -> None:
    world = World()
    recording = Recording()

    with world.watching(recording):
        world.record_delivery_report(make_event(MessageKey(INBOX, 12), status))

    assert recording.calls == ["messages.get_delivery"]


@pytest.mark.parametrize("status", NEWS)
def test_news_about_a_deleted_message_is_dropped(status: DeliveryStatus) -> None:
    world, key = sent_to(ADA)
    world.delete_message(key, world.caller)

    world.record_delivery_report(make_event(key, status))

    assert world.leaves_nothing_behind(key)
    assert counted(world) == (0, 0)


def test_a_message_deleted_while_news_comes_leaves_nothing_behind() -> None:
    for number in count():
        world, key = sent_to(ADA)
        deleting = Meanwhile(number, partial(world.delete_message, key, world.caller))
        with world.watching(deleting):
            world.record_delivery_report(make_event(key, BOUNCED))
        if not deleting.has_happened:
            break
        assert world.leaves_nothing_behind(key)
    assert number >= 3


# --------------------------------------------------------------------------------------------------- counting


def test_a_message_counts_as_bounced_once_however_many_of_its_recipients_bounce() -> None:
    world, key = sent_to(ADA, BOB)

    world.record_delivery_report(make_event(key, BOUNCED, ADA))
    world.record_delivery_report(make_event(key, BOUNCED, BOB))

    assert counted(world) == (1, 0)


def test_a_message_counts_as_complained_of_once_however_many_of_its_recipients_complain() -> None:
    world, key = sent_to(ADA, BOB)

    world.record_delivery_report(make_event(key, COMPLAINED, ADA))
    world.record_delivery_report(make_event(key, COMPLAINED, BOB))

    assert counted(world) == (0, 1)


def test_a_message_may_count_as_both() -> None:
    world, key = sent_to(ADA, BOB)

    world.record_delivery_report(make_event(key, BOUNCED, ADA))
    world.record_delivery_report(make_event(key, COMPLAINED, BOB))

    assert counted(world) == (1, 1)


def test_a_bounce_that_a_complaint_has_overtaken_is_not_forgotten_when_another_recipient_bounces() -> None:
    world, key = sent_to(ADA, BOB)

    world.record_delivery_report(make_event(key, BOUNCED, ADA))
    world.record_delivery_report(make_event(key, COMPLAINED, ADA))
    world.record_delivery_report(make_event(key, BOUNCED, BOB))

    assert counted(world) == (1, 1)


@pytest.mark.parametrize("status", [SENT, FAILED_SOFTLY, DELIVERED, FAILED])
def test_nothing_else_counts(status: DeliveryStatus) -> None:
    world, key = sent_to(ADA)

    world.record_delivery_report(make_event(key, status))

    assert counted(world) == (0, 0)


def test_each_message_counts_for_itself() -> None:
    world = World()
    for number in range(3):
        address = f"reader-{number}@example.com"
        world.record_delivery_report(make_event(world.sent(make_draft(address)), BOUNCED, address))

    assert counted(world) == (3, 0)


@given(st.lists(st.tuples(st.sampled_from(NEWS), st.sampled_from([ADA, BOB])), max_size=8))
def test_a_message_counts_at_most_once_each_whatever_is_told(news: list[tuple[DeliveryStatus, str]]) -> None:
    world, key = sent_to(ADA, BOB)

    for status, recipient in news:
        world.record_delivery_report(make_event(key, status, recipient))

    bounced, complained = counted(world)
    assert complained == (COMPLAINED in [status for status, _ in news])
    assert bounced <= (BOUNCED in [status for status, _ in news])
