"""Accounts in memory."""

from dataclasses import dataclass, field, replace
from threading import Lock

from chalicelib.domain.account import Account, SwitchStatus
from chalicelib.domain.ids import AccountId
from chalicelib.operations.ports import AccountSettings, Allowance, Page, PageRequest
from tests.fakes.paging import page_of


@dataclass
class FakeAccountStore:
    """Behaves as the real one."""

    accounts: dict[AccountId, Account] = field(default_factory=dict)  # in order of creation
    _lock: Lock = field(default_factory=Lock)

    def create(self, account: Account) -> None:
        self.accounts.setdefault(account.id, account)

    def get(self, account_id: AccountId) -> Account | None:
        return self.accounts.get(account_id)

    def set_retention(self, account_id: AccountId, days: int | None) -> bool:
        if account_id in self.accounts:
            self.accounts[account_id] = replace(self.accounts[account_id], retention_days=days)
        return account_id in self.accounts

    def page(self, request: PageRequest) -> Page[Account]:
        return page_of(enumerate(self.accounts.values()), request)

    def set_own_status(self, account_id: AccountId, status: SwitchStatus) -> Account | None:
        account = self.accounts.get(account_id)
        if account is not None:
            self.accounts[account_id] = account = replace(account, own_status=status)
        return account

    def save_settings(self, account_id: AccountId, settings: AccountSettings) -> Account | None:
        with self._lock:
            known = self.accounts.get(account_id)
            if known is None:
                return None
            after = replace(
                known,
                plan=known.plan if settings.plan is None else settings.plan,
                status=known.status if settings.status is None else settings.status,
                daily_send_limit=(
                    known.daily_send_limit if settings.daily_send_limit is None else settings.daily_send_limit
                ),
            )
            self.accounts[account_id] = after
            return after

    def reserve(self, account_id: AccountId, day: str) -> Allowance | Account | None:
        with self._lock:
            known = self.accounts.get(account_id)
            if known is None:
                return None
            day = max(day, known.sends_day)
            if not known.may_send or known.sends_on(day) >= known.daily_send_limit:
                return known
            after = replace(known, sends_day=day, sends_today=known.sends_on(day) + 1)
            self.accounts[account_id] = after
            return Allowance(after)

    def give_back(self, reserved: Account) -> None:
        with self._lock:
            known = self.accounts[reserved.id]
            if known.sends_day == reserved.sends_day and known.sends_today > 0:
                self.accounts[reserved.id] = replace(known, sends_today=known.sends_today - 1)
