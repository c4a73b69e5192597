"""Find out what a message answers when it is sent into a thread, and what its header says of that."""

from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.domain.account import Caller
from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.errors import ErrorCode, InvalidInput, NotFound
from chalicelib.domain.ids import MessageKey, PublicIds, ThreadKey
from chalicelib.domain.message import MessageContent, own_message_id_header
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
    """The parent is the message named, or else the newest visible one: its Message-ID, and its chain of References."""

    inboxes: InboxStore
    threads: ThreadStore
    messages: MessageStore
    index: MessageIndex
    public_ids: PublicIds
    together: Together

    def __call__(
        self, thread: ThreadKey, inbox_number: int, caller: Caller, answered: MessageKey | None = None
    ) -> Reply:
        """Raises NotFound for a thread that is not the caller's, InvalidInput for one of another inbox of theirs.

        `answered`, a message of that thread, may have been deleted since it was looked at: NotFound, too.
        """
        members = require_thread(self.threads, thread, caller)
        if thread.inbox_number != inbox_number:
            require_inbox(self.inboxes, inbox_number, caller)
            raise InvalidInput(
                {"threadId": ["this thread belongs to another of your inboxes"]},
                fix="Send from the inbox the thread is in (its `inboxId`), or leave `threadId` out to begin a thread.",
                code=ErrorCode.THREAD_INBOX_MISMATCH,
            )
        seen, parent = self._look(inbox_number, newest_sequences(self.threads, members), answered)
        header = repeatable_message_id(parent.content, parent.delivery, self.public_ids)
        return Reply(thread, header, references_after(parent.content, parent.delivery, self.public_ids), seen)

    def _look(
        self, inbox_number: int, newest: tuple[int, ...], answered: MessageKey | None
    ) -> tuple[Sight, StoredMessage]:
        """What the index shows of the thread, and the message that is answered.

        Without `answered` that is the newest visible one: mostly the newest, so that is read beside.
        """
        likely = (answered.sequence,) if answered else newest[-1:]
        looks: list[Sight] = []
        read: list[StoredMessage | None] = []
        self.together(
            [
                lambda: looks.append(self.index.look(inbox_number, {*newest, *likely})),
                lambda: read.extend(self.messages.get(MessageKey(inbox_number, sequence)) for sequence in likely),
            ]
        )
        (seen,) = looks
        for found in read:
            if found is not None and seen.phases[found.content.key.sequence].visible:
                return seen, found
        wanted = likely if answered else sorted(seen.phases, reverse=True)
        return seen, self._first_visible(inbox_number, seen, wanted)

    def _first_visible(self, inbox_number: int, seen: Sight, wanted: Iterable[int]) -> StoredMessage:
        for sequence in wanted:
            if seen.phases[sequence].visible and (found := self.messages.get(MessageKey(inbox_number, sequence))):
                return found
        raise NotFound


def repeatable_message_id(
    content: MessageContent, delivery: MessageDelivery | None, public_ids: PublicIds
) -> str | None:
    """The Message-ID under which others know this message by now; None when no header of ours can name it."""
    if content.arrival is not None:
        header = content.arrival.message_id_header
        return header if header is not None and is_repeatable(header) else None
    final = delivery.message_id_header if delivery else None
    return final or own_message_id_header(public_ids.message_id(content.key), content.sender.domain)


def references_after(
    content: MessageContent, delivery: MessageDelivery | None, public_ids: PublicIds
) -> tuple[str, ...]:
    """The References of a mail that comes after this one (RFC 5322 section 3.6.4)."""
    return reply_references(_chain(content, delivery), repeatable_message_id(content, delivery, public_ids))


def _chain(content: MessageContent, delivery: MessageDelivery | None) -> tuple[str, ...]:
    """What References begin with: the parent's, or what it says it answers."""
    if content.arrival is None:
        return (delivery.references if delivery else ()) or content.references
    answered = (content.in_reply_to,) if content.in_reply_to else ()
    return tuple(header for header in content.references or answered if is_repeatable(header))
