"""Stop switches in memory, as they stand in the other fakes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.account import SwitchStatus
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.domain.inbox import InboxStatus
from chalicelib.domain.switch import Switch, SwitchKind, SwitchState
from tests.fakes.account_store import FakeAccountStore
from tests.fakes.inbox_store import FakeInboxStore
from tests.fakes.key_store import FakeKeyStore


@dataclass
class FakeSwitchStore:
    """Behaves as the real one."""

    inboxes: FakeInboxStore = field(default_factory=FakeInboxStore)
    accounts: FakeAccountStore = field(default_factory=FakeAccountStore)
    keys: FakeKeyStore = field(default_factory=FakeKeyStore)
    discarded: dict[Switch, datetime] = field(default_factory=dict)

    def read(self, switches: Collection[Switch]) -> Mapping[Switch, SwitchState]:
        return {switch: SwitchState(self._is_stopped(switch), self.discarded.get(switch)) for switch in switches}

    def discard(self, switch: Switch, account_id: AccountId, until: datetime) -> bool:
        if not self._is_stopped(switch) or self._owner(switch) != account_id:
            return False
        self.discarded[switch] = until
        return True

    def _owner(self, switch: Switch) -> str | None:
        match switch.kind:
            case SwitchKind.INBOX:
                inbox = self.inboxes.get(int(switch.name))
                return None if inbox is None else inbox.account_id
            case SwitchKind.KEY:
                key = self.keys.keys.get(KeyId(switch.name))
                return None if key is None else key.account_id
            case SwitchKind.ACCOUNT:
                return switch.name

    def _is_stopped(self, switch: Switch) -> bool:
        match switch.kind:
            case SwitchKind.INBOX:
                inbox = self.inboxes.get(int(switch.name))
                return inbox is not None and inbox.status is InboxStatus.SUSPENDED
            case SwitchKind.KEY:
                key = self.keys.keys.get(KeyId(switch.name))
                return switch.name in self.keys.stopped or (key is not None and key.status is SwitchStatus.SUSPENDED)
            case SwitchKind.ACCOUNT:
                account = self.accounts.get(AccountId(switch.name))
                return account is not None and SwitchStatus.SUSPENDED in (account.status, account.own_status)


def nothing_held(switch: Switch, _account_id: AccountId) -> datetime | None:
    """In place of `GiveUpHeld`, where nothing is suspended."""
    raise AssertionError(f"nothing was to be given up: {switch}")


def nothing_woken(switch: Switch, _account_id: AccountId) -> None:
    """In place of `WakeHeld.begin`, where nothing is set to active."""
    raise AssertionError(f"nothing was to be woken: {switch}")
