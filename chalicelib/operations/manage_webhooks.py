"""Webhooks: create, read, change, delete; a new secret."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.domain.account import Caller
from chalicelib.domain.delivery import EventType
from chalicelib.domain.endpoint_health import EndpointHealth
from chalicelib.domain.errors import InvalidInput, NotFound, QuotaExceeded, Unavailable
from chalicelib.domain.event import LogPlace
from chalicelib.domain.times import to_milliseconds
from chalicelib.domain.webhook import Webhook, WebhookId, WebhookSecret
from chalicelib.domain.webhook_signature import new_secret
from chalicelib.domain.webhook_url import BadWebhookUrl
from chalicelib.operations.access import require_inbox
from chalicelib.operations.ports import Clock, InboxStore, Page, PageRequest, VersionConflict
from chalicelib.operations.ports.events import EventLog
from chalicelib.operations.ports.webhooks import LineJob, WebhookClient, WebhookDeliveries, WebhookQueue, WebhookStore

MOST_WEBHOOKS = 20
"""Of an account. With `call_slots.EVERYWHERE` of each, all of them together hold 160 of the 200 batches of the worker."""

_TRIES = 5  # of a change that meets others at the same webhook


@dataclass(frozen=True, slots=True)
class WebhookWish:
    """What the caller wants a webhook to be."""

    url: str
    description: str | None = None
    events: frozenset[EventType] = frozenset()
    inbox_numbers: frozenset[int] | None = None
    is_active: bool = True


def require_webhook(webhooks: WebhookStore, webhook_id: WebhookId, caller: Caller) -> Webhook:
    """The caller's webhook; NotFound when it is another's, or tells of inboxes out of the key's reach."""
    webhook = webhooks.get(caller.account_id, webhook_id)
    if webhook is None or not _in_reach(webhook.inbox_numbers, caller):
        raise NotFound
    return webhook


def _in_reach(inbox_numbers: frozenset[int] | None, caller: Caller) -> bool:
    bound = caller.key.inbox_numbers
    return bound is None or (inbox_numbers is not None and inbox_numbers <= bound)


@dataclass(frozen=True)
class CheckWish:
    """What may be wrong with a wish besides its form."""

    inboxes: InboxStore
    client: WebhookClient

    def __call__(self, wish: WebhookWish, caller: Caller, *, url_is_new: bool = True) -> WebhookWish:
        """The wish, with the inboxes of a key that is bound to some. Raises InvalidInput, or NotFound for an inbox."""
        numbers = caller.key.inbox_numbers if wish.inbox_numbers is None else wish.inbox_numbers
        for number in wish.inbox_numbers or ():
            require_inbox(self.inboxes, number, caller)
        if url_is_new:
            try:
                self.client.check(wish.url)
            except BadWebhookUrl as error:
                raise InvalidInput({"url": [str(error)]}) from error
        return replace(wish, inbox_numbers=numbers)


@dataclass(frozen=True)
class CreateWebhook:
    """Create a webhook that is told of everything from now on."""

    webhooks: WebhookStore
    check: CheckWish
    log: EventLog
    clock: Clock

    def __call__(self, webhook_id: WebhookId, wish: WebhookWish, caller: Caller) -> Webhook:
        """Raises InvalidInput, NotFound, QuotaExceeded.

        Repeated under the same id, it gives the webhook a secret nobody has seen.
        """
        wish = self.check(wish, caller)
        self._require_room(
            caller, MOST_WEBHOOKS if self.webhooks.get(caller.account_id, webhook_id) else MOST_WEBHOOKS - 1
        )
        now = to_milliseconds(self.clock())
        # Twice: what the first says is where the webhook begins; the second comes after it is stored, so that whoever
        # reads the list because of it finds it there.
        _, since = self.log.raise_webhooks(caller.account_id)
        webhook = Webhook(
            id=webhook_id,
            account_id=caller.account_id,
            url=wish.url,
            description=wish.description,
            events=wish.events,
            inbox_numbers=wish.inbox_numbers,
            is_active=wish.is_active,
            secret=WebhookSecret(new_secret()),
            since=since,
            created_at=now,
            updated_at=now,
        )
        self.webhooks.delete(caller.account_id, webhook_id)
        self.webhooks.create(webhook)
        try:
            self._require_room(caller, MOST_WEBHOOKS)  # others may have come at the same time
        except QuotaExceeded:
            self.webhooks.delete(caller.account_id, webhook_id)
            raise
        self.log.raise_webhooks(caller.account_id)
        return webhook

    def _require_room(self, caller: Caller, most: int) -> None:
        if len(self.webhooks.all(caller.account_id)) > most:
            raise QuotaExceeded(
                f"An account has at most {MOST_WEBHOOKS} webhooks.",
                fix="Delete one that is not used any more, or let one webhook tell of several inboxes and events.",
            )


@dataclass(frozen=True)
class ListWebhooks:
    """The account's webhooks, newest first."""

    webhooks: WebhookStore

    def __call__(self, caller: Caller, request: PageRequest) -> Page[Webhook]:
        if caller.key.inbox_numbers is None:
            return self.webhooks.page(caller.account_id, request)
        # A key that is bound to inboxes sees few of few; its cursor counts what is above.
        seen = [each for each in self.webhooks.all(caller.account_id) if _in_reach(each.inbox_numbers, caller)]
        seen.sort(key=lambda each: (each.created_at, each.id), reverse=True)
        start = request.offset if request.after is None else request.after
        items = tuple(seen[start : start + request.limit])
        end = start + len(items)
        return Page(items, len(seen), end if end < len(seen) else None)


@dataclass(frozen=True)
class GetWebhook:
    """One webhook, without its secret."""

    webhooks: WebhookStore

    def __call__(self, webhook_id: WebhookId, caller: Caller) -> Webhook:
        return require_webhook(self.webhooks, webhook_id, caller)


@dataclass(frozen=True)
class _ChangeWebhook:
    """Change what is stored, whoever else changes it at the same time, and tell the log."""

    webhooks: WebhookStore
    log: EventLog

    def __call__(self, webhook_id: WebhookId, caller: Caller, change: Callable[[Webhook], Webhook]) -> Webhook:
        for _ in range(_TRIES):
            try:
                saved = self.webhooks.save(change(require_webhook(self.webhooks, webhook_id, caller)))
            except VersionConflict:
                continue
            self.log.raise_webhooks(caller.account_id)
            return saved
        raise Unavailable("Too many requests change the same webhook at once.")


@dataclass(frozen=True)
class UpdateWebhook:
    """Put another wish in place of the webhook's; its secret stays. Switched on again, it goes on with what waited."""

    webhooks: WebhookStore
    deliveries: WebhookDeliveries
    queue: WebhookQueue
    check: CheckWish
    log: EventLog
    clock: Clock

    def __call__(self, webhook_id: WebhookId, change: Callable[[Webhook], WebhookWish], caller: Caller) -> Webhook:
        """Raises InvalidInput, NotFound. `change` makes the wish from the webhook as it stands."""
        known = require_webhook(self.webhooks, webhook_id, caller)
        wish = change(known)
        wish = self.check(wish, caller, url_is_new=wish.url != known.url or (wish.is_active and not known.is_active))
        begins = wish.is_active and not known.is_active
        since = self.log.raise_webhooks(caller.account_id)[1] if begins else None
        saved = _ChangeWebhook(self.webhooks, self.log)(
            webhook_id, caller, lambda webhook: self._changed(webhook, wish, since)
        )
        if wish.is_active and (begins or wish.url != known.url):
            self._let_on(saved)
        return saved

    def _changed(self, webhook: Webhook, wish: WebhookWish, since: LogPlace | None) -> Webhook:
        return replace(
            webhook,
            url=wish.url,
            description=wish.description,
            events=wish.events,
            inbox_numbers=wish.inbox_numbers,
            is_active=wish.is_active,
            disabled=None if wish.is_active else webhook.disabled,
            since=since or webhook.since,
            updated_at=to_milliseconds(self.clock()),
        )

    def _let_on(self, webhook: Webhook) -> None:
        """What is known of its endpoint counts no more, and what waited for it goes on."""
        now = self.clock()
        line = LineJob(webhook.account_id, webhook.id, now)
        self.queue.put(line)
        health = self.deliveries.health(webhook.id)
        self.deliveries.change_health(webhook.id, health, lambda known: _anew(known, line))


def _anew(known: EndpointHealth, line: LineJob) -> EndpointHealth:
    return EndpointHealth(leases=known.leases, line_due_at=line.due_at, version=known.version)


@dataclass(frozen=True)
class RotateSecret:
    """Give a webhook a new secret; the one before it signs as well for 24 hours."""

    webhooks: WebhookStore
    log: EventLog
    clock: Clock

    def __call__(self, webhook_id: WebhookId, caller: Caller, *, unseen_since: int | None = None) -> Webhook:
        """`unseen_since`: the version before an earlier try, whose secret nobody has seen: another takes its place."""

        def rotated(webhook: Webhook) -> Webhook:
            now = to_milliseconds(self.clock())
            secret = webhook.secret.rotated(new_secret(), now)
            if unseen_since is not None and webhook.version > unseen_since and webhook.secret.previous:
                secret = replace(webhook.secret, current=secret.current)
            return replace(webhook, secret=secret, updated_at=now)

        return _ChangeWebhook(self.webhooks, self.log)(webhook_id, caller, rotated)


@dataclass(frozen=True)
class DeleteWebhook:
    """Delete a webhook; nothing more is sent to it, and its deliveries fade within 30 days."""

    webhooks: WebhookStore
    log: EventLog

    def __call__(self, webhook_id: WebhookId, caller: Caller) -> None:
        require_webhook(self.webhooks, webhook_id, caller)
        if not self.webhooks.delete(caller.account_id, webhook_id):
            raise NotFound
        self.log.raise_webhooks(caller.account_id)
