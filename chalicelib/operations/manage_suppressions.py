"""The account's suppression list: look, add, import, take off."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain.account import Caller
from chalicelib.domain.errors import Forbidden, NotFound
from chalicelib.domain.suppression import Suppression, SuppressionReason
from chalicelib.domain.times import to_milliseconds
from chalicelib.operations.ports import Clock, Page, PageRequest, SuppressionStore


@dataclass(frozen=True, slots=True)
class SuppressionWish:
    """An address that is not to be written to any more, and why."""

    address: str
    reason: SuppressionReason


@dataclass(frozen=True, slots=True)
class Imported:
    """How many were added, and how many were on the list before."""

    added: int
    already: int


def _require_whole_account(caller: Caller) -> None:
    """The list is one for all inboxes: it tells whom the others wrote to, and a change concerns them all."""
    if caller.key.inbox_numbers is not None:
        raise Forbidden(
            "This key is bound to inboxes, and the suppression list is the whole account's.",
            fix="Use a key that is not bound to inboxes. GET /suppressions/{address} works with this one.",
        )


@dataclass(frozen=True)
class AddSuppression:
    """Put an address on the list; again is harmless."""

    suppressions: SuppressionStore
    clock: Clock

    def __call__(self, wish: SuppressionWish, caller: Caller) -> Suppression:
        """What stands on the list; the first reason stays."""
        _require_whole_account(caller)
        return self.suppressions.add(
            Suppression(caller.account_id, wish.address, wish.reason, to_milliseconds(self.clock()))
        )


@dataclass(frozen=True)
class ImportSuppressions:
    """Put many on the list. One that dies may have added some of them, and again adds the rest."""

    suppressions: SuppressionStore
    clock: Clock

    def __call__(self, wishes: Sequence[SuppressionWish], caller: Caller) -> Imported:
        _require_whole_account(caller)
        now = to_milliseconds(self.clock())
        wanted = [Suppression(caller.account_id, wish.address, wish.reason, now) for wish in wishes]
        added = self.suppressions.add_all(caller.account_id, wanted)
        return Imported(added, len(wanted) - added)


@dataclass(frozen=True)
class ListSuppressions:
    """The account's list, newest first."""

    suppressions: SuppressionStore

    def __call__(self, caller: Caller, request: PageRequest) -> Page[Suppression]:
        _require_whole_account(caller)
        return self.suppressions.page(caller.account_id, request)


@dataclass(frozen=True)
class GetSuppression:
    """Whether an address is on the list: for whoever is about to write to it."""

    suppressions: SuppressionStore

    def __call__(self, address: str, caller: Caller) -> Suppression:
        found = self.suppressions.find(caller.account_id, [address])
        if not found:
            raise NotFound
        return found[address]


@dataclass(frozen=True)
class RemoveSuppression:
    """Take an address off the list."""

    suppressions: SuppressionStore

    def __call__(self, address: str, caller: Caller) -> None:
        _require_whole_account(caller)
        if not self.suppressions.remove(caller.account_id, address):
            raise NotFound
