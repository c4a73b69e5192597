"""A message without an answer and without news, while news of other mails goes on: it is handed over once more, and once."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chalicelib.domain.delivery import DeliveryReport, EventType, Reason
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import SendOutcomeUnknown, SendPaused, SendRefused, SendThrottled
from tests.factories.accounts import NOON
from tests.operations.unanswered import MARGIN, ambiguous, hear_of_another, overdue, work_until
from tests.operations.watched import Crash, Failing, Recording
from tests.operations.world import ADA, EVIDENCE_WINDOW, OUTCOME_UNKNOWN_AFTER, World, make_event


def test_it_is_handed_over_once_more_when_the_window_is_over() -> None:
    world, key = overdue()
    assert world.provider.mails == []

    world.work()

    assert len(world.provider.mails) == 1
    assert world.clock() == NOON + EVIDENCE_WINDOW
    assert world.status(key) is MessageStatus.SENT


def test_the_timeline_tells_what_happened() -> None:
    world, key = overdue()
    world.work()

    told = [(entry.type, entry.reason and entry.reason.code) for entry in world.delivery(key).timeline]

    assert told == [
        (EventType.SENDING, None),
        (EventType.SENDING, "ses_no_answer"),
        (EventType.SENDING, "ses_resent"),
        (EventType.SENT, None),
    ]


def test_the_timeline_tells_of_the_missing_answer_also_after_a_crash() -> None:
    world = World()
    key = world.submitted()
    with world.watching(Failing("provider.send", [Crash()])):
        world.deliver_next()
    world.clock.now = NOON + 2 * MARGIN
    hear_of_another(world, world.clock())

    world.work()

    codes = [entry.reason.code for entry in world.delivery(key).timeline if entry.reason]
    assert codes == ["ses_no_answer", "ses_resent"]
    assert world.status(key) is MessageStatus.SENT


@pytest.mark.parametrize("accepted", [NOON - timedelta(hours=1), NOON, NOON + MARGIN - timedelta(seconds=1)])
def test_news_of_mails_that_ses_took_before_or_about_then_proves_nothing(accepted: datetime) -> None:
    world, key = ambiguous()
    world.clock.now = NOON + 2 * MARGIN
    hear_of_another(world, accepted)

    world.work()

    assert world.provider.mails == []
    assert world.status(key) is MessageStatus.FAILED


def test_a_clock_of_ses_that_is_ahead_makes_nothing_overdue() -> None:
    world, key = ambiguous()
    hear_of_another(world, NOON + timedelta(days=365))

    world.work()

    assert world.provider.mails == []
    assert world.status(key) is MessageStatus.FAILED


def test_when_news_comes_again_after_a_silence_the_message_has_time_for_its_own() -> None:
    """What lies in a queue after an outage comes in any order: the first news of another mail is not the last word."""
    world, key = ambiguous(taken=True)
    work_until(world, NOON + 2 * EVIDENCE_WINDOW)
    hear_of_another(world, NOON + EVIDENCE_WINDOW)
    world.deliver_next()
    assert len(world.provider.mails) == 1

    world.record_delivery_report(make_event(key, DeliveryStatus.SENT, None))
    world.work()

    assert len(world.provider.mails) == 1
    assert world.status(key) is MessageStatus.SENT


def test_news_that_comes_just_before_the_hour_is_over_still_leads_to_a_resend() -> None:
    world, key = ambiguous()
    world.clock.now = NOON + timedelta(minutes=54)
    hear_of_another(world, world.clock())

    world.work()

    assert len(world.provider.mails) == 1
    assert world.status(key) is MessageStatus.SENT


@pytest.mark.parametrize("taken", [True, False])
def test_its_own_news_in_time_settles_it_without_a_resend(taken: bool) -> None:  # noqa: FBT001
    world, key = overdue(taken=taken)
    calls = world.provider.calls

    world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED))
    world.work()

    assert world.provider.calls == calls
    assert world.status(key) is MessageStatus.DELIVERED


def test_a_second_call_without_an_answer_waits_and_is_then_given_up() -> None:
    world, key = overdue()
    world.provider.outcomes = [SendOutcomeUnknown()]

    world.deliver_next()
    resent_at = world.clock()
    assert world.status(key) is MessageStatus.SENDING
    for minute in range(1, 120):
        hear_of_another(world, resent_at + timedelta(minutes=minute))
    world.work()

    assert world.provider.calls == 1  # the first one died before it reached SES
    assert world.status(key) is MessageStatus.FAILED
    assert world.clock() == resent_at + OUTCOME_UNKNOWN_AFTER
    reason = world.delivery(key).recipients[0].reason
    assert reason is not None
    assert (reason.code, "twice" in reason.message) == ("outcome_unknown", True)


@pytest.mark.parametrize("refusal", [SendThrottled, SendPaused])
def test_a_resend_that_ses_certainly_did_not_take_goes_back_to_the_queue(refusal: type[Exception]) -> None:
    world, key = overdue()
    world.provider.outcomes = [refusal()]

    world.work()

    assert world.provider.calls == 2
    assert len(world.provider.mails) == 1
    assert world.status(key) is MessageStatus.SENT


@pytest.mark.parametrize("taken", [False, True])
def test_a_resend_that_is_refused_leaves_it_unknown_whether_the_first_call_went(*, taken: bool) -> None:
    world, key = overdue(taken=taken)
    refusal = Reason("ses_message_rejected", "SES refused the content of the mail.", diagnostic="Rejected.")
    world.provider.outcomes = [SendRefused(refusal)]

    world.work()

    [recipient] = world.delivery(key).recipients
    assert recipient.reason is not None
    assert (recipient.reason.code, recipient.reason.retryable) == ("outcome_unknown", False)
    assert refusal.message in recipient.reason.message
    assert recipient.reason.diagnostic == refusal.diagnostic


def test_a_resend_that_meets_a_pause_of_a_day_leaves_it_unknown_too() -> None:
    world, key = overdue(taken=True)
    while world.waiting():
        world.provider.outcomes = [SendPaused()]
        world.clock.advance(1_000)
        world.deliver_next()

    [recipient] = world.delivery(key).recipients
    assert recipient.reason is not None
    assert (recipient.reason.code, recipient.reason.retryable) == ("outcome_unknown", False)


def test_after_a_refused_resend_no_further_one_follows_a_missing_answer() -> None:
    world, key = overdue()
    world.provider.outcomes = [SendThrottled(), SendOutcomeUnknown()]
    world.deliver_next()
    world.deliver_next()
    world.clock.advance(EVIDENCE_WINDOW.total_seconds())
    hear_of_another(world, world.clock())

    world.work()

    assert world.provider.calls == 2
    assert world.status(key) is MessageStatus.FAILED


def test_late_news_of_the_first_call_corrects_whatever_became_of_the_second() -> None:
    world, key = overdue(taken=True)
    world.provider.outcomes = [SendOutcomeUnknown()]
    world.work()
    assert world.status(key) is MessageStatus.FAILED

    world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED))

    assert world.status(key) is MessageStatus.DELIVERED


def test_a_mail_that_ses_took_twice_is_told_to_the_operator(caplog: pytest.LogCaptureFixture) -> None:
    world, key = overdue(taken=True)
    world.work()
    assert len(world.provider.mails) == 2  # what remains possible: its news was lost and it had gone

    world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED, ses_message_id="ses-1"))

    assert "sent_twice" in caplog.text
    assert world.status(key) is MessageStatus.DELIVERED


def test_a_message_that_cannot_be_composed_any_more_is_given_up_and_not_resent() -> None:
    world, key = overdue()
    world.messages.contents[key] = replace(world.messages.contents[key], body_text=None, body_truncated=True)

    world.work()

    assert world.provider.mails == []
    reason = world.delivery(key).recipients[0].reason
    assert reason is not None
    assert reason.code == "outcome_unknown"


# ------------------------------------------------------------------------------------------ what it costs


def test_a_message_with_an_answer_reads_no_mark() -> None:
    world = World()
    world.submitted()
    heard = Recording()

    with world.watching(heard):
        world.work()

    assert not [call for call in heard.calls if call.startswith("news_mark")]


def test_the_mark_costs_one_write_in_an_interval_whatever_the_traffic() -> None:
    world = World()
    for second in range(3_600):
        world.clock.now = NOON + timedelta(seconds=second)
        for _ in range(3):
            hear_of_another(world, world.clock())

    assert world.news_mark.writes == 60  # an hour, a fifteenth of the window of 15 minutes each
    assert world.news_mark.mark == NOON + timedelta(minutes=59)


def test_a_mark_that_cannot_be_written_delays_no_news_and_is_written_with_the_next() -> None:
    world = World()
    key = world.sent()
    report = DeliveryReport(
        key,
        EventType.DELIVERED,
        DeliveryStatus.DELIVERED,
        NOON,
        ADA,
        ses_message_id="ses-1",
        accepted_at=NOON,
    )

    with world.watching(Failing("news_mark.raise_to", [Unavailable("no answer")])):
        world.record_delivery_report(report)
        assert world.status(key) is MessageStatus.DELIVERED
        assert world.news_mark.mark is None
        world.record_delivery_report(report)

    assert world.news_mark.mark == NOON
