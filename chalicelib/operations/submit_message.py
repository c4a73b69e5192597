"""Accept a message for sending: stored, queued, then made visible, in that order (docs/guarantees.md)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from chalicelib.domain.account import Caller
from chalicelib.domain.address import Mailbox
from chalicelib.domain.attachment import ids_of
from chalicelib.domain.errors import AgentSendError, Unavailable
from chalicelib.domain.ids import MessageKey, PublicIds, ThreadKey
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.message import (
    DeliveryMode,
    Direction,
    Draft,
    Message,
    MessageContent,
)
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.suppression import Suppression
from chalicelib.domain.times import to_milliseconds
from chalicelib.operations.choose_attachments import ChooseAttachments, ChosenFile, refuse_gone
from chalicelib.operations.note_progress import NoteProgress
from chalicelib.operations.own_domains import OwnDomains
from chalicelib.operations.ports import (
    AttachmentStore,
    Clock,
    InboxStore,
    MessageIndex,
    MessageStore,
    SendJob,
    SendQueue,
    Sight,
    SuppressionStore,
    ThreadStore,
    Together,
)
from chalicelib.operations.reply_into import Reply, ReplyInto
from chalicelib.operations.reserve_send import Claim, ReserveSend
from chalicelib.operations.stop_loops import StopLoops
from chalicelib.operations.suppress_recipients import refuse_if_all
from chalicelib.operations.tell_events import TellEvents
from chalicelib.operations.thread_entry import ThreadEntry, participants_of


@dataclass(frozen=True)
class SubmitMessage:
    """Accept a message; the answer comes when it is durable and durably on its way to a worker."""

    inboxes: InboxStore
    messages: MessageStore
    threads: ThreadStore
    index: MessageIndex
    send_queue: SendQueue
    attachments: AttachmentStore
    reserve: ReserveSend
    stop_loops: StopLoops
    suppressions: SuppressionStore
    tell: TellEvents
    public_ids: PublicIds
    mode: DeliveryMode
    clock: Clock
    together: Together
    own_domains: OwnDomains
    progress: NoteProgress

    def __call__(
        self, draft: Draft, *, inbox_number: int, caller: Caller, name_resource: Callable[[MessageKey], None]
    ) -> Message:
        """Raises a CallerError before anything is stored, or when nothing is any more; Unavailable if it was not."""
        reply = None
        if draft.thread is not None:
            find = ReplyInto(self.inboxes, self.threads, self.messages, self.index, self.public_ids, self.together)
            reply = find(draft.thread, inbox_number, caller, draft.parent)
        files = ChooseAttachments(self.attachments, self.clock)(draft, caller)
        recipients = (*draft.to, *draft.cc, *draft.bcc)
        claim, log_since, suppressed = self._reserve_beside(inbox_number, caller, recipients)
        inbox = claim.reservation.inbox
        key = MessageKey(inbox_number, claim.reservation.sequence)
        try:
            refuse_if_all(suppressed, recipients)
            self.stop_loops(inbox, [each for each in recipients if each.address not in suppressed], self.clock())
            name_resource(key)
        except AgentSendError:
            claim.give_back()
            raise
        content = self._content(draft, key, inbox, reply, files, log_since)
        content = replace(content, suppressed=tuple(suppressed), key_id=caller.key.id)
        job = SendJob(key, queued_at=content.created_at, thread=content.thread)
        members = ThreadEntry(self.threads, content)
        # Nothing of this is visible before the commit below. The job may well be there first: the worker that finds
        # no committed message waits for it, and gives up only when no request can be alive any more.
        try:
            self._store(content, job, members, files, inbox)
        except AgentSendError:
            self._withdraw(content, claim)
            raise
        if not self._commit(content, members, reply.seen if reply else None):
            self._withdraw(content, claim)
            raise Unavailable("The message could not be accepted in time; nothing of it was sent.")
        self.progress.accepted(key, content.account_id)
        return Message(content, MessagePhase.QUEUED.status, None)

    def _store(
        self, content: MessageContent, job: SendJob, members: ThreadEntry, files: Sequence[ChosenFile], inbox: Inbox
    ) -> None:
        first = [lambda: self.messages.put(content), lambda: self.send_queue.put(job)]
        if inbox.domain_id is not None:
            # Beside the writes, which nobody sees and which are withdrawn if it says no: so it takes no time.
            first.append(lambda: self.own_domains.require_sending(inbox))
        then = [lambda: self._use(files, content.key)] if files else []
        if members.begins:
            first.append(members.enter)
        else:
            # The thread is there, and others see who joins it: first the job that takes the message out if it comes to
            # nothing, and the content that says whom it brought.
            then.append(members.enter)
        self.together(first)
        # Files are used when the content is there: whoever gives the message up reads there which to let go of.
        self.together(then)

    def _use(self, files: Sequence[ChosenFile], key: MessageKey) -> None:
        refuse_gone(files, self.attachments.use([file.attachment for file in files], key, self.clock()))

    def _commit(self, content: MessageContent, members: ThreadEntry, seen: Sight | None) -> bool:
        try:
            return self.index.commit(content.key, MessagePhase.QUEUED, members, seen)
        except Unavailable:
            # The write may have succeeded and only its answer be lost. An error after the commit would make the
            # caller send the same again, so what stands there decides; and where nothing stands yet the reservation
            # is killed, so that the message cannot become visible after the caller was told that it was refused.
            return self._kill(content.key) is not MessagePhase.GONE

    def _withdraw(self, content: MessageContent, claim: Claim) -> None:
        """Remove what was stored of a message that is refused, and uncount it; its job finds the reservation killed."""
        self._kill(content.key)
        self.threads.leave(content.thread, content.key.sequence, participants_of(content))
        if content.attachments:
            self.attachments.release(ids_of(content.attachments), content.key, never_sent=True)
        self.messages.delete(content.key)
        claim.give_back()

    def _kill(self, key: MessageKey) -> MessagePhase:
        return self.index.advance(key, MessagePhase.GONE, {MessagePhase.RESERVED, MessagePhase.GONE}).phase

    def _reserve_beside(
        self, inbox_number: int, caller: Caller, recipients: Sequence[Mailbox]
    ) -> tuple[Claim, int, Mapping[str, Suppression]]:
        """The message's number, and at the same time how far the account's log has come, and who is suppressed."""
        claim = self.reserve(inbox_number, caller)
        since: list[int] = []
        suppressed: dict[str, Suppression] = {}
        addresses = [mailbox.address for mailbox in recipients]
        try:
            self.together(
                [
                    *claim.calls(),
                    lambda: since.append(self.tell.since(caller.account_id)),
                    lambda: suppressed.update(self.suppressions.find(caller.account_id, addresses)),
                ]
            )
        except AgentSendError:
            claim.give_back()
            raise
        return claim, since[0], suppressed

    def _content(  # noqa: PLR0917 - what a message is made of
        self,
        draft: Draft,
        key: MessageKey,
        inbox: Inbox,
        reply: Reply | None,
        files: Sequence[ChosenFile],
        log_since: int,
    ) -> MessageContent:
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
            references=reply.references if reply else draft.references,
            created_at=to_milliseconds(self.clock()),
            attachments=tuple(file.in_message() for file in files),
            log_since=log_since,
        )
