"""A life that leaves an item of every kind, an object of every kind and a job of every kind behind."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.delivery import EventType
from chalicelib.domain.domain_records import DkimState, Identity, wanted_records
from chalicelib.domain.endpoint_health import EndpointHealth
from chalicelib.domain.event import Event, LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId, MessageKey, ThreadKey, inbox_number
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.own_domain import (
    Domain,
    DomainId,
    FirstVerified,
    Holding,
    ReceivingStatus,
    SendingStatus,
    new_domain_id,
)
from chalicelib.domain.receipt import Receipt
from chalicelib.domain.switch import Switch
from chalicelib.domain.thread import Thread
from chalicelib.domain.webhook import WebhookId
from chalicelib.operations.ports import Paused, SendJob, WakeJob
from chalicelib.operations.ports.domains import DueDomain, RuleWork
from chalicelib.operations.ports.webhooks import DeliveryJob, LineJob, NoticeJob, ReplayJob
from chalicelib.providers.ses_receipts import notice_body
from chalicelib.providers.sqs_queues import SqsSendQueue, job_body
from chalicelib.providers.webhook_queue import webhook_job_body
from chalicelib.storage import message_store
from chalicelib.storage.receipt_rule_store import DynamoRuleNames
from chalicelib.storage.received_mails import receipt_metadata
from tests.chaos.client import noise
from tests.chaos.deployment import API_KEY, BUCKET, INBOUND_QUEUE
from tests.operations.incoming import make_mail
from tests.privacy.marked_world import HOUR, MINUTE, MarkedDeployment, Tenant
from tests.upgrades.rare import set_what_is_rare

WORD = "storedword"
CELLS = 1_200  # messages of an inbox that is index alone; two of its buckets are sealed
CHAINED = 240  # members of a long thread in it
OWN_DOMAIN = "own.example.com"


@dataclass
class Life:
    """What was lived, by names that `looks.py` looks up."""

    deployment: MarkedDeployment
    tenant: Tenant
    names: dict[str, Any]


def live(deployment: MarkedDeployment) -> Life:
    caller = deployment.operations().bootstrap(API_KEY)
    admin = Tenant(deployment, "adminword", caller.account_id, API_KEY)
    made = admin.api("POST", "/accounts", {"name": "A name", "email": "own@example.com"}, once="account-1").json
    tenant = Tenant(deployment, WORD, made["id"], made["apiKey"])
    life = Life(deployment, tenant, {})
    _settings(life)
    _mail(life)
    _purged(life)
    _webhooks(life)
    deployment.operations().keep_house()
    deployment.rest()
    domain = _domains(life)
    _index_alone(life)
    set_what_is_rare(deployment, tenant, domain)
    _deletions(life)
    _under_way(life)
    return life


def _settings(life: Life) -> None:
    tenant = life.tenant
    for inbox in ("one", "two", "three", "cells"):
        tenant.make(inbox, "/inboxes", {"address": f"{WORD}-{inbox}", "displayName": f"{WORD} {inbox}"})
    bound = {
        "name": "bound",
        "rateLimitPerMinute": 7,
        "scopes": ["send"],
        "inboxIds": [tenant.made["one"]],
        "expiresAt": "2099-01-01T00:00:00Z",
    }
    tenant.make("key", "/account/api-keys", bound)
    tenant.make("stopped", "/account/api-keys", {"name": "stopped"})
    assert tenant.api("PATCH", f"/account/api-keys/{tenant.made['stopped']}", {"status": "suspended"}).status == 200
    assert tenant.api("POST", f"/account/api-keys/{tenant.made['stopped']}/discard-queued").status in (200, 202)
    assert tenant.api("PUT", "/account/retention", {"days": 3_000}).status == 200
    tenant.api("POST", "/suppressions", {"address": f"{WORD}-suppressed@example.com", "reason": "manual"})
    hook = {
        "url": "https://agent.example.com/hook",
        "description": "A hook",
        "events": ["message.sent", "message.bounced"],
    }
    tenant.make("webhook", "/webhooks", hook | {"inboxIds": [tenant.made["one"]]})
    assert tenant.api("POST", f"/webhooks/{tenant.made['webhook']}/rotate-secret").status == 200
    tenant.make("all", "/webhooks", {"url": "https://all.example.com/hook"})


def _mail(life: Life) -> None:
    tenant, deployment = life.tenant, life.deployment
    for name in ("success", "bounce", "complaint"):
        tenant.send(name, "one", WORD, to=[f"{name}+1@simulator.amazonses.com"], cc=[], bcc=[])
    tenant.send("file", "one", WORD, attachmentIds=[tenant.upload("kept")])
    tenant.upload("unused")
    tenant.send("suppressed", "one", WORD, to=[f"{WORD}-suppressed@example.com", "plain@example.com"])
    with pytest.MonkeyPatch.context() as patch:  # where bodies go to the bucket is no part of the format
        patch.setattr(message_store, "INLINE_LIMIT", 1_000)
        tenant.send("long", "one", WORD, bodyText=noise(4_000, 1))
    deployment.rest()
    tenant.receive(WORD, "one", header=tenant.message("success")["messageIdHeader"])
    tenant.receive(WORD, "two", automatic=True)
    tenant.receive(WORD, "one")
    (first, *_) = tenant.api("GET", f"/inboxes/{tenant.made['one']}/messages?direction=inbound").json["data"]
    assert tenant.api("DELETE", f"/messages/{first['id']}").status == 204
    listed = tenant.api("GET", f"/inboxes/{tenant.made['two']}/messages").json["data"]
    tenant.made["received"] = listed[0]["id"]
    tenant.make("reply", f"/messages/{tenant.made['success']}/reply", {"bodyText": "A reply."})
    tenant.make("answer", f"/messages/{tenant.made['received']}/reply", {"bodyText": "An answer."})
    tenant.make("forward", f"/messages/{tenant.made['received']}/forward", {"to": ["success@simulator.amazonses.com"]})
    deployment.rest()
    assert tenant.api("PATCH", f"/inboxes/{tenant.made['two']}", {"status": "suspended"}).status == 200


def _purged(life: Life) -> None:
    tenant = life.tenant
    assert tenant.api("DELETE", f"/inboxes/{tenant.made.pop('three')}?purge=true").status == 204
    life.deployment.rest()
    life.deployment.erase(3)
    life.deployment.erase(3, pause=HOUR)


def _webhooks(life: Life) -> None:
    """One delivery that waits in line, one that is due late, an endpoint in trouble, an event told late."""
    tenant, made = life.tenant, life.deployment.operations()
    now, webhook_id, account_id = life.deployment.clock(), WebhookId(tenant.made["all"]), AccountId(tenant.account_id)
    logged = made.tell_events.log.read(account_id, None, 100).events[0]
    job = DeliveryJob(account_id, webhook_id, logged, attempts=3, round=1)
    made.deliveries.wait(job, now)
    made.due_deliveries.add(job, now + timedelta(hours=2))
    health = EndpointHealth(failures=9, failing_since=now, open_until=now + 5 * MINUTE, line_due_at=now + 5 * MINUTE)
    made.deliveries.change_health(webhook_id, made.deliveries.health(webhook_id), lambda _: health)
    log: Any = made.tell_events.log
    late = made.public_ids().event_id(0, 12345)
    log.move(account_id, late, 0, 70)
    life.names |= {"late": late, "event": logged.event.id}


def _domains(life: Life) -> Domain:
    made, now = life.deployment.operations(), life.deployment.clock()
    account_id, domain_id = AccountId(life.tenant.account_id), DomainId("dom_00000000000000000001")
    records = wanted_records(Identity(OWN_DOMAIN, DkimState.PENDING, ("a", "b", "c")), "proof", "eu-central-1")
    found = tuple(replace(record, found=("1 x", "y")) for record in records)
    domain = Domain(
        domain_id,
        account_id,
        OWN_DOMAIN,
        found,
        now,
        now + timedelta(hours=72),
        now,
        SendingStatus.VERIFIED,
        ReceivingStatus.FAILED,
        now,
        None,
        now,
        now,
        FirstVerified(now, 7, is_told=True),
    )
    assert made.domains.create(domain)
    made.holdings.save(Holding(OWN_DOMAIN, account_id, domain_id, sends=True, missing_since=now))
    made._due_domains.add(DueDomain(account_id, domain_id, now))
    made._due_domains.add(DueDomain(account_id, new_domain_id(), now, "being-added.example"))
    rules = DynamoRuleNames()
    assert rules.add(0, OWN_DOMAIN, 100)
    rules.begin(RuleWork(0, "token", now))
    life.names |= {"domain": domain_id}
    return domain


def _index_alone(life: Life) -> None:
    """Sealed buckets, directories, notes of late changes, a thread in chunks; all of it without contents."""
    made, number = life.deployment.operations(), inbox_number(life.tenant.made["cells"])
    for sequence in range(CELLS):
        key = MessageKey(number, sequence)
        assert made.index.commit(key, MessagePhase.RECEIVED, lambda only=sequence: (only,))  # type: ignore[misc]
        made.index.seal_due(key)
    made.index.remove(MessageKey(number, 5), lambda: (5,))
    thread, now = ThreadKey(number, 1_000), life.deployment.clock()
    account_id = AccountId(life.tenant.account_id)
    made.threads.begin(Thread(thread, account_id, "A subject", ("ada@example.com",), 1, now))
    for sequence in range(1_001, 1_000 + CHAINED):
        # A thread's members move to a chunk when they are visible.
        if sequence >= CELLS:
            made.index.commit(MessageKey(number, sequence), MessagePhase.RECEIVED, lambda only=sequence: (only,))  # type: ignore[misc]
        made.threads.join(thread, sequence, ["bob@example.net"])
    life.names |= {"cells": number, "thread": thread.first_sequence}


def _deletions(life: Life) -> None:
    """A message that is gone, and a thread that is going."""
    tenant = life.tenant
    tenant.send("gone", "one", WORD)
    tenant.send("going", "one", WORD)
    life.deployment.rest()
    for number in range(4):
        tenant.make(f"going {number}", f"/messages/{tenant.made['going']}/reply", {"bodyText": "More."})
        life.deployment.rest()
    thread = tenant.message("going")["threadId"]
    assert tenant.api("DELETE", f"/messages/{tenant.made.pop('gone')}").status == 204
    life.deployment.rest()
    assert tenant.api("DELETE", f"/threads/{thread}").status == 204
    for name in [name for name in tenant.made if name.startswith("going")]:
        del tenant.made[name]


def _under_way(life: Life) -> None:
    """What waits in queues: news of SES, a job of the sender, a notice of received mail."""
    tenant, deployment = life.tenant, life.deployment
    deployment.rest()
    tenant.send("news", "one", WORD, to=["success+2@simulator.amazonses.com"], cc=[], bcc=[])
    deployment.deliver_next()
    tenant.send("queued", "one", WORD, to=["success+3@simulator.amazonses.com"], cc=[], bcc=[])
    receipt = Receipt(
        "waiting-mail", "ada@example.com", (f"{WORD}-one@mail.example.com",), deployment.clock(), "inbound/w"
    )
    deployment.bucket.put(receipt.blob, make_mail(message_id="<waiting@example.com>"), receipt_metadata(receipt))
    deployment.queues.put(INBOUND_QUEUE, notice_body(receipt, bucket=BUCKET))


def jobs(life: Life) -> dict[str, str]:
    """A body of every kind that a queue may hold, with every field set and, where it may be left out, without it."""
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    account_id, webhook_id = AccountId(life.tenant.account_id), WebhookId(life.tenant.made["all"])
    key = MessageKey(7, 3)
    event = Event(life.names["event"], EventType.SENT, now, key)
    other = replace(event, message=None, subject=webhook_id, type=EventType.WEBHOOK_DISABLED)
    logged = LoggedEvent(LogPlace(4, 2), event)
    taken: list[str] = []

    class Queue:
        def send_message(self, MessageBody: str, **_: object) -> None:  # noqa: N803 - boto3's name
            taken.append(MessageBody)

    switch = Switch.of_inbox(7)
    SqsSendQueue(Queue(), "").put(WakeJob(switch, account_id, now, True, (7, 8), 12, 3, True))
    SqsSendQueue(Queue(), "").put(WakeJob(Switch.of_account(account_id), account_id, now))
    return {
        "send": job_body(SendJob(key, now)),
        "send, all": job_body(SendJob(key, now, 5, ThreadKey(7, 1), Paused(now, now + HOUR), woken=True)),
        "wake, all": taken[0],
        "wake": taken[1],
        "notice": webhook_job_body(NoticeJob(account_id, 3, (logged, LoggedEvent(LogPlace(4, 3), other)))),
        "delivery": webhook_job_body(DeliveryJob(account_id, webhook_id, logged)),
        "delivery, all": webhook_job_body(DeliveryJob(account_id, webhook_id, logged, 4, is_test=True, round=2)),
        "line": webhook_job_body(LineJob(account_id, webhook_id, now)),
        "replay": webhook_job_body(ReplayJob(account_id, webhook_id, now, now + HOUR)),
        "replay, all": webhook_job_body(ReplayJob(account_id, webhook_id, now, now + HOUR, LogPlace(4, 2))),
    }
