"""Who may turn which switch, and who may discard."""

import pytest

from chalicelib.domain.account import SwitchStatus
from chalicelib.domain.errors import Conflict, ErrorCode, Forbidden, InvalidInput, NotFound
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.domain.switch import Switch
from chalicelib.operations.turn_switches import DiscardQueued, TurnAccount, TurnKey
from tests.factories.accounts import ACCOUNT_ID, KEY_ID, make_caller, make_inbox, make_key
from tests.operations.stops import MANAGER, stop
from tests.operations.world import INBOX, World

STRANGER = AccountId("acc_another")
BOUND_KEY = KeyId("key_bound0bound0bound0bo")
SUSPENDED = SwitchStatus.SUSPENDED


def world_with_bound_key() -> World:
    world = World()
    world.keys.create(make_key(id=BOUND_KEY, inbox_numbers=frozenset({INBOX})), b"")
    return world


def test_a_key_of_another_account_and_an_unknown_one_are_answered_alike() -> None:
    world = World()
    turn = TurnKey(world.keys, world.wake_held)

    for key_id, caller in [(KEY_ID, make_caller(account_id=STRANGER)), (KeyId("key_unknown"), MANAGER)]:
        with pytest.raises(NotFound):
            turn(key_id, SUSPENDED, caller)
    assert world.waiting() == []


def test_a_key_cannot_suspend_itself() -> None:
    world = World()

    with pytest.raises(InvalidInput, match="cannot suspend itself"):
        TurnKey(world.keys, world.wake_held)(KEY_ID, SUSPENDED, make_caller())

    assert world.keys.keys[KEY_ID].status is SwitchStatus.ACTIVE


@pytest.mark.parametrize("mine", [{INBOX}, {INBOX, 8}])
def test_a_bound_key_turns_the_switch_of_a_key_that_reaches_no_more(mine: set[int]) -> None:
    world = world_with_bound_key()
    caller = make_caller(inbox_numbers=frozenset(mine))

    assert TurnKey(world.keys, world.wake_held)(BOUND_KEY, SUSPENDED, caller).status is SUSPENDED


@pytest.mark.parametrize(("target", "mine"), [(KEY_ID, {INBOX}), (BOUND_KEY, {8})])
def test_a_bound_key_stops_no_key_that_reaches_more(target: KeyId, mine: set[int]) -> None:
    world = world_with_bound_key()
    caller = make_caller(id=KeyId("key_another"), inbox_numbers=frozenset(mine))

    with pytest.raises(NotFound):
        TurnKey(world.keys, world.wake_held)(target, SUSPENDED, caller)

    assert world.keys.keys[target].status is SwitchStatus.ACTIVE


def test_a_bound_key_stops_no_account_and_discards_nothing_of_it() -> None:
    world = World()
    caller = make_caller(inbox_numbers=frozenset({INBOX}))

    with pytest.raises(Forbidden):
        TurnAccount(world.accounts, world.wake_held)(SUSPENDED, caller)
    with pytest.raises(Forbidden):
        DiscardQueued(world.inboxes, world.keys, world.give_up_held)(Switch.of_account(ACCOUNT_ID), caller)


@pytest.mark.parametrize("switch", [Switch.of_inbox(INBOX), Switch.of_key(KEY_ID), Switch.of_account(ACCOUNT_ID)])
def test_a_discard_while_mail_may_go_is_refused_and_queues_nothing(switch: Switch) -> None:
    world = World()

    with pytest.raises(Conflict) as refused:
        DiscardQueued(world.inboxes, world.keys, world.give_up_held)(switch, MANAGER)

    assert refused.value.code is ErrorCode.NOT_SUSPENDED
    assert world.waiting() == []


def test_a_discard_of_another_accounts_inbox_is_not_found() -> None:
    world = World()
    world.inboxes.create(make_inbox(number=8, address="other@mail.example.com", account_id=STRANGER))
    stop(world, Switch.of_inbox(8))

    for number in (8, 9):
        with pytest.raises(NotFound):
            DiscardQueued(world.inboxes, world.keys, world.give_up_held)(Switch.of_inbox(number), MANAGER)


def test_an_unknown_account_is_not_found() -> None:
    world = World()
    world.accounts.accounts.clear()

    with pytest.raises(NotFound):
        TurnAccount(world.accounts, world.wake_held)(SUSPENDED, MANAGER)
