"""Stop switches on every engine: read together, marked while they are stopped, and what stays of a deleted key."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.account import SwitchStatus
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.domain.inbox import InboxStatus
from chalicelib.domain.switch import Switch, SwitchKind, SwitchState
from chalicelib.operations.ports import AccountStore, InboxStore, KeyStore, PageRequest, SwitchStore
from chalicelib.storage.account_store import DynamoAccountStore
from chalicelib.storage.inbox_store import DynamoInboxStore
from chalicelib.storage.key_store import DynamoKeyStore
from chalicelib.storage.switch_store import DynamoSwitches
from tests.factories.accounts import ACCOUNT_ID, KEY_ID, NOON, make_account, make_inbox, make_key
from tests.fakes.account_store import FakeAccountStore
from tests.fakes.inbox_store import FakeInboxStore
from tests.fakes.key_store import FakeKeyStore
from tests.fakes.switch_store import FakeSwitchStore

STRANGER = AccountId("acc_another")
INBOX, KEY, ACCOUNT = Switch.of_inbox(7), Switch.of_key(KEY_ID), Switch.of_account(ACCOUNT_ID)
ALL = (INBOX, KEY, ACCOUNT)
HASH = b"h" * 32


@dataclass(frozen=True)
class Desk:
    """An inbox, a key and an account with their switches."""

    switches: SwitchStore
    inboxes: InboxStore
    keys: KeyStore
    accounts: AccountStore

    def stop(self, switch: Switch) -> None:
        match switch.kind:
            case SwitchKind.INBOX:
                self.inboxes.create(make_inbox(status=InboxStatus.SUSPENDED))
            case SwitchKind.KEY:
                self.keys.create(make_key(), HASH)
                self.keys.set_status(ACCOUNT_ID, KEY_ID, SwitchStatus.SUSPENDED)
            case SwitchKind.ACCOUNT:
                self.accounts.create(make_account())
                self.accounts.set_own_status(ACCOUNT_ID, SwitchStatus.SUSPENDED)

    def read(self, switch: Switch) -> SwitchState:
        return self.switches.read([switch])[switch]


@pytest.fixture
def desk(*, is_fake: bool) -> Desk:
    inboxes: Any = FakeInboxStore() if is_fake else DynamoInboxStore()
    keys: Any = FakeKeyStore() if is_fake else DynamoKeyStore()
    accounts: Any = FakeAccountStore() if is_fake else DynamoAccountStore()
    switches = FakeSwitchStore(inboxes, accounts, keys) if is_fake else DynamoSwitches()
    return Desk(switches, inboxes, keys, accounts)


def test_what_is_not_there_stops_nothing(desk: Desk) -> None:
    assert desk.switches.read(ALL) == dict.fromkeys(ALL, SwitchState())


def test_what_is_active_stops_nothing(desk: Desk) -> None:
    desk.inboxes.create(make_inbox())
    desk.keys.create(make_key(), HASH)
    desk.accounts.create(make_account())

    assert desk.switches.read(ALL) == dict.fromkeys(ALL, SwitchState())


@pytest.mark.parametrize("switch", ALL)
def test_a_stopped_switch_is_seen_and_given_up_by_its_owner_alone(desk: Desk, switch: Switch) -> None:
    until = NOON + timedelta(milliseconds=123)
    desk.stop(switch)

    if switch is not ACCOUNT:
        assert not desk.switches.discard(switch, STRANGER, until)
    assert desk.read(switch) == SwitchState(is_stopped=True)
    assert desk.switches.discard(switch, ACCOUNT_ID, until)

    assert desk.switches.read(ALL) == {
        other: SwitchState(is_stopped=True, discarded_until=until) if other is switch else SwitchState()
        for other in ALL
    }


def test_nothing_is_given_up_while_it_is_active_or_not_there(desk: Desk) -> None:
    desk.inboxes.create(make_inbox())
    desk.keys.create(make_key(), HASH)

    assert [desk.switches.discard(switch, ACCOUNT_ID, NOON) for switch in ALL] == [False, False, False]
    assert desk.switches.read(ALL) == dict.fromkeys(ALL, SwitchState())


def test_a_switch_that_is_turned_back_forgets_nothing_that_was_given_up(desk: Desk) -> None:
    desk.stop(KEY)
    desk.switches.discard(KEY, ACCOUNT_ID, NOON)

    turned = desk.keys.set_status(ACCOUNT_ID, KEY_ID, SwitchStatus.ACTIVE)

    assert turned is not None
    assert turned.status is SwitchStatus.ACTIVE
    assert desk.read(KEY) == SwitchState(is_stopped=False, discarded_until=NOON)


def test_a_suspended_key_is_still_proven_and_says_so(desk: Desk) -> None:
    desk.stop(KEY)

    use = desk.keys.use(KEY_ID, HASH, NOON, 100)

    assert getattr(use, "key", None) == replace(make_key(), status=SwitchStatus.SUSPENDED, last_used_at=NOON)


def test_the_switch_of_a_key_that_was_deleted_while_it_was_suspended_stays(desk: Desk) -> None:
    desk.stop(KEY)
    desk.switches.discard(KEY, ACCOUNT_ID, NOON)

    assert desk.keys.delete(ACCOUNT_ID, KEY_ID)

    assert desk.read(KEY) == SwitchState(is_stopped=True, discarded_until=NOON)
    assert desk.keys.use(KEY_ID, HASH, NOON, 100) is None
    assert desk.keys.get(ACCOUNT_ID, KEY_ID) is None
    assert desk.keys.set_status(ACCOUNT_ID, KEY_ID, SwitchStatus.ACTIVE) is None
    assert desk.keys.page(ACCOUNT_ID, PageRequest()).total == 0
    assert not desk.keys.delete(ACCOUNT_ID, KEY_ID)


def test_a_key_is_got_and_turned_by_its_account_alone(desk: Desk) -> None:
    desk.keys.create(make_key(), HASH)

    assert desk.keys.get(ACCOUNT_ID, KEY_ID) == make_key()
    assert desk.keys.get(STRANGER, KEY_ID) is None
    assert desk.keys.set_status(STRANGER, KEY_ID, SwitchStatus.SUSPENDED) is None
    assert desk.keys.set_status(ACCOUNT_ID, KeyId("key_unknown"), SwitchStatus.SUSPENDED) is None
    assert desk.read(KEY) == SwitchState()


def test_the_switch_of_an_unknown_account_is_not_turned(desk: Desk) -> None:
    assert desk.accounts.set_own_status(ACCOUNT_ID, SwitchStatus.SUSPENDED) is None
    assert desk.accounts.get(ACCOUNT_ID) is None
