"""Find out what a message answers when it is sent into a thread."""

from dataclasses import dataclass

from chalicelib.domain.account import Caller
from chalicelib.domain.errors import ErrorCode, InvalidInput, NotFound
from chalicelib.domain.ids import MessageKey, PublicIds, ThreadKey
from chalicelib.domain.message import own_message_id_header
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
    in_reply_to: str
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
        final = parent.delivery.message_id_header if parent.delivery else None
        header = final or own_message_id_header(
            self.public_ids.message_id(parent.content.key), parent.content.sender.domain
        )
        chain = (parent.delivery.references if parent.delivery else ()) or parent.content.references
        return Reply(
            thread,
            in_reply_to=header,
            references=reply_references(chain, header),
            seen=seen,
        )

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
