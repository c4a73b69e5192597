"""The ranks of a delivery, and the message status that follows from its recipients."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.delivery_status import DeliveryStatus, message_status
from chalicelib.domain.message_status import MessageStatus

FAILURES = (MessageStatus.COMPLAINED, MessageStatus.BOUNCED, MessageStatus.FAILED)
PROGRESS = (MessageStatus.QUEUED, MessageStatus.SENDING, MessageStatus.SENT, MessageStatus.DELIVERED)

any_statuses = st.lists(st.sampled_from(DeliveryStatus), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("rank", "shown"),
    [
        (0, "queued"),
        (10, "sending"),
        (15, "failed"),
        (20, "sent"),
        (25, "failed"),
        (30, "delivered"),
        (35, "failed"),
        (40, "bounced"),
        (50, "complained"),
    ],
)
def test_each_rank_shows_its_word(rank: int, shown: str) -> None:
    assert DeliveryStatus(rank).shown == shown


def test_there_are_no_other_ranks() -> None:
    assert [int(status) for status in DeliveryStatus] == [0, 10, 15, 20, 25, 30, 35, 40, 50]


@pytest.mark.parametrize("status", DeliveryStatus)
def test_a_message_to_one_shows_what_that_one_shows(status: DeliveryStatus) -> None:
    assert message_status([status]) is status.shown


def test_one_delivered_and_one_bounced_is_bounced() -> None:
    assert message_status([DeliveryStatus.DELIVERED, DeliveryStatus.BOUNCED]) is MessageStatus.BOUNCED


def test_one_complaint_outweighs_every_bounce() -> None:
    statuses = [DeliveryStatus.BOUNCED, DeliveryStatus.COMPLAINED, DeliveryStatus.BOUNCED]

    assert message_status(statuses) is MessageStatus.COMPLAINED


@pytest.mark.parametrize("failed", [DeliveryStatus.FAILED_LOCALLY, DeliveryStatus.FAILED_SOFTLY, DeliveryStatus.FAILED])
def test_any_failure_shows_among_the_delivered(failed: DeliveryStatus) -> None:
    assert message_status([DeliveryStatus.DELIVERED, failed]) is MessageStatus.FAILED


def test_without_failures_the_slowest_recipient_is_shown() -> None:
    progress = [status for status in DeliveryStatus if status.shown in PROGRESS]

    for slower, faster in itertools.combinations(progress, 2):
        assert message_status([faster, slower]) is slower.shown


@given(any_statuses)
def test_a_message_shows_the_worst_failure_else_the_least_progress(statuses: list[DeliveryStatus]) -> None:
    shown = [status.shown for status in statuses]
    failures = [status for status in FAILURES if status in shown]

    expected = failures[0] if failures else min(shown, key=PROGRESS.index)

    assert message_status(statuses) is expected


@given(any_statuses.flatmap(lambda statuses: st.tuples(st.just(statuses), st.permutations(statuses))))
def test_the_order_of_recipients_does_not_matter(
    statuses_and_shuffled: tuple[list[DeliveryStatus], list[DeliveryStatus]],
) -> None:
    statuses, shuffled = statuses_and_shuffled

    assert message_status(statuses) is message_status(shuffled)
