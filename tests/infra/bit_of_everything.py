"""A walk through everything that the functions do, so that their calls can be noted: the acts of tests/chaos, and the rest."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chalicelib.events.due_domains import due_domains
from chalicelib.events.erasing import erasing
from chalicelib.events.housekeeping import housekeeping
from chalicelib.operations.erase_thread import EraseThread
from chalicelib.storage.thread_store import DynamoThreadStore
from embedded.dns_server import DnsServer
from embedded.zone import Zone
from tests.chaos import acts
from tests.chaos import deployment as chaos
from tests.chaos.client import noise
from tests.chaos.wire import Call, Fault
from tests.infra.recorded_calls import A_PERSON, Watched
from tests.infra.rights import Right
from tests.infra.walk import Walk
from tests.journeys.receiver import Receiver, receiving
from tests.operations.incoming import make_mail, make_mail_with_files
from tests.operations.watched import Crash
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
    few = partial(DynamoThreadStore, members_limit=6, moved_at_once=3, chunk_limit=5, enough=2)
    monkeypatch.setattr("chalicelib.wiring.stores.DynamoThreadStore", few)
    monkeypatch.setattr("chalicelib.wiring.privacy.EraseThread", partial(EraseThread, messages_a_step=2))
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
    walk = WholeWalk(deployment, past, receiver, zone)
    for step in (
        walk.webhooks,
        walk.suppressions,
        walk.switches,
        walk.late_news,
        walk.mail_that_is_filed_late,
        walk.mail_whose_number_was_killed,
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


class WholeWalk(Walk):
    """With what comes and goes: domains, accounts, large deletions, housekeeping."""

    def domains(self) -> None:
        made = self._add_domain("first." + NAME)
        self.ask("POST", f"/domains/{made['id']}/verify")
        self.ask("DELETE", f"/domains/{made['id']}", status=204)
        made = self._add_domain(NAME)
        url = f"/domains/{made['id']}"
        self.deployment.clock.advance(3_600)
        self.deployment.run_schedule("DueDomains", due_domains)
        self.ask("POST", f"{url}/verify")
        self.rest()
        self.deployment.domains.tags.clear()  # somebody has deleted the identity by hand
        for text in (json.dumps(made["dnsRecords"]), "[]"):
            self.zone.path.write_text(text, encoding="utf-8")
            for _ in range(8):
                self.deployment.clock.advance(86_400)
                self.deployment.run_schedule("DueDomains", due_domains)
        self.ask("DELETE", url, status=204)
        self._die_over_a_deletion()

    def _add_domain(self, name: str) -> Any:
        made = self.ask("POST", "/domains", {"domain": name})
        self.ask("POST", f"/domains/{made['id']}/verify")
        self.zone.path.write_text(json.dumps(made["dnsRecords"]), encoding="utf-8")
        return made

    def _die_over_a_deletion(self) -> None:
        """The clock of the domains carries it out."""
        made = self._add_domain("again." + NAME)
        self.ask("POST", f"/domains/{made['id']}/verify")

        def plan(call: Call) -> Fault | None:
            self.deployment.note(call)
            return Fault.DIES_BEFORE if call.operation == "DeleteEmailIdentity" else None

        with self.deployment.wire.under(plan), pytest.raises(Crash):
            self.deployment.api("DELETE", f"/domains/{made['id']}")
        self.deployment.wire.plan = self.deployment.note
        self.deployment.clock.advance(86_400)
        self.deployment.run_schedule("DueDomains", due_domains)

    def accounts(self) -> None:
        key = self.ask("POST", "/account/api-keys", {"name": "one", "scopes": ["read"]})
        self.ask("DELETE", f"/account/api-keys/{key['id']}", status=204)
        made = self.ask("POST", "/accounts", {"email": "o@example.com", "name": "another"})
        with self.deployment.called_with(made["apiKey"]):
            self._live()
        self.deployment.domains.rules.clear()  # somebody has deleted the receipt rule by hand
        self.ask("DELETE", f"/accounts/{made['id']}", status=204)
        self._erase()

    def _live(self) -> None:
        """An account that has a bit of everything, and then goes with it."""
        for name in ("one.", "two."):
            domain = self._add_domain(name + NAME)
            self.ask("POST", f"/domains/{domain['id']}/verify")
        inbox = self.ask("POST", "/inboxes", {"address": "third@mail.example.com"})["id"]
        self.ask("POST", "/webhooks", {"url": self.receiver.url})
        self.ask("POST", "/suppressions", {"address": "no@example.com"})
        for data in (b"used", b"spare"):
            file = self.deployment.upload("report.pdf", data, once=chaos.new_key()).json["id"]
        body = {"to": [acts.DONE], "subject": "s", "bodyText": noise(700_000, 2), "attachmentIds": [file]}
        self.ask("POST", f"/inboxes/{inbox}/messages", body)
        mail = make_mail_with_files(b"came", message_id="<live@example.com>")
        self.past.client.arrives("mail-live", mail, "third@mail.example.com")
        self.rest()

    def _erase(self) -> None:
        for _ in range(6):
            self.deployment.clock.advance(120)
            self.deployment.run_schedule("Erasing", erasing)
            self.rest()

    def deleting(self) -> None:
        for _ in range(4):
            self.ask("POST", f"/messages/{self.past.first['id']}/reply", {"bodyText": "just written"})
        self.rest()
        self.ask("DELETE", f"/threads/{self.past.first['threadId']}", status=204)
        self._erase()
        self.past.client.arrives("mail-lost", make_mail(message_id="<lost@example.com>"), acts.AGENT)
        self.deployment.queues.waiting.clear()
        self.ask("PUT", "/account/retention", {"days": 1})
        for _ in range(4):
            self.deployment.clock.advance(6.5 * 3_600)
            self.deployment.run_schedule("Housekeeping", housekeeping)
            self.rest()
        self.deployment.clock.advance(2 * 86_400)
        self._erase()
        self.ask("DELETE", f"/inboxes/{self.past.inbox_ids[acts.AGENT]}?purge=true", status=204)
        self._erase()
        for webhook in self.ask("GET", "/webhooks")["data"]:
            self.ask("DELETE", f"/webhooks/{webhook['id']}", status=204)
