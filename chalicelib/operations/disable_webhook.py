"""Switches a webhook off that cannot be delivered to, and tells its owner."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.domain.delivery import EventType
from chalicelib.domain.ids import AccountId
from chalicelib.domain.times import to_milliseconds
from chalicelib.domain.webhook import Webhook
from chalicelib.operations.ports import Clock, VersionConflict
from chalicelib.operations.ports.events import EventLog
from chalicelib.operations.ports.webhooks import WebhookStore

TellEvent = Callable[[AccountId, EventType, str, str], None]
"""Tell an event that is about no message: the account, its type, whom it is about, and what makes it the only one."""


@dataclass(frozen=True)
class DisableWebhook:
    """The owner is told before the webhook is off: whoever died in between does both again, and it is told once."""

    webhooks: WebhookStore
    log: EventLog
    tell: TellEvent
    clock: Clock

    def __call__(self, webhook: Webhook, reason: str) -> None:
        if not webhook.is_active:
            return
        self.tell(webhook.account_id, EventType.WEBHOOK_DISABLED, webhook.id, str(webhook.version))
        now = to_milliseconds(self.clock())
        off = replace(webhook, is_active=False, disabled_reason=reason, updated_at=now)
        try:
            self.webhooks.save(off)
        except VersionConflict:
            return  # its owner has just changed it, or somebody else has done this
        self.log.raise_webhooks(webhook.account_id)
