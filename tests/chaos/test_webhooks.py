"""Days of webhooks on a virtual clock: sick endpoints of every kind, a worker that dies now and then, nothing lost."""

import os
import random
from bisect import bisect_left
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.delivery import EventType
from chalicelib.domain.endpoint_health import SLOW_FOR
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.webhook import Webhook
from chalicelib.domain.webhook_delivery import ATTEMPTS, JITTER, RETRIES, Answer, DeliveryState
from chalicelib.operations.manage_webhooks import WebhookWish
from tests.factories.accounts import NOON
from tests.operations.busy_workers import BusyWorld, delays
from tests.operations.watched import Crash, Effect
from tests.operations.webhook_world import OK, Behaviour, WebhookWorld, body_of

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BROKEN = Answer(503, "down")
LATE = timedelta(minutes=10)  # in which thousands who waited come
# An endpoint that has timed out gets three calls at once until it was quick for an hour; then all who still wait come.
LATE_BEHIND = {"too slow at first": SLOW_FOR + LATE}
SEED = int(os.environ.get("CHAOS_SEED", "0")) or random.randrange(2**32)
EVENTS = int(os.environ.get("CHAOS_EVENTS", "10000"))


def down(for_: timedelta) -> Behaviour:
    return lambda at, _: (BROKEN, 0.1) if at < NOON + for_ else (OK, 0.05)


def endpoints(luck: random.Random) -> dict[str, Behaviour]:
    garbage = Answer(None, error="No answer: garbage.")
    return {
        "healthy": lambda _, __: (OK, 0.05),
        "down for a day": down(DAY),
        "down for three days": down(3 * DAY),
        "slow": lambda _, __: (OK, luck.uniform(5, 14)),
        "too slow at first": lambda at, _: (
            (Answer(None, error="No answer within 15 s.", timed_out=True), 15.0) if at < NOON + 2 * HOUR else (OK, 0.1)
        ),
        "flapping": lambda at, _: (BROKEN, 0.1) if (at - NOON) // (7 * timedelta(minutes=1)) % 2 else (OK, 0.05),
        "failing now and then": lambda _, __: (BROKEN if luck.random() < 0.3 else OK, 0.1),
        "redirecting for an hour": lambda at, _: (Answer(302, error="x"), 0.1) if at < NOON + HOUR else (OK, 0.1),
        "answering garbage for an hour": lambda at, _: (garbage, 0.1) if at < NOON + HOUR else (OK, 0.1),
        "asking for patience": lambda at, _: (
            (Answer(429, retry_after=timedelta(hours=1)), 0.1) if at < NOON + HOUR else (OK, 0.1)
        ),
    }


class Weather:
    """A worker that dies before or after a call, or is not served, now and then; the healthy endpoint is asked first."""

    def __init__(self, luck: random.Random, share: float) -> None:
        self._luck = luck
        self._share = share
        self.is_on = False
        self.blows = 0

    def __call__(self, call: str, effect: Effect) -> Any:
        if not self.is_on or self._luck.random() >= self._share:
            return effect()
        self.blows += 1
        if self._luck.random() < 0.5:
            effect()
        raise self._luck.choice([Crash(), Unavailable(call)])


def lived(events: int, share: float) -> tuple[WebhookWorld, dict[str, Webhook]]:
    luck = random.Random(SEED)
    weather = Weather(luck, share)
    world = BusyWorld(weather, SEED)
    webhooks = {name: world.add(behaviour) for name, behaviour in endpoints(luck).items()}
    webhooks["gone"] = world.add(lambda _, __: (Answer(410), 0.1))
    webhooks["dead"] = world.add(lambda _, __: (BROKEN, 0.1))
    webhooks["the owner's"] = world.add(events=frozenset({EventType.WEBHOOK_DISABLED}))
    weather.is_on = True
    plan: dict[timedelta, Callable[[], object]] = {}
    for _ in range(events):  # most of them in the first hours, some over the days
        at = luck.uniform(0, 2 * 3600) if luck.random() < 0.8 else luck.uniform(0, 5.2 * 86_400)
        plan[timedelta(seconds=at)] = world.happen
    world.run(9 * DAY, plan)
    weather.is_on = False
    assert weather.blows or not share
    return world, webhooks


def check(world: WebhookWorld, webhooks: dict[str, Webhook], *, in_calm: bool) -> None:
    events = [event for event in world.log.events[world.account_id] if event.type is EventType.SENT]
    every = {event.id for event in events}
    for name, webhook in webhooks.items():
        arrived = {call.event_id for call in world.calls(webhook) if call.answer.is_success}
        if name not in ("gone", "dead", "the owner's"):
            assert arrived >= every, f"{name}: {len(every - arrived)} lost"
    if in_calm:
        assert (
            max(delays(world, webhooks["healthy"])) <= 1.0
        )  # whatever the others do, with so many workers and no more
    _check_schedule(world)
    if in_calm:
        # Not those that break again behind a success: who comes after it waits once more.
        for name in webhooks.keys() - {
            "slow",
            "asking for patience",
            "flapping",
            "failing now and then",
            "gone",
            "dead",
            "the owner's",
        }:
            assert _latest(world, webhooks[name]) <= LATE_BEHIND.get(name, LATE), name
    told = [body_of(call)["data"]["id"] for call in world.calls(webhooks["the owner's"]) if call.answer.is_success]
    assert set(told) == {webhooks["gone"].id, webhooks["dead"].id}
    off = {webhook.id for webhook in world.webhooks.webhooks.values() if webhook.disabled}
    assert off == set(told)


def _check_schedule(world: WebhookWorld) -> None:
    """No attempt comes before its time, and none after the tenth."""
    for delivery in world.deliveries.deliveries.values():
        assert len(delivery.attempts) <= ATTEMPTS
        for number, attempt in enumerate(delivery.attempts[1:]):
            pause = attempt.at - delivery.attempts[number].at
            assert pause >= RETRIES[number] - timedelta(seconds=1)


def _latest(world: WebhookWorld, webhook: Webhook) -> timedelta:
    """How long after its time an attempt came at most; who waited for a broken endpoint has time from its next success on."""
    successes = [call.at for call in world.calls(webhook) if call.answer.is_success]
    latest = timedelta()
    for delivery in world.deliveries.deliveries.values():
        if delivery.webhook_id != webhook.id:
            continue
        for number, attempt in enumerate(delivery.attempts[1:]):
            due = delivery.attempts[number].at + RETRIES[number] * (1 + JITTER)
            next_success = bisect_left(successes, due)
            answers = successes[next_success] if next_success < len(successes) else attempt.at
            latest = max(latest, attempt.at - max(due, answers))
    return latest


def check_replay(world: WebhookWorld, webhooks: dict[str, Webhook]) -> None:
    """The dead endpoint has been mended: its owner switches it on and asks for what it missed."""
    dead = webhooks["dead"]
    world.endpoints.behaviours[dead.url] = lambda _, __: (OK, 0.05)
    world.update_webhook(dead.id, _as_it_was, world.caller)
    world.replay_range(dead.id, NOON, None, world.caller)
    world.run(10 * DAY)
    arrived = {call.event_id for call in world.calls(dead) if call.answer.is_success}
    assert arrived >= {event.id for event in world.log.events[world.account_id] if event.type is EventType.SENT}
    pending = [each for each in world.deliveries.pending(dead.id) if each.state is DeliveryState.PENDING]
    assert pending == []


def _as_it_was(known: Webhook) -> WebhookWish:
    return WebhookWish(known.url, known.description, known.events, known.inbox_numbers)


def test_hundreds_of_events_reach_endpoints_of_every_kind() -> None:
    world, webhooks = lived(200, 0)
    check(world, webhooks, in_calm=True)
    check_replay(world, webhooks)


def test_hundreds_of_events_reach_them_though_the_worker_dies_now_and_then() -> None:
    world, webhooks = lived(60, 0.02)
    check(world, webhooks, in_calm=False)


@pytest.mark.long
@pytest.mark.parametrize("share", [0, 0.01])
def test_ten_thousand_events_reach_endpoints_of_every_kind(share: float) -> None:
    print("seed", SEED)  # noqa: T201  shown when it fails
    world, webhooks = lived(EVENTS, share)
    check(world, webhooks, in_calm=not share)
    check_replay(world, webhooks)
