"""Inboxes, accounts and keys."""

from chalicelib.operations.answer_once import AnswerOnce
from chalicelib.operations.authenticate import Authenticate
from chalicelib.operations.browse_inboxes import ChangeInbox, DeleteInbox, GetInbox, ListInboxes
from chalicelib.operations.create_inbox import CreateInbox
from chalicelib.operations.manage_accounts import Bootstrap, ChangeAccount, CreateAccount, GetAccount, ListAccounts
from chalicelib.operations.manage_keys import ChangeKey, CheckRights, CreateKey, DeleteKey, ListKeys
from chalicelib.storage.idempotency_store import DynamoIdempotencyStore
from chalicelib.wiring.built_once import built_once
from chalicelib.wiring.stores import Stores


class Tenants(Stores):
    """Who may do what, and where mail goes to."""

    @built_once
    def create_inbox(self) -> CreateInbox:
        return CreateInbox(self.inboxes, self.clock, self._settings.mail_domain, self._settings.inbox_daily_send_limit)

    @built_once
    def list_inboxes(self) -> ListInboxes:
        return ListInboxes(self.inboxes)

    @built_once
    def get_inbox(self) -> GetInbox:
        return GetInbox(self.inboxes)

    @built_once
    def change_inbox(self) -> ChangeInbox:
        return ChangeInbox(self.inboxes)

    @built_once
    def delete_inbox(self) -> DeleteInbox:
        return DeleteInbox(self.inboxes)

    @built_once
    def authenticate(self) -> Authenticate:
        return Authenticate(self.keys, self.clock, self._settings.rate_limit_per_minute)

    @built_once
    def answer_once(self) -> AnswerOnce:
        return AnswerOnce(DynamoIdempotencyStore(), self.clock)

    @built_once
    def bootstrap(self) -> Bootstrap:
        return Bootstrap(self.accounts, self.keys, self.clock, self._settings.account_daily_send_limit)

    @built_once
    def create_account(self) -> CreateAccount:
        return CreateAccount(self.accounts, self.keys, self.clock, self._settings.account_daily_send_limit)

    @built_once
    def list_accounts(self) -> ListAccounts:
        return ListAccounts(self.accounts)

    @built_once
    def change_account(self) -> ChangeAccount:
        return ChangeAccount(self.accounts)

    @built_once
    def get_account(self) -> GetAccount:
        return GetAccount(self.accounts)

    @built_once
    def create_key(self) -> CreateKey:
        return CreateKey(self.keys, self.inboxes, self._check_rights, self.clock)

    @built_once
    def _check_rights(self) -> CheckRights:
        return CheckRights(self.clock, self._settings.rate_limit_per_minute)

    @built_once
    def change_key(self) -> ChangeKey:
        return ChangeKey(self.keys, self._check_rights)

    @built_once
    def list_keys(self) -> ListKeys:
        return ListKeys(self.keys)

    @built_once
    def delete_key(self) -> DeleteKey:
        return DeleteKey(self.keys)
