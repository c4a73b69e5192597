"""Stop switches: the status of an inbox, a key and an account, and up to when what they held was given up."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.expressions.condition import Condition

from chalicelib.domain.account import SwitchStatus
from chalicelib.domain.ids import AccountId
from chalicelib.domain.inbox import InboxStatus
from chalicelib.domain.switch import Switch, SwitchKind, SwitchState
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Written, update_if
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.moments import from_microseconds, to_microseconds
from chalicelib.storage.tables import AccountItem, InboxItem, KeyItem, batch_get

# An inbox that is deleted stops nothing that is on its way. An account has two switches: its own, and its operator's.
_STOPPED = {
    SwitchKind.INBOX: (("st", InboxStatus.SUSPENDED.value),),
    SwitchKind.KEY: (("st", SwitchStatus.SUSPENDED.value),),
    SwitchKind.ACCOUNT: (("os", SwitchStatus.SUSPENDED.value), ("st", SwitchStatus.SUSPENDED.value)),
}


@raises_unavailable
@dataclass(frozen=True)
class DynamoSwitches:
    """`operations.ports.SwitchStore` over the table."""

    def read(self, switches: Collection[Switch]) -> Mapping[Switch, SwitchState]:
        places = {_place(switch): switch for switch in switches}
        found = dict.fromkeys(switches, SwitchState())
        for item in batch_get([(place.pk, place.sk) for place in places]):
            switch = places[keys.ItemKey(item["pk"]["S"], item["sk"]["S"])]
            found[switch] = _state(switch.kind, item)
        return found

    def discard(self, switch: Switch, account_id: AccountId, until: datetime) -> bool:
        item, stopped = _stopped(switch, account_id)
        mark = type(item).discarded_until.set(to_microseconds(until))
        return isinstance(update_if(item, [mark], stopped), Written)


def _stopped(switch: Switch, account_id: AccountId) -> tuple[InboxItem | KeyItem | AccountItem, Condition]:
    """The item of a switch, and the condition that it is this account's and stopped."""
    place = _place(switch)
    match switch.kind:
        case SwitchKind.INBOX:
            theirs: Condition = InboxItem.account_id == account_id
            return InboxItem(place.pk, place.sk), theirs & (InboxItem.status == InboxStatus.SUSPENDED.value)
        case SwitchKind.KEY:
            theirs = KeyItem.account_id == account_id
            return KeyItem(place.pk, place.sk), theirs & (KeyItem.status == SwitchStatus.SUSPENDED.value)
        case SwitchKind.ACCOUNT:
            own: Condition = AccountItem.own_status == SwitchStatus.SUSPENDED.value
            return AccountItem(place.pk, place.sk), own | (AccountItem.status == SwitchStatus.SUSPENDED.value)


def _place(switch: Switch) -> keys.ItemKey:
    match switch.kind:
        case SwitchKind.INBOX:
            return keys.ItemKey(keys.inbox_partition(int(switch.name)), keys.INBOX)
        case SwitchKind.KEY:
            return keys.api_key(switch.name)
        case SwitchKind.ACCOUNT:
            return keys.ItemKey(keys.account_partition(switch.name), keys.ACCOUNT)


def _state(kind: SwitchKind, item: Mapping[str, Any]) -> SwitchState:
    is_stopped = any(item.get(name, {}).get("S") == value for name, value in _STOPPED[kind])
    discarded = item.get("du", {}).get("N")
    return SwitchState(is_stopped, None if discarded is None else from_microseconds(int(discarded)))
