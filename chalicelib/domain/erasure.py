"""Erasures: deletions too large for one request, carried out a little at a time until nothing is left."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.ids import AccountId, ThreadKey


class ErasureKind(StrEnum):
    """What goes."""

    THREAD = "thread"
    INBOX = "inbox"
    ACCOUNT = "account"
    RETENTION = "retention"  # what is older than its account keeps messages; it stands as long as the account says so


@dataclass(frozen=True, slots=True)
class Erasure:
    """One deletion on its way. `stage` and `after` say how far it has come; both may be lost, for every step may come again."""

    kind: ErasureKind
    subject: str  # what of its kind: a number, or two with a slash between, or an id
    account_id: AccountId
    began_at: datetime
    due_at: datetime
    stage: str = ""
    after: str = ""
    version: int = 0  # of the stored item; 0: not stored yet

    @property
    def inbox_number(self) -> int:
        return int(self.subject.partition("/")[0])

    @property
    def thread(self) -> ThreadKey:
        return ThreadKey(self.inbox_number, int(self.subject.partition("/")[2]))


def of_thread(key: ThreadKey, account_id: AccountId, now: datetime) -> Erasure:
    """All messages of a thread are to go."""
    return Erasure(ErasureKind.THREAD, f"{key.inbox_number}/{key.first_sequence}", account_id, now, now)


def of_inbox(inbox_number: int, account_id: AccountId, now: datetime) -> Erasure:
    """All that an inbox holds is to go."""
    return Erasure(ErasureKind.INBOX, str(inbox_number), account_id, now, now)


def of_account(account_id: AccountId, now: datetime) -> Erasure:
    """All that an account has is to go."""
    return Erasure(ErasureKind.ACCOUNT, account_id, account_id, now, now)


def of_what_grows_old(account_id: AccountId, now: datetime) -> Erasure:
    """Messages of an account are to go when they are as old as it says."""
    return Erasure(ErasureKind.RETENTION, account_id, account_id, now, now)
