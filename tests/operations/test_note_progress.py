"""The story of a message: each change is counted once and said in the log, however often its news comes."""

import logging
from datetime import timedelta

import pytest

from chalicelib.domain.delivery import EventType, Reason
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import inbox_id
from chalicelib.domain.webhook_delivery import Answer
from chalicelib.operations.ports import SendRefused
from chalicelib.operations.ports.metrics import Metric
from tests.operations.incoming import SES_ID, arrive
from tests.operations.news import BOUNCED, COMPLAINED, DELIVERED, SENT, sent_to
from tests.operations.watched import Crash, Failing, Meanwhile
from tests.operations.webhook_world import WebhookWorld
from tests.operations.world import ADA, BOB, IDS, INBOX, World, make_event


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "chalicelib")  # other tests of this process keep it quiet


def story(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name.endswith("note_progress")]


def test_a_message_is_counted_when_it_is_accepted_and_when_ses_has_taken_it(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    key = world.submitted()
    world.clock.advance(4)
    world.work()

    assert world.metrics.values == {Metric.ACCEPTED: [1], Metric.SENT: [1], Metric.TIME_TO_SENT: [4]}
    assert story(caplog) == ["message accepted", "message sent"]
    sent = vars(caplog.records[-1])
    assert (sent["messageId"], sent["accountId"]) == (IDS.message_id(key), world.caller.account_id)
    assert (sent["inboxId"], sent["sesMessageId"]) == (inbox_id(INBOX), world.delivery(key).ses_message_id)


@pytest.mark.parametrize(
    ("status", "metric"),
    [(DELIVERED, Metric.DELIVERED), (BOUNCED, Metric.BOUNCED), (COMPLAINED, Metric.COMPLAINED)],
)
def test_news_that_comes_again_is_counted_once(
    status: DeliveryStatus, metric: Metric, caplog: pytest.LogCaptureFixture
) -> None:
    world, key = sent_to(ADA)
    for _ in range(3):
        world.record_delivery_report(make_event(key, SENT))
        world.record_delivery_report(make_event(key, status))

    assert world.metrics.count(metric) == world.metrics.count(Metric.SENT) == 1
    assert story(caplog) == ["message accepted", "message sent", f"message {status.shown}"]


def test_of_several_recipients_the_first_one_counts() -> None:
    world, key = sent_to(ADA, BOB)
    for address in (ADA, BOB):
        world.record_delivery_report(make_event(key, DELIVERED, address))
        world.record_delivery_report(make_event(key, COMPLAINED, address))

    assert world.metrics.count(Metric.DELIVERED) == world.metrics.count(Metric.COMPLAINED) == 1


def test_a_bounce_that_overtakes_our_own_record_is_sent_and_bounced_once() -> None:
    world = World()
    key = world.submitted()
    with world.watching(Failing("messages.save_acceptance", [Crash()])):
        world.deliver_next()
    world.record_delivery_report(make_event(key, BOUNCED))
    world.work()

    assert world.metrics.count(Metric.SENT) == world.metrics.count(Metric.BOUNCED) == 1


def test_the_time_to_delivered_begins_with_the_acceptance() -> None:
    world, key = sent_to(ADA)
    begun = world.delivery(key).begun
    assert begun is not None
    world.record_delivery_report(make_event(key, DELIVERED, at=begun.at + timedelta(seconds=90)))

    assert world.metrics.values[Metric.TIME_TO_DELIVERED] == [90]


def test_one_that_ses_refuses_is_counted_as_failed(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.provider.outcomes = [SendRefused(Reason("rejected", "No."))]
    world.submitted()
    world.work()

    assert world.metrics.count(Metric.FAILED) == 1
    assert story(caplog) == ["message accepted", "message failed"]


def test_a_mail_whose_notice_comes_again_is_received_once(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    receipt = arrive(world)
    for _ in range(3):
        world.receive_message(receipt)

    assert world.metrics.count(Metric.RECEIVED) == 1
    assert story(caplog) == ["message received"]
    assert vars(caplog.records[0])["sesMessageId"] == SES_ID


def test_a_webhook_is_timed_from_what_happened_to_its_first_success(caplog: pytest.LogCaptureFixture) -> None:
    world = WebhookWorld()
    webhook = world.add(lambda _now, call: (Answer(500 if call == 0 else 200), 0.0))
    world.happen(EventType.SENT)
    world.run(timedelta(minutes=1))

    assert world.metrics.count(Metric.WEBHOOK_FAILED) == 1
    (delay,) = world.metrics.values[Metric.WEBHOOK_DELAY]
    assert 5 <= delay <= 6
    assert story(caplog) == ["webhook attempt failed", "webhook delivered"]
    last = vars(caplog.records[-1])
    assert (last["webhookId"], last["attempt"], last["statusCode"]) == (webhook.id, 2, 200)
    assert last["messageId"].startswith("msg_")
    assert last["eventId"].startswith("evt_")


def test_of_two_who_record_the_same_news_at_once_one_counts_it() -> None:
    world, key = sent_to(ADA)
    news = make_event(key, BOUNCED)
    with world.watching(Meanwhile("messages.save_outcome", lambda: world.record_delivery_report(news))):
        world.record_delivery_report(news)

    assert world.metrics.count(Metric.BOUNCED) == 1


def test_a_worker_that_dies_right_after_its_record_counts_nothing_and_nobody_counts_it_twice() -> None:
    world, key = sent_to(ADA)
    news = make_event(key, DELIVERED)
    with world.watching(Failing("messages.save_delivery", [Crash()], after_effect=True)), pytest.raises(Crash):
        world.record_delivery_report(news)
    world.record_delivery_report(news)

    assert world.metrics.count(Metric.DELIVERED) == 0
    assert world.status(key) is DELIVERED.shown
