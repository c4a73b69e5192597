"""Delete an account: its keys are dead and it is off the list at once; all that it has goes part by part.

    inboxes ─▶ webhooks ─▶ log ─▶ requests ─▶ (an hour) ─▶ keys, inboxes … once more ─▶ rest ─▶ done

Each inbox is an erasure of its own. The lists of what the account had go last: they say what is left to do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.account import Caller
from chalicelib.domain.erasure import Erasure, ErasureKind, of_account, of_inbox
from chalicelib.domain.errors import InvalidInput, NotFound
from chalicelib.domain.ids import AccountId
from chalicelib.operations.carry_out_erasures import CarryOutErasures
from chalicelib.operations.erase_inbox import SETTLED
from chalicelib.operations.manage_accounts import FIRST_ACCOUNT
from chalicelib.operations.ports import (
    AccountRemains,
    AccountStore,
    Clock,
    ErasureStore,
    InboxRemains,
    InboxStore,
    Swept,
)

PARTS = ("keys", "inboxes", "webhooks", "log", "requests")
_AGAIN = "again "
_REST = "rest"
INBOXES_A_STEP = 20

More = Callable[[AccountId], bool]
"""Lets a part of something else of the account go; whether it did: when nothing of it is left, it is False."""


@dataclass(frozen=True)
class EraseAccount:
    """The work on an account that is to go (`ErasureWork`). `more`: what others keep of accounts, outside of their partition."""

    accounts: AccountStore
    inboxes: InboxStore
    inbox: InboxRemains
    account: AccountRemains
    erasures: ErasureStore
    more: Sequence[More] = ()

    def step(self, erasure: Erasure, now: datetime) -> Erasure | None:
        again, part = erasure.stage.startswith(_AGAIN), erasure.stage.removeprefix(_AGAIN) or PARTS[0]
        if part == _REST:
            left = self.account.sweep_account(erasure.account_id).after is not None
            return erasure if left else None
        swept = self._sweeps[part](erasure.account_id, erasure.after, now)
        prefix = _AGAIN if again else ""
        if swept.after is not None:
            return replace(erasure, stage=prefix + part, after=swept.after)
        following = PARTS.index(part) + 1
        if following < len(PARTS):
            return replace(erasure, stage=prefix + PARTS[following], after="")
        if again:
            return replace(erasure, stage=_REST, after="")
        return replace(erasure, stage=_AGAIN + PARTS[0], after="", due_at=erasure.began_at + SETTLED)

    @property
    def _sweeps(self) -> Mapping[str, Callable[[AccountId, str, datetime], Swept]]:
        return {
            "keys": self._drop_keys,
            "inboxes": self._erase_inboxes,
            "webhooks": self._sweep_webhooks,
            "log": lambda account_id, _after, _now: self.account.sweep_log(account_id),
            "requests": self._sweep_requests,
        }

    def _drop_keys(self, account_id: AccountId, _after: str, _now: datetime) -> Swept:
        """Also those that a request created which was under way when the account went."""
        self.account.drop_account(account_id)
        self.account.drop_keys(account_id)
        self.erasures.drop(ErasureKind.RETENTION, account_id)
        return Swept(None)

    def _erase_inboxes(self, account_id: AccountId, after: str, now: datetime) -> Swept:
        numbers, following = self.account.inboxes(account_id, after, INBOXES_A_STEP)
        for number in numbers:
            inbox = self.inboxes.get(number)
            if inbox is None or (inbox.is_deleted and not inbox.address):
                continue
            self.erasures.add(of_inbox(number, account_id, now))
            self.inboxes.delete(inbox)
            self.inbox.close(inbox, "")  # the rest in its time; what is queued lies at the end, and is not sent
        return Swept(following, len(numbers))

    def _sweep_webhooks(self, account_id: AccountId, after: str, _now: datetime) -> Swept:
        left = sorted(webhook for webhook in self.account.webhooks(account_id) if webhook >= after)
        if not left:
            return Swept(None)
        if self.account.sweep_webhook(left[0]).after is not None:
            return Swept(left[0])
        return Swept(left[1] if len(left) > 1 else None)

    def _sweep_requests(self, account_id: AccountId, _after: str, _now: datetime) -> Swept:
        if any(let_go(account_id) for let_go in self.more):
            return Swept("")
        # Of the request that created it, which is the first account's, the answer names it.
        self.account.sweep_requests(FIRST_ACCOUNT, frozenset({account_id}))
        return self.account.sweep_requests(account_id)


@dataclass(frozen=True)
class DeleteAccount:
    """Delete a further tenant with all its data; for admins of the first account, which itself cannot go."""

    accounts: AccountStore
    account: AccountRemains
    carry_out: CarryOutErasures
    clock: Clock

    def __call__(self, account_id: AccountId, caller: Caller) -> None:
        if caller.account_id != FIRST_ACCOUNT:
            raise NotFound
        if account_id == FIRST_ACCOUNT:
            raise InvalidInput(
                {"accountId": ["the first account cannot be deleted: it administers all others"]},
                fix="Name another account.",
            )
        if self.accounts.get(account_id) is None:
            raise NotFound
        noted = self.carry_out.note(of_account(account_id, self.clock()))
        self.account.drop_keys(account_id)
        self.account.drop_account(account_id)
        self.carry_out.begin(noted, steps=2)
