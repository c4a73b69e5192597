"""A walk through everything that the functions do, so that their calls can be noted: the acts of tests/chaos, and the rest."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chalicelib.events.due_domains import due_domains
from chalicelib.events.due_webhooks import due_webhooks
from chalicelib.events.housekeeping import housekeeping
from embedded.dns_server import DnsServer
from embedded.zone import Zone
from tests.chaos import acts
from tests.chaos import deployment as chaos
from tests.chaos.wire import Call, Fault
from tests.infra.recorded_calls import A_PERSON, Watched
from tests.infra.rights import Right
from tests.journeys.receiver import Receiver, receiving
from tests.operations.incoming import make_mail
from tests.storage.engines import Engine

NAME = "example.org"


def recorded(engine: Engine, monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, set[Right]]:
    """The rights that each function needs, by its logical id."""
    zone = Zone(folder / "zone.json")
    zone.create()
    server = DnsServer(zone)
    server.start()
    for name, value in {
        "DNS_SERVERS": server.address,
        "ALLOW_LOOPBACK_WEBHOOKS": "yes",
        "RECEIPT_RULE_SET": "rules",
        "INBOUND_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:inbound",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        with receiving() as receiver:
            return _walk(Watched(engine, monkeypatch), receiver, zone)
    finally:
        server.stop()


def _walk(deployment: Watched, receiver: Receiver, zone: Zone) -> dict[str, set[Right]]:
    with deployment.function(A_PERSON):
        past = acts.build_past(deployment)
    for act in acts.ACTS.values():
        _perform(deployment, past, act)
    deployment.restore(_known(past.snapshot))
    walk = Walk(deployment, past, receiver, zone)
    for step in (
        walk.webhooks,
        walk.suppressions,
        walk.switches,
        walk.domains,
        walk.accounts,
        walk.reading,
        walk.deleting,
    ):
        step()
    return deployment.rights


def _known(snapshot: Any) -> Any:
    assert snapshot is not None
    return snapshot


def _perform(deployment: Watched, past: acts.Past, act: acts.Act) -> None:
    """An act with the deaths of its script, and the housekeeping that finds what they left."""
    deployment.restore(_known(past.snapshot))
    client = past.client.copy(is_patient=act.is_patient is not False, redrives=True)
    left = dict(act.script)

    def plan(call: Call) -> Fault | None:
        deployment.note(call)
        for text in list(left):
            if text in call.site:
                return left.pop(text)
        return None

    with deployment.wire.under(plan):
        act.perform(acts.Run(past, client))
        client.rest()
    deployment.wire.plan = deployment.note


@dataclass
class Walk:
    """What the acts do not do."""

    deployment: Watched
    past: acts.Past
    receiver: Receiver
    zone: Zone

    def ask(self, method: str, url: str, body: object = None, *, status: int | None = None) -> Any:
        answer = self.deployment.api(method, url, body, once=chaos.new_key() if method == "POST" else None)
        assert answer.status == status if status else answer.status < 300, (method, url, answer.status, answer.body)
        return answer.json if answer.body else None

    def rest(self) -> None:
        self.past.client.rest()

    def send(self, *to: str) -> str:
        sent: str = self.ask("POST", self.past.inbox, {"to": list(to), "subject": "s", "bodyText": "b"})["id"]
        return sent

    def webhooks(self) -> None:
        hook = self.ask("POST", "/webhooks", {"url": self.receiver.url})
        url = f"/webhooks/{hook['id']}"
        self.receiver.answers = [503] * 8
        self.send(acts.DONE, acts.BOUNCED)
        self.past.client.arrives("mail-hook", make_mail(message_id="<hook@example.com>"), acts.AGENT)
        for _ in range(40):
            self.rest()
            self.deployment.clock.advance(600)
            self.deployment.run_schedule("DueWebhooks", due_webhooks)
        self.rest()
        assert self.receiver.received
        deliveries = self.ask("GET", f"{url}/deliveries")["data"]
        self.ask("POST", f"{url}/deliveries/{deliveries[0]['id']}/replay")
        self.ask("POST", f"{url}/test")
        since = (self.deployment.clock().replace(microsecond=0)).isoformat().replace("+00:00", "Z")
        self.ask("POST", f"{url}/replay", {"since": since[:10] + "T00:00:00Z"})
        self.ask("PUT", url, {"isActive": False})
        self.send(acts.DONE)
        self.rest()
        self.ask("PUT", url, {"isActive": True})
        self.ask("POST", f"{url}/rotate-secret")
        self.rest()

    def suppressions(self) -> None:
        self.ask("POST", "/suppressions", {"address": "no@example.com"})
        self.ask("GET", "/suppressions/no%40example.com")
        self.ask("DELETE", "/suppressions/no%40example.com", status=204)

    def switches(self) -> None:
        inbox = f"/inboxes/{self.past.inbox_ids[acts.AGENT]}"
        for release in (lambda: None, lambda: self.ask("POST", "/account/discard-queued")):
            self.send(acts.DONE)
            self.ask("PATCH", "/account", {"status": "suspended"})
            self.rest()
            release()
            self.rest()
            self.ask("PATCH", "/account", {"status": "active"})
            self.rest()
        self.ask("GET", inbox)

    def domains(self) -> None:
        made = self.ask("POST", "/domains", {"domain": NAME})
        url = f"/domains/{made['id']}"
        self.ask("POST", f"{url}/verify")
        self.zone.path.write_text(json.dumps(made["dnsRecords"]), encoding="utf-8")
        self.deployment.clock.advance(3_600)
        self.deployment.run_schedule("DueDomains", due_domains)
        self.ask("POST", f"{url}/verify")
        self.rest()
        self.zone.path.write_text("[]", encoding="utf-8")
        for _ in range(8):
            self.deployment.clock.advance(86_400)
            self.deployment.run_schedule("DueDomains", due_domains)
        self.ask("DELETE", url, status=204)

    def accounts(self) -> None:
        key = self.ask("POST", "/account/api-keys", {"name": "one", "scopes": ["read"]})
        self.ask("DELETE", f"/account/api-keys/{key['id']}", status=204)
        self.ask("POST", "/accounts", {"email": "o@example.com", "name": "another"})

    def reading(self) -> None:
        message = self.past.received
        file = message["attachments"][0]["id"]
        inbox = f"/inboxes/{self.past.inbox_ids[acts.AGENT]}"
        for url in (
            "/account",
            "/account/usage",
            "/account/api-keys",
            "/events",
            "/inboxes",
            f"{inbox}/messages",
            f"{inbox}/threads",
            f"/threads/{message['threadId']}/messages",
            f"/messages/{message['id']}",
            f"/messages/{message['id']}/events",
            f"/attachments/{file}",
            "/suppressions",
            "/webhooks",
            "/domains",
        ):
            self.ask("GET", url)
        self.ask("GET", "/health")
        self.deployment.api("GET", f"/messages/{message['id']}/raw")

    def deleting(self) -> None:
        for webhook in self.ask("GET", "/webhooks")["data"]:
            self.ask("DELETE", f"/webhooks/{webhook['id']}", status=204)
        self.ask("DELETE", f"/inboxes/{self.past.inbox_ids[acts.OTHER]}", status=204)
        for _ in range(4):
            self.deployment.clock.advance(6.5 * 3_600)
            self.deployment.run_schedule("Housekeeping", housekeeping)
            self.rest()
