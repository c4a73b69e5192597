"""Which webhooks an account has, kept in memory for as long as the log says that nothing has changed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.domain.ids import AccountId
from chalicelib.domain.webhook import Webhook
from chalicelib.operations.ports import Clock
from chalicelib.operations.ports.webhooks import WebhookStore

KEPT = timedelta(minutes=1)
"""However long the version stays the same: a change may have died between the store and the log."""

MOST_ACCOUNTS = 1_000


@dataclass(frozen=True, slots=True)
class _Known:
    version: int
    read_at: datetime
    webhooks: tuple[Webhook, ...]


@dataclass(frozen=True)
class KnownWebhooks:
    """The list is stored before the log's version rises, so one that was read at a version holds all that came with it."""

    store: WebhookStore
    clock: Clock
    _known: dict[AccountId, _Known] = field(default_factory=dict)

    def of(self, account_id: AccountId, version: int) -> tuple[Webhook, ...]:
        """The account's webhooks as they stood at this version, or later."""
        now, known = self.clock(), self._known.get(account_id)
        if known is None or known.version < version or now - known.read_at >= KEPT:
            known = _Known(version, now, self.store.all(account_id))
            if len(self._known) >= MOST_ACCOUNTS:
                self._known.clear()
            self._known[account_id] = known
        return known.webhooks
