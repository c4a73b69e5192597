"""Accounts: one item each, and the deployment's list of them."""

from dataclasses import dataclass
from datetime import datetime

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.account import Account, SwitchStatus
from chalicelib.domain.ids import AccountId
from chalicelib.operations.ports import AccountSettings, Allowance, Page, PageRequest
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Written, update_if
from chalicelib.storage.daily_limit import count_send, uncount_send
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.roster import Roster
from chalicelib.storage.tables import AccountItem, batch_get

_SUSPENDED = SwitchStatus.SUSPENDED.value
_MAY_SEND: Condition = (
    AccountItem.pk.exists()
    & (AccountItem.status.does_not_exist() | (AccountItem.status != _SUSPENDED))
    & (AccountItem.own_status.does_not_exist() | (AccountItem.own_status != _SUSPENDED))
)


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
            status=account.status.value,
            own_status=account.own_status.value,
            sends_day=account.sends_day,
            sends_today=account.sends_today,
        )
        _accounts().add(account.id, lambda _sequence: [item])

    def get(self, account_id: AccountId) -> Account | None:
        try:
            item = AccountItem.get(keys.account_partition(account_id), keys.ACCOUNT, consistent_read=True)
        except AccountItem.DoesNotExist:
            return None
        return _account(item)

    def set_retention(self, account_id: AccountId, days: int | None) -> bool:
        item, kept = _bare_item(account_id), AccountItem.retention_days
        action: Action = kept.remove() if days is None else kept.set(days)
        return isinstance(update_if(item, [action], AccountItem.pk.exists()), Written)

    def page(self, request: PageRequest) -> Page[Account]:
        page = _accounts().page(request)
        raw = batch_get([(keys.account_partition(name), keys.ACCOUNT) for name in page.items])
        found = {account.id: account for account in map(_account, map(AccountItem.from_raw_data, raw))}
        # One may have been deleted since the list was read.
        accounts = (found.get(AccountId(name)) for name in page.items)
        return Page(tuple(filter(None, accounts)), page.total, page.next_after)

    def set_own_status(self, account_id: AccountId, status: SwitchStatus) -> Account | None:
        written = update_if(_bare_item(account_id), [AccountItem.own_status.set(status.value)], AccountItem.pk.exists())
        return _account(written.item) if isinstance(written, Written) else None

    def save_settings(self, account_id: AccountId, settings: AccountSettings) -> Account | None:
        actions: list[Action] = []
        if settings.plan is not None:
            actions.append(AccountItem.plan.set(settings.plan))
        if settings.daily_send_limit is not None:
            actions.append(AccountItem.daily_send_limit.set(settings.daily_send_limit))
        if settings.status is not None:
            actions.append(AccountItem.status.set(settings.status.value))
        if not actions:
            return self.get(account_id)
        written = update_if(_bare_item(account_id), actions, AccountItem.pk.exists())
        return _account(written.item) if isinstance(written, Written) else None

    def reserve(self, account_id: AccountId, day: str) -> Allowance | Account | None:
        outcome = count_send(_bare_item(account_id), day, _MAY_SEND, lambda found: _account(found).may_send)
        if isinstance(outcome, Written):
            return Allowance(_account(outcome.item))
        return None if outcome.found is None else _account(outcome.found)

    def give_back(self, reserved: Account) -> None:
        uncount_send(_bare_item(reserved.id), reserved.sends_day)


def _bare_item(account_id: AccountId) -> AccountItem:
    return AccountItem(keys.account_partition(account_id), keys.ACCOUNT)


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
        retention_days=None if item.retention_days is None else int(item.retention_days),
        status=SwitchStatus(item.status or SwitchStatus.ACTIVE),
        own_status=SwitchStatus(item.own_status or SwitchStatus.ACTIVE),
        sends_day=item.sends_day or "",
        sends_today=int(item.sends_today or 0),
    )
