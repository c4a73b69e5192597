"""Turn the stop switches of keys and accounts, and give up for good what a stopped switch holds.

An inbox is stopped by its status. Stopping is one write: every sender sees it before its next call of SES. Turning back is
begun before it is written (`wake_held.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.account import Account, ApiKey, Caller, SwitchStatus
from chalicelib.domain.errors import Conflict, ErrorCode, Forbidden, InvalidInput, NotFound
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.domain.switch import Switch, SwitchKind
from chalicelib.domain.times import to_milliseconds
from chalicelib.operations.access import require_inbox, require_key
from chalicelib.operations.ports import AccountStore, Clock, InboxStore, KeyStore, SwitchStore
from chalicelib.operations.wake_held import WakeHeld

Wake = Callable[[Switch, AccountId], object]
"""`WakeHeld.begin`, for those who turn a switch back along with other things."""
GiveUp = Callable[[Switch, AccountId], datetime | None]
"""`GiveUpHeld`, for those who delete what a switch belongs to."""


@dataclass(frozen=True)
class TurnKey:
    """Suspend an API key, or let it work again; what it holds then goes."""

    keys: KeyStore
    wake: WakeHeld

    def __call__(self, key_id: KeyId, status: SwitchStatus, caller: Caller) -> ApiKey:
        require_key(self.keys, key_id, caller)
        if key_id == caller.key.id and status is SwitchStatus.SUSPENDED:
            raise InvalidInput(
                {"status": ["a key cannot suspend itself, for it could not be used to undo that"]},
                fix="Use another key; or suspend the inbox, or the account.",
            )
        if status is SwitchStatus.ACTIVE:
            self.wake.begin(Switch.of_key(key_id), caller.account_id)
        turned = self.keys.set_status(caller.account_id, key_id, status)
        if turned is None:
            raise NotFound
        return turned


@dataclass(frozen=True)
class TurnAccount:
    """Stop the caller's account, or let it send again. What its operator stopped stays stopped."""

    accounts: AccountStore
    wake: WakeHeld

    def __call__(self, status: SwitchStatus, caller: Caller) -> Account:
        require_whole_account(caller)
        if status is SwitchStatus.ACTIVE:
            self.wake.begin(Switch.of_account(caller.account_id), caller.account_id)
        turned = self.accounts.set_own_status(caller.account_id, status)
        if turned is None:
            raise NotFound
        return turned


@dataclass(frozen=True)
class GiveUpHeld:
    """Mark all that was accepted up to now and waits as never to be sent, while the switch is stopped."""

    switches: SwitchStore
    wake: WakeHeld
    clock: Clock

    def __call__(self, switch: Switch, account_id: AccountId) -> datetime | None:
        """Up to when; None: the switch is not stopped. Again gives up what has come to wait since."""
        if not self.switches.read([switch])[switch].is_stopped:
            return None
        until = to_milliseconds(self.clock())
        self.wake.begin(switch, account_id, until, discards=True)
        return until if self.switches.discard(switch, account_id, until) else None


@dataclass(frozen=True)
class DiscardQueued:
    """Discard what a stopped inbox, key or account holds. Refused while it is not stopped, for then mail goes."""

    inboxes: InboxStore
    keys: KeyStore
    give_up: GiveUpHeld

    def __call__(self, switch: Switch, caller: Caller) -> datetime:
        """Up to when what was accepted is discarded."""
        match switch.kind:
            case SwitchKind.INBOX:
                require_inbox(self.inboxes, int(switch.name), caller)
            case SwitchKind.KEY:
                require_key(self.keys, KeyId(switch.name), caller)
            case SwitchKind.ACCOUNT:
                require_whole_account(caller)
        until = self.give_up(switch, caller.account_id)
        if until is None:
            raise Conflict(
                f"This {switch.kind} is active: its queued mail is on its way and cannot be discarded.",
                fix=f"Suspend the {switch.kind} first; its queued mail is then held, and can be discarded.",
                code=ErrorCode.NOT_SUSPENDED,
            )
        return until


def require_whole_account(caller: Caller) -> None:
    """Forbidden for a key that is bound to inboxes."""
    if caller.key.inbox_numbers is not None:
        raise Forbidden(
            "This key is bound to inboxes and cannot turn the switch of the whole account.",
            fix="Use a key that is not bound to inboxes; or turn the switches of the inboxes.",
        )
