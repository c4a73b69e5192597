"""A message's way to each of its recipients, and the reports that tell of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.delivery_status import DeliveryStatus, message_status
from chalicelib.domain.ids import AccountId, EventId, MessageKey, change_number, encode
from chalicelib.domain.message_status import MessageStatus

TIMELINE_LIMIT = 200  # notes that change nothing are kept up to here; changes always


class EventType(StrEnum):
    """The kinds of news, in the contract's words; a message's timeline has those that begin with `message.`."""

    QUEUED = "message.queued"
    SENDING = "message.sending"
    SENT = "message.sent"
    DELAYED = "message.delayed"  # a passing notice: SES keeps trying, or it changed nothing
    DELIVERED = "message.delivered"
    FAILED = "message.failed"
    BOUNCED = "message.bounced"
    COMPLAINED = "message.complained"
    RECEIVED = "message.received"
    INBOX_SUSPENDED = "inbox.suspended"
    DOMAIN_VERIFIED = "domain.verified"
    WEBHOOK_DISABLED = "webhook.disabled"
    WEBHOOK_TEST = "webhook.test"  # asked for by the owner of a webhook; it stands in no log


_TYPE_OF = {
    MessageStatus.QUEUED: EventType.QUEUED,
    MessageStatus.SENDING: EventType.SENDING,
    MessageStatus.SENT: EventType.SENT,
    MessageStatus.DELIVERED: EventType.DELIVERED,
    MessageStatus.FAILED: EventType.FAILED,
    MessageStatus.BOUNCED: EventType.BOUNCED,
    MessageStatus.COMPLAINED: EventType.COMPLAINED,
}


# Told once a message however often and by whomever: our own record and SES's Send event mean the same moment.
_ONCE = frozenset({EventType.QUEUED, EventType.SENDING, EventType.SENT})
_FAILURES = frozenset({EventType.FAILED, EventType.BOUNCED, EventType.COMPLAINED})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a delivery stands where it stands."""

    code: str  # stable and machine-readable: bounce_permanent_general, ses_sandbox_unverified, outcome_unknown …
    message: str  # one sentence for a person, with what to do where something can be done
    diagnostic: str | None = None  # what the other server said, word for word (RFC 3464 Diagnostic-Code)
    retryable: bool = False  # whether sending the same again may work


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """News about one recipient, or about all of them (`recipient` None: SES has taken the whole message).

    `status` is None for news that is only noted in the timeline: a bounce without recipients. `ses_message_id` proves
    that SES took the mail, whatever else the news is.
    """

    message: MessageKey
    type: EventType
    status: DeliveryStatus | None
    occurred_at: datetime
    recipient: str | None = None
    every_recipient: bool = False
    reason: Reason | None = None
    ses_message_id: str | None = None
    accepted_at: datetime | None = None  # when SES took the mail that the news is about, by SES's clock


@dataclass(frozen=True, slots=True)
class RecipientDelivery:
    """What is known of one recipient."""

    address: str
    status: DeliveryStatus
    updated_at: datetime
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened to a message; `change` depends on message and change alone, so a repeat is recognised.

    `id` is given once, when the entry is made; the event that tells of it has the same.
    """

    id: EventId
    type: EventType
    status: MessageStatus  # of the recipient, or of the message where no recipient is named
    occurred_at: datetime
    recipient: str | None = None
    reason: Reason | None = None
    is_change: bool = True  # whether it raised anybody's status; the rest are notes
    change: int = 0


NameEvent = Callable[[int], EventId]
"""Gives an event its id, by the number of its change (`PublicIds.event_id`)."""


def unlogged(change: int) -> EventId:
    """For deliveries that no log tells of."""
    return EventId("evt_" + encode(change, 20))


@dataclass(frozen=True, slots=True)
class Begun:
    """Where a message began: whose it is, when it was accepted, from which chunk of their log its events are looked for."""

    account_id: AccountId
    at: datetime
    log_since: int


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A recipient whose status rose; what webhooks and counters are made from."""

    recipient: str
    before: DeliveryStatus
    after: DeliveryStatus


@dataclass(frozen=True, slots=True)
class MessageDelivery:
    """Everything known about one message's deliveries; what the delivery item stores."""

    recipients: tuple[RecipientDelivery, ...]
    timeline: tuple[TimelineEntry, ...] = ()
    submitted_at: datetime | None = None  # when a worker last began to hand it to SES
    overtaken_at: datetime | None = None  # when SES's news was first seen to have passed that hand-over
    resent_at: datetime | None = None  # when it was handed over once more, for want of an answer and of news
    ses_message_id: str | None = None
    message_id_header: str | None = None  # the final Message-ID, which SES gives
    in_reply_to: str | None = None  # the header values the mail was composed with
    references: tuple[str, ...] = field(default=())
    begun: Begun | None = None  # None: stored before there was a log of events
    version: int = 0  # of the stored item; 0: not stored yet

    @property
    def message_status(self) -> MessageStatus:
        return message_status(recipient.status for recipient in self.recipients)

    @property
    def is_undecided(self) -> bool:
        """Whether SES has not taken the mail yet, as far as is known, and nobody has given it up."""
        return bool(self.open_recipients)

    @property
    def open_recipients(self) -> tuple[str, ...]:
        """Whom the mail is still to be handed over for; others are suppressed, or it has gone."""
        return tuple(known.address for known in self.recipients if known.status <= DeliveryStatus.SENDING)

    @property
    def updated_at(self) -> datetime:
        return max(recipient.updated_at for recipient in self.recipients)

    @classmethod
    def begin(cls, addresses: Iterable[str], at: datetime, begun: Begun | None = None) -> "MessageDelivery":
        """The deliveries of a message that was accepted `at`: every recipient queued."""
        return cls(tuple(RecipientDelivery(address, DeliveryStatus.QUEUED, at) for address in addresses), begun=begun)

    def apply(
        self, report: DeliveryReport, name: NameEvent = unlogged
    ) -> tuple["MessageDelivery", tuple[StatusChange, ...]]:
        """The deliveries after this news, and what rose. News already known gives an equal value and no change."""
        concerned = self._concerned(report)
        changes: list[StatusChange] = []
        recipients: list[RecipientDelivery] = []
        for known in self.recipients:
            told = report.status if known.address in concerned else None
            learned = _learned(report, told)
            if learned <= known.status:
                recipients.append(known)
                continue
            changes.append(StatusChange(known.address, known.status, learned))
            reason = report.reason if learned == told else None
            recipients.append(RecipientDelivery(known.address, learned, report.occurred_at, reason))
        after = replace(
            self,
            recipients=tuple(recipients),
            ses_message_id=self.ses_message_id or report.ses_message_id,
        )
        return after.noting(report, name, changed=bool(changes)), tuple(changes)

    def has_been(self, status: DeliveryStatus) -> bool:
        """Whether any recipient reached this status, even if it was overtaken: a bounced one may complain later."""
        ours = {recipient.address: recipient.status for recipient in self.recipients}
        return status in ours.values() or any(
            entry.recipient in ours and entry.status is status.shown for entry in self.timeline
        )

    def _concerned(self, report: DeliveryReport) -> frozenset[str]:
        if report.every_recipient:
            return frozenset(known.address for known in self.recipients)
        if report.recipient is None:
            return frozenset()
        match = match_recipient(report.recipient, [known.address for known in self.recipients])
        return frozenset() if match is None else frozenset((match,))

    def noting(self, report: DeliveryReport, name: NameEvent = unlogged, *, changed: bool) -> "MessageDelivery":
        """With news that has been applied in the timeline, once; what changed nothing has room only up to a limit."""
        is_full = not changed and len(self.timeline) >= TIMELINE_LIMIT
        if is_full or self.entry_of(report) is not None:
            return self
        entry = replace(self._entry(report, self._named(report), name), is_change=changed)
        return replace(self, timeline=(*self.timeline, entry))

    def entry_of(self, report: DeliveryReport) -> TimelineEntry | None:
        """What the timeline says of this news; None: nothing, it is new or there was no room for it."""
        change = _change(report, self._named(report))
        return next((entry for entry in self.timeline if entry.change == change), None)

    def _named(self, report: DeliveryReport) -> str | None:
        """Whom the news names, as we write the address."""
        if report.every_recipient or report.recipient is None:
            return None
        ours = match_recipient(report.recipient, [known.address for known in self.recipients])
        return ours or report.recipient

    def _entry(self, report: DeliveryReport, recipient: str | None, name: NameEvent) -> TimelineEntry:
        type_, reason, holds = report.type, report.reason, self._shown_for(recipient)
        shown = holds if report.status is None else report.status.shown
        if type_ in _FAILURES and event_type(holds) not in _FAILURES:
            # An out-of-office answer after the delivery, say. Whoever reads the last entry alone must not take it for
            # a failure, so it is told like any other passing notice.
            type_, shown = EventType.DELAYED, holds
            reason = reason and replace(
                reason, message=f"The mail stays {holds}, this changes nothing. {reason.message}"
            )
        change = _change(report, recipient)
        return TimelineEntry(name(change), type_, shown, report.occurred_at, recipient, reason, change=change)

    def _shown_for(self, recipient: str | None) -> MessageStatus:
        for known in self.recipients:
            if known.address == recipient:
                return known.status.shown
        return self.message_status


def match_recipient(reported: str, ours: Sequence[str]) -> str | None:
    """Which of our recipients a report means: exact, then domain lower-cased, then case-folded.

    An address that is none of ours comes from forwarding. With one recipient it is theirs; otherwise nobody's.
    """
    if reported in ours:
        return reported
    local, _, domain = reported.rpartition("@")
    lowered = f"{local}@{domain.lower()}"
    if lowered in ours:
        return lowered
    folded = [address for address in ours if address.casefold() == reported.casefold()]
    if folded:
        return folded[0]
    return ours[0] if len(ours) == 1 else None


def _learned(report: DeliveryReport, told: DeliveryStatus | None) -> DeliveryStatus:
    """The rank that a report proves for a recipient of whom it tells `told`.

    News that carries SES's id proves that SES took the mail for every recipient, whomever it is about.
    """
    accepted = DeliveryStatus.SENT if report.ses_message_id is not None else DeliveryStatus.QUEUED
    return accepted if told is None else max(accepted, told)


def event_type(status: MessageStatus) -> EventType:
    """The timeline's word for reaching an outbound status."""
    return _TYPE_OF[status]


def beginning(key: MessageKey, type_: EventType) -> int:
    """The number of the change that a message began with: it was queued, or received."""
    return change_number(f"{key.inbox_number}.{key.sequence}", "", type_)


def _change(report: DeliveryReport, recipient: str | None) -> int:
    key = report.message
    # SES dates its news, so a repeat has the same time. What we find out ourselves has the time of each try, and is told
    # once for each reason.
    once = report.type in _ONCE or report.status is DeliveryStatus.FAILED_LOCALLY
    return change_number(
        f"{key.inbox_number}.{key.sequence}",
        recipient or "",
        report.type,
        "" if report.status is None else str(int(report.status)),
        (report.reason.code if report.reason else "") if once else report.occurred_at.isoformat(),
    )
