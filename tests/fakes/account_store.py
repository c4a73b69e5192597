"""Accounts in memory."""

from dataclasses import dataclass, field, replace

from chalicelib.domain.account import Account, SwitchStatus
from chalicelib.domain.ids import AccountId
from chalicelib.operations.ports import Page, PageRequest
from tests.fakes.paging import page_of


@dataclass
class FakeAccountStore:
    """Behaves as the real one."""

    accounts: dict[AccountId, Account] = field(default_factory=dict)  # in order of creation

    def create(self, account: Account) -> None:
        self.accounts.setdefault(account.id, account)

    def get(self, account_id: AccountId) -> Account | None:
        return self.accounts.get(account_id)

    def page(self, request: PageRequest) -> Page[Account]:
        return page_of(enumerate(self.accounts.values()), request)

    def set_own_status(self, account_id: AccountId, status: SwitchStatus) -> Account | None:
        account = self.accounts.get(account_id)
        if account is not None:
            self.accounts[account_id] = account = replace(account, own_status=status)
        return account
