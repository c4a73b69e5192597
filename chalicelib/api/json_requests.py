"""The bodies and queries that requests may hold, as their JSON says it; `json_shapes.py` holds the answers."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Annotated, ClassVar

from msgspec import Meta

from chalicelib.api.json_reading import RequestShape
from chalicelib.api.problems import Problems
from chalicelib.domain.account import DEFAULT_SCOPES, Scope
from chalicelib.domain.address import RECIPIENTS_LIMIT, AddressError, Mailbox, parse_mailbox
from chalicelib.domain.header_text import header_text_problem
from chalicelib.domain.ids import AccountId, KeyId, ThreadKey
from chalicelib.domain.message import BODY_LIMIT, Direction, Draft
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.subject import SUBJECT_LIMIT
from chalicelib.mime.guard import HeaderNameError, check_header_name
from chalicelib.operations.create_inbox import NewInbox
from chalicelib.operations.manage_accounts import NewAccount
from chalicelib.operations.manage_keys import NewKey
from chalicelib.settings import settings

ADDRESS_ENTRIES_LIMIT = 200  # of one field, repetitions among them; keeps a hostile list from being looked into
METADATA_LIMIT = 1024  # bytes of all keys and values in UTF-8
_LARGEST_NUMBER = 10**12


# ------------------------------------------------------------------------------------------------- rules


@lru_cache(maxsize=256)
def _mailbox(text: str) -> Mailbox:
    """Parsed once when it is checked and found again when the draft is made."""
    return parse_mailbox(text, allow_test_domains=settings().allow_test_domains)


def mailbox_problem(text: str) -> str | None:
    """What keeps the text from being one mailbox."""
    try:
        _mailbox(text)
    except AddressError as error:
        return f"not an email address: {error}"
    return None


def address_problem(text: str) -> str | None:
    """What keeps the text from being a bare address."""
    problem = mailbox_problem(text)
    return problem or ("leave the name out; only the address belongs here" if _mailbox(text).name else None)


def header_name_problem(name: str) -> str | None:
    """What keeps a caller from setting this header field."""
    try:
        check_header_name(name)
    except HeaderNameError as error:
        return str(error)
    return None


MailboxText = Annotated[
    str, Meta(examples=["ana@example.com", "Ana Lima <ana@example.com>"], extra={"problem": mailbox_problem})
]
AddressText = Annotated[str, Meta(examples=["ana@example.com"], extra={"problem": address_problem})]
MailboxTexts = Annotated[list[MailboxText], Meta(max_length=ADDRESS_ENTRIES_LIMIT)]
BodyText = Annotated[str, Meta(max_length=BODY_LIMIT)]
HeaderText = Annotated[str, Meta(extra={"problem": header_text_problem})]
HeaderName = Annotated[str, Meta(max_length=76, extra={"problem": header_name_problem})]
HeaderValue = Annotated[str, Meta(min_length=1, max_length=900, extra={"problem": header_text_problem})]
SubjectText = Annotated[str, Meta(min_length=1, max_length=SUBJECT_LIMIT, extra={"problem": header_text_problem})]
MetadataKey = Annotated[str, Meta(min_length=1)]
Name = Annotated[str, Meta(min_length=1, max_length=200, extra={"problem": header_text_problem})]


# ---------------------------------------------------------------------------------------------- messages


class WrittenJson(RequestShape, frozen=True):
    """What a message says besides its subject, whether it is new, a reply or a forward."""

    body_text: BodyText | None = None
    body_html: BodyText | None = None
    reply_to: Annotated[list[MailboxText], Meta(max_length=25)] | None = None
    headers: (
        Annotated[
            dict[HeaderName, HeaderValue],
            Meta(max_length=20, description="Only `X-*`, `List-*`, `Auto-Submitted` and `Importance`."),
        ]
        | None
    ) = None
    metadata: (
        Annotated[
            dict[MetadataKey, str],
            Meta(max_length=20, description="Strings of your own, at most 1 KB together, given back in every event."),
        ]
        | None
    ) = None

    not_yet: ClassVar[Mapping[str, str]] = {
        "attachmentIds": "attachments are not available yet; send the message without this field"
    }

    def check(self, problems: Problems) -> None:
        names = [name.lower() for name in self.headers or ()]
        for name in sorted({name for name in names if names.count(name) > 1}):
            problems.note("headers", f"the header {name} is given more than once")
        size = sum(len(text.encode()) for entry in (self.metadata or {}).items() for text in entry)
        if size > METADATA_LIMIT:
            problems.note("metadata", f"holds {size} bytes of keys and values; at most {METADATA_LIMIT} are possible")


class AddressedJson(WrittenJson, frozen=True, kw_only=True):
    """The same, with its recipients."""

    to: Annotated[
        list[MailboxText],
        Meta(
            min_length=1,
            max_length=ADDRESS_ENTRIES_LIMIT,
            description="At most 50 different addresses over `to`, `cc` and `bcc`; an address that is repeated counts "
            "once and stays where it stands first.",
        ),
    ]
    cc: MailboxTexts | None = None
    bcc: MailboxTexts | None = None

    def check(self, problems: Problems) -> None:
        different = {_mailbox(text).address for text in (*self.to, *(self.cc or ()), *(self.bcc or ()))}
        if len(different) > RECIPIENTS_LIMIT:
            problems.note("to", f"to, cc and bcc hold {len(different)} different addresses; at most 50 are possible")
        super().check(problems)

    def recipients(self) -> tuple[tuple[Mailbox, ...], tuple[Mailbox, ...], tuple[Mailbox, ...]]:
        """To, Cc and Bcc, each address where it stands first."""
        seen: set[str] = set()
        to, cc, bcc = (first_places(texts or (), seen) for texts in (self.to, self.cc, self.bcc))
        return to, cc, bcc


class DraftJson(AddressedJson, frozen=True, kw_only=True):
    """A message to send."""

    subject: Annotated[SubjectText, Meta(examples=["Your invoice"])]
    thread_id: Annotated[str, Meta(description="Reply into this thread; absent: a new one begins.")] | None = None

    def to_draft(self, thread: ThreadKey | None) -> Draft:
        """The draft; `thread` is what `thread_id` means."""
        to, cc, bcc = self.recipients()
        return Draft(
            to=to,
            cc=cc,
            bcc=bcc,
            subject=self.subject,
            body_text=self.body_text,
            body_html=self.body_html,
            reply_to=first_places(self.reply_to or (), set()),
            headers=self.headers or {},
            metadata=self.metadata or {},
            thread=thread,
        )


def first_places(texts: Iterable[str], seen: set[str]) -> tuple[Mailbox, ...]:
    """The mailboxes whose addresses were not seen before; nobody gets a message twice."""
    kept = []
    for mailbox in map(_mailbox, texts):
        if mailbox.address not in seen:
            seen.add(mailbox.address)
            kept.append(mailbox)
    return tuple(kept)


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


class MessagesQuery(PageQuery, frozen=True):
    """Which messages of an inbox."""

    status: Annotated[MessageStatus, Meta(description="Only messages of this status.")] | None = None
    direction: Annotated[Direction, Meta(description="Only messages sent, or only messages received.")] | None = None


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
    expires_at: Annotated[datetime, Meta(tz=True, examples=["2030-01-31T12:00:00Z"])] | None = None

    def to_new_key(self, key_id: KeyId, inbox_numbers: frozenset[int] | None) -> NewKey:
        """The key; `inbox_numbers` is what `inbox_ids` means."""
        scopes = DEFAULT_SCOPES if self.scopes is None else frozenset(self.scopes)
        return NewKey(key_id, self.name, scopes, inbox_numbers, self.expires_at)


class NewAccountJson(RequestShape, frozen=True):
    """A further tenant."""

    name: Name
    email: AddressText

    def to_new_account(self, account_id: AccountId) -> NewAccount:
        return NewAccount(account_id, self.name, _mailbox(self.email).address)
