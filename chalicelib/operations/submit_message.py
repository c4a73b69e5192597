"""Accept a message for sending: stored, queued, then made visible, in that order (docs/guarantees.md)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.account import Caller
from chalicelib.domain.address import Mailbox
from chalicelib.domain.errors import AgentSendError, ErrorCode, Forbidden, InvalidInput, NotFound, TooMany, Unavailable
from chalicelib.domain.ids import MessageKey, PublicIds, ThreadKey
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.domain.message import (
    DeliveryMode,
    Direction,
    Draft,
    Message,
    MessageContent,
    own_message_id_header,
)
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.thread import Thread, reply_references
from chalicelib.operations.access import require_inbox, require_thread
from chalicelib.operations.ports import (
    Clock,
    InboxStore,
    MessageIndex,
    MessageStore,
    Reservation,
    SendJob,
    SendQueue,
    StoredMessage,
    ThreadMembers,
    ThreadStore,
    Together,
)

SECONDS_A_DAY = 86_400
PARTICIPANTS_LIMIT = 100  # addresses kept on a thread


@dataclass(frozen=True, slots=True)
class _Reply:
    """The thread a message answers into, and what it says about that in its header."""

    thread: ThreadKey
    in_reply_to: str | None
    references: tuple[str, ...]
    awaits_parent: int | None


@dataclass(frozen=True)
class SubmitMessage:
    """Accept a message; the answer comes when it is durable and durably on its way to a worker."""

    inboxes: InboxStore
    messages: MessageStore
    threads: ThreadStore
    index: MessageIndex
    send_queue: SendQueue
    public_ids: PublicIds
    mode: DeliveryMode
    clock: Clock
    together: Together

    def __call__(
        self, draft: Draft, *, inbox_number: int, caller: Caller, name_resource: Callable[[MessageKey], None]
    ) -> Message:
        """Raises NotFound, Forbidden, InvalidInput or TooMany before anything is stored; Unavailable if it was not."""
        reply = self._reply_into(draft.thread, inbox_number, caller) if draft.thread else None
        reservation = self._reserve(inbox_number, caller)
        key = MessageKey(inbox_number, reservation.sequence)
        content = self._content(draft, key, reservation.inbox, reply)
        name_resource(key)
        job = SendJob(key, queued_at=content.created_at)
        # Nothing of this is visible before the commit below. The job may well be there first: the worker that finds
        # no committed message waits for it, and gives up only when no request can be alive any more.
        try:
            self.together(
                [
                    lambda: self.messages.put(content),
                    lambda: self._enter_thread(content, is_reply=reply is not None),
                    lambda: self.send_queue.put(job),
                ]
            )
        except AgentSendError:
            self._withdraw(content)
            raise
        if not self._commit(content):
            self._withdraw(content)
            raise Unavailable("The message could not be accepted in time; nothing of it was sent.")
        return Message(content, MessagePhase.QUEUED.status, None)

    def _commit(self, content: MessageContent) -> bool:
        try:
            return self.index.commit(content.key, MessagePhase.QUEUED, self._members(content))
        except Unavailable:
            # The write may have succeeded and only its answer be lost. An error after the commit would make the
            # caller send the same again, so what stands there decides; and where nothing stands yet the reservation
            # is killed, so that the message cannot become visible after the caller was told that it was refused.
            return self._kill(content.key) is not MessagePhase.GONE

    def _withdraw(self, content: MessageContent) -> None:
        """Remove what was stored of a message that is refused; its job finds the reservation killed."""
        self._kill(content.key)
        self.threads.leave(content.thread, content.key.sequence)
        self.messages.delete(content.key)

    def _kill(self, key: MessageKey) -> MessagePhase:
        return self.index.advance(key, MessagePhase.GONE, {MessagePhase.RESERVED, MessagePhase.GONE}).phase

    def _reply_into(self, thread: ThreadKey, inbox_number: int, caller: Caller) -> _Reply:
        require_inbox(self.inboxes, inbox_number, caller)
        members = require_thread(self.threads, thread, caller)
        if thread.inbox_number != inbox_number:
            raise InvalidInput(
                {"threadId": ["this thread belongs to another of your inboxes"]},
                fix="Send from the inbox the thread is in (its `inboxId`), or leave `threadId` out to begin a thread.",
                code=ErrorCode.THREAD_INBOX_MISMATCH,
            )
        parent = self._newest_visible(members)
        if parent is None:
            raise NotFound
        header = self._message_id_header(parent)
        final = parent.delivery is not None and parent.delivery.message_id_header is not None
        chain = parent.delivery.references if parent.delivery and parent.delivery.references else ()
        return _Reply(
            thread,
            in_reply_to=header,
            references=reply_references(chain or parent.content.references, header),
            awaits_parent=None if final else parent.content.key.sequence,
        )

    def _newest_visible(self, members: ThreadMembers) -> StoredMessage | None:
        inbox_number = members.thread.key.inbox_number
        for sequence in reversed(members.sequences):
            phases = self.index.phases(inbox_number, [sequence])
            if phases[sequence].visible and (stored := self.messages.get(MessageKey(inbox_number, sequence))):
                return stored
        return None

    def _message_id_header(self, parent: StoredMessage) -> str:
        if parent.delivery is not None and parent.delivery.message_id_header is not None:
            return parent.delivery.message_id_header
        return own_message_id_header(self.public_ids.message_id(parent.content.key), parent.content.sender.domain)

    def _reserve(self, inbox_number: int, caller: Caller) -> Reservation:
        if not caller.may_use_inbox(inbox_number):
            raise NotFound
        now = self.clock()
        outcome = self.inboxes.reserve(inbox_number, caller.account_id, f"{now:%Y-%m-%d}")
        if isinstance(outcome, Reservation):
            return outcome
        if outcome is None or outcome.status is InboxStatus.DELETED:
            raise NotFound
        if outcome.status is InboxStatus.SUSPENDED:
            raise Forbidden(
                "This inbox is suspended and does not send; mail to it still arrives.",
                fix="Find out why its mail bounced or was marked as spam, then set its status to active.",
                code=ErrorCode.INBOX_SUSPENDED,
            )
        raise TooMany(
            f"This inbox has sent its {outcome.daily_send_limit} messages of today.",
            fix="Wait until midnight UTC, or raise the inbox's dailySendLimit.",
            retry_after=_seconds_to_midnight(now),
            code=ErrorCode.DAILY_LIMIT_EXCEEDED,
        )

    def _content(self, draft: Draft, key: MessageKey, inbox: Inbox, reply: _Reply | None) -> MessageContent:
        return MessageContent(
            key=key,
            thread=reply.thread if reply else ThreadKey(key.inbox_number, key.sequence),
            account_id=inbox.account_id,
            direction=Direction.OUTBOUND,
            mode=self.mode,
            sender=Mailbox(inbox.address, inbox.display_name or ""),
            to=draft.to,
            cc=draft.cc,
            bcc=draft.bcc,
            reply_to=draft.reply_to,
            subject=draft.subject,
            body_text=draft.body_text,
            body_html=draft.body_html,
            headers=draft.headers,
            metadata=draft.metadata,
            in_reply_to=reply.in_reply_to if reply else None,
            references=reply.references if reply else (),
            awaits_parent=reply.awaits_parent if reply else None,
            created_at=_to_milliseconds(self.clock()),
        )

    def _enter_thread(self, content: MessageContent, *, is_reply: bool) -> None:
        # Blind copies are nobody's business but the sender's: they are no participants.
        participants = tuple(dict.fromkeys(mailbox.address for mailbox in (content.sender, *content.to, *content.cc)))[
            :PARTICIPANTS_LIMIT
        ]
        if is_reply:
            if not self.threads.join(content.thread, content.key.sequence, participants):
                raise NotFound
            return
        self.threads.begin(
            Thread(content.thread, content.account_id, content.subject, participants, 1, content.created_at)
        )

    def _members(self, content: MessageContent) -> Callable[[], tuple[int, ...]]:
        def read() -> tuple[int, ...]:
            if content.thread.first_sequence == content.key.sequence:
                return (content.key.sequence,)  # nobody can join a thread before its first message is visible
            return self.threads.newest_members(content.thread)

        return read


def _to_milliseconds(moment: datetime) -> datetime:
    """What the API can show: the stored and the shown time are the same."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _seconds_to_midnight(now: datetime) -> int:
    return SECONDS_A_DAY - (now.hour * 3600 + now.minute * 60 + now.second)
