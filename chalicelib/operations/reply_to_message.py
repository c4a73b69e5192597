"""Answer a message: to whom, under which subject, and in its thread."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from chalicelib.domain.account import Caller
from chalicelib.domain.address import Mailbox
from chalicelib.domain.attachment import Enclosure
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message import Draft, Message
from chalicelib.domain.reply_recipients import reply_recipients
from chalicelib.domain.subject import reply_subject
from chalicelib.operations.access import require_inbox
from chalicelib.operations.get_message import GetMessage
from chalicelib.operations.ports import InboxStore
from chalicelib.operations.submit_message import SubmitMessage


@dataclass(frozen=True, slots=True)
class Words:
    """What the caller of a reply or a forward says; what is left out follows from the message."""

    subject: str | None = None
    body_text: str | None = None
    body_html: str | None = None
    reply_to: tuple[Mailbox, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    enclosures: tuple[Enclosure, ...] = ()


@dataclass(frozen=True)
class ReplyToMessage:
    """Send an answer to exactly this message, not to the newest of its thread."""

    get_message: GetMessage
    inboxes: InboxStore
    submit_message: SubmitMessage
    allow_test_domains: bool

    def __call__(
        self,
        words: Words,
        answered: MessageKey,
        *,
        reply_all: bool,
        caller: Caller,
        name_resource: Callable[[MessageKey], None],
    ) -> Message:
        """Raises what SubmitMessage raises, and InvalidInput when nobody can be answered."""
        original = self.get_message(answered, caller).content
        inbox = require_inbox(self.inboxes, answered.inbox_number, caller)
        recipients = reply_recipients(
            original, inbox.address, reply_all=reply_all, allow_test_domains=self.allow_test_domains
        )
        draft = Draft(
            to=recipients.to,
            cc=recipients.cc,
            subject=reply_subject(original.subject) if words.subject is None else words.subject,
            body_text=words.body_text,
            body_html=words.body_html,
            reply_to=words.reply_to,
            headers=words.headers,
            metadata=words.metadata,
            thread=original.thread,
            parent=answered,
            enclosures=words.enclosures,
        )
        return self.submit_message(
            draft, inbox_number=answered.inbox_number, caller=caller, name_resource=name_resource
        )
