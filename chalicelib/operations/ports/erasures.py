"""What large deletions ask of the stores: a register of those under way, and the parts of an inbox and of an account.

Parts go a page at a time. Each call may be repeated: it goes on with whatever is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.erasure import Erasure, ErasureKind
from chalicelib.domain.ids import AccountId, MessageKey
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.webhook import WebhookId


class ErasureStore(Protocol):
    """Erasures under way. Whoever works on one holds it for a while, so that others leave it alone."""

    def add(self, erasure: Erasure) -> Erasure:
        """Note what is to go; what stands by now, for it may be under way."""

    def due(self, now: datetime) -> Sequence[Erasure]:
        """Those whose time has come, the earliest first."""

    def save(self, erasure: Erasure) -> Erasure | None:
        """Store how far it has come, unless somebody else has since it was read (None)."""

    def finish(self, erasure: Erasure) -> None:
        """Nothing is left of it, unless somebody has stored it since it was read."""

    def wake(self, erasure: Erasure) -> None:
        """Note it, and let it be due by the time it says, also if somebody is at it; who has read it before saves no more."""

    def drop(self, kind: ErasureKind, subject: str) -> None:
        """It is not wanted any more; again is harmless."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How far a part has been swept: where to go on (None: nothing is left of it), and how many things went."""

    after: str | None
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Aged:
    """A message that is stored, and when it was accepted or received."""

    key: MessageKey
    created_at: datetime


class InboxRemains(Protocol):
    """What an inbox that is deleted holds, part by part."""

    def close(self, inbox: Inbox, after: str) -> Swept:
        """Mark every message as gone, the newest first: none is read, sent or committed from then on."""

    def forget_name(self, inbox: Inbox) -> None:
        """Empty address and display name; of the address a keyed hash stays, so that nobody ever gets it again."""

    def sweep_messages(self, inbox_number: int) -> Swept:
        """Contents, deliveries, ids that lead to them, and files that no other inbox uses."""

    def sweep_rest(self, inbox_number: int) -> Swept:
        """Threads, records of received mail, Message-IDs, peers: all but the inbox itself and its empty index."""

    def sweep_blobs(self, inbox_number: int) -> Swept:
        """Bodies, sources and links."""

    def oldest(self, inbox_number: int, after: int) -> Sequence[Aged]:
        """A few of the messages that follow a sequence number, the oldest first; some may not be visible."""


class AccountRemains(Protocol):
    """What an account has beside its inboxes, part by part."""

    def drop_keys(self, account_id: AccountId) -> None:
        """Every API key, at once."""

    def drop_account(self, account_id: AccountId) -> None:
        """The account itself, off the list of accounts."""

    def inboxes(self, account_id: AccountId, after: str, limit: int = 50) -> tuple[Sequence[int], str | None]:
        """The numbers of inboxes the account ever had, deleted ones among them, and where to go on (None: the end)."""

    def webhooks(self, account_id: AccountId) -> Sequence[WebhookId]:
        """The webhooks the account ever had, deleted ones among them."""

    def forget_answers(self, webhook_id: WebhookId, inbox_number: int, after: str) -> Swept:
        """What an endpoint answered to events of an inbox; the attempts stay."""

    def sweep_webhook(self, webhook_id: WebhookId) -> Swept:
        """Its deliveries, the jobs in its line, its endpoint."""

    def sweep_log(self, account_id: AccountId) -> Swept: ...

    def sweep_requests(self, account_id: AccountId, resources: frozenset[str] | None = None) -> Swept:
        """First requests under an Idempotency-Key: all of the account's, or those that made one of these."""

    def sweep_account(self, account_id: AccountId) -> Swept:
        """Whatever else lies in the account's partition."""
