"""The JSON of every answer and how the domain becomes it.

This module has what they share, inboxes, threads, accounts and keys; `message_shapes.py` has messages, and
`api/json_requests.py` what requests may say. Nowhere else do camelCase and snake_case meet.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from chalicelib.domain.account import Account, ApiKey, Scope, SwitchStatus
from chalicelib.domain.ids import PublicIds, inbox_id
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.domain.message import Direction, snippet
from chalicelib.domain.thread_summary import ThreadSummary

Timestamp = Annotated[str, Meta(extra_json_schema={"format": "date-time"}, examples=["2026-11-22T12:00:00.000Z"])]

RequestRate = Annotated[int | None, Meta(description="Requests a minute; null: as the deployment gives every key.")]

EntryT = TypeVar("EntryT")


class Shape(Struct, frozen=True, kw_only=True, rename="camel"):
    """What every object of an answer has in common: camelCase names."""


class PageJson(Shape, Generic[EntryT], frozen=True):
    """A part of a list: `total` counts all matches; `nextCursor` is null on the last page."""

    data: list[EntryT]
    total: int
    next_cursor: str | None


def timestamp(moment: datetime) -> str:
    """ISO 8601, UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


# ----------------------------------------------------------------------------------------------- inboxes


class InboxJson(Shape, frozen=True):
    """An address of ours with its limits and counters."""

    id: Annotated[str, Meta(examples=["inb_2m9q4r8t1v3x"])]
    address: Annotated[str, Meta(examples=["support-bot@agents.example.com"])]
    display_name: str | None
    domain_id: str | None
    status: InboxStatus
    daily_send_limit: int
    sends_today: int
    total_sent: int
    bounce_count: int
    complaint_count: int
    created_at: Timestamp


def inbox_as_json(inbox: Inbox, today: str) -> InboxJson:
    """The inbox on the UTC day `today` (YYYY-MM-DD)."""
    return InboxJson(
        id=inbox_id(inbox.number),
        address=inbox.address,
        display_name=inbox.display_name,
        domain_id=inbox.domain_id,
        status=inbox.status,
        daily_send_limit=inbox.daily_send_limit,
        sends_today=inbox.sends_on(today),
        total_sent=inbox.total_sent,
        bounce_count=inbox.bounce_count,
        complaint_count=inbox.complaint_count,
        created_at=timestamp(inbox.created_at),
    )


# ----------------------------------------------------------------------------------------------- threads


class LastMessageJson(Shape, frozen=True):
    """The newest message of a thread, in short."""

    id: str
    direction: Direction
    from_address: str
    snippet: str


class ThreadJson(Shape, frozen=True):
    """A conversation in one inbox."""

    id: Annotated[str, Meta(examples=["thr_1v3x6y0a7z5k2m9q4r8t"])]
    inbox_id: str
    subject: str
    participants: list[str]
    message_count: int
    last_message: LastMessageJson
    last_message_at: Timestamp
    created_at: Timestamp


def thread_as_json(summary: ThreadSummary, ids: PublicIds) -> ThreadJson:
    thread, last = summary.thread, summary.last_message.content
    return ThreadJson(
        id=ids.thread_id(thread.key),
        inbox_id=inbox_id(thread.key.inbox_number),
        subject=thread.subject,
        participants=list(thread.participants),
        message_count=thread.message_count,
        last_message=LastMessageJson(
            id=ids.message_id(last.key),
            direction=last.direction,
            from_address=last.sender.address,
            snippet=snippet(last.own_words),
        ),
        last_message_at=timestamp(last.created_at),
        created_at=timestamp(thread.created_at),
    )


# ---------------------------------------------------------------------------------- accounts and keys


class SuspendedBy(StrEnum):
    """Whose switch stops an account."""

    OWNER = "owner"
    OPERATOR = "operator"


class AccountJson(Shape, frozen=True):
    """An account with its limit."""

    id: str
    name: str
    email: str
    plan: str
    daily_send_limit: int
    sends_today: int
    is_verified: bool
    retention_days: Annotated[int | None, Meta(description="After so many days messages are deleted; null: never.")]
    status: SwitchStatus
    suspended_by: Annotated[
        SuspendedBy | None,
        Meta(description="`owner`: PATCH /account; `operator`: whoever runs the deployment, also where both did."),
    ]
    created_at: Timestamp


class CreatedAccountJson(Shape, frozen=True):
    """A new tenant; `apiKey` is its first key and stands in the first answer only."""

    id: str
    name: str
    email: str
    api_key: str | UnsetType = UNSET


class KeyJson(Shape, frozen=True):
    """An API key as a list shows it: never the key itself."""

    id: str
    key_prefix: str
    name: str | None
    status: SwitchStatus
    scopes: list[Scope]
    inbox_ids: list[str] | None
    rate_limit_per_minute: RequestRate
    last_used_at: Timestamp | None
    expires_at: Timestamp | None
    created_at: Timestamp


class CreatedKeyJson(Shape, frozen=True):
    """A new API key; `key` stands in the first answer only."""

    id: str
    prefix: str
    name: str | None
    scopes: list[Scope]
    inbox_ids: list[str] | None
    rate_limit_per_minute: RequestRate
    expires_at: Timestamp | None
    created_at: Timestamp
    message: str
    key: str | UnsetType = UNSET


class DiscardedJson(Shape, frozen=True):
    """What was accepted up to this moment and is still queued ends as failed."""

    accepted_until: Timestamp


def account_as_json(account: Account, today: str) -> AccountJson:
    """The account on the UTC day `today` (YYYY-MM-DD)."""
    suspended_by = None if account.own_status is SwitchStatus.ACTIVE else SuspendedBy.OWNER
    if account.status is SwitchStatus.SUSPENDED:
        suspended_by = SuspendedBy.OPERATOR
    return AccountJson(
        id=account.id,
        name=account.name,
        email=account.email,
        plan=account.plan,
        daily_send_limit=account.daily_send_limit,
        sends_today=account.sends_on(today),
        is_verified=account.is_verified,
        retention_days=account.retention_days,
        status=SwitchStatus.ACTIVE if suspended_by is None else SwitchStatus.SUSPENDED,
        suspended_by=suspended_by,
        created_at=timestamp(account.created_at),
    )


def created_account_as_json(account: Account, key_text: str | None) -> CreatedAccountJson:
    """The new account; without `key_text` as a replay shows it."""
    return CreatedAccountJson(
        id=account.id, name=account.name, email=account.email, api_key=UNSET if key_text is None else key_text
    )


def key_as_json(key: ApiKey) -> KeyJson:
    return KeyJson(
        id=key.id,
        key_prefix=key.prefix,
        name=key.name,
        status=key.status,
        scopes=sorted(key.scopes),
        inbox_ids=_inbox_ids(key),
        rate_limit_per_minute=key.rate_limit,
        last_used_at=timestamp(key.last_used_at) if key.last_used_at else None,
        expires_at=timestamp(key.expires_at) if key.expires_at else None,
        created_at=timestamp(key.created_at),
    )


def created_key_as_json(key: ApiKey, text: str | None) -> CreatedKeyJson:
    """The new key; without `text` as a replay shows it."""
    return CreatedKeyJson(
        id=key.id,
        prefix=key.prefix,
        name=key.name,
        scopes=sorted(key.scopes),
        inbox_ids=_inbox_ids(key),
        rate_limit_per_minute=key.rate_limit,
        expires_at=timestamp(key.expires_at) if key.expires_at else None,
        created_at=timestamp(key.created_at),
        message="Keep this key now; it is not shown again." if text else "The key was shown once, when it was created.",
        key=UNSET if text is None else text,
    )


def _inbox_ids(key: ApiKey) -> list[str] | None:
    return None if key.inbox_numbers is None else [inbox_id(number) for number in sorted(key.inbox_numbers)]
