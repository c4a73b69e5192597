"""Make a received mail the message of one inbox, once, however often and by however many it is tried.

    no record ── number and thread chosen ──▶ record ── store, commit ──▶ in the inbox
                                              │  ▲
             a worker died, or is still at it ┘  └ the number was killed, or the thread is gone: another number

The record is written before anything is stored, so whoever comes next carries the same decision out: the same number,
the same thread. Nothing is visible before the commit, and the mail stays in the bucket until it is in every inbox.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from chalicelib.domain.arrival import Verdict
from chalicelib.domain.errors import NotFound, Unavailable
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.loop import Origin
from chalicelib.domain.message import DeliveryMode
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.receipt import addresses_meant
from chalicelib.operations.abandon_reservation import AbandonReservation
from chalicelib.operations.find_thread import FindThread, Reference
from chalicelib.operations.note_progress import NoteProgress
from chalicelib.operations.ports import (
    AttachmentStore,
    Filing,
    FilingStore,
    Heard,
    InboxStore,
    MessageIdHeaders,
    MessageIndex,
    MessageStore,
    ReceivedMails,
    Sight,
    ThreadStore,
    Together,
)
from chalicelib.operations.received_content import ReceivedMail, received_content
from chalicelib.operations.received_files import received_files
from chalicelib.operations.stop_loops import NoteArrival, PeerMail
from chalicelib.operations.tell_events import TellEvents
from chalicelib.operations.thread_entry import ThreadEntry

NUMBERS_TRIED = 3  # in one go; a notice that comes again tries further


@dataclass(frozen=True, slots=True)
class Delivery:
    """A mail on its way into one inbox."""

    mail: ReceivedMail
    inbox_number: int
    recipient: str  # the inbox as the envelope names it, with its `+tag`
    from_outside: bool

    @property
    def ses_message_id(self) -> str:
        return self.mail.receipt.ses_message_id


@dataclass(frozen=True, slots=True)
class _Decision:
    """What stands in the record. `is_fresh`: it was written just now, so nothing is stored of the message yet."""

    filing: Filing
    inbox: Inbox
    is_fresh: bool = False
    seen: Sight | None = None


@dataclass(frozen=True)
class FileReceived:
    """Store a mail in one inbox and make it visible there."""

    inboxes: InboxStore
    messages: MessageStore
    threads: ThreadStore
    index: MessageIndex
    filings: FilingStore
    mails: ReceivedMails
    message_id_headers: MessageIdHeaders
    find_thread: FindThread
    attachments: AttachmentStore
    note_arrival: NoteArrival
    tell: TellEvents
    abandon_reservation: AbandonReservation
    mode: DeliveryMode
    together: Together
    progress: NoteProgress

    def __call__(self, delivery: Delivery) -> bool:
        """False when there is no such inbox any more. Any error means: try again."""
        known = self.filings.get(delivery.ses_message_id, delivery.inbox_number)
        decision = self._resumed(known) if known else self._decide(delivery)
        for _ in range(NUMBERS_TRIED):
            if decision is None:
                return False
            if self._carry_out(delivery, decision):
                return True
            decision = self._decide(delivery, instead_of=decision.filing)
        raise Unavailable("The number of a received message was killed again and again.")

    def is_filed(self, ses_message_id: str, inbox_number: int) -> bool:
        """Whether an earlier notice of a mail that is gone by now brought it into this inbox."""
        filing = self.filings.get(ses_message_id, inbox_number)
        if filing is None:
            inbox = self.inboxes.get(inbox_number)
            return inbox is None or inbox.is_deleted
        if filing.is_deleted:
            self._clear_away(filing)
            return True
        return self.index.phase(filing.message).visible

    def _resumed(self, known: Filing) -> _Decision | None:
        inbox = self.inboxes.get(known.message.inbox_number)
        if inbox is None or inbox.is_deleted:
            self._clear_away(known)  # unless the mail was in it before
            return None
        return _Decision(known, inbox)

    def _decide(self, delivery: Delivery, instead_of: Filing | None = None) -> _Decision | None:
        """Choose number and thread, and write that down; None when the inbox is gone.

        Of two workers the first to write decides; the other's number stays unused.
        """
        mail, inbox_number = delivery.mail, delivery.inbox_number
        found = self.find_thread(_reference(delivery), inbox_number)
        heard = Heard(mail.received_at, automatic=mail.is_automatic, from_outside=delivery.from_outside)
        reservation = self.inboxes.reserve_received(inbox_number, heard)
        if reservation is None:
            return None
        key = MessageKey(inbox_number, reservation.sequence)
        since = self.tell.since(reservation.inbox.account_id)
        ours = Filing(key, found.thread or ThreadKey(inbox_number, key.sequence), found.trust, since)
        standing = self.filings.put(delivery.ses_message_id, ours, instead_of)
        if standing is None:
            raise Unavailable("The record of a received mail disappeared while it was being replaced.")
        if standing != ours:
            return _Decision(standing, reservation.inbox)
        return _Decision(standing, reservation.inbox, is_fresh=True, seen=found.seen)

    def _carry_out(self, delivery: Delivery, decision: _Decision) -> bool:
        """Whether the mail is in the inbox now, or is never to be again."""
        filing = decision.filing
        phase = MessagePhase.RESERVED if decision.is_fresh else self.index.phase(filing.message)
        is_open = phase is MessagePhase.RESERVED and not filing.is_deleted
        is_stored = is_open and self._store(delivery, decision)
        if phase.visible or is_stored:
            # One that failed DMARC is not from whom it names, unless it names what was sent there.
            is_answer = filing.trust is not None
            if is_answer or delivery.mail.receipt.authentication.dmarc is not Verdict.FAIL:
                self.note_arrival(_peer_mail(delivery, is_answer=is_answer), decision.inbox)
            account_id, received_at = decision.inbox.account_id, delivery.mail.received_at
            self.tell.received(filing.message, account_id, received_at, filing.log_since)
            self.index.seal_due(filing.message)
            if is_stored:
                self.progress.received(
                    filing.message, account_id, delivery.ses_message_id, has_decided=decision.is_fresh
                )
            return True
        # Deleted, or killed because it took too long, or its thread is gone; or the mail is, because a rival has finished.
        is_gone = self._clear_away(filing, delivery.mail)
        return filing.is_deleted or not is_gone

    def _clear_away(self, filing: Filing, mail: ReceivedMail | None = None) -> bool:
        """Remove whatever was stored of a message that will never be seen; False when it is in its inbox after all.

        A worker that was slow may have stored parts of it after its content went, so the content cannot say which.
        """
        key = filing.message
        if not self.abandon_reservation(key):
            return False
        self.threads.leave(filing.thread, key.sequence)
        if mail is not None:
            if header := mail.parsed.message_id_header:
                self.message_id_headers.release(header, key)
            if files := received_files(mail, key):
                self.attachments.release([file.in_message.id for file in files], key)
        return True

    def _store(self, delivery: Delivery, decision: _Decision) -> bool:
        """Store all of the message, then commit it; False when its number, its thread or the mail itself is gone."""
        mail, account_id = delivery.mail, decision.inbox.account_id
        files = received_files(mail, decision.filing.message)
        content = received_content(
            mail,
            decision.filing,
            account_id=account_id,
            recipient=delivery.recipient,
            mode=self.mode,
            attachments=tuple(file.in_message for file in files),
        )
        key, entry = content.key, ThreadEntry(self.threads, content)
        steps: list[Callable[[], None]] = [
            lambda: self._keep_copy(delivery, key),
            lambda: self.messages.put(content),
            *([entry.enter] if entry.begins else []),
            *(
                partial(self.attachments.put_received, file.stored(mail, key, account_id), file.data, key)
                for file in files
            ),
        ]
        if header := mail.parsed.message_id_header:
            steps.append(lambda: self.message_id_headers.claim(header, key))
        try:
            self.together(steps)
            if not entry.begins:
                entry.enter()  # whoever takes it out of the thread again reads in its content whom it brought
        except NotFound:
            return False
        return self.index.commit(key, MessagePhase.RECEIVED, entry, decision.seen)

    def _keep_copy(self, delivery: Delivery, key: MessageKey) -> None:
        if not self.mails.keep_copy(delivery.mail.receipt, delivery.recipient, key):
            raise NotFound


def _reference(delivery: Delivery) -> Reference:
    mail, own = delivery.mail, addresses_meant(delivery.recipient)
    parsed = mail.parsed
    return Reference(parsed.in_reply_to, parsed.references, mail.trusted_sender, mail.receipt.authentication, own)


def _peer_mail(delivery: Delivery, *, is_answer: bool) -> PeerMail:
    mail, origin = delivery.mail, Origin.PERSON if delivery.from_outside else Origin.SIBLING
    if mail.is_automatic:
        origin = Origin.PROGRAM
    return PeerMail(mail.sender, mail.parsed.reply_to, origin, mail.receipt.received_at, is_answer)
