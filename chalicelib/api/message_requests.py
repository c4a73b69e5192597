"""The bodies of requests that send a message: a new one, a reply, a forward."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from chalicelib.api.json_reading import RequestShape
from chalicelib.api.json_requests import mailbox_problem, read_mailbox
from chalicelib.api.problems import Problems
from chalicelib.domain.address import RECIPIENTS_LIMIT, Mailbox
from chalicelib.domain.attachment import MESSAGE_FILES_LIMIT, Enclosure
from chalicelib.domain.header_text import header_text_problem
from chalicelib.domain.ids import AttachmentId, ThreadKey
from chalicelib.domain.message import BODY_LIMIT, Draft
from chalicelib.domain.subject import SUBJECT_LIMIT
from chalicelib.mime.guard import HeaderNameError, check_header_name
from chalicelib.operations.reply_to_message import Words

ADDRESS_ENTRIES_LIMIT = 200  # of one field, repetitions among them; keeps a hostile list from being looked into
METADATA_LIMIT = 1024  # bytes of all keys and values in UTF-8


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
MailboxTexts = Annotated[list[MailboxText], Meta(max_length=ADDRESS_ENTRIES_LIMIT)]
BodyText = Annotated[str, Meta(max_length=BODY_LIMIT)]
HeaderName = Annotated[str, Meta(max_length=76, extra={"problem": header_name_problem})]
HeaderValue = Annotated[str, Meta(min_length=1, max_length=900, extra={"problem": header_text_problem})]
SubjectText = Annotated[str, Meta(min_length=1, max_length=SUBJECT_LIMIT, extra={"problem": header_text_problem})]
MetadataKey = Annotated[str, Meta(min_length=1)]
AttachmentIdText = Annotated[str, Meta(examples=["att_3v1x6y0a7z5k2m9q4r8t"])]


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

    def enclosures(self) -> tuple[Enclosure, ...]:
        # A text that is no id of ours names nothing, and is answered like an id that never existed.
        return tuple(Enclosure(AttachmentId(text)) for text in self.attachment_ids or ())


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
        different = {read_mailbox(text).address for text in (*self.to, *(self.cc or ()), *(self.bcc or ()))}
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
            enclosures=self.enclosures(),
        )


def first_places(texts: Iterable[str], seen: set[str]) -> tuple[Mailbox, ...]:
    """The mailboxes whose addresses were not seen before; nobody gets a message twice."""
    kept = []
    for mailbox in map(read_mailbox, texts):
        if mailbox.address not in seen:
            seen.add(mailbox.address)
            kept.append(mailbox)
    return tuple(kept)


class ReplyJson(WrittenJson, frozen=True):
    """An answer to a message; its recipients follow from the message."""

    subject: Annotated[SubjectText, Meta(description="Absent: the message's own, with one `Re:`.")] | None = None
    reply_all: Annotated[bool, Meta(description="Also to the other recipients in To and Cc.")] | None = None

    def to_words(self) -> Words:
        return _words(self, self.subject)


class ForwardJson(AddressedJson, frozen=True, kw_only=True):
    """A message to send on; what it said and its files follow what is said here."""

    subject: Annotated[SubjectText, Meta(description="Absent: the message's own, with one `Fwd:`.")] | None = None

    def to_words(self) -> Words:
        return _words(self, self.subject)


def _words(written: WrittenJson, subject: str | None) -> Words:
    return Words(
        subject=subject,
        body_text=written.body_text,
        body_html=written.body_html,
        reply_to=first_places(written.reply_to or (), set()),
        headers=written.headers or {},
        metadata=written.metadata or {},
        enclosures=written.enclosures(),
    )
