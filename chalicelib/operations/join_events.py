"""What events are about, as it stands when they are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.domain.delivery import EventType
from chalicelib.domain.event import Event
from chalicelib.domain.ids import AccountId, InvalidId, MessageKey, inbox_number
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.joined_event import JoinedEvent
from chalicelib.domain.message import Message
from chalicelib.domain.own_domain import Domain, domain_id
from chalicelib.domain.webhook import Webhook, webhook_id
from chalicelib.operations.list_messages import BODY_BUDGET
from chalicelib.operations.ports import InboxStore, MessageIndex, MessageStore
from chalicelib.operations.ports.domains import DomainStore
from chalicelib.operations.ports.webhooks import WebhookStore


@dataclass(frozen=True)
class JoinEvents:
    """Messages are read once however many events tell of them; what was deleted since is left empty."""

    inboxes: InboxStore
    webhooks: WebhookStore
    domains: DomainStore
    messages: MessageStore
    index: MessageIndex

    def __call__(self, account_id: AccountId, events: Sequence[Event]) -> list[JoinedEvent]:
        found = self._messages({event.message for event in events if event.message is not None})
        return [
            JoinedEvent(event, message=found.get(event.message))
            if event.message is not None
            else JoinedEvent(event, subject=self._subject(account_id, event))
            for event in events
        ]

    def _messages(self, keys: set[MessageKey]) -> Mapping[MessageKey, Message]:
        by_inbox: dict[int, list[MessageKey]] = {}
        for key in sorted(keys):
            by_inbox.setdefault(key.inbox_number, []).append(key)
        found: dict[MessageKey, Message] = {}
        left = BODY_BUDGET
        for number, its_keys in by_inbox.items():
            # The cells first: they follow the delivery items, so what is read after them has the reasons for what they show.
            phases = self.index.phases(number, [key.sequence for key in its_keys])
            visible = [key for key in its_keys if phases[key.sequence].visible]
            for stored in self.messages.page(visible, body_budget=left):
                content = stored.content
                found[content.key] = Message(content, phases[content.key.sequence].status, stored.delivery)
                left -= sum(len((body or "").encode()) for body in (content.body_text, content.body_html))
            left = max(left, 0)
        return found

    def _subject(self, account_id: AccountId, event: Event) -> Inbox | Domain | Webhook | None:
        try:
            if event.type is EventType.WEBHOOK_DISABLED:
                return self.webhooks.get(account_id, webhook_id(event.subject or ""))
            if event.type is EventType.DOMAIN_VERIFIED:
                return self.domains.get(account_id, domain_id(event.subject or ""))
            return self.inboxes.get(inbox_number(event.subject or ""))
        except InvalidId:
            return None
