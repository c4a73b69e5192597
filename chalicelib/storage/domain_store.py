"""Own domains: one item each in the account's partition, the claim under the name, and the account's list of them."""

from dataclasses import dataclass, replace

from pynamodb.expressions.condition import Condition

from chalicelib.domain.ids import AccountId
from chalicelib.domain.own_domain import Domain, DomainId
from chalicelib.operations.ports import Page, PageRequest, VersionConflict
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Refused, Write, delete, update, update_if
from chalicelib.storage.domain_codec import pack, unpack_domain
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.roster import Roster
from chalicelib.storage.tables import ClaimItem, DomainItem, batch_get


@raises_unavailable
@dataclass(frozen=True)
class DynamoDomainStore:
    """`operations.ports.domains.DomainStore` over the table."""

    def create(self, domain: Domain) -> bool:
        claim = ClaimItem(keys.domain_name(domain.name), keys.claim(domain.account_id), domain_id=domain.id)

        def items(sequence: int) -> list[DomainItem | ClaimItem]:
            item = _bare_item(domain.account_id, domain.id)
            item.name, item.domain, item.version = domain.name, pack(domain), domain.version
            item.inboxes, item.list_sequence = 0, sequence
            return [item, claim]

        # Looked at first, so that asking for the same again uses up no places in the list.
        known = _claimed(domain.account_id, domain.name)
        if known is None and _list(domain.account_id).add(domain.id, items):
            return True
        return _claimed(domain.account_id, domain.name) == domain.id

    def get(self, account_id: AccountId, domain_id: DomainId) -> Domain | None:
        item = _find(account_id, domain_id)
        return None if item is None else _domain(item)

    def find(self, account_id: AccountId, name: str) -> Domain | None:
        known = _claimed(account_id, name)
        return None if known is None else self.get(account_id, known)

    def save(self, domain: Domain) -> Domain:
        saved = replace(domain, version=domain.version + 1)
        unchanged = (DomainItem.version == domain.version) & DomainItem.is_going.does_not_exist()
        actions = [DomainItem.domain.set(pack(saved)), DomainItem.version.set(saved.version)]
        outcome = update_if(_bare_item(domain.account_id, domain.id), list(actions), unchanged)
        # After a lost reply the library repeats the write and is refused, though it was stored.
        if isinstance(outcome, Refused) and (outcome.found is None or _domain(outcome.found) != saved):
            raise VersionConflict
        return saved

    def begin_deletion(self, domain: Domain) -> bool:
        idle = (DomainItem.version == domain.version) & (DomainItem.inboxes == 0)
        outcome = update_if(_bare_item(domain.account_id, domain.id), [DomainItem.is_going.set(True)], idle)
        found = outcome.found if isinstance(outcome, Refused) else outcome.item
        if found is None or (found.version != domain.version and not found.is_going):
            raise VersionConflict
        return bool(found.is_going)

    def inboxes(self, domain: Domain) -> int:
        item = _find(domain.account_id, domain.id)
        return 0 if item is None else int(item.inboxes)

    def delete(self, domain: Domain) -> None:
        item = _find(domain.account_id, domain.id)
        if item is None:
            return
        there: Condition = DomainItem.list_sequence == item.list_sequence
        claim = ClaimItem(keys.domain_name(domain.name), keys.claim(domain.account_id))
        _list(domain.account_id).remove(
            int(item.list_sequence),
            delete(_bare_item(domain.account_id, domain.id), there),
            delete(claim, ClaimItem.domain_id == domain.id),
        )

    def is_claimed(self, name: str, *, besides: DomainId) -> bool:
        found = ClaimItem.query(
            keys.domain_name(name), ClaimItem.sk.startswith(keys.CLAIMS), consistent_read=True, limit=2
        )
        return any(claim.domain_id != besides for claim in found)

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Domain]:
        page = _list(account_id).page(request)
        partition = keys.account_partition(account_id)
        raw = batch_get([(partition, keys.domain(name)) for name in page.items])
        items = {item.sk: _domain(item) for item in map(DomainItem.from_raw_data, raw)}
        # One may have been deleted since the list was read.
        found = tuple(items[keys.domain(name)] for name in page.items if keys.domain(name) in items)
        return Page(found, page.total, page.next_after)


def inbox_comes(account_id: AccountId, domain_id: str) -> Write:
    """For the transaction that creates an inbox: it lives on this domain, which is there to stay."""
    stays = DomainItem.pk.exists() & DomainItem.is_going.does_not_exist()
    return update(_bare_item(account_id, domain_id), [DomainItem.inboxes.add(1)], stays)


def inbox_goes(account_id: AccountId, domain_id: str) -> Write:
    """For the transaction that deletes one."""
    return update(_bare_item(account_id, domain_id), [DomainItem.inboxes.add(-1)], DomainItem.pk.exists())


def _domain(item: DomainItem) -> Domain:
    return replace(unpack_domain(item.domain), is_going=bool(item.is_going))


def _find(account_id: AccountId, domain_id: DomainId) -> DomainItem | None:
    try:
        return DomainItem.get(keys.account_partition(account_id), keys.domain(domain_id), consistent_read=True)
    except DomainItem.DoesNotExist:
        return None


def _claimed(account_id: AccountId, name: str) -> DomainId | None:
    try:
        claim = ClaimItem.get(keys.domain_name(name), keys.claim(account_id), consistent_read=True)
    except ClaimItem.DoesNotExist:
        return None
    return DomainId(claim.domain_id)


def _bare_item(account_id: AccountId, domain_id: str) -> DomainItem:
    return DomainItem(keys.account_partition(account_id), keys.domain(domain_id))


def _list(account_id: AccountId) -> Roster:
    return Roster(keys.account_partition(account_id), "domains")
