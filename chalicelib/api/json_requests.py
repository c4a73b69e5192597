"""The bodies and queries that requests may hold, as their JSON says it; `json_shapes.py` holds the answers."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from msgspec import Meta

from chalicelib.api.json_reading import RequestShape
from chalicelib.api.problems import Problems, quoted
from chalicelib.domain.account import DEFAULT_SCOPES, Scope
from chalicelib.domain.address import AddressError, Mailbox, parse_mailbox
from chalicelib.domain.attachment import MESSAGE_FILES_LIMIT, Enclosure
from chalicelib.domain.file_name import media_type
from chalicelib.domain.header_text import header_text_problem
from chalicelib.domain.ids import AccountId, AttachmentId, KeyId, ThreadKey
from chalicelib.domain.message import Direction, Draft
from chalicelib.domain.message_status import MessageStatus
from chalicelib.mime.guard import HeaderNameError, check_header_name
from chalicelib.operations.create_inbox import NewInbox
from chalicelib.operations.manage_accounts import NewAccount
from chalicelib.operations.manage_attachments import NewFile
from chalicelib.operations.manage_keys import NewKey
from chalicelib.settings import settings

RECIPIENTS_LIMIT = 50  # different addresses, as SES takes them (its Destination type)
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


def media_type_problem(text: str) -> str | None:
    """What keeps the text from being a media type."""
    return None if media_type(text) else f'"{quoted(text)}" is not a media type like application/pdf'


MailboxText = Annotated[
    str, Meta(examples=["ana@example.com", "Ana Lima <ana@example.com>"], extra={"problem": mailbox_problem})
]
AddressText = Annotated[str, Meta(examples=["ana@example.com"], extra={"problem": address_problem})]
MailboxTexts = Annotated[list[MailboxText], Meta(max_length=ADDRESS_ENTRIES_LIMIT)]
BodyText = Annotated[str, Meta(max_length=1_000_000)]
HeaderText = Annotated[str, Meta(extra={"problem": header_text_problem})]
HeaderName = Annotated[str, Meta(max_length=76, extra={"problem": header_name_problem})]
HeaderValue = Annotated[str, Meta(min_length=1, max_length=900, extra={"problem": header_text_problem})]
MetadataKey = Annotated[str, Meta(min_length=1)]
AttachmentIdText = Annotated[str, Meta(examples=["att_3v1x6y0a7z5k2m9q4r8t"])]
FileName = Annotated[str, Meta(min_length=1, max_length=1_000, examples=["report.pdf"])]
Name = Annotated[str, Meta(min_length=1, max_length=200, extra={"problem": header_text_problem})]


# ---------------------------------------------------------------------------------------------- messages


class DraftJson(RequestShape, frozen=True):
    """A message to send."""

    to: Annotated[
        list[MailboxText],
        Meta(
            min_length=1,
            max_length=ADDRESS_ENTRIES_LIMIT,
            description="At most 50 different addresses over `to`, `cc` and `bcc`; an address that is repeated counts "
            "once and stays where it stands first.",
        ),
    ]
    subject: Annotated[
        str, Meta(min_length=1, max_length=998, examples=["Your invoice"], extra={"problem": header_text_problem})
    ]
    cc: MailboxTexts | None = None
    bcc: MailboxTexts | None = None
    body_text: BodyText | None = None
    body_html: BodyText | None = None
    thread_id: Annotated[str, Meta(description="Reply into this thread; absent: a new one begins.")] | None = None
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
    attachment_ids: (
        Annotated[
            list[AttachmentIdText],
            Meta(
                max_length=MESSAGE_FILES_LIMIT,
                description="Files that were uploaded before, at most 25 MiB together.",
            ),
        ]
        | None
    ) = None

    def check(self, problems: Problems) -> None:
        different = {_mailbox(text).address for text in (*self.to, *(self.cc or ()), *(self.bcc or ()))}
        if len(different) > RECIPIENTS_LIMIT:
            problems.note("to", f"to, cc and bcc hold {len(different)} different addresses; at most 50 are possible")
        names = [name.lower() for name in self.headers or ()]
        for name in sorted({name for name in names if names.count(name) > 1}):
            problems.note("headers", f"the header {name} is given more than once")
        size = sum(len(text.encode()) for entry in (self.metadata or {}).items() for text in entry)
        if size > METADATA_LIMIT:
            problems.note("metadata", f"holds {size} bytes of keys and values; at most {METADATA_LIMIT} are possible")

        ids = self.attachment_ids or []
        for place, text in enumerate(ids):
            if text in ids[:place]:
                problems.note(f"attachmentIds[{place}]", f"the same file as attachmentIds[{ids.index(text)}]")

    def to_draft(self, thread: ThreadKey | None) -> Draft:
        """The draft; `thread` is what `thread_id` means."""
        seen: set[str] = set()
        return Draft(
            to=_first_places(self.to, seen),
            cc=_first_places(self.cc or (), seen),
            bcc=_first_places(self.bcc or (), seen),
            subject=self.subject,
            body_text=self.body_text,
            body_html=self.body_html,
            reply_to=_first_places(self.reply_to or (), set()),
            headers=self.headers or {},
            metadata=self.metadata or {},
            thread=thread,
            # A text that is no id of ours names nothing, and is answered like an id that never existed.
            enclosures=tuple(Enclosure(AttachmentId(text)) for text in self.attachment_ids or ()),
        )


def _first_places(texts: Iterable[str], seen: set[str]) -> tuple[Mailbox, ...]:
    """The mailboxes whose addresses were not seen before; nobody gets a message twice."""
    kept = []
    for mailbox in map(_mailbox, texts):
        if mailbox.address not in seen:
            seen.add(mailbox.address)
            kept.append(mailbox)
    return tuple(kept)


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
