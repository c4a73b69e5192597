"""What an account has beside its inboxes, swept away part by part."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.domain import ids
from chalicelib.domain.event import Event
from chalicelib.domain.ids import AccountId
from chalicelib.domain.webhook import WebhookId
from chalicelib.domain.webhook_delivery import WebhookDelivery
from chalicelib.operations.ports.erasures import Swept
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import delete, put_if
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.roster import Roster
from chalicelib.storage.sweeping import PAGE_ITEMS, page_of, place_of, remove
from chalicelib.storage.tables import AccountItem, WebhookDeliveryItem, query
from chalicelib.storage.webhook_codec import pack, unpack_delivery

_PREFIX = "begins_with(sk, :prefix)"
_ANY = "sk > :none"
_NONE = {":none": {"S": " "}}


@raises_unavailable
@dataclass(frozen=True)
class DynamoAccountRemains:
    """`operations.ports.AccountRemains` over the table."""

    def drop_keys(self, account_id: AccountId) -> None:
        names = (item["e"]["S"] for item in _entries(account_id, "keys"))
        places = map(keys.api_key, names)
        remove((place.pk, place.sk) for place in places)

    def drop_account(self, account_id: AccountId) -> None:
        roster = Roster(keys.DEPLOYMENT_PARTITION, "accounts")
        prefix = {":prefix": {"S": keys.list_prefix("accounts") + "E#"}}
        item = AccountItem(keys.account_partition(account_id), keys.ACCOUNT)
        for entry in query(keys.DEPLOYMENT_PARTITION, _PREFIX, prefix):
            if entry["e"]["S"] == account_id:
                sequence = keys.bucket_number(entry["sk"]["S"])
                if not roster.remove(sequence, delete(item, AccountItem.pk.exists())):
                    item.delete()
                remove([place_of(entry)])
                return
        item.delete()

    def inboxes(self, account_id: AccountId, after: str, limit: int = 50) -> tuple[Sequence[int], str | None]:
        partition = keys.account_partition(account_id)
        first, last = keys.entry("inboxes", int(after) + 1 if after else 0), keys.entry("inboxes", 10**11 - 1)
        span = {":first": {"S": first}, ":last": {"S": last}}
        items = page_of(partition, "sk BETWEEN :first AND :last", span, limit=limit)
        numbers = [int(item["e"]["S"]) for item in items]
        return numbers, str(keys.bucket_number(items[-1]["sk"]["S"])) if items else None

    def webhooks(self, account_id: AccountId) -> Sequence[WebhookId]:
        return [WebhookId(item["e"]["S"]) for item in _entries(account_id, "webhooks")]

    def forget_answers(self, webhook_id: WebhookId, inbox_number: int, after: str) -> Swept:
        partition = keys.webhook_partition(webhook_id)
        first = after + " " if after else keys.WEBHOOK_DELIVERIES  # a space sorts before whatever goes on
        items = page_of(partition, "sk BETWEEN :first AND :last", {":first": {"S": first}, ":last": {"S": "D$"}})
        forgotten = 0
        for item in items:
            delivery = unpack_delivery(item["d"]["B"])
            if _is_about(delivery.logged.event, inbox_number) and any(each.answer for each in delivery.attempts):
                _save_without_answers(WebhookDeliveryItem.from_raw_data(dict(item)), delivery)
                forgotten += 1
        return Swept(place_of(items[-1])[1] if items else None, forgotten)

    def sweep_webhook(self, webhook_id: WebhookId) -> Swept:
        return _sweep(keys.webhook_partition(webhook_id))

    def sweep_log(self, account_id: AccountId) -> Swept:
        return _sweep(keys.log_partition(account_id))

    def sweep_requests(self, account_id: AccountId, resources: frozenset[str] | None = None) -> Swept:
        removed = 0
        for part in range(keys.REQUEST_PARTS):
            partition = keys.request_partition(account_id, part)
            found = query(partition, _ANY, _NONE) if resources is not None else page_of(partition, _ANY, _NONE)
            removed += remove(
                place_of(item) for item in found if resources is None or item.get("r", {"S": ""})["S"] in resources
            )
        return Swept("" if removed else None, removed)

    def sweep_account(self, account_id: AccountId) -> Swept:
        return _sweep(keys.account_partition(account_id))


def _entries(account_id: AccountId, name: str) -> list[dict[str, Any]]:
    """What a list of the account names, and ever named."""
    prefix = {":prefix": {"S": keys.list_prefix(name) + "E#"}}
    return list(query(keys.account_partition(account_id), _PREFIX, prefix))


def _sweep(partition: str) -> Swept:
    items = page_of(partition, _ANY, _NONE, limit=PAGE_ITEMS)
    return Swept("" if items else None, remove(map(place_of, items)))


def _is_about(event: Event, inbox_number: int) -> bool:
    if event.message is not None:
        return event.message.inbox_number == inbox_number
    return event.subject == ids.inbox_id(inbox_number)


def _save_without_answers(item: WebhookDeliveryItem, delivery: WebhookDelivery) -> None:
    """Refused when an attempt is noted this very moment; the sweep comes again."""
    attempts = tuple(replace(attempt, answer="") for attempt in delivery.attempts)
    version = int(item.version)
    item.delivery = pack(replace(delivery, attempts=attempts, version=version + 1))
    item.version = version + 1
    put_if(item, WebhookDeliveryItem.version == version)
