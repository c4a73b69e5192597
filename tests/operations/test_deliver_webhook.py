"""Every event reaches every endpoint that wants it, by the schedule, and a sick endpoint harms no other."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from chalicelib.domain.delivery import EventType
from chalicelib.domain.ids import inbox_id
from chalicelib.domain.webhook import Webhook
from chalicelib.domain.webhook_delivery import ATTEMPTS, JITTER, RETRIES, Answer, DeliveryState
from chalicelib.operations.manage_webhooks import WebhookWish
from tests.factories.accounts import NOON
from tests.factories.webhooks import make_logged, make_webhook
from tests.operations.watched import Effect, Recording, watched
from tests.operations.webhook_world import OK, WebhookWorld, body_of, well

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BROKEN = Answer(500, "no")


def pauses(world: WebhookWorld, webhook: Webhook) -> list[timedelta]:
    times = [call.at for call in world.calls(webhook)]
    return [after - before for before, after in pairwise(times)]


def test_an_event_is_posted_once_with_what_it_says() -> None:
    world = WebhookWorld()
    webhook = world.add()

    told = world.happen()
    world.run(HOUR)

    (call,) = world.calls(webhook)
    assert call.at == NOON
    assert call.event_id == body_of(call)["id"] == told.event.id
    assert call.headers["X-AgentSend-Event"] == body_of(call)["event"] == "message.sent"
    assert call.headers["X-AgentSend-Webhook-Id"] == webhook.id


def test_attempts_follow_the_schedule_and_end_after_ten() -> None:
    world = WebhookWorld()
    webhook = world.add(lambda _, __: (BROKEN, 0.1))

    told = world.happen()
    world.run(5 * DAY)

    found = pauses(world, webhook)
    assert len(found) == len(RETRIES) == ATTEMPTS - 1
    for pause, wanted in zip(found, RETRIES, strict=True):
        # The call itself takes 0.1 s, and SQS counts in whole seconds.
        assert wanted - timedelta(seconds=1) <= pause <= wanted * (1 + JITTER) + timedelta(seconds=2)
    delivery = world.deliveries.get(webhook.id, told.place)
    assert delivery is not None
    assert (delivery.state, len(delivery.attempts)) == (DeliveryState.FAILED, 10)
    assert {call.event_id for call in world.calls(webhook)} == {told.event.id}


@pytest.mark.parametrize("hours", [24, 72])
def test_everything_arrives_once_an_endpoint_is_well_again(hours: int) -> None:
    world = WebhookWorld()
    webhook = world.add(lambda at, _: (BROKEN, 0.1) if at < NOON + hours * HOUR else (OK, 0.05))
    told = []

    world.run(
        timedelta(hours=hours) + 4 * DAY,
        {timedelta(minutes=10 * number): lambda: told.append(world.happen()) for number in range(60)},
    )

    arrived = {call.event_id for call in world.calls(webhook) if call.answer.is_success}
    assert arrived == {each.event.id for each in told}
    # Whoever waited behind the breaker comes within its longest pause; whoever was tried goes by the schedule.
    assert len(world.calls(webhook)) < 60 * ATTEMPTS


def test_waiting_for_a_broken_endpoint_costs_as_much_for_a_day_as_for_an_hour() -> None:
    def writes(hours: int) -> int:
        world = WebhookWorld()
        world.add(lambda at, _: (BROKEN, 0.1) if at < NOON + hours * HOUR else (OK, 0.05))
        plan = {timedelta(seconds=number): world.happen for number in range(300)}
        world.run(timedelta(hours=hours + 1), plan)
        return world.deliveries.writes

    assert writes(24) < writes(2) + 1_000  # the probes: two or three writes each, four an hour


def test_an_endpoint_that_says_410_gets_no_more_and_its_owner_is_told() -> None:
    world = WebhookWorld()
    gone = world.add(lambda _, __: (Answer(410, "gone"), 0.1))
    other = world.add(events=frozenset({EventType.WEBHOOK_DISABLED}))

    world.run(HOUR, {timedelta(minutes=number): world.happen for number in range(5)})

    assert len(world.calls(gone)) == 1
    stored = world.webhooks.webhooks[gone.id]
    assert stored.disabled is not None
    assert (stored.is_active, stored.disabled.reason) == (False, "It answered 410: it wants no more.")
    (told,) = world.calls(other)
    assert body_of(told)["event"] == "webhook.disabled"
    assert body_of(told)["data"]["id"] == gone.id
    assert "secret" not in body_of(told)["data"]


def test_410_counts_though_the_owner_changes_the_description_during_the_call() -> None:
    world = WebhookWorld()

    def gone(_: datetime, __: int) -> tuple[Answer, float]:
        stored = world.webhooks.webhooks[webhook.id]
        world.webhooks.save(replace(stored, description="changed"))
        return Answer(410), 0.1

    webhook = world.add(gone)
    world.happen()
    world.run(HOUR)

    stored = world.webhooks.webhooks[webhook.id]
    assert (stored.is_active, stored.description) == (False, "changed")


def test_410_of_an_address_that_its_owner_has_left_during_the_call_counts_nothing() -> None:
    world = WebhookWorld()

    def gone(_: datetime, __: int) -> tuple[Answer, float]:
        world.webhooks.save(replace(world.webhooks.webhooks[webhook.id], url="https://new.example.com/"))
        return Answer(410), 0.1

    webhook = world.add(gone)
    world.happen()
    world.run(HOUR)

    assert world.webhooks.webhooks[webhook.id].is_active


def test_one_failure_after_weeks_of_silence_does_not_switch_a_webhook_off() -> None:
    world = WebhookWorld()
    webhook = world.add(lambda at, _: (BROKEN, 0.1) if at < NOON + 20 * DAY + HOUR else (OK, 0.1))

    world.run(25 * DAY, {timedelta(): world.happen, 20 * DAY: world.happen})

    assert world.webhooks.webhooks[webhook.id].is_active
    assert world.calls(webhook)[-1].answer.is_success


def test_five_days_of_failures_switch_a_webhook_off_and_a_replay_brings_back_the_rest() -> None:
    world = WebhookWorld()
    webhook = world.add(lambda at, _: (BROKEN, 0.1) if at < NOON + 6 * DAY else (OK, 0.05))
    other = world.add(events=frozenset({EventType.WEBHOOK_DISABLED}))
    told = []

    def happen() -> None:
        told.append(world.happen())

    world.run(6 * DAY + HOUR, {HOUR * number: happen for number in range(6 * 24)})

    stored = world.webhooks.webhooks[webhook.id]
    assert stored.disabled is not None
    assert (stored.is_active, stored.disabled.reason) == (False, "Every delivery has failed for five days.")
    assert [body_of(call)["event"] for call in world.calls(other)] == ["webhook.disabled"]
    assert not any(call.answer.is_success for call in world.calls(webhook))

    world.update_webhook(webhook.id, switched_on, world.caller)
    world.replay_range(webhook.id, NOON, None, world.caller)
    world.run(10 * DAY)

    arrived = {call.event_id for call in world.calls(webhook) if call.answer.is_success}
    assert arrived >= {each.event.id for each in told}


def switched_on(webhook: Webhook) -> WebhookWish:
    return WebhookWish(webhook.url, webhook.description, webhook.events, webhook.inbox_numbers)


def test_retry_after_puts_the_next_attempt_off_for_a_day_at_most() -> None:
    for asked, wanted in ((timedelta(hours=3), timedelta(hours=3)), (timedelta(days=9), DAY)):
        world, busy = WebhookWorld(), Answer(503, retry_after=asked)
        webhook = world.add(lambda _, number, busy=busy: (OK if number else busy, 0.1))  # type: ignore[misc]
        world.happen()
        world.run(10 * DAY)

        (pause,) = pauses(world, webhook)
        assert wanted <= pause <= wanted + timedelta(minutes=2)


def test_a_webhook_gets_what_it_asked_for_and_nothing_from_before() -> None:
    world = WebhookWorld()
    world.happen()
    bounces = world.add(events=frozenset({EventType.BOUNCED}))
    inbox = world.add(inbox_numbers=frozenset({7}))
    for inbox_number in (7, 8):
        world.happen(EventType.SENT, inbox_number)
        world.happen(EventType.BOUNCED, inbox_number)

    world.run(HOUR)

    assert [body_of(call)["event"] for call in world.calls(bounces)] == ["message.bounced"] * 2
    assert [body_of(call)["event"] for call in world.calls(inbox)] == ["message.sent", "message.bounced"]


def test_a_healthy_endpoint_costs_one_write_a_delivery() -> None:
    world = WebhookWorld()
    world.add(well)

    world.run(HOUR, {timedelta(seconds=number): world.happen for number in range(20)})

    assert world.deliveries.writes == 20


def test_a_test_is_one_attempt_whatever_the_filters_are() -> None:
    world = WebhookWorld()
    webhook = world.add(lambda _, __: (BROKEN, 0.1), events=frozenset({EventType.BOUNCED}))

    pinged = world.ping_webhook(webhook.id, world.caller)
    world.run(DAY)

    (call,) = world.calls(webhook)
    assert body_of(call)["event"] == call.headers["X-AgentSend-Event"] == "webhook.test"
    assert call.event_id == pinged.logged.event.id
    (listed,) = world.list_deliveries(webhook.id, world.caller).deliveries
    assert (listed.state, listed.attempts[0].status_code) == (DeliveryState.FAILED, 500)


def test_a_replayed_delivery_begins_anew_and_keeps_its_log() -> None:
    world = WebhookWorld()
    webhook = world.add(lambda at, _: (BROKEN, 0.1) if at < NOON + 5 * DAY else (OK, 0.05))
    told = world.happen()
    world.run(5 * DAY)

    world.replay_delivery(webhook.id, told.place, world.caller)
    world.run(6 * DAY)

    delivery = world.deliveries.get(webhook.id, told.place)
    assert delivery is not None
    assert (delivery.state, len(delivery.attempts)) == (DeliveryState.DELIVERED, 11)


def test_a_replay_of_what_waits_for_its_retry_is_made_now_and_the_retry_no_more() -> None:
    world = WebhookWorld()
    webhook = world.add(lambda at, _: (BROKEN, 0.1) if at < NOON + 2 * HOUR else (OK, 0.05))
    told = world.happen()
    world.run(2 * HOUR)
    before = len(world.calls(webhook))

    for _ in range(20):
        world.replay_delivery(webhook.id, told.place, world.caller)
    world.run(4 * DAY)

    assert [call.at for call in world.calls(webhook)[before:]] == [NOON + 2 * HOUR]
    delivery = world.deliveries.get(webhook.id, told.place)
    assert delivery is not None
    assert delivery.state is DeliveryState.DELIVERED


def test_what_is_about_an_inbox_goes_to_the_webhooks_of_that_inbox() -> None:
    for number, is_wanted in ((7, True), (8, False)):
        logged = make_logged(type_=EventType.INBOX_SUSPENDED, message=None, subject=inbox_id(number))
        assert make_webhook(inbox_numbers=frozenset({7})).matches(logged) == is_wanted
        assert make_webhook().matches(logged)
    verified = make_logged(type_=EventType.DOMAIN_VERIFIED, message=None, subject="dom_1")
    assert not make_webhook(inbox_numbers=frozenset({7})).matches(verified)


def test_a_replay_that_meets_an_attempt_is_made_all_the_same() -> None:
    world = WebhookWorld()
    webhook = world.add(lambda _at, _: (BROKEN, 0.1))
    told = world.happen()
    world.run(HOUR)
    rivals = iter([1])

    def meanwhile(call: str, effect: Effect) -> Any:
        if call == "deliveries.save" and next(rivals, None):
            attempted = world.deliveries.get(webhook.id, told.place)
            assert attempted is not None
            world.deliveries.save(attempted, world.clock())
        return effect()

    replay = replace(world.replay_delivery, deliveries=watched("deliveries", world.deliveries, meanwhile))
    saved = replay(webhook.id, told.place, world.caller)

    assert saved == world.deliveries.get(webhook.id, told.place)


def test_a_replay_of_an_hour_reads_the_log_near_that_hour_and_not_from_its_beginning() -> None:
    recording = Recording()
    world = WebhookWorld(recording)
    webhook = world.add()
    hours = range(24 * 20)
    log = [make_logged(number, created_at=NOON + number // 20 * HOUR).event for number in range(20 * len(hours))]
    world.log.events[world.account_id] = log
    world.clock.advance(20 * 86_400)

    world.replay_range(webhook.id, NOON + 18 * DAY, NOON + 18 * DAY + HOUR, world.caller)
    world.run(20 * DAY + HOUR)

    wanted = {each.id for each in log if each.created_at == NOON + 18 * DAY}
    assert {call.event_id for call in world.calls(webhook)} == wanted
    # A day before it and a day behind it, for what was told late; and the looks by halves. From the oldest on it were 90.
    assert recording.calls.count("log.read") <= (2 * 24 * 20) // 100 + 3 + 10


def test_a_delivery_that_waits_for_its_endpoint_says_of_no_time_that_is_over() -> None:
    world = WebhookWorld()
    webhook = world.add(lambda _, __: (BROKEN, 0.1))
    world.run(2 * HOUR, {timedelta(seconds=number): world.happen for number in range(100)})

    listed = world.list_deliveries(webhook.id, world.caller, limit=100).deliveries
    times = [each.next_attempt_at for each in listed]
    assert None in times
    assert all(at is None or at > world.clock() for at in times)
