"""With so many workers and no more, an endpoint that is dead, slow or stuck delays no other."""

import heapq
from datetime import datetime, timedelta

import pytest

from chalicelib.domain.endpoint_health import SLOTS
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import AccountId
from chalicelib.domain.webhook import Webhook
from chalicelib.domain.webhook_delivery import Answer
from chalicelib.operations.call_slots import OF_ENDPOINT, CallSlots, Entry
from tests.factories.accounts import NOON
from tests.factories.webhooks import make_webhook
from tests.fakes.clock import FakeClock
from tests.operations.busy_workers import BusyWorld, delays
from tests.operations.webhook_world import OK, Behaviour, WebhookWorld

MINUTE = timedelta(minutes=1)
BROKEN = Answer(500, "no")
SILENT = Answer(None, error="No answer within 15 s.", timed_out=True)


def lived(sick: list[Behaviour], *, events: int, every: float) -> tuple[BusyWorld, Webhook, list[Webhook]]:
    world = BusyWorld()
    healthy = world.add()
    webhooks = [world.add(behaviour) for behaviour in sick]
    plan = {timedelta(seconds=number * every): world.happen for number in range(events)}
    world.run(6 * 60 * MINUTE, plan)
    return world, healthy, webhooks


@pytest.mark.parametrize(
    "sick",
    [
        lambda _, __: (SILENT, 15.0),
        lambda _, __: (OK, 4.5),
        lambda _, __: (OK, 14.0),
        lambda _, __: (BROKEN, 3.0),
        lambda _, number: (OK if number % 3 else SILENT, 0.1 if number % 3 else 15.0),
    ],
)
def test_a_sick_endpoint_does_not_change_the_delay_of_a_healthy_one(sick: Behaviour) -> None:
    calm, alone, _ = lived([], events=120, every=0.25)
    usual = max(delays(calm, alone))

    world, healthy, _ = lived([sick], events=120, every=0.25)

    found = delays(world, healthy)
    assert len(found) == 120
    assert max(found) <= usual + 0.5


def test_five_kinds_of_sick_endpoints_together_do_not_either() -> None:
    kinds: list[Behaviour] = [
        lambda _, __: (SILENT, 15.0),
        lambda _, __: (OK, 4.5),
        lambda _, __: (BROKEN, 0.1),
        lambda _, __: (Answer(302, error="Redirects are not followed."), 0.1),
        lambda _, number: (OK if number % 3 else BROKEN, 1.0),
    ]

    world, healthy, _ = lived(kinds, events=60, every=0.5)

    found = delays(world, healthy)
    assert len(found) == 60
    assert max(found) <= 1.0


@pytest.mark.parametrize("seconds", [4.5, 6.0, 14.0])
def test_a_slow_endpoint_is_called_three_times_at_once_and_gets_everything(seconds: float) -> None:
    running: list[datetime] = []
    most: list[int] = []

    def slow(at: datetime, _: int) -> tuple[Answer, float]:
        while running and running[0] <= at:
            heapq.heappop(running)
        heapq.heappush(running, at + timedelta(seconds=seconds))
        most.append(len(running))
        return OK, seconds

    world, _, [webhook] = lived([slow], events=60, every=1.0)

    assert max(most) <= OF_ENDPOINT
    assert len(delays(world, webhook)) == 60
    # As fast as three calls at once can be, give or take the looks at the line.
    assert max(delays(world, webhook)) <= 60 * seconds / OF_ENDPOINT * 2


def test_one_that_is_known_to_be_slow_is_called_three_times_at_once_by_all_processes_together() -> None:
    running: list[datetime] = []
    most: list[int] = []

    def slow(at: datetime, _: int) -> tuple[Answer, float]:
        running[:] = [ends for ends in running if ends > at] + [at + timedelta(seconds=10)]
        if at > NOON + timedelta(seconds=21):  # the first answers have told it, and what was under way is over
            most.append(len(running))
        return OK, 10.0

    world = BusyWorld(in_lambda=True, batches=100)
    webhook = world.add(slow)
    world.run(60 * MINUTE, {timedelta(seconds=number): world.happen for number in range(60)})

    assert max(most) == SLOTS
    assert len(delays(world, webhook)) == 60


def test_in_lambda_too_one_that_never_answers_leaves_workers_for_the_others() -> None:
    world = BusyWorld(in_lambda=True, batches=100)
    healthy, _ = world.add(), world.add(lambda _, __: (SILENT, 15.0))
    world.run(60 * MINUTE, {timedelta(milliseconds=40 * number): world.happen for number in range(500)})

    assert len(delays(world, healthy)) == 500
    assert max(delays(world, healthy)) <= 1.0


def test_a_burst_for_a_quick_endpoint_takes_no_longer_than_three_calls_at_once_take() -> None:
    world = BusyWorld()
    webhook = world.add(lambda _, __: (OK, 0.2))
    world.run(10 * MINUTE, {timedelta(milliseconds=number): world.happen for number in range(100)})

    found = delays(world, webhook)

    assert len(found) == 100
    assert max(found) <= 100 * 0.2 / OF_ENDPOINT + 4


# ----------------------------------------------------------------------------------------------- the slots


def entry(slots: CallSlots, webhook: Webhook, *, is_sick: bool = False) -> Entry:
    with slots.entered(webhook, is_sick=is_sick) as found:
        return found


def test_accounts_and_sick_endpoints_leave_slots_for_the_others() -> None:
    clock = FakeClock(NOON)
    slots = CallSlots(sleep=clock.advance, clock=lambda: clock().timestamp())
    held = [
        slots.entered(make_webhook(id=f"wh_{number}", account_id=AccountId(f"acc_{number // 4}")), is_sick=True)
        for number in range(6)
    ]
    for each in held:
        assert each.__enter__() is Entry.IN
    other = make_webhook(id="wh_other", account_id=AccountId("acc_other"))

    assert entry(slots, other, is_sick=True) is Entry.BUSY
    assert entry(slots, other) is Entry.IN
    held.pop().__exit__(None, None, None)
    assert entry(slots, other, is_sick=True) is Entry.IN

    of_one = [
        slots.entered(make_webhook(id=f"wh_more{number}", account_id=AccountId("acc_0")), is_sick=False)
        for number in range(4)
    ]
    for each in of_one:
        assert each.__enter__() is Entry.IN
    assert entry(slots, make_webhook(id="wh_last", account_id=AccountId("acc_0"))) is Entry.BUSY
    assert entry(slots, other) is Entry.IN


def test_who_finds_an_endpoint_full_waits_a_moment_then_says_whether_it_is_stuck() -> None:
    clock = FakeClock(NOON)
    slots = CallSlots(sleep=clock.advance, clock=lambda: clock().timestamp())
    webhook = make_webhook()
    held = [slots.entered(webhook, is_sick=False) for _ in range(OF_ENDPOINT)]
    for each in held:
        each.__enter__()

    assert entry(slots, webhook) is Entry.BUSY
    clock.advance(2)
    assert entry(slots, webhook) is Entry.STALLED
    held.pop().__exit__(None, None, None)
    assert entry(slots, webhook) is Entry.IN


# ---------------------------------------------------------------------------------------- tests by the owner


def test_a_test_is_sent_at_once_though_hundreds_wait_for_a_broken_endpoint() -> None:
    world = WebhookWorld()
    webhook = world.add(lambda _, __: (BROKEN, 0.1))
    world.run(10 * MINUTE, {timedelta(seconds=number): world.happen for number in range(300)})

    pinged = world.ping_webhook(webhook.id, world.caller)
    world.run(10 * MINUTE + timedelta(seconds=5))

    assert [call.at for call in world.calls(webhook) if call.event_id == pinged.logged.event.id] == [NOON + 10 * MINUTE]


def test_a_test_reaches_a_webhook_that_was_switched_off_and_its_success_lets_the_others_on() -> None:
    world = WebhookWorld()
    webhook = world.add(lambda at, _: (BROKEN, 0.1) if at < NOON + 9 * MINUTE else (OK, 0.1))
    world.run(9 * MINUTE, {timedelta(seconds=number): world.happen for number in range(30)})

    world.ping_webhook(webhook.id, world.caller)
    world.run(10 * MINUTE)

    assert world.calls(webhook)[-1].answer.is_success
    assert world.deliveries.health(webhook.id).open_until is None


def test_a_test_that_fails_does_not_make_the_endpoint_worse() -> None:
    world = WebhookWorld()
    webhook = world.add(lambda _, __: (BROKEN, 0.1))

    for _ in range(9):
        world.ping_webhook(webhook.id, world.caller)
    world.run(MINUTE)

    assert len(world.calls(webhook)) == 9
    assert world.deliveries.health(webhook.id).is_healthy


def test_what_could_not_be_tried_for_reasons_of_ours_comes_again_and_is_no_attempt() -> None:
    world = WebhookWorld()

    def unlucky(_: datetime, __: int) -> tuple[Answer, float]:
        if world.clock() < NOON + timedelta(seconds=2):
            raise Unavailable("Too many host names are being looked up at once.")
        return OK, 0.1

    webhook = world.add(unlucky)
    told = world.happen()
    world.run(MINUTE)

    delivery = world.deliveries.get(webhook.id, told.place)
    assert delivery is not None
    assert [attempt.status_code for attempt in delivery.attempts] == [200]
    assert world.calls(webhook)[-1].at <= NOON + timedelta(seconds=5)
    assert world.deliveries.health(webhook.id).is_healthy
