"""What hardly ever stands in an item: set through the stores, where living it would take weeks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.domain.erasure import Erasure, ErasureKind
from chalicelib.domain.ids import AccountId, ThreadKey, inbox_number
from chalicelib.domain.inbox import InboxStatus
from chalicelib.domain.loop import Origin
from chalicelib.domain.own_domain import Domain, DomainId
from chalicelib.domain.reputation import Suspension
from chalicelib.domain.switch import Switch
from chalicelib.domain.webhook import WebhookId
from chalicelib.domain.webhook_delivery import WebhookDelivery
from chalicelib.operations.ports import Walk
from chalicelib.storage.inbox_items import bare_item
from chalicelib.storage.send_rate_store import DynamoSendRates
from chalicelib.storage.tables import InboxItem
from chalicelib.storage.walk_store import DynamoWalkStore
from tests.privacy.marked_world import MINUTE, MarkedDeployment, Tenant

FAR = datetime(2099, 1, 1, tzinfo=UTC)
OWN_INBOX, SUSPENDED_INBOX = 101, 102


def set_what_is_rare(deployment: MarkedDeployment, tenant: Tenant, domain: Domain) -> None:
    made, now = deployment.operations(), deployment.clock()
    account_id = AccountId(tenant.account_id)
    _inboxes(deployment, tenant, domain)
    for origin in (Origin.PROGRAM, Origin.SIBLING, Origin.PERSON):
        made.peers.note_mail(inbox_number(tenant.made["two"]), "everybody@example.com", origin, now)
    assert DynamoSendRates().slow_down(now - timedelta(hours=1), 7.5, unless_since=now) is not None
    assert DynamoWalkStore().save(Walk("sample", "a place", now))
    going = replace(domain, id=DomainId("dom_00000000000000000002"), name="going.example.com")
    assert made.domains.create(going)
    assert made.domains.begin_deletion(going)
    begun = made._erasures.add(Erasure(ErasureKind.INBOX, "103", account_id, now, FAR))
    assert made._erasures.save(replace(begun, stage="contents", after="a place")) is not None
    counted = [(key, *each) for key, days in made.usage.requests(account_id).items() for each in days.items()]
    key, day, count = counted[0]
    assert made.usage.keep_requests(account_id, key, day, count)
    _webhooks(deployment, tenant)


def _inboxes(deployment: MarkedDeployment, tenant: Tenant, domain: Domain) -> None:
    made, now = deployment.operations(), deployment.clock()
    account_id = AccountId(tenant.account_id)
    known = made.inboxes.get(inbox_number(tenant.made["one"]))
    assert known is not None
    own = replace(known, number=OWN_INBOX, address=f"agent@{domain.name}", domain_id=domain.id)
    assert made.inboxes.create(own)
    assert made.inboxes.create(replace(known, number=SUSPENDED_INBOX, address="suspended-own@mail.example.com"))
    worn_out: list[Action] = [
        InboxItem.period_sends.set(1_000),
        InboxItem.bounce_room.set(-50),
        InboxItem.complaint_room.set(1),
    ]
    bare_item(SUSPENDED_INBOX).update(actions=worn_out)
    suspended = made.inboxes.suspend(SUSPENDED_INBOX, Suspension(now, 3))
    assert suspended is not None
    made.inboxes.note_told(suspended)
    two = inbox_number(tenant.made["two"])
    assert made.switch_store.discard(Switch.of_inbox(two), account_id, now - MINUTE)
    assert suspended.status is InboxStatus.SUSPENDED
    made.threads.announce_leave(ThreadKey(inbox_number(tenant.made["cells"]), 1_000), 1_239)


def _webhooks(deployment: MarkedDeployment, tenant: Tenant) -> None:
    """One that was switched off, and a delivery whose next attempt is to come."""
    made, now = deployment.operations(), deployment.clock()
    tenant.make("disabled", "/webhooks", {"url": "https://gone.example.com/hook", "events": ["message.failed"]})
    account_id = AccountId(tenant.account_id)
    webhook = made.webhooks.get(account_id, WebhookId(tenant.made["disabled"]))
    assert webhook is not None
    deliver: Any = made.deliver_webhook
    deliver.disable(webhook, "It answered 410: it wants no more.")
    logged = made.tell_events.log.read(account_id, None, 100).events[0]
    made.deliveries.save(WebhookDelivery(webhook.id, logged, next_attempt_at=now + timedelta(hours=1)), now)
