"""The bodies and queries that requests may hold; `message_requests.py` has those that send, `shapes/` the answers."""

from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from chalicelib.api.json_reading import RequestShape
from chalicelib.api.problems import Problems, nearest, quoted
from chalicelib.domain.account import DEFAULT_SCOPES, ApiKey, Scope, SwitchStatus
from chalicelib.domain.address import AddressError, Mailbox, parse_mailbox
from chalicelib.domain.delivery import EventType
from chalicelib.domain.file_name import media_type
from chalicelib.domain.header_text import header_text_problem
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.domain.message import Direction
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.create_inbox import NewInbox
from chalicelib.operations.manage_accounts import NewAccount
from chalicelib.operations.manage_attachments import NewFile
from chalicelib.operations.manage_keys import NewKey
from chalicelib.operations.ports import AccountSettings
from chalicelib.settings import settings

_LARGEST_NUMBER = 10**12
_LARGEST_LIMIT = 10**9
EVENT_TYPES = tuple(
    type_.value for type_ in EventType if type_ not in (EventType.SENDING, EventType.WEBHOOK_TEST)
)  # that a log has


# ------------------------------------------------------------------------------------------------- rules


@lru_cache(maxsize=256)
def read_mailbox(text: str) -> Mailbox:
    """Parsed once when it is checked and found again when the draft is made."""
    return parse_mailbox(text, allow_test_domains=settings().allow_test_domains)


def mailbox_problem(text: str) -> str | None:
    """What keeps the text from being one mailbox."""
    try:
        read_mailbox(text)
    except AddressError as error:
        return f"not an email address: {error}"
    return None


def address_problem(text: str) -> str | None:
    """What keeps the text from being a bare address."""
    problem = mailbox_problem(text)
    return problem or ("leave the name out; only the address belongs here" if read_mailbox(text).name else None)


def media_type_problem(text: str) -> str | None:
    """What keeps the text from being a media type."""
    return None if media_type(text) else f'"{quoted(text)}" is not a media type like application/pdf'


def inbox_status_problem(status: InboxStatus) -> str | None:
    """What keeps a status from being set."""
    return "an inbox is deleted by DELETE" if status is InboxStatus.DELETED else None


AddressText = Annotated[str, Meta(examples=["ana@example.com"], extra={"problem": address_problem})]
FileName = Annotated[str, Meta(min_length=1, max_length=1_000, examples=["report.pdf"])]
Name = Annotated[str, Meta(min_length=1, max_length=200, extra={"problem": header_text_problem})]
Moment = Annotated[datetime, Meta(tz=True, examples=["2030-01-31T12:00:00Z"])]
DailyLimit = Annotated[
    int, Meta(ge=0, le=_LARGEST_LIMIT, description="Messages from midnight to midnight UTC.", examples=[1000])
]
RequestRate = Annotated[
    int, Meta(ge=1, le=_LARGEST_LIMIT, description="Requests a minute; null: the deployment's.", examples=[60])
]


# ------------------------------------------------------------------------------------------- attachments


class NewUploadJson(RequestShape, frozen=True):
    """A file whose bytes will go straight to storage."""

    filename: FileName
    size: Annotated[int, Meta(ge=1, le=_LARGEST_NUMBER, description="Bytes, at most 10 MiB.", examples=[7340032])]
    content_type: (
        Annotated[
            str,
            Meta(
                max_length=255,
                description="`type/subtype`; absent: what the ending of the name says.",
                examples=["application/pdf"],
                extra={"problem": media_type_problem},
            ),
        ]
        | None
    ) = None

    def to_file(self) -> NewFile:
        return NewFile(self.filename, media_type(self.content_type or ""), self.size)


# ------------------------------------------------------------------------------------------------- lists


class PageQuery(RequestShape, frozen=True):
    """Which part of a list."""

    limit: Annotated[int, Meta(ge=1, le=100, description="How many entries, at most.")] = 20
    offset: Annotated[int, Meta(ge=0, le=_LARGEST_NUMBER, description="How many entries to skip.")] | None = None
    cursor: (
        Annotated[
            str,
            Meta(description="The `nextCursor` of the page before, in place of `offset`; skips and repeats nothing."),
        ]
        | None
    ) = None

    def check(self, problems: Problems) -> None:
        if self.offset is not None and self.cursor is not None:
            problems.note("cursor", "cannot be combined with offset; a cursor goes on where its page ended")


class DeleteInboxQuery(RequestShape, frozen=True):
    """How much of an inbox goes."""

    purge: Annotated[bool, Meta(description="Delete all that it holds, too, for good.")] = False


class RetentionJson(RequestShape, frozen=True):
    """How long an account keeps messages."""

    days: Annotated[
        Annotated[int, Meta(ge=1, le=3650)] | None,
        Meta(description="After so many days messages are deleted for good; null: they are kept."),
    ]


class MessagesQuery(PageQuery, frozen=True):
    """Which messages of an inbox."""

    status: Annotated[MessageStatus, Meta(description="Only messages of this status.")] | None = None
    direction: Annotated[Direction, Meta(description="Only messages sent, or only messages received.")] | None = None


class EventsQuery(RequestShape, frozen=True):
    """Which part of the event feed."""

    after: (
        Annotated[str, Meta(description="The `nextCursor` of the answer before, or an event's id; absent: the oldest.")]
        | None
    ) = None
    limit: Annotated[int, Meta(ge=1, le=100, description="How many events, at most.")] = 20
    inbox_id: Annotated[str, Meta(description="Only events of this inbox.")] | None = None
    types: (
        Annotated[
            str,
            Meta(description="Only events of these types, comma-separated.", examples=["message.received"]),
        ]
        | None
    ) = None
    wait: Annotated[
        int,
        Meta(ge=0, le=20, description="Seconds to hold the answer until something happens; deployments may cap it."),
    ] = 0

    def check(self, problems: Problems) -> None:
        for text in (self.types or "").split(",") if self.types is not None else ():
            if text not in EVENT_TYPES:
                problems.note("types", f'there is no event type "{quoted(text)}"{nearest(text, EVENT_TYPES)}')

    @property
    def wanted_types(self) -> frozenset[EventType]:
        return frozenset(EventType(text) for text in self.types.split(",")) if self.types is not None else frozenset()


# ------------------------------------------------------------------------------- inboxes, keys, accounts


class NewInboxJson(RequestShape, frozen=True):
    """An inbox to create; empty: a random address on the deployment's mail domain."""

    address: (
        Annotated[str, Meta(max_length=254, description="A local part, or a full address.", examples=["support-bot"])]
        | None
    ) = None
    display_name: Name | None = None
    domain_id: str | None = None
    prefix: (
        Annotated[
            str, Meta(max_length=52, description="The address is this, `-`, and a random tail.", examples=["agent"])
        ]
        | None
    ) = None

    def to_new_inbox(self, number: int) -> NewInbox:
        return NewInbox(number, self.address, self.display_name, self.domain_id, self.prefix)


class InboxChangeJson(RequestShape, frozen=True):
    """What to change of an inbox; a field that is left out stays as it is."""

    display_name: (
        Annotated[Name, Meta(description="Stands before the address in what it sends; null: none.")] | UnsetType | None
    ) = UNSET
    daily_send_limit: DailyLimit | UnsetType = UNSET
    status: (
        Annotated[
            InboxStatus,
            Meta(
                description="`suspended`: it sends nothing, and still receives. `active`: it sends, and what it is "
                "judged by begins anew.",
                extra={"problem": inbox_status_problem},
                extra_json_schema={"enum": ["active", "suspended"]},
            ),
        ]
        | UnsetType
    ) = UNSET

    def changed(self, known: Inbox) -> Inbox:
        """The inbox as it is to be."""
        return replace(
            known,
            display_name=known.display_name if self.display_name is UNSET else self.display_name,
            daily_send_limit=known.daily_send_limit if self.daily_send_limit is UNSET else self.daily_send_limit,
            status=known.status if self.status is UNSET else self.status,
        )


class NewKeyJson(RequestShape, frozen=True):
    """An API key to create."""

    name: Name | None = None
    scopes: (
        Annotated[
            list[Scope],
            Meta(min_length=1, max_length=20, description="What the key may do; absent: `read`, `send` and `manage`."),
        ]
        | None
    ) = None
    inbox_ids: (
        Annotated[list[str], Meta(min_length=1, max_length=100, description="Only these inboxes; absent: every inbox.")]
        | None
    ) = None
    expires_at: Moment | None = None
    rate_limit_per_minute: RequestRate | None = None

    def to_new_key(self, key_id: KeyId, inbox_numbers: frozenset[int] | None) -> NewKey:
        """The key; `inbox_numbers` is what `inbox_ids` means."""
        scopes = DEFAULT_SCOPES if self.scopes is None else frozenset(self.scopes)
        return NewKey(key_id, self.name, scopes, inbox_numbers, self.expires_at, self.rate_limit_per_minute)


class KeyChangeJson(RequestShape, frozen=True):
    """What to change of an API key; a field that is left out stays as it is."""

    name: Annotated[Name, Meta(description="Null: none.")] | UnsetType | None = UNSET
    scopes: (
        Annotated[
            list[Scope], Meta(min_length=1, max_length=20, description="Some of those it has; more it cannot get.")
        ]
        | UnsetType
    ) = UNSET
    expires_at: Annotated[Moment, Meta(description="Null: never.")] | UnsetType | None = UNSET
    rate_limit_per_minute: RequestRate | UnsetType | None = UNSET
    status: (
        Annotated[
            SwitchStatus,
            Meta(
                description="`suspended` stops mail at once and holds what is queued. Alone: nothing is changed with it."
            ),
        ]
        | UnsetType
    ) = UNSET

    def check(self, problems: Problems) -> None:
        others = (self.name, self.scopes, self.expires_at, self.rate_limit_per_minute)
        if self.status is not UNSET and any(other is not UNSET for other in others):
            # One of the two might be refused when the other is done.
            problems.note("status", "cannot be combined with other fields; change it by a request of its own")

    def changed(self, known: ApiKey) -> ApiKey:
        """The key as it is to be."""
        return replace(
            known,
            name=known.name if self.name is UNSET else self.name,
            scopes=known.scopes if self.scopes is UNSET else frozenset(self.scopes),
            expires_at=known.expires_at if self.expires_at is UNSET else self.expires_at,
            rate_limit=known.rate_limit if self.rate_limit_per_minute is UNSET else self.rate_limit_per_minute,
        )


class StatusJson(RequestShape, frozen=True):
    """How a stop switch is to stand."""

    status: Annotated[SwitchStatus, Meta(description="`suspended` stops mail at once and holds what is queued.")]


class NewAccountJson(RequestShape, frozen=True):
    """A further tenant."""

    name: Name
    email: AddressText

    def to_new_account(self, account_id: AccountId) -> NewAccount:
        return NewAccount(account_id, self.name, read_mailbox(self.email).address)


class AccountChangeJson(RequestShape, frozen=True):
    """What to change of an account; a field that is left out stays as it is."""

    plan: Name | UnsetType = UNSET
    daily_send_limit: DailyLimit | UnsetType = UNSET
    status: (
        Annotated[SwitchStatus, Meta(description="`suspended`: it sends nothing; all else goes on.")] | UnsetType
    ) = UNSET

    def to_settings(self) -> AccountSettings:
        return AccountSettings(
            None if self.plan is UNSET else self.plan,
            None if self.daily_send_limit is UNSET else self.daily_send_limit,
            None if self.status is UNSET else self.status,
        )
