"""SES was called and gave no answer: without news of other mails nothing is sent again; whatever evidence comes settles it."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.delivery import Reason
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.evidence import LOOKS
from chalicelib.operations.ports import SendOutcomeUnknown, SendRefused
from tests.factories.accounts import NOON
from tests.operations.unanswered import hear_of_another
from tests.operations.watched import Crash, Effect, Failing
from tests.operations.world import ADA, BOB, EVIDENCE_WINDOW, OUTCOME_UNKNOWN_AFTER, World, make_draft, make_event

REFUSAL = Reason("ses_sandbox_unverified", "The account is in the sandbox; verify the recipient's address.")
NEXT_LOOK = EVIDENCE_WINDOW.total_seconds() / LOOKS


def ambiguous(*, taken: bool, draft_to: tuple[str, ...] = (ADA,)) -> tuple[World, MessageKey]:
    """A message that SES was handed without an answer coming back; whether SES has taken it."""
    world = World()
    key = world.submitted(make_draft(*draft_to))
    with world.watching(Failing("provider.send", [SendOutcomeUnknown()], after_effect=taken)):
        world.deliver_next()
    return world, key


@pytest.mark.parametrize("taken", [True, False])
def test_without_an_answer_the_message_stays_sending_and_waits_for_evidence(taken: bool) -> None:  # noqa: FBT001
    world, key = ambiguous(taken=taken)

    assert world.phase(key) is MessagePhase.SUBMITTING
    assert world.status(key) is MessageStatus.SENDING
    assert world.only_job()[0] == NEXT_LOOK


@pytest.mark.parametrize("taken", [True, False])
def test_without_any_news_it_fails_as_outcome_unknown_and_is_never_sent_again(taken: bool) -> None:  # noqa: FBT001
    world, key = ambiguous(taken=taken)
    calls = world.provider.calls

    world.work()

    assert world.provider.calls == calls
    assert world.status(key) is MessageStatus.FAILED
    recipient = world.delivery(key).recipients[0]
    assert recipient.status is DeliveryStatus.FAILED_LOCALLY
    assert recipient.reason is not None
    assert recipient.reason.code == "outcome_unknown"
    assert world.clock() - NOON == OUTCOME_UNKNOWN_AFTER


def test_an_ambiguous_message_is_looked_at_thrice_a_window_and_when_it_is_given_up() -> None:
    world, _ = ambiguous(taken=False)
    looks = []

    while world.waiting():
        looks.append(world.only_job()[0])
        world.deliver_next()

    assert looks == [NEXT_LOOK] * 12


@pytest.mark.parametrize("minute", [1, 14, 16, 59])
def test_news_that_comes_while_it_waits_settles_it(minute: int) -> None:
    world, key = ambiguous(taken=True)
    while world.waiting() and world.only_job()[0] + (world.clock() - NOON).total_seconds() < minute * 60:
        world.deliver_next()
    world.clock.now = NOON + timedelta(minutes=minute)

    world.record_delivery_report(make_event(key, DeliveryStatus.SENT, None))
    assert world.status(key) is MessageStatus.SENT
    world.work()

    assert world.status(key) is MessageStatus.SENT
    assert world.provider.calls == 1


@pytest.mark.parametrize(
    "status", [DeliveryStatus.SENT, DeliveryStatus.DELIVERED, DeliveryStatus.BOUNCED, DeliveryStatus.COMPLAINED]
)
def test_news_that_comes_after_it_was_given_up_corrects_it(status: DeliveryStatus) -> None:
    world, key = ambiguous(taken=True)
    world.work()

    world.record_delivery_report(make_event(key, status))

    assert world.status(key) is status.shown
    assert world.delivery(key).recipients[0].reason is None
    assert world.provider.calls == 1


def test_news_about_one_recipient_proves_that_the_mail_went_to_all() -> None:
    world, key = ambiguous(taken=True, draft_to=(ADA, BOB))

    world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED, BOB))
    world.work()

    assert [recipient.status for recipient in world.delivery(key).recipients] == [
        DeliveryStatus.SENT,
        DeliveryStatus.DELIVERED,
    ]
    assert world.status(key) is MessageStatus.SENT


def test_the_job_shows_what_a_report_recorded_but_did_not_live_to_show() -> None:
    world, key = ambiguous(taken=True)
    with world.watching(Failing("index.advance", [Crash()])), pytest.raises(Crash):
        world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED))
    assert world.status(key) is MessageStatus.SENDING

    world.deliver_next()

    assert world.status(key) is MessageStatus.DELIVERED
    assert world.waiting() == []


def test_the_job_shows_a_refusal_that_its_worker_did_not_live_to_show() -> None:
    world = World()
    world.provider.outcomes = [SendRefused(REFUSAL)]
    key = world.submitted()
    with world.watching(Failing("index.advance", [None, None, Crash()])):  # claimed, marked, then not shown
        world.deliver_next()
    assert world.status(key) is MessageStatus.SENDING
    world.deliver_next()

    assert world.status(key) is MessageStatus.FAILED
    assert world.delivery(key).recipients[0].reason == REFUSAL
    assert world.waiting() == []


@pytest.mark.parametrize("taken", [True, False])
def test_a_message_deleted_while_it_waits_for_evidence_is_left_in_peace(taken: bool) -> None:  # noqa: FBT001
    world, key = ambiguous(taken=taken)
    calls = world.provider.calls
    world.delete_message(key, world.caller)

    world.work()

    assert world.leaves_nothing_behind(key)
    assert world.provider.calls == calls


@dataclass
class StandsStillBehindTheMark:
    """The process sleeps once, right behind its second step in the index, which is the mark."""

    world: World
    seconds: float
    steps: int = 0

    def __call__(self, call: str, effect: Effect) -> Any:
        done = effect()
        if call == "index.advance":
            self.steps += 1
            if self.steps == 2:
                self.world.clock.advance(self.seconds)
        return done


def test_a_worker_that_stood_still_behind_its_mark_does_not_call_ses_under_it() -> None:
    world = World()
    key = world.submitted()
    with world.watching(StandsStillBehindTheMark(world, EVIDENCE_WINDOW.total_seconds())):
        world.deliver_next()
    assert world.provider.calls == 0

    hear_of_another(world, world.clock())
    world.work()

    assert world.provider.calls == 1  # the resend, under a mark of its own
    assert world.status(key) is MessageStatus.SENT


def test_news_of_a_message_does_not_count_against_it_before_it_is_recorded() -> None:
    world, key = ambiguous(taken=True)
    report = replace(make_event(key, DeliveryStatus.DELIVERED), accepted_at=NOON + EVIDENCE_WINDOW)
    with world.watching(Failing("messages.save_delivery", [Unavailable("no answer")])), pytest.raises(Unavailable):
        world.record_delivery_report(report)
    assert world.news_mark.get() is None

    world.record_delivery_report(report)

    assert world.news_mark.get() is not None
    assert world.status(key) is MessageStatus.DELIVERED
