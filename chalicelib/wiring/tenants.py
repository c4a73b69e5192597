"""Inboxes, accounts and keys."""

from chalicelib.operations.answer_once import AnswerOnce
from chalicelib.operations.authenticate import Authenticate
from chalicelib.operations.browse_inboxes import ChangeInbox, DeleteInbox, GetInbox, ListInboxes
from chalicelib.operations.count_usage import KeepRequestsOfKey
from chalicelib.operations.create_inbox import CreateInbox
from chalicelib.operations.manage_accounts import Bootstrap, ChangeAccount, CreateAccount, GetAccount, ListAccounts
from chalicelib.operations.manage_keys import ChangeKey, CheckRights, CreateKey, DeleteKey, ListKeys
from chalicelib.operations.manage_suppressions import (
    AddSuppression,
    GetSuppression,
    ImportSuppressions,
    ListSuppressions,
    RemoveSuppression,
)
from chalicelib.operations.show_usage import ShowUsage, ShowUsageOfNow, UsageFigures
from chalicelib.operations.turn_switches import DiscardQueued, TurnAccount, TurnKey
from chalicelib.storage.idempotency_store import DynamoIdempotencyStore
from chalicelib.wiring.built_once import built_once
from chalicelib.wiring.telling import Telling


class Tenants(Telling):
    """Who may do what, and where mail goes to."""

    @built_once
    def create_inbox(self) -> CreateInbox:
        return CreateInbox(
            self.inboxes,
            self.clock,
            self._settings.mail_domain,
            self._settings.inbox_daily_send_limit,
            self.domains,
            self.own_domains,
        )

    @built_once
    def list_inboxes(self) -> ListInboxes:
        return ListInboxes(self.inboxes)

    @built_once
    def get_inbox(self) -> GetInbox:
        return GetInbox(self.inboxes)

    @built_once
    def change_inbox(self) -> ChangeInbox:
        return ChangeInbox(self.inboxes, self.wake_held.begin)

    @built_once
    def delete_inbox(self) -> DeleteInbox:
        return DeleteInbox(self.inboxes, self.give_up_held)

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
        return ChangeAccount(self.accounts, self.wake_held.begin)

    @built_once
    def get_account(self) -> GetAccount:
        return GetAccount(self.accounts)

    @built_once
    def show_usage(self) -> ShowUsage:
        return ShowUsage(self._usage_figures, self.inboxes, self.clock)

    @built_once
    def show_usage_of_now(self) -> ShowUsageOfNow:
        return ShowUsageOfNow(self._usage_figures, self.clock)

    @built_once
    def _usage_figures(self) -> UsageFigures:
        return UsageFigures(self._count_usage, self.usage, self.clock)

    @built_once
    def add_suppression(self) -> AddSuppression:
        return AddSuppression(self.suppressions, self.clock)

    @built_once
    def import_suppressions(self) -> ImportSuppressions:
        return ImportSuppressions(self.suppressions, self.clock)

    @built_once
    def list_suppressions(self) -> ListSuppressions:
        return ListSuppressions(self.suppressions)

    @built_once
    def get_suppression(self) -> GetSuppression:
        return GetSuppression(self.suppressions)

    @built_once
    def remove_suppression(self) -> RemoveSuppression:
        return RemoveSuppression(self.suppressions)

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
        return DeleteKey(self.keys, self.give_up_held, KeepRequestsOfKey(self.usage))

    @built_once
    def turn_key(self) -> TurnKey:
        return TurnKey(self.keys, self.wake_held)

    @built_once
    def turn_account(self) -> TurnAccount:
        return TurnAccount(self.accounts, self.wake_held)

    @built_once
    def discard_queued(self) -> DiscardQueued:
        return DiscardQueued(self.inboxes, self.keys, self.give_up_held)
