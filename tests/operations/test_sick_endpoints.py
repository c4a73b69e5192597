"""With so many workers and no more, an endpoint that is dead, slow or stuck delays no other."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest

from chalicelib.domain.endpoint_health import SLOTS
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import AccountId
from chalicelib.domain.webhook import Webhook
from chalicelib.domain.webhook_delivery import Answer
from chalicelib.events.webhook_queue import AT_ONCE
from chalicelib.operations.call_slots import EVERYWHERE, OF_ENDPOINT, CallSlots, Entry
from chalicelib.operations.manage_webhooks import MOST_WEBHOOKS
from tests.factories.accounts import ACCOUNT_ID, NOON
from tests.factories.webhooks import make_webhook
from tests.fakes.clock import FakeClock
from tests.operations.busy_workers import BusyWorld, delays
from tests.operations.webhook_world import OK, Behaviour, WebhookWorld

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
Plan = dict[timedelta, Callable[[], object]]
OTHER_ACCOUNT = AccountId("acc_1123456789abcdefghjk")
BROKEN = Answer(500, "no")
SILENT = Answer(None, error="No answer within 15 s.", timed_out=True)


def lived(
    sick: list[Behaviour], *, events: int, every: float, in_lambda: bool = False
) -> tuple[BusyWorld, Webhook, list[Webhook]]:
    world = BusyWorld(in_lambda=in_lambda)
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


@pytest.mark.parametrize("in_lambda", [False, True])
@pytest.mark.parametrize("seconds", [4.5, 6.0, 14.0])
def test_one_that_is_known_to_be_slow_is_called_three_times_at_once_and_gets_everything(
    seconds: float, *, in_lambda: bool
) -> None:
    running: list[datetime] = []
    most, known_most = [0], [0]

    def slow(at: datetime, _: int) -> tuple[Answer, float]:
        running[:] = [ends for ends in running if ends > at] + [at + timedelta(seconds=seconds)]
        # It is known after two seconds, and what was under way then is over after fifteen.
        (known_most if at > NOON + timedelta(seconds=17) else most).append(len(running))
        return OK, seconds

    world, _, [webhook] = lived([slow], events=60, every=1.0, in_lambda=in_lambda)

    assert max(known_most) == SLOTS
    assert max(most) <= EVERYWHERE + SLOTS
    assert len(delays(world, webhook)) == 60
    # As fast as three calls at once can be, give or take the looks at the line.
    assert max(delays(world, webhook)) <= 60 * seconds / SLOTS * 2


# --------------------------------------------------------------- with as many workers as AWS has, and not one more


def told(world: BusyWorld, account_id: AccountId, *, seconds: float, each_second: int) -> Plan:
    return {
        timedelta(seconds=number / each_second, microseconds=len(account_id)): partial(
            world.happen, account_id=account_id
        )
        for number in range(int(seconds * each_second))
    }


def dies(after: float, *, takes: float = 15.0) -> Behaviour:
    return lambda at, _: (OK, 0.05) if at < NOON + timedelta(seconds=after) else (SILENT, takes)


def test_in_lambda_one_that_dies_under_fifty_events_a_second_delays_nobody() -> None:
    def lived_in_lambda(*sick: Behaviour) -> tuple[BusyWorld, list[float]]:
        world = BusyWorld(in_lambda=True)
        healthy = world.add()
        for behaviour in sick:
            world.add(behaviour)
        world.run(MINUTE, told(world, ACCOUNT_ID, seconds=10, each_second=50))
        return world, delays(world, healthy)

    _, calm = lived_in_lambda()
    world, found = lived_in_lambda(dies(3))

    assert (len(found), max(found)) == (500, max(calm))
    assert world.fewest_free >= AT_ONCE - EVERYWHERE - 10  # its own, and some that have work for a moment


def test_in_lambda_an_account_whose_endpoints_all_die_at_once_delays_no_other_account() -> None:
    world = BusyWorld(in_lambda=True)
    healthy = world.add(account_id=OTHER_ACCOUNT)
    for _ in range(MOST_WEBHOOKS):
        world.add(dies(2))
    plan = told(world, ACCOUNT_ID, seconds=6, each_second=10)
    world.run(MINUTE, plan | told(world, OTHER_ACCOUNT, seconds=20, each_second=5))

    found = delays(world, healthy)
    assert (len(found), max(found)) == (100, 0)
    assert 0 < world.fewest_free <= AT_ONCE - MOST_WEBHOOKS * EVERYWHERE  # they do hold all they can


def test_in_lambda_endpoints_that_are_always_slow_leave_the_workers_to_the_others() -> None:
    world = BusyWorld(in_lambda=True)
    healthy = world.add(account_id=OTHER_ACCOUNT)
    slow = [world.add(lambda _, __: (OK, 9.0), AccountId(f"acc_{number // 20}")) for number in range(40)]
    plan = told(world, OTHER_ACCOUNT, seconds=60, each_second=2)
    for number in range(2):
        plan |= {
            at + timedelta(microseconds=number): do
            for at, do in told(world, AccountId(f"acc_{number}"), seconds=30, each_second=1).items()
        }
    world.run(HOUR, plan)

    found = delays(world, healthy)
    assert (len(found), max(found)) == (120, 0)
    assert all(len(delays(world, each)) == 30 for each in slow)


def test_a_burst_for_a_quick_endpoint_takes_no_longer_than_three_calls_at_once_take() -> None:
    world = BusyWorld()
    webhook = world.add(lambda _, __: (OK, 0.2))
    world.run(10 * MINUTE, {timedelta(milliseconds=number): world.happen for number in range(100)})

    found = delays(world, webhook)

    assert len(found) == 100
    assert max(found) <= 100 * 0.2 / OF_ENDPOINT + 4


# ----------------------------------------------------------------------------------------------- the slots


def entry(slots: CallSlots, webhook: Webhook) -> Entry:
    with slots.entered(webhook) as found:
        return found


def test_an_account_leaves_slots_to_the_others() -> None:
    clock = FakeClock(NOON)
    slots = CallSlots(of_account=4, sleep=clock.advance, clock=lambda: clock().timestamp())
    mine = [make_webhook(id=f"wh_{number}") for number in range(5)]
    held = [slots.entered(each) for each in mine[:4]]
    for each in held:
        assert each.__enter__() is Entry.IN
    other = make_webhook(id="wh_other", account_id=OTHER_ACCOUNT)

    assert entry(slots, mine[4]) is Entry.BUSY
    assert entry(slots, other) is Entry.IN
    held.pop().__exit__(None, None, None)
    assert entry(slots, mine[4]) is Entry.IN
    assert entry(slots, mine[3]) is Entry.IN


def test_who_finds_an_endpoint_full_waits_a_moment_then_says_whether_it_is_stuck() -> None:
    clock = FakeClock(NOON)
    slots = CallSlots(sleep=clock.advance, clock=lambda: clock().timestamp())
    webhook = make_webhook()
    held = [slots.entered(webhook) for _ in range(OF_ENDPOINT)]
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
