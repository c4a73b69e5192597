"""Tell what happened: append it to the account's log, once, and let the workers of webhooks know."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.domain.delivery import (
    Begun,
    EventType,
    MessageDelivery,
    NameEvent,
    TimelineEntry,
    beginning,
    unlogged,
)
from chalicelib.domain.event import Event, is_told
from chalicelib.domain.ids import AccountId, EventId, MessageKey, PublicIds, change_number, inbox_id
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.own_domain import Domain
from chalicelib.domain.times import to_milliseconds
from chalicelib.domain.webhook import Webhook
from chalicelib.operations.ports import Clock, EventLog, WebhookNotices

KEPT = timedelta(days=30)  # what is older stands in no feed, and where it stood nobody can look any more
YOUNG = timedelta(minutes=1)  # the log has not grown much since such a message began; for others its end is read
LATELY = timedelta(seconds=2)  # in which whoever recorded a change may not have told it yet


@dataclass(frozen=True)
class TellEvents:
    """Whoever records a change tells it afterwards, and tells it again whenever its job or notice comes again.

    What is told depends on what was recorded alone, so nobody needs to know whether somebody else has told it.
    """

    log: EventLog
    public_ids: PublicIds
    clock: Clock
    webhooks: WebhookNotices | None = None

    def since(self, account_id: AccountId) -> int:
        """The chunk of the log from which a change of this moment is looked for; to be stored with it, before it is told."""
        return self.log.newest_chunk(account_id)

    def naming(self, delivery: MessageDelivery) -> NameEvent:
        """How a change of this moment gets its id: one that leads near the log's end, however old the message is."""
        begun = delivery.begun
        if begun is None:
            return unlogged
        at_least = begun.log_since if self.clock() - begun.at < YOUNG else None

        def named(change: int) -> EventId:
            since = max(begun.log_since, self.log.newest_chunk(begun.account_id, at_least))
            return self.public_ids.event_id(since, change)

        return named

    def beginning(self, key: MessageKey, type_: EventType, at: datetime, log_since: int) -> Event:
        """The event with which a message begins: it was queued, or received."""
        event_id = self.public_ids.event_id(log_since, beginning(key, type_))
        return Event(event_id, type_, to_milliseconds(at), key)

    def sender(self, key: MessageKey, delivery: MessageDelivery) -> None:
        """All that a message's deliveries tell, from the beginning: the sender knows what it came to."""
        self._of_delivery(key, delivery, [entry for entry in delivery.timeline if is_told(entry)], with_beginning=True)

    def news(self, key: MessageKey, delivery: MessageDelivery, entry: TimelineEntry | None) -> None:
        """What one report came to (None: to nothing), behind what the sender may be about to tell this very moment."""
        if entry is None or not is_told(entry):
            return
        now = self.clock()
        entries = [
            each
            for each in delivery.timeline
            if is_told(each) and (each.id == entry.id or now - each.occurred_at < LATELY)
        ]
        # A sender that has not recorded the acceptance has told nothing, and may have died over it.
        is_early = any(each.type is EventType.SENT for each in entries) or all(
            each.type is not EventType.SENT for each in delivery.timeline
        )
        self._of_delivery(key, delivery, entries, with_beginning=is_early, own=entry.id)

    def _of_delivery(
        self,
        key: MessageKey,
        delivery: MessageDelivery,
        entries: Sequence[TimelineEntry],
        *,
        with_beginning: bool,
        own: EventId | None = None,
    ) -> None:
        begun = delivery.begun
        if begun is None:
            return  # stored before there was a log
        events = [Event(entry.id, entry.type, to_milliseconds(entry.occurred_at), key) for entry in entries]
        if with_beginning:
            events.insert(0, self.beginning(key, EventType.QUEUED, begun.at, begun.log_since))
        self(begun.account_id, events, own)

    def queued(self, key: MessageKey, begun: Begun) -> None:
        """A message that nobody has begun to send: its acceptance is all there is to tell."""
        self(begun.account_id, [self.beginning(key, EventType.QUEUED, begun.at, begun.log_since)])

    def received(self, key: MessageKey, account_id: AccountId, at: datetime, log_since: int) -> None:
        self(account_id, [self.beginning(key, EventType.RECEIVED, at, log_since)])

    def disabled(self, webhook: Webhook) -> None:
        """A webhook was switched off by us, as it stands stored."""
        if webhook.disabled is None:
            return
        change = change_number(webhook.id, EventType.WEBHOOK_DISABLED, webhook.disabled.at.isoformat())
        event_id = self.public_ids.event_id(webhook.disabled.log_since, change)
        self(webhook.account_id, [Event(event_id, EventType.WEBHOOK_DISABLED, webhook.disabled.at, subject=webhook.id)])

    def domain_verified(self, domain: Domain) -> None:
        """A domain was verified for the first time, as it stands stored."""
        first = domain.first_verified
        if first is None:
            return
        event_id = self.public_ids.event_id(first.log_since, change_number(domain.id, EventType.DOMAIN_VERIFIED))
        self(domain.account_id, [Event(event_id, EventType.DOMAIN_VERIFIED, first.at, subject=domain.id)])

    def suspended(self, inbox: Inbox) -> None:
        """An inbox was suspended by itself, as it stands stored."""
        if inbox.suspension is None:
            return
        subject, at = inbox_id(inbox.number), inbox.suspension.at
        change = change_number(subject, EventType.INBOX_SUSPENDED, at.isoformat())
        event_id = self.public_ids.event_id(inbox.suspension.log_since, change)
        self(inbox.account_id, [Event(event_id, EventType.INBOX_SUSPENDED, at, subject=subject)])

    def __call__(self, account_id: AccountId, events: Sequence[Event], own: EventId | None = None) -> None:
        """Again is harmless. With `own`, the others are told in passing, and who recorded them lets webhooks know."""
        now = self.clock()
        recent = [event for event in events if now - event.created_at < KEPT]
        if not recent:
            return
        told = self.log.tell(account_id, recent)
        mine = tuple(each for each in told.events if own in (None, each.event.id) or each.event.id in told.fresh)
        if told.webhooks is not None and self.webhooks is not None and mine:
            self.webhooks.put(account_id, replace(told, events=mine))
