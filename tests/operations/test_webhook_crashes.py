"""The worker of webhooks may die at every call, before its effect or after it: every event still arrives."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.webhook import new_webhook_id
from chalicelib.domain.webhook_delivery import Answer, DeliveryState
from chalicelib.operations.manage_webhooks import WebhookWish
from tests.factories.accounts import NOON
from tests.operations.watched import Crash, Effect, FailingAt, Recording, Watch
from tests.operations.webhook_world import OK, WebhookWorld

BROKEN = Answer(500, "no")
MINUTE = timedelta(minutes=1)


@dataclass
class Switched:
    """Passes calls on to a watch only while it is on, so that what a test prepares is not watched."""

    watch: Watch
    is_on: bool = False
    calls: list[str] = field(default_factory=list)

    def __call__(self, call: str, effect: Effect) -> Any:
        return self.watch(call, effect) if self.is_on else effect()


def live(watch: Watch) -> WebhookWorld:
    """Two webhooks, one of which is down for a while: retries, the due index, the breaker and its line all have to work."""
    switched = Switched(watch)
    world = WebhookWorld(switched)
    world.add()
    world.add(lambda at, _: (BROKEN, 0.1) if at < NOON + 20 * MINUTE else (OK, 0.05))
    switched.is_on = True
    world.run(timedelta(hours=9), {number * MINUTE: world.happen for number in range(4)})
    return world


def arrived(world: WebhookWorld) -> bool:
    events = {event.id for event in world.log.events[world.account_id]}
    return all(
        {call.event_id for call in world.calls(webhook) if call.answer.is_success} == events
        for webhook in world.webhooks.webhooks.values()
    )


def calls_of_a_life() -> list[str]:
    recording = Recording()
    assert arrived(live(recording))
    return recording.calls


CALLS = calls_of_a_life()


def test_the_life_that_is_interrupted_has_every_part_of_the_path() -> None:
    assert {
        "deliveries.look",
        "deliveries.save",
        "deliveries.change_health",
        "deliveries.wait",
        "deliveries.waiting",
        "deliveries.leave",
        "due.add",
        "due.due",
        "due.remove",
        "endpoints.post",
        "calls.begin",
        "queue.put_all",
        "slow_queue.put",
        "slow_queue.put_all",
        "webhooks.all",
    } <= set(CALLS)


@pytest.mark.parametrize("after_effect", [False, True])
def test_no_event_is_lost_wherever_the_worker_dies(*, after_effect: bool) -> None:
    numbers = [number for number, call in enumerate(CALLS) if call != "due.due"]
    lost = []
    for number in numbers:
        world = live(FailingAt(number, after_effect))
        settled = {each.state for each in world.deliveries.deliveries.values()}
        if not arrived(world) or settled != {DeliveryState.DELIVERED}:
            lost.append((number, CALLS[number]))
    assert lost == []


def test_a_queue_that_is_lost_is_rebuilt_from_the_table() -> None:
    for minutes in (0, 1, 2, 3, 6, 15, 40, 60):
        world = WebhookWorld()
        world.add()
        world.add(lambda at, _: (BROKEN, 0.1) if at < NOON + 20 * MINUTE else (OK, 0.05))
        world.run(minutes * MINUTE, {number * MINUTE: world.happen for number in range(4)})
        world.lose_queue()
        for _ in range(4 - len(world.log.events[world.account_id])):
            world.happen()

        world.requeue()
        world.run(timedelta(days=4))

        assert arrived(world), f"lost after {minutes} minutes"


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_webhook_whose_creation_died_is_created_once_by_its_repetition(*, after_effect: bool) -> None:
    for number in range(6):
        switched = Switched(FailingAt(number, after_effect))
        world = WebhookWorld(switched)
        switched.is_on = True
        webhook_id, wish = new_webhook_id(), WebhookWish("https://hooks.example.com/")
        try:
            world.create_webhook(webhook_id, wish, world.caller)
        except Crash:
            world.create_webhook(webhook_id, wish, world.caller)
        switched.is_on = False

        world.happen()
        world.run(MINUTE)

        (webhook,) = world.webhooks.webhooks.values()
        assert webhook.id == webhook_id
        assert len(world.calls(webhook)) == 1


@pytest.mark.parametrize("after_effect", [False, True])
def test_the_owner_is_told_once_that_a_webhook_was_switched_off(*, after_effect: bool) -> None:
    def gone(watch: Watch) -> tuple[WebhookWorld, Switched]:
        switched = Switched(watch)
        world = WebhookWorld(switched)
        world.add(lambda _, __: (Answer(410), 0.1))
        world.add()
        switched.is_on = True
        world.run(timedelta(hours=1), {timedelta(): world.happen, MINUTE: world.happen})
        return world, switched

    recording = Recording()
    gone(recording)
    for number, call in enumerate(recording.calls):
        if call == "due.due":
            continue
        world, _ = gone(FailingAt(number, after_effect))
        told = [event.type for event in world.log.events[world.account_id]]
        assert told.count("webhook.disabled") == 1, (number, call)  # type: ignore[arg-type]
