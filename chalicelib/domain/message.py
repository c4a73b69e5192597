"""Messages: what one email says, and what is shown of its state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import Arrival
from chalicelib.domain.attachment import Enclosure, MessageAttachment
from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.ids import AccountId, KeyId, MessageKey, ThreadKey
from chalicelib.domain.message_status import MessageStatus

BODY_LIMIT = 1_000_000  # characters of each body of a message that is sent


class Direction(StrEnum):
    OUTBOUND = "outbound"
    INBOUND = "inbound"


class DeliveryMode(StrEnum):
    """Whether the environment really sends."""

    EMAIL = "email"
    DRY_RUN = "dry-run"


class RecipientKind(StrEnum):
    TO = "to"
    CC = "cc"
    BCC = "bcc"


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as the caller hands it to us: checked, not yet accepted."""

    to: tuple[Mailbox, ...]
    subject: str
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    body_text: str | None = None
    body_html: str | None = None
    reply_to: tuple[Mailbox, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    thread: ThreadKey | None = None
    parent: MessageKey | None = None  # the message it answers; None: the newest of `thread`
    references: tuple[str, ...] = ()  # of a mail that begins a thread and still tells where it comes from: a forward
    enclosures: tuple[Enclosure, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageContent:
    """What a message says, as stored: written once, never changed.

    `in_reply_to` and `references` are what was known when the message was accepted. SES gives the final Message-IDs on
    sending, so the sender looks again before it composes; what it used stands in the delivery item.
    """

    key: MessageKey
    thread: ThreadKey
    account_id: AccountId
    direction: Direction
    mode: DeliveryMode
    sender: Mailbox
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    bcc: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    subject: str
    body_text: str | None
    body_html: str | None
    headers: Mapping[str, str]
    metadata: Mapping[str, str]
    in_reply_to: str | None
    references: tuple[str, ...]
    created_at: datetime
    attachments: tuple[MessageAttachment, ...] = ()
    arrival: Arrival | None = None  # set on every received message and on no other
    log_since: int = 0  # the chunk of its account's log from which on its first event is looked for
    body_truncated: bool = False  # a long body was left out of a list; or it is lost, and only its place is known
    key_id: KeyId | None = None  # the API key that handed it in; None: received, or stored before this was noted
    suppressed: tuple[str, ...] = ()  # recipients who were on the suppression list when the message was accepted

    @property
    def own_words(self) -> str | None:
        """What a short view shows: of a received message the new words, without quotes and signature."""
        extracted = self.arrival.extracted_text if self.arrival else None
        return self.body_text if extracted is None else extracted

    @property
    def recipients(self) -> tuple[tuple[RecipientKind, Mailbox], ...]:
        """Every envelope recipient with the header field it stands in, in the caller's order."""
        return (
            *((RecipientKind.TO, mailbox) for mailbox in self.to),
            *((RecipientKind.CC, mailbox) for mailbox in self.cc),
            *((RecipientKind.BCC, mailbox) for mailbox in self.bcc),
        )


@dataclass(frozen=True, slots=True)
class BodyUrls:
    """Where bodies too long for an answer can be read, for an hour; None for a body the message does not have."""

    text: str | None
    html: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is shown: its content, its status, and what is known of each delivery."""

    content: MessageContent
    status: MessageStatus
    delivery: MessageDelivery | None  # None: no worker has touched it, every recipient is still queued
    body_urls: BodyUrls | None = None  # set: the bodies are left out of the answer and read there


SNIPPET_CHARACTERS = 200


def snippet(body_text: str | None) -> str:
    """The first words of a body on one line, at most 200 characters."""
    return " ".join((body_text or "")[: SNIPPET_CHARACTERS * 4].split())[:SNIPPET_CHARACTERS]


def own_message_id_header(message_id: str, sender_domain: str) -> str:
    """The Message-ID we give a mail; it names our id, so a reply to it finds the message without an index."""
    return f"<{message_id}@{sender_domain}>"


def own_message_id(header: str) -> str:
    """The part of a Message-ID that is our id, if we gave it."""
    return header.removeprefix("<").partition("@")[0]
