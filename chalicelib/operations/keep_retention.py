"""Retention: messages go when they are as old as their account says, through the ordinary deletion.

A time to live would be simpler, and wrong: what it removed would still be counted. Sequence order is nearly time order, so
whatever has grown old lies at the beginning of an inbox, and a look at its first messages is enough where nothing has.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.domain.account import Caller
from chalicelib.domain.erasure import Erasure, of_what_grows_old
from chalicelib.domain.errors import NotFound
from chalicelib.operations.delete_message import DeleteMessage
from chalicelib.operations.ports import (
    AccountRemains,
    AccountStore,
    Clock,
    ErasureStore,
    InboxRemains,
    MessageIndex,
    MessageStore,
)

EVERY = timedelta(hours=6)  # so long after it has grown old a message may still be there, and a little more
MESSAGES_A_STEP = 25


@dataclass(frozen=True)
class KeepRetention:
    """One round through an account's inboxes every few hours (`ErasureWork`). `after`: how far in the list, and where in the inbox."""

    accounts: AccountStore
    account: AccountRemains
    inbox: InboxRemains
    messages: MessageStore
    index: MessageIndex
    delete: DeleteMessage

    def step(self, erasure: Erasure, now: datetime) -> Erasure | None:
        account = self.accounts.get(erasure.account_id)
        if account is None or account.retention_days is None:
            return None
        oldest = now - timedelta(days=account.retention_days)
        place, _, sequence = erasure.after.partition(" ")
        numbers, following = self.account.inboxes(erasure.account_id, place, 1)
        if following is None:
            return replace(erasure, after="", due_at=now + EVERY)
        left = self._let_go(numbers[0], int(sequence or -1), oldest)
        if left is not None:
            return replace(erasure, after=f"{place} {left}")
        return replace(erasure, after=following)

    def _let_go(self, inbox_number: int, after: int, oldest: datetime) -> int | None:
        """Delete a few that are older than this; where to go on in the inbox, or None when the next ones are younger."""
        looked_at = self.inbox.oldest(inbox_number, after)
        old = [aged.key for aged in looked_at if aged.created_at < oldest]
        phases = self.index.phases(inbox_number, [key.sequence for key in old]) if old else {}
        for key in old:
            stored = self.messages.get(key) if phases[key.sequence].visible else None
            if stored is not None:
                self.delete.erase(key, stored)
        return looked_at[-1].key.sequence if old else None


@dataclass(frozen=True)
class SetRetention:
    """Change for how many days the caller's account keeps messages; None: for ever."""

    accounts: AccountStore
    erasures: ErasureStore
    clock: Clock

    def __call__(self, days: int | None, caller: Caller) -> None:
        account_id, rounds = caller.account_id, of_what_grows_old(caller.account_id, self.clock())
        if days is not None:
            self.erasures.add(rounds)  # before, for whoever sets it may die right behind that …
        if not self.accounts.set_retention(account_id, days):
            raise NotFound
        if days is not None:
            self.erasures.wake(rounds)  # … and behind, for a round that found no days set has ended the rounds
