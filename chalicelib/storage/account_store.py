"""Accounts: one item each, and the deployment's list of them."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.account import Account, SwitchStatus
from chalicelib.domain.ids import AccountId
from chalicelib.operations.ports import Page, PageRequest
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Written, update_if
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.roster import Roster
from chalicelib.storage.tables import AccountItem, batch_get


@raises_unavailable
@dataclass(frozen=True)
class DynamoAccountStore:
    """`operations.ports.AccountStore` over the table."""

    def create(self, account: Account) -> None:
        if self.get(account.id) is not None:
            return
        item = AccountItem(
            keys.account_partition(account.id),
            keys.ACCOUNT,
            name=account.name,
            email=account.email,
            plan=account.plan,
            daily_send_limit=account.daily_send_limit,
            is_verified=account.is_verified,
            created_at=account.created_at.isoformat(),
        )
        _accounts().add(account.id, lambda _sequence: [item])

    def get(self, account_id: AccountId) -> Account | None:
        try:
            item = AccountItem.get(keys.account_partition(account_id), keys.ACCOUNT, consistent_read=True)
        except AccountItem.DoesNotExist:
            return None
        return _account(item)

    def page(self, request: PageRequest) -> Page[Account]:
        page = _accounts().page(request)
        raw = batch_get([(keys.account_partition(name), keys.ACCOUNT) for name in page.items])
        found = {account.id: account for account in map(_account, map(AccountItem.from_raw_data, raw))}
        return Page(tuple(found[AccountId(name)] for name in page.items), page.total, page.next_after)

    def set_own_status(self, account_id: AccountId, status: SwitchStatus) -> Account | None:
        item = AccountItem(keys.account_partition(account_id), keys.ACCOUNT)
        written = update_if(item, [AccountItem.own_status.set(status.value)], AccountItem.pk.exists())
        return _account(written.item) if isinstance(written, Written) else None


def _accounts() -> Roster:
    return Roster(keys.DEPLOYMENT_PARTITION, "accounts")


def _account(item: AccountItem) -> Account:
    return Account(
        id=AccountId(item.pk.removeprefix(keys.account_partition(""))),
        name=item.name,
        email=item.email,
        plan=item.plan,
        daily_send_limit=int(item.daily_send_limit),
        is_verified=item.is_verified,
        created_at=datetime.fromisoformat(item.created_at),
        status=SwitchStatus(item.status or SwitchStatus.ACTIVE),
        own_status=SwitchStatus(item.own_status or SwitchStatus.ACTIVE),
    )
