"""Whose each domain name is: one item under the name, for as long as somebody holds it."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from chalicelib.domain.own_domain import Holding
from chalicelib.operations.ports import VersionConflict
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Refused, delete_if, put_if
from chalicelib.storage.domain_codec import pack, unpack_holding
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.tables import HoldingItem, batch_get


@raises_unavailable
@dataclass(frozen=True)
class DynamoHoldingStore:
    """`operations.ports.domains.HoldingStore` over the table.

    Versions are random: one that was removed and made anew is not taken for the one that was read.
    """

    def get(self, name: str) -> Holding:
        return self.get_many([name])[name]

    def get_many(self, names: Collection[str]) -> Mapping[str, Holding]:
        raw = batch_get([(keys.domain_name(name), keys.HOLDING) for name in names])
        found = {
            holding.name: holding
            for holding in (unpack_holding(item.holding) for item in map(HoldingItem.from_raw_data, raw))
        }
        return {name: found.get(name) or Holding(name) for name in names}

    def save(self, holding: Holding) -> Holding:
        saved = replace(holding, version=secrets.randbits(52) + 1)
        item = HoldingItem(keys.domain_name(holding.name), keys.HOLDING, holding=pack(saved), version=saved.version)
        unchanged = HoldingItem.version == holding.version if holding.version else HoldingItem.pk.does_not_exist()
        outcome = put_if(item, unchanged)
        # After a lost reply the library repeats the write and is refused, though it was stored.
        if isinstance(outcome, Refused) and (outcome.found is None or outcome.found.version != saved.version):
            raise VersionConflict
        return saved

    def remove(self, holding: Holding) -> None:
        item = HoldingItem(keys.domain_name(holding.name), keys.HOLDING)
        if not delete_if(item, HoldingItem.version == holding.version) and self.get(holding.name).version:
            raise VersionConflict
