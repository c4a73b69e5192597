"""Find out what a message answers when it is sent into a thread."""

from dataclasses import dataclass

from chalicelib.domain.account import Caller
from chalicelib.domain.errors import ErrorCode, InvalidInput, NotFound
from chalicelib.domain.ids import MessageKey, PublicIds, ThreadKey
from chalicelib.domain.message import own_message_id_header
from chalicelib.domain.message_id_header import is_repeatable
from chalicelib.domain.thread import reply_references
from chalicelib.operations.access import require_inbox, require_thread
from chalicelib.operations.ports import (
    InboxStore,
    MessageIndex,
    MessageStore,
    Sight,
    StoredMessage,
    ThreadStore,
    Together,
)
from chalicelib.operations.thread_pages import newest_sequences


@dataclass(frozen=True, slots=True)
class Reply:
    """The thread a message answers into, what its header says about that, and what the index showed of the thread."""

    thread: ThreadKey
    in_reply_to: str | None  # None: the parent has no Message-ID that a header could name
    references: tuple[str, ...]
    seen: Sight


@dataclass(frozen=True)
class ReplyInto:
    """The newest visible message of a thread is the parent: its Message-ID, and its chain of References."""

    inboxes: InboxStore
    threads: ThreadStore
    messages: MessageStore
    index: MessageIndex
    public_ids: PublicIds
    together: Together

    def __call__(self, thread: ThreadKey, inbox_number: int, caller: Caller) -> Reply:
        """Raises NotFound for a thread that is not the caller's, InvalidInput for one of another inbox of theirs."""
        members = require_thread(self.threads, thread, caller)
        if thread.inbox_number != inbox_number:
            require_inbox(self.inboxes, inbox_number, caller)
            raise InvalidInput(
                {"threadId": ["this thread belongs to another of your inboxes"]},
                fix="Send from the inbox the thread is in (its `inboxId`), or leave `threadId` out to begin a thread.",
                code=ErrorCode.THREAD_INBOX_MISMATCH,
            )
        seen, parent = self._look(inbox_number, newest_sequences(self.threads, members))
        header = self._message_id_header(parent)
        return Reply(thread, header, reply_references(_chain(parent), header), seen)

    def _message_id_header(self, parent: StoredMessage) -> str | None:
        content = parent.content
        if content.arrival is not None:
            header = content.arrival.message_id_header
            return header if header is not None and is_repeatable(header) else None
        final = parent.delivery.message_id_header if parent.delivery else None
        return final or own_message_id_header(self.public_ids.message_id(content.key), content.sender.domain)

    def _look(self, inbox_number: int, sequences: tuple[int, ...]) -> tuple[Sight, StoredMessage]:
        """What the index shows of the thread, and its newest visible message: mostly the newest, so that is read beside."""
        looks: list[Sight] = []
        newest: list[StoredMessage | None] = []
        self.together(
            [
                lambda: looks.append(self.index.look(inbox_number, sequences)),
                lambda: newest.extend(self.messages.get(MessageKey(inbox_number, last)) for last in sequences[-1:]),
            ]
        )
        (seen,) = looks
        for found in newest:
            if found is not None and seen.phases[found.content.key.sequence].visible:
                return seen, found
        return seen, self._newest_visible(inbox_number, seen)

    def _newest_visible(self, inbox_number: int, seen: Sight) -> StoredMessage:
        for sequence in sorted(seen.phases, reverse=True):
            if seen.phases[sequence].visible and (found := self.messages.get(MessageKey(inbox_number, sequence))):
                return found
        raise NotFound


def _chain(parent: StoredMessage) -> tuple[str, ...]:
    """What a reply's References begin with (RFC 5322 section 3.6.4): the parent's, or what it says it answers."""
    content = parent.content
    if content.arrival is None:
        return (parent.delivery.references if parent.delivery else ()) or content.references
    answered = (content.in_reply_to,) if content.in_reply_to else ()
    return tuple(header for header in content.references or answered if is_repeatable(header))
