"""Webhooks: one item each in the account's partition, and the account's list of them."""

from dataclasses import dataclass, replace
from datetime import datetime

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.delivery import EventType
from chalicelib.domain.event import LogPlace
from chalicelib.domain.ids import AccountId
from chalicelib.domain.webhook import Disabled, OldSecret, Webhook, WebhookId, WebhookSecret
from chalicelib.operations.ports import Page, PageRequest, VersionConflict
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Refused, delete, update_if
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.roster import Roster
from chalicelib.storage.tables import WebhookItem, batch_get


@raises_unavailable
@dataclass(frozen=True)
class DynamoWebhookStore:
    """`operations.ports.WebhookStore` over the table."""

    def create(self, webhook: Webhook) -> None:
        if _find(webhook.account_id, webhook.id) is None:
            _list(webhook.account_id).add(webhook.id, lambda sequence: [_item(webhook, sequence)])

    def get(self, account_id: AccountId, webhook_id: WebhookId) -> Webhook | None:
        item = _find(account_id, webhook_id)
        return None if item is None else webhook_of(item)

    def save(self, webhook: Webhook) -> Webhook:
        saved = replace(webhook, version=webhook.version + 1)
        item = _item(saved, 0)
        actions: list[Action] = [
            attribute.set(value) if (value := getattr(item, name)) is not None else attribute.remove()
            for name, attribute in WebhookItem.get_attributes().items()
            if name not in ("pk", "sk", "ttl", "list_sequence")
        ]
        unchanged: Condition = WebhookItem.version == webhook.version
        outcome = update_if(_bare_item(webhook.account_id, webhook.id), actions, unchanged)
        # After a lost reply the library repeats the write and is refused, though it was stored.
        if isinstance(outcome, Refused) and (outcome.found is None or webhook_of(outcome.found) != saved):
            raise VersionConflict
        return saved

    def delete(self, account_id: AccountId, webhook_id: WebhookId) -> bool:
        item = _find(account_id, webhook_id)
        if item is None:
            return False
        there: Condition = WebhookItem.list_sequence == item.list_sequence
        return _list(account_id).remove(int(item.list_sequence), delete(_bare_item(account_id, webhook_id), there))

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Webhook]:
        page = _list(account_id).page(request)
        partition = keys.account_partition(account_id)
        raw = batch_get([(partition, keys.webhook(name)) for name in page.items])
        items = {item.sk: webhook_of(item) for item in map(WebhookItem.from_raw_data, raw)}
        # One may have been deleted since the list was read.
        found = tuple(items[keys.webhook(name)] for name in page.items if keys.webhook(name) in items)
        return Page(found, page.total - (len(page.items) - len(found)), page.next_after)

    def all(self, account_id: AccountId) -> tuple[Webhook, ...]:
        found = WebhookItem.query(
            keys.account_partition(account_id), WebhookItem.sk.startswith(keys.WEBHOOKS), consistent_read=True
        )
        return tuple(map(webhook_of, found))


def webhook_of(item: WebhookItem) -> Webhook:
    bound = item.inbox_numbers
    return Webhook(
        id=WebhookId(item.sk.removeprefix(keys.WEBHOOKS)),
        account_id=AccountId(item.pk.removeprefix(keys.account_partition(""))),
        url=item.url,
        description=item.description,
        events=frozenset(EventType(name) for name in item.events.split(",") if name),
        inbox_numbers=None if bound is None else frozenset(int(number) for number in bound.split(",") if number),
        is_active=item.is_active,
        secret=WebhookSecret(item.secret, _previous(item)),
        since=LogPlace(int(item.since_chunk), int(item.since_index)),
        created_at=datetime.fromisoformat(item.created_at),
        updated_at=datetime.fromisoformat(item.updated_at),
        disabled=_disabled(item),
        version=int(item.version),
    )


def _previous(item: WebhookItem) -> tuple[OldSecret, ...]:
    texts, times = (item.previous_secret or "").split(), (item.previous_until or "").split()
    return tuple(OldSecret(text, datetime.fromisoformat(until)) for text, until in zip(texts, times, strict=True))


def _disabled(item: WebhookItem) -> Disabled | None:
    if not item.disabled_reason:
        return None
    return Disabled(item.disabled_reason, datetime.fromisoformat(item.disabled_at), int(item.disabled_log_since))


def _item(webhook: Webhook, sequence: int) -> WebhookItem:
    secret, bound, disabled = webhook.secret, webhook.inbox_numbers, webhook.disabled
    return WebhookItem(
        keys.account_partition(webhook.account_id),
        keys.webhook(webhook.id),
        url=webhook.url,
        description=webhook.description,
        events=",".join(sorted(webhook.events)),
        inbox_numbers=None if bound is None else ",".join(map(str, sorted(bound))),
        is_active=webhook.is_active,
        disabled_reason=disabled.reason if disabled else None,
        disabled_at=disabled.at.isoformat() if disabled else None,
        disabled_log_since=disabled.log_since if disabled else None,
        secret=secret.current,
        previous_secret=" ".join(each.text for each in secret.previous) or None,
        previous_until=" ".join(each.until.isoformat() for each in secret.previous) or None,
        since_chunk=webhook.since.chunk,
        since_index=webhook.since.index,
        created_at=webhook.created_at.isoformat(),
        updated_at=webhook.updated_at.isoformat(),
        version=webhook.version,
        list_sequence=sequence,
    )


def _find(account_id: AccountId, webhook_id: WebhookId) -> WebhookItem | None:
    try:
        return WebhookItem.get(keys.account_partition(account_id), keys.webhook(webhook_id), consistent_read=True)
    except WebhookItem.DoesNotExist:
        return None


def _bare_item(account_id: AccountId, webhook_id: WebhookId) -> WebhookItem:
    return WebhookItem(keys.account_partition(account_id), keys.webhook(webhook_id))


def _list(account_id: AccountId) -> Roster:
    return Roster(keys.account_partition(account_id), "webhooks")
