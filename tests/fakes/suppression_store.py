"""Suppression lists in memory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from chalicelib.domain.ids import AccountId
from chalicelib.domain.suppression import Suppression, suppression_name
from chalicelib.operations.ports import Page, PageRequest
from chalicelib.operations.ports.suppressions import Recipient
from tests.fakes.paging import page_of


@dataclass
class FakeSuppressionStore:
    """Behaves as the real one."""

    lists: dict[Recipient, tuple[int, Suppression]] = field(default_factory=dict)
    _places: "count[int]" = field(default_factory=count)

    def add(self, suppression: Suppression) -> Suppression:
        name = suppression_name(suppression.address)
        place = suppression.account_id, name
        return self.lists.setdefault(place, (next(self._places), replace(suppression, address=name)))[1]

    def add_all(self, account_id: AccountId, suppressions: Sequence[Suppression]) -> int:
        before = len(self.lists)
        for each in suppressions:
            assert each.account_id == account_id
            self.add(each)
        return len(self.lists) - before

    def find(self, account_id: AccountId, addresses: Collection[str]) -> Mapping[str, Suppression]:
        found = {address: self.lists.get((account_id, suppression_name(address))) for address in addresses}
        return {address: entry[1] for address, entry in found.items() if entry is not None}

    def among(self, recipients: Collection[Recipient]) -> frozenset[Recipient]:
        return frozenset(each for each in recipients if self.find(each[0], [each[1]]))

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Suppression]:
        return page_of((entry for (owner, _), entry in self.lists.items() if owner == account_id), request)

    def remove(self, account_id: AccountId, address: str) -> bool:
        return self.lists.pop((account_id, suppression_name(address)), None) is not None

    def names(self, account_id: AccountId) -> set[str]:
        return {name for owner, name in self.lists if owner == account_id}


class NobodySuppressed(FakeSuppressionStore):
    """For histories in which everybody bounces and is written to again: what is added is forgotten."""

    def add(self, suppression: Suppression) -> Suppression:
        return suppression
