"""What operations ask of the outside: stores, queues, the mail provider, the clock. Wiring fills them in.

Every store speaks the domain's language and raises only errors of `domain/errors.py` or of this page. Reads named
`get` are consistent: they see every write that was answered before.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from chalicelib.domain.account import Account, ApiKey, RateLimit
from chalicelib.domain.delivery import MessageDelivery, Reason
from chalicelib.domain.ids import AccountId, KeyId, MessageKey, ThreadKey
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.message import BodyUrls, MessageContent
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.thread import Thread

T = TypeVar("T")

Clock = Callable[[], datetime]
"""The time now, aware and in UTC. Injected everywhere, so that days pass in a test in milliseconds."""

Together = Callable[[Sequence[Callable[[], None]]], None]
"""Runs independent calls at once and returns when all are done; the first error is raised after the last has ended."""


# ------------------------------------------------------------------------------------------------ lists


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list: `offset` items from its start, or everything `after` a place in its sequence."""

    limit: int = 20
    offset: int = 0
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, the exact `total` of the whole, and the place to go on `after` (None: the end)."""

    items: tuple[T, ...]
    total: int
    next_after: int | None


# ---------------------------------------------------------------------------------------------- inboxes


@dataclass(frozen=True, slots=True)
class Reservation:
    """A sequence number given out, counted against the day's limit; the inbox as it now stands."""

    inbox: Inbox
    sequence: int


class InboxStore(Protocol):
    """Inboxes, their addresses and their counters."""

    def create(self, inbox: Inbox) -> bool:
        """Store a new inbox and claim its address for good; False when the address was ever given out."""

    def get(self, inbox_number: int) -> Inbox | None:
        """The inbox, deleted ones included."""

    def reserve(self, inbox_number: int, account_id: AccountId, day: str) -> Reservation | Inbox | None:
        """Give out the next sequence number and count the send on UTC `day` (YYYY-MM-DD), in one conditional write.

        Refused, it returns the inbox as it stands (suspended, or the day's limit reached); None when there is no such
        inbox of this account.
        """

    def give_back(self, reserved: Inbox) -> None:
        """Uncount one send of the day `reserved` shows: its message was refused after all. The number stays used."""

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Inbox]:
        """The account's inboxes, newest first, deleted ones left out."""

    def delete(self, inbox: Inbox) -> bool:
        """Mark the inbox deleted; its address stays taken. False when it was not there to be deleted."""


# --------------------------------------------------------------------------------------------- messages


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """What the stores hold of one message; `delivery` is None until a worker touches it."""

    content: MessageContent
    delivery: MessageDelivery | None


class VersionConflict(Exception):
    """Someone else saved the item since it was read; read it again and repeat."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the inbox's reputation counts: a message that bounced, or was complained of, for the first time."""

    bounced: bool
    complained: bool


class MessageStore(Protocol):
    """Message contents and delivery items."""

    def put(self, content: MessageContent) -> None:
        """Store a content once; storing the same again is harmless."""

    def get(self, key: MessageKey) -> StoredMessage | None:
        """One message whole, with its bodies."""

    def get_delivery(self, key: MessageKey) -> MessageDelivery | None:
        """What is known of its deliveries."""

    def save_delivery(
        self, key: MessageKey, delivery: MessageDelivery, outcome: Outcome | None = None
    ) -> MessageDelivery:
        """Store it if its version is still the one that was read; the stored value. Raises `VersionConflict`.

        An `outcome` is counted on the inbox in the same transaction, so each is counted exactly once.
        """

    def page(self, keys: Sequence[MessageKey], *, body_budget: int) -> list[StoredMessage]:
        """The messages under these keys, in the order given, missing ones left out.

        When their bodies together are over `body_budget` bytes, the longest are left out until the rest fits, and
        those messages carry `body_truncated`.
        """

    def body_urls(self, content: MessageContent) -> BodyUrls | None:
        """Links to the bodies when they are too long for an answer (above 4 MB), else None."""

    def delete(self, key: MessageKey) -> None:
        """Remove content, bodies and delivery for good; again is harmless."""


class SesMessageIds(Protocol):
    """Which message SES knows by which id: for events without our tag, and for replies that name SES's Message-ID."""

    def put(self, ses_message_id: str, key: MessageKey) -> None: ...

    def get(self, ses_message_id: str) -> MessageKey | None: ...


@dataclass(frozen=True, slots=True)
class IndexedMessage:
    """A message's place in a list, with the phase it was listed in."""

    key: MessageKey
    phase: MessagePhase


@dataclass(frozen=True, slots=True)
class InboxFront:
    """An inbox (None: there is none) and, for the index itself, the newest part of its index."""

    inbox: Inbox | None
    index: Any


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at the index showed: phases by sequence number, and the index's own signs for them."""

    phases: Mapping[int, MessagePhase]
    cells: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Advance:
    """How a conditional step ended: whether *this* call took it, and the phase as it now stands.

    When the database's reply to a step was lost and the step was repeated by the SDK, `taken` is False although the
    first try took it. Whoever uses a step as a lock must therefore treat False as "somebody's, perhaps mine".
    """

    taken: bool
    phase: MessagePhase


class MessageIndex(Protocol):
    """One cell a message: the list, the count, the state machine and the commit point (storage/message_index.py)."""

    def phase(self, key: MessageKey) -> MessagePhase:
        """Where the message stands."""

    def look(self, inbox_number: int, sequences: Collection[int]) -> Sight:
        """What stands in the index for some messages of one inbox."""

    def commit(
        self,
        key: MessageKey,
        phase: MessagePhase,
        thread_members: Callable[[], Sequence[int]],
        seen: Sight | None = None,
    ) -> bool:
        """Make a reserved message visible, newest of its thread; False when its reservation was killed.

        `thread_members` reads the sequence numbers of the thread's messages, this one among them; it may be called
        again when others write to the thread at the same time. `seen` is what a look at them showed a moment ago: when
        nothing has changed since, it saves reading them again.
        """

    def advance(self, key: MessageKey, to: MessagePhase, allowed: Collection[MessagePhase]) -> Advance:
        """Set the phase if it is one of `allowed`."""

    def put_back(self, key: MessageKey) -> None:
        """Set a message that is being submitted back to queued, once, even when the reply is lost and the call repeated.

        A repeat that came late would take the mark from the next worker, and the message would be sent twice.
        """

    def remove(self, key: MessageKey, thread_members: Callable[[], Sequence[int]]) -> MessagePhase:
        """Make the message invisible for good; the phase it was in before (GONE: somebody else removed it)."""

    def settle_thread(self, inbox_number: int, thread_members: Callable[[], Sequence[int]]) -> None:
        """Repair what a crash may have left: exactly the newest visible message stands for its thread."""

    def front(self, inbox_number: int) -> InboxFront:
        """The inbox with the newest part of its index, in one read: what a list begins with."""

    def page(
        self,
        inbox_number: int,
        phases: Collection[MessagePhase],
        request: PageRequest,
        front: InboxFront | None = None,
    ) -> Page[IndexedMessage]:
        """The inbox's messages in any of these phases, newest first; a `front` read just before is not read again."""

    def thread_page(
        self, inbox_number: int, request: PageRequest, front: InboxFront | None = None
    ) -> Page[IndexedMessage]:
        """The newest visible message of each thread, newest first."""

    def hidden(self, front: InboxFront, sequences: Collection[int]) -> frozenset[int]:
        """Which of these the front shows to be invisible, without reading; what lies behind it counts as visible."""

    def seal_due(self, key: MessageKey) -> int:
        """Keep lists cheap: put old parts of the index away when this message says it is time. Again is harmless."""

    def phases(self, inbox_number: int, sequences: Collection[int]) -> Mapping[int, MessagePhase]:
        """The phases of some messages of one inbox."""

    def unfinished(self) -> Iterator[IndexedMessage]:
        """Every message of the deployment that is queued or sending; reads the whole table."""


# ---------------------------------------------------------------------------------------------- threads


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of a thread's older messages: `count` of them have sequence numbers `first` to `last`."""

    first: int
    last: int
    count: int


@dataclass(frozen=True, slots=True)
class ThreadMembers:
    """A thread, and where its messages are.

    `recent` are sequence numbers, oldest first, of messages that the index must be asked about: some may not be
    visible, or not yet. They are the newest, and those that were late or are being deleted, wherever these lie. All
    others are in `runs`, oldest first, and visible.
    """

    thread: Thread
    recent: tuple[int, ...]
    runs: tuple[Run, ...]


class ThreadStore(Protocol):
    """Threads and which messages are in them."""

    def begin(self, thread: Thread) -> None:
        """Store a new thread whose only message is its first; again is harmless."""

    def join(self, key: ThreadKey, sequence: int, participants: Sequence[str]) -> tuple[int, ...]:
        """Add a message to a thread; again is harmless. Its newest members by now; none when the thread is gone."""

    def newest_members(self, key: ThreadKey) -> tuple[int, ...]:
        """The sequence numbers of its newest messages, at least 32 if it has them; empty when the thread is gone."""

    def get(self, key: ThreadKey) -> ThreadMembers | None:
        """The thread and its recent members, at the same cost whatever its length."""

    def settled_members(self, key: ThreadKey, runs: Sequence[Run]) -> tuple[int, ...]:
        """The messages in some neighbouring runs of a thread, oldest first; those that have left since are missing."""

    def get_many(self, keys: Sequence[ThreadKey]) -> dict[ThreadKey, ThreadMembers]:
        """Several threads of one inbox at once; missing ones left out."""

    def announce_leave(self, key: ThreadKey, sequence: int) -> None:
        """Before a visible message is made invisible: from now on it is among the recent ones. Again is harmless."""

    def leave(self, key: ThreadKey, sequence: int) -> None:
        """Take a message out; the thread goes with its last message. Again is harmless."""


# --------------------------------------------------------------------------------- accounts and their keys


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A key that was used, and what its rate window has left."""

    key: ApiKey
    rate: RateLimit


class KeyStore(Protocol):
    """API keys: found by id, proven by hash."""

    def use(self, key_id: KeyId, secret_hash: bytes, now: datetime, limit: int) -> KeyUse | RateLimit | None:
        """Authenticate, count against the minute's `limit` and note the use, in one write.

        None: no such key, a wrong secret, or expired. A bare RateLimit: the window is used up.
        """

    def create(self, key: ApiKey, secret_hash: bytes) -> None:
        """Store a new key; storing the same again is harmless."""

    def page(self, account_id: AccountId, request: PageRequest) -> Page[ApiKey]:
        """The account's keys, newest first, expired ones among them."""

    def delete(self, account_id: AccountId, key_id: KeyId) -> bool:
        """Remove a key of this account; False when there is none."""


class AccountStore(Protocol):
    """Tenants."""

    def create(self, account: Account) -> None:
        """Store a new account; storing the same again is harmless."""

    def get(self, account_id: AccountId) -> Account | None: ...

    def page(self, request: PageRequest) -> Page[Account]:
        """Every account of the deployment, newest first."""


# ------------------------------------------------------------------------------------------ idempotency


@dataclass(frozen=True, slots=True)
class FirstRequest:
    """What is remembered of the first request under an idempotency key."""

    body_hash: bytes
    started_at: datetime
    resource: str | None  # what it is about to create, named before it exists
    answer: bytes | None  # None: still running, or its owner died, or the answer was left out
    owner: str  # the request that holds the key
    answer_left_out: bool = False  # it ran to its end, and its answer is made again from the resource


class IdempotencyStore(Protocol):
    """First requests under an Idempotency-Key, kept 24 h.

    A key has one owner at a time: a random text that each request makes for itself. What an owner does after another
    has taken the key over has no effect, however long it was stalled. Each call may be repeated after a lost reply.
    """

    def begin(self, key: str, body_hash: bytes, owner: str, now: datetime) -> FirstRequest | None:
        """Claim the key; None: it is ours now. Otherwise what the first request left."""

    def take_over(self, key: str, first: FirstRequest, owner: str, now: datetime) -> bool:
        """Become the owner in place of one that died; False when somebody else was faster, or it has answered."""

    def name_resource(self, key: str, owner: str, resource: str) -> None:
        """Note what is about to be created. Raises Unavailable when the key is no longer ours: then create nothing."""

    def finish(self, key: str, owner: str, answer: bytes | None) -> None:
        """Keep the answer for replays, or only the fact that there was one; then the resource is found by its name.

        One too large to keep (above 300 KB compressed) is left out, too.
        """

    def forget(self, key: str, owner: str) -> None:
        """Free the key: the request was refused and created nothing."""


# ------------------------------------------------------------------------------------------------- jobs


@dataclass(frozen=True, slots=True)
class SendJob:
    """What lies in the send queue. A hint only: the store is the truth.

    `queued_at` is when the message was handed in; `deferrals` counts how often the job was put back with a delay.
    """

    message: MessageKey
    queued_at: datetime
    deferrals: int = 0


class SendQueue(Protocol):
    """Jobs for the sender; delivered at least once, in any order."""

    def put(self, job: SendJob, delay: int = 0) -> None:
        """Queue a job for `delay` seconds from now (0 to 900); returns when it is durable."""


# --------------------------------------------------------------------------------------------- mail out


@dataclass(frozen=True, slots=True)
class Envelope:
    """RFC 5321: who sends and to whom, whatever the header fields say."""

    mail_from: str
    rcpt_tos: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SesAcceptance:
    """SES has taken the mail: its id, and the Message-ID it put in place of ours."""

    ses_message_id: str
    message_id_header: str


class SendRefused(Exception):
    """SES said no for good; `reason` says why and what to do."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.message)
        self.reason = reason


class SendThrottled(Exception):
    """SES said: not so fast. It did not take the mail; try again soon."""


class SendPaused(Exception):
    """The daily quota is used up, or sending is paused or suspended. SES did not take the mail."""


class SendNotReached(Exception):
    """SES was certainly not reached (no connection); it did not take the mail."""


class SendOutcomeUnknown(Exception):
    """SES may or may not have taken the mail (5xx, time-out, connection lost): never resend at once."""


class MailProvider(Protocol):
    """Hands mail over, one attempt a call."""

    def send(self, mail: bytes, envelope: Envelope, message_id: str) -> SesAcceptance:
        """Hand over one composed mail, tagged with our `message_id`. Raises one of the five errors above."""
