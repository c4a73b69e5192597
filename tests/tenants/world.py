"""Two accounts that have one of everything, and a second one where a list needs two; and what was deleted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app import app
from chalicelib.domain.own_domain import RecordType
from chalicelib.operations.domain_identity import DomainIdentity
from tests.chaos.deployment import API_KEY, Deployment, OneProcess
from tests.factories.api_events import ApiAnswer, ApiClient
from tests.fakes.domains import FakeDns, FakeIdentities, FakeReceiptRules
from tests.privacy.marked_world import MarkedDeployment, Tenant
from tests.storage.engines import Engine


class TenantDeployment(MarkedDeployment):
    """With a zone and SES's identities in memory."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dns = FakeDns()
        self.identities, self.rules = FakeIdentities(self.dns), FakeReceiptRules()
        super().__init__(engine, monkeypatch)

    def operations(self) -> OneProcess:
        made = Deployment.operations(self)
        known = vars(made)
        if "_receipt_rules" not in known:  # before anything is made of them
            known["_receipt_rules"] = self.rules
            known["_domain_identity"] = DomainIdentity(self.identities)
            known["_check_domain"] = replace(made._check_domain, dns=self.dns)
        return super().operations()


@dataclass
class Holder(Tenant):
    """An account with one of everything, by kind of id; two inboxes, `one` and `two`, that hold alike."""

    zone: FakeDns = field(default_factory=FakeDns)
    ids: dict[str, dict[str, str]] = field(default_factory=dict)  # by inbox
    deleted: dict[str, str] = field(default_factory=dict)

    def settle(self) -> None:
        self.deployment.endpoint.answers = False
        shared = {"address": f"{self.word}-suppressed@example.com", "account": self.account_id}
        for number in (1, 2):
            self.make(f"suppression {number}", "/suppressions", {"address": f"{number}-{shared['address']}"})
        shared["address"] = f"1-{shared['address']}"
        for number in (1, 2):
            shared["domain"] = self._domain(f"{self.word}-{number}.example.com")
        for inbox in ("one", "two"):
            self.ids[inbox] = shared | self._inbox_with_everything(inbox)
        self._delete_one_of_everything()

    def make(self, name: str, url: str, body: object) -> str:
        answer = self.api("POST", url, body)
        assert answer.status in (201, 202), answer.body
        self.made[name] = answer.json.get("id", "")
        return self.made[name]

    def _domain(self, name: str) -> str:
        answer = self.api("POST", "/domains", {"domain": name})
        assert answer.status == 201, answer.body
        made = answer.json
        for record in made["dnsRecords"]:
            value = f"{record['priority']} {record['value']}" if record["type"] == "MX" else record["value"]
            self.zone.add(record["name"], RecordType(record["type"]), value)
        verified = self.api("POST", f"/domains/{made['id']}/verify").json
        assert verified["sendingStatus"] == "verified", verified
        return str(made["id"])

    def _inbox_with_everything(self, inbox: str) -> dict[str, str]:
        made = {"inbox": self.make(inbox, "/inboxes", {"address": f"{self.word}-{inbox}"})}
        bound = {"inboxIds": [made["inbox"]]}
        made["webhook"] = self.make(f"{inbox} hook", "/webhooks", bound | {"url": f"https://{self.word}.example.com/"})
        made["key"] = self.make(f"{inbox} key", "/account/api-keys", bound)
        for number in (1, 2):
            made["message"] = self.send(f"{inbox} {number}", inbox, self.word)
            self.deployment.rest()
        made["thread"] = self.message(f"{inbox} 2")["threadId"]
        self.receive(self.word, inbox, header=self.message(f"{inbox} 2")["messageIdHeader"])
        self.deployment.rest()
        listed = self.api("GET", f"/inboxes/{made['inbox']}/messages?direction=inbound").json["data"]
        made["attachment"] = listed[0]["attachments"][0]["id"]
        made["event"] = self.api("GET", f"/events?inboxId={made['inbox']}&limit=1").json["data"][0]["id"]
        made["delivery"] = self.api("GET", f"/webhooks/{made['webhook']}/deliveries").json["data"][0]["id"]
        return made

    def _delete_one_of_everything(self) -> None:
        gone = self._inbox_with_everything("gone")
        self.deleted = {
            "message": gone["message"],
            "thread": gone["thread"],
            "webhook": gone["webhook"],
            "delivery": gone["delivery"],
            "key": gone["key"],
            "inbox": gone["inbox"],
            "attachment": self.upload("gone file"),
            "domain": self._domain(f"{self.word}-gone.example.com"),
            "address": f"{self.word}-gone@example.com",
        }
        self.make("gone suppression", "/suppressions", {"address": self.deleted["address"]})
        for kind, url in {
            "message": "/messages/…",
            "thread": "/threads/…",
            "webhook": "/webhooks/…",
            "key": "/account/api-keys/…",
            "attachment": "/attachments/…",
            "inbox": "/inboxes/…",
            "domain": "/domains/…",
            "address": "/suppressions/…",
        }.items():
            answer = self.api("DELETE", url.replace("…", self.deleted[kind]))
            assert answer.status == 204, (kind, answer.body)
        self.deployment.rest()
        self.deployment.erase(3)


@dataclass
class TenantWorld:
    """The first account, another one, and one that was deleted; keys of the first."""

    deployment: TenantDeployment
    mine: Holder
    theirs: Holder
    keys: dict[str, str]
    cursors: dict[tuple[str, str], str | None] = field(default_factory=dict)  # by key and list

    @classmethod
    def build(cls, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> "TenantWorld":
        deployment = TenantDeployment(engine, monkeypatch)
        account_id = deployment.operations().bootstrap(API_KEY).account_id
        mine = Holder(deployment, "mineword", account_id, API_KEY, zone=deployment.dns)
        mine.settle()
        made = [mine.api("POST", "/accounts", {"name": f"Other {n}", "email": "o@example.com"}).json for n in range(3)]
        theirs = Holder(deployment, "theirword", made[0]["id"], made[0]["apiKey"], zone=deployment.dns)
        theirs.settle()
        mine.deleted["account"] = made[1]["id"]
        assert mine.api("DELETE", f"/accounts/{made[1]['id']}").status == 204
        wishes: dict[str, Any] = {scope: {"scopes": [scope]} for scope in ("read", "send", "manage", "admin")}
        wishes |= {"member": {}, "bound": {"inboxIds": [mine.ids["one"]["inbox"]]}}
        keys = {name: mine.api("POST", "/account/api-keys", wish).json["key"] for name, wish in wishes.items()}
        return cls(deployment, mine, theirs, keys)

    def ask(self, key: str, asked: "Asked") -> ApiAnswer:
        with self.deployment.process():
            client = ApiClient(app, self.keys.get(key, key))
            return client.call(
                asked.method, asked.url, json_body=asked.json_body, body=asked.body, headers=asked.headers
            )

    def everything(self) -> Mapping[Any, Any]:
        """All that lasts, but for the count that each key keeps of its requests."""
        items = {(item["pk"]["S"], item["sk"]["S"]): item for item in self.deployment._items()}
        kept = {place: item for place, item in items.items() if not place[0].startswith("K#")}
        fixed = {"h", "s", "st", "ib", "x"}
        keys = {place: sorted(item.keys() & fixed) for place, item in items.items() if place[0].startswith("K#")}
        waiting = [(record.queue, record.body) for record in self.deployment.queues.waiting]
        return {"items": kept, "keys": keys, "blobs": sorted(self.deployment.bucket.blobs), "queues": waiting}


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    url: str
    json_body: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
