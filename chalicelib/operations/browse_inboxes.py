"""The inboxes of an account: list them, look at one, delete one."""

from dataclasses import dataclass

from chalicelib.domain.account import Caller
from chalicelib.domain.errors import NotFound
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.domain.switch import Switch
from chalicelib.operations.access import require_inbox
from chalicelib.operations.ports import InboxStore, Page, PageRequest
from chalicelib.operations.turn_switches import GiveUp


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
