"""Switches a webhook off that cannot be delivered to, and tells its owner."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.domain.times import to_milliseconds
from chalicelib.domain.webhook import Disabled, Webhook
from chalicelib.operations.ports import Clock, VersionConflict
from chalicelib.operations.ports.events import EventLog
from chalicelib.operations.ports.webhooks import WebhookStore

_TRIES = 5

TellDisabled = Callable[[Webhook], None]
"""Tell the event `webhook.disabled` of a webhook that was; again is harmless."""


@dataclass(frozen=True)
class DisableWebhook:
    """The change first, then its event: whoever finds the webhook switched off tells it again."""

    webhooks: WebhookStore
    log: EventLog
    tell: TellDisabled
    clock: Clock

    def __call__(self, webhook: Webhook, reason: str) -> None:
        called: Webhook | None = webhook
        for _ in range(_TRIES):
            if called is None or not called.is_active or called.url != webhook.url:
                return  # somebody else has done this, or its owner sends it elsewhere
            now = to_milliseconds(self.clock())
            disabled = Disabled(reason, now, self.log.newest_chunk(webhook.account_id))
            try:
                saved = self.webhooks.save(replace(called, is_active=False, disabled=disabled, updated_at=now))
            except VersionConflict:  # its owner has changed something else of it during the call
                called = self.webhooks.get(webhook.account_id, webhook.id)
                continue
            self.log.raise_webhooks(webhook.account_id)
            self.tell(saved)
            return

    def again(self, webhook: Webhook) -> None:
        """Whoever switched it off may have died before telling it."""
        if webhook.disabled is not None:
            self.tell(webhook)
