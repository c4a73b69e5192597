"""The inboxes of an account: list them, look at one, change one, delete one."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.domain.account import Caller
from chalicelib.domain.errors import NotFound, Unavailable
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.domain.switch import Switch
from chalicelib.operations.access import require_inbox
from chalicelib.operations.ports import InboxStore, Page, PageRequest
from chalicelib.operations.turn_switches import GiveUp, Wake

_TRIES = 3  # of a change that meets others at the same inbox


@dataclass(frozen=True)
class ListInboxes:
    """The account's inboxes, newest first; a key bound to inboxes sees only those."""

    inboxes: InboxStore

    def __call__(self, caller: Caller, request: PageRequest) -> Page[Inbox]:
        bound = caller.key.inbox_numbers
        if bound is None:
            return self.inboxes.page(caller.account_id, request)
        mine = [
            inbox
            for number in bound
            if (inbox := self.inboxes.get(number)) and inbox.account_id == caller.account_id and not inbox.is_deleted
        ]
        mine.sort(key=lambda inbox: (inbox.created_at, inbox.number), reverse=True)
        start = request.offset if request.after is None else request.after
        end = start + request.limit
        return Page(tuple(mine[start:end]), len(mine), end if end < len(mine) else None)


@dataclass(frozen=True)
class GetInbox:
    """One inbox."""

    inboxes: InboxStore

    def __call__(self, inbox_number: int, caller: Caller) -> Inbox:
        return require_inbox(self.inboxes, inbox_number, caller)


@dataclass(frozen=True)
class ChangeInbox:
    """Change an inbox's display name, daily limit and status.

    Set to active again, its reputation begins anew, and what it held goes.
    """

    inboxes: InboxStore
    wake: Wake

    def __call__(self, inbox_number: int, change: Callable[[Inbox], Inbox], caller: Caller) -> Inbox:
        """Raises NotFound. `change` says what the inbox is to be from what it is."""
        for _ in range(_TRIES):
            known = require_inbox(self.inboxes, inbox_number, caller)
            wanted = change(known)
            if known.status is InboxStatus.SUSPENDED and wanted.status is InboxStatus.ACTIVE:
                self.wake(Switch.of_inbox(inbox_number), caller.account_id)
            changed = self.inboxes.save_settings(known, wanted)
            if changed is not None:
                return changed
        raise Unavailable("Too many requests change the same inbox at once.")


@dataclass(frozen=True)
class DeleteInbox:
    """Delete an inbox: it answers 404 from now on, its address stays taken, mail in flight is still recorded.

    What a suspended one holds is given up, for nobody could release it any more.
    """

    inboxes: InboxStore
    give_up: GiveUp

    def __call__(self, inbox_number: int, caller: Caller) -> None:
        inbox = require_inbox(self.inboxes, inbox_number, caller)
        if inbox.status is InboxStatus.SUSPENDED:
            self.give_up(Switch.of_inbox(inbox_number), caller.account_id)
        if not self.inboxes.delete(inbox):
            raise NotFound
