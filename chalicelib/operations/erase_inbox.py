"""Purge an inbox: it is deleted, and then all that it holds goes, part by part, by whole items.

    close ─▶ messages ─▶ rest ─▶ blobs ─▶ answers ─▶ requests ─▶ (an hour) ─▶ close … requests once more ─▶ done

Nobody looks at its lists any more, so nothing is taken out of them one by one. What was at work on it when it was closed
finds its message gone; whatever such a process stored meanwhile goes in the second round, when none can be at work any more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.domain.account import Caller
from chalicelib.domain.erasure import Erasure, of_inbox
from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import inbox_id
from chalicelib.domain.inbox import Inbox
from chalicelib.operations.carry_out_erasures import CarryOutErasures
from chalicelib.operations.ports import AccountRemains, Clock, InboxRemains, InboxStore, Swept

SETTLED = timedelta(hours=1)  # after which no request and no job is at work on what it began before
PARTS = ("close", "messages", "rest", "blobs", "answers", "requests")
_AGAIN = "again "  # begins the stages of the second round


@dataclass(frozen=True)
class EraseInbox:
    """The work on an inbox that is to go (`ErasureWork`)."""

    inboxes: InboxStore
    inbox: InboxRemains
    account: AccountRemains

    def step(self, erasure: Erasure, _now: datetime) -> Erasure | None:
        inbox = self.inboxes.get(erasure.inbox_number)
        if inbox is None:
            return None
        if not inbox.is_deleted:
            self.inboxes.delete(inbox)  # its request died before it came to that
            return erasure
        again, part = erasure.stage.startswith(_AGAIN), erasure.stage.removeprefix(_AGAIN) or PARTS[0]
        swept = self._sweeps[part](inbox, erasure.after)
        if swept.after is not None:
            return replace(erasure, stage=(_AGAIN if again else "") + part, after=swept.after)
        following = PARTS.index(part) + 1
        if following < len(PARTS):
            return replace(erasure, stage=(_AGAIN if again else "") + PARTS[following], after="")
        if again:
            return None
        return replace(erasure, stage=_AGAIN + PARTS[0], after="", due_at=erasure.began_at + SETTLED)

    @property
    def _sweeps(self) -> Mapping[str, Callable[[Inbox, str], Swept]]:
        return {
            "close": self._close,
            "messages": lambda inbox, _: self.inbox.sweep_messages(inbox.number),
            "rest": lambda inbox, _: self.inbox.sweep_rest(inbox.number),
            "blobs": lambda inbox, _: self.inbox.sweep_blobs(inbox.number),
            "answers": self._forget_answers,
            "requests": self._forget_requests,
        }

    def _close(self, inbox: Inbox, after: str) -> Swept:
        swept = self.inbox.close(inbox, after)
        if swept.after is None:
            self.inbox.forget_name(inbox)
        return swept

    def _forget_answers(self, inbox: Inbox, after: str) -> Swept:
        """What endpoints answered may quote what they were told. Webhook after webhook; `after` says which, and how far."""
        webhooks = sorted(self.account.webhooks(inbox.account_id))
        current, _, place = after.partition(" ")
        left = [webhook for webhook in webhooks if webhook >= current]
        if not left:
            return Swept(None)
        swept = self.account.forget_answers(left[0], inbox.number, place if left[0] == current else "")
        if swept.after is not None:
            return Swept(f"{left[0]} {swept.after}", swept.removed)
        return Swept(left[1] if len(left) > 1 else None, swept.removed)

    def _forget_requests(self, inbox: Inbox, _: str) -> Swept:
        """The answer to the request that created it names its address."""
        self.account.sweep_requests(inbox.account_id, frozenset({inbox_id(inbox.number)}))
        return Swept(None)


@dataclass(frozen=True)
class PurgeInbox:
    """Delete an inbox with all its data, also one that was deleted before; from the answer on nothing more is sent from it."""

    inboxes: InboxStore
    carry_out: CarryOutErasures
    clock: Clock

    def __call__(self, inbox_number: int, caller: Caller) -> None:
        if not caller.may_use_inbox(inbox_number):
            raise NotFound
        inbox = self.inboxes.get(inbox_number)
        if inbox is None or inbox.account_id != caller.account_id or (inbox.is_deleted and not inbox.address):
            raise NotFound  # of one that is emptied its name is gone
        noted = self.carry_out.note(of_inbox(inbox_number, caller.account_id, self.clock()))
        self.inboxes.delete(inbox)
        self.carry_out.begin(noted, steps=2)
