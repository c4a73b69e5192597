"""Where stop switches stand: on the inbox, the key and the account themselves."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from chalicelib.domain.ids import AccountId
from chalicelib.domain.switch import Switch, SwitchState


class SwitchStore(Protocol):
    """Stop switches."""

    def read(self, switches: Collection[Switch]) -> Mapping[Switch, SwitchState]:
        """How each stands, consistently, in one read. What is not there stops nothing."""

    def discard(self, switch: Switch, account_id: AccountId, until: datetime) -> bool:
        """Give up what was accepted up to then, while the switch is stopped; False when it is not, or not this account's."""
