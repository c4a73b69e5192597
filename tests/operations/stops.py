"""Stop switches turned as the API turns them."""

from dataclasses import replace

from chalicelib.domain.account import SwitchStatus
from chalicelib.domain.ids import KeyId
from chalicelib.domain.inbox import InboxStatus
from chalicelib.domain.switch import Switch, SwitchKind
from chalicelib.operations.turn_switches import TurnAccount, TurnKey
from tests.factories.accounts import ACCOUNT_ID, KEY_ID, make_caller
from tests.operations.world import INBOX, World

ALL = (Switch.of_inbox(INBOX), Switch.of_key(KEY_ID), Switch.of_account(ACCOUNT_ID))
MANAGER = make_caller(id=KeyId("key_manage0manage0manage"))


def stop(world: World, switch: Switch) -> None:
    _turn(world, switch, SwitchStatus.SUSPENDED)


def release(world: World, switch: Switch) -> None:
    _turn(world, switch, SwitchStatus.ACTIVE)


def discard(world: World, switch: Switch) -> bool:
    """Whether it was stopped, so that this was allowed."""
    return world.give_up_held(switch, ACCOUNT_ID) is not None


def operator_says(world: World, status: SwitchStatus) -> None:
    world.accounts.accounts[ACCOUNT_ID] = replace(world.accounts.accounts[ACCOUNT_ID], status=status)


def _turn(world: World, switch: Switch, status: SwitchStatus) -> None:
    match switch.kind:
        case SwitchKind.KEY:
            TurnKey(world.keys, world.wake_held)(KeyId(switch.name), status, MANAGER)
        case SwitchKind.ACCOUNT:
            TurnAccount(world.accounts, world.wake_held)(status, MANAGER)
        case SwitchKind.INBOX:
            if status is SwitchStatus.ACTIVE:
                world.wake_held.begin(switch, ACCOUNT_ID)
            number = int(switch.name)
            world.inboxes.inboxes[number] = replace(world.inboxes.inboxes[number], status=InboxStatus(status.value))
