"""Where an account's suppression list lives."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from chalicelib.domain.ids import AccountId
from chalicelib.domain.suppression import Suppression
from chalicelib.operations.ports.lists import Page, PageRequest

Recipient = tuple[AccountId, str]
"""An address that an account writes to, in any case."""


class SuppressionStore(Protocol):
    """Addresses that accounts no longer write to; the same address in other capitals is the same."""

    def add(self, suppression: Suppression) -> Suppression:
        """What stands on the list afterwards: this one, or the one that was there before and stays as it is."""

    def add_all(self, account_id: AccountId, suppressions: Sequence[Suppression]) -> int:
        """Add those of an account that are not there yet; how many were not. Again is harmless.

        Not all or nothing: an error leaves some of them added, and adding the same again adds the rest.
        """

    def find(self, account_id: AccountId, addresses: Collection[str]) -> Mapping[str, Suppression]:
        """Those of the addresses that are on the account's list, under the address as given; one read, consistent."""

    def among(self, recipients: Collection[Recipient]) -> frozenset[Recipient]:
        """Those that are on their account's list, as given. One read; what was added this very second may be missed."""

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Suppression]:
        """The account's list, newest first."""

    def remove(self, account_id: AccountId, address: str) -> bool:
        """Take an address off; False when it was not on the list."""
