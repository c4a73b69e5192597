"""Accounts that use everything there is, with a word of their own in every field, name, file and mail."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from app import app
from chalicelib.domain.arrival import Authentication, Verdict
from chalicelib.domain.erasure import ErasureKind
from chalicelib.domain.own_domain import RecordType
from chalicelib.domain.receipt import Receipt
from chalicelib.domain.webhook_delivery import Answer
from chalicelib.events.webhook_queue import slow_webhook_worker, webhook_worker
from chalicelib.operations.domain_identity import DomainIdentity
from chalicelib.providers.ses_receipts import notice_body
from chalicelib.storage.received_mails import receipt_metadata
from tests.chaos.client import noise
from tests.chaos.deployment import API_KEY, BUCKET, HANDLERS, INBOUND_QUEUE, Deployment, OneProcess
from tests.factories.api_events import ApiAnswer, ApiClient
from tests.fakes.domains import FakeDns, FakeIdentities, FakeReceiptRules
from tests.operations.incoming import make_mail_with_files
from tests.storage.engines import Engine

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ENOUGH = 3_000
FEW = 2


class EchoingEndpoint:
    """Answers with what it was told, the first time with an error: so attempts quote messages."""

    def __init__(self) -> None:
        self.answers = True

    def post(self, _url: str, _headers: Any, body: bytes) -> Answer:
        return Answer(200, body.decode()) if self.answers else Answer(204)

    def check(self, _url: str) -> None:
        return None


class MarkedDeployment(Deployment):
    """With endpoints for its webhooks, and a zone and SES's domains in memory."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.endpoint = EchoingEndpoint()
        self.dns = FakeDns()
        self.identities, self.rules = FakeIdentities(self.dns), FakeReceiptRules()
        monkeypatch.setitem(HANDLERS, "webhooks", webhook_worker)
        monkeypatch.setitem(HANDLERS, "slow-webhooks", slow_webhook_worker)
        super().__init__(engine, monkeypatch)

    def operations(self) -> OneProcess:
        made = super().operations()
        known = vars(made)
        if "_receipt_rules" not in known:  # before anything is made of them
            known["_webhook_client"], known["_receipt_rules"] = self.endpoint, self.rules
            known["_domain_identity"] = DomainIdentity(self.identities)
            known["_check_domain"] = replace(made._check_domain, dns=self.dns)
        works: Any = made.carry_out_erasures.works
        if (thread := works[ErasureKind.THREAD]).messages_a_step != FEW:  # so that a short thread takes several steps
            works[ErasureKind.THREAD] = replace(thread, messages_a_step=FEW)
        return made

    def rest(self) -> None:
        """Every queue is worked off."""
        for _ in range(ENOUGH):
            if not self.deliver_next():
                return
        raise AssertionError("it does not come to rest")

    def erase(self, times: int = 1, pause: timedelta = MINUTE) -> None:
        """So many minutes of the schedule that carries out large deletions."""
        for _ in range(times):
            self.clock.now += pause
            self.operations().carry_out_erasures()

    def let_days_pass(self, days: int) -> None:
        """Housekeeping and everything else goes on as it does."""
        for _ in range(days):
            self.clock.now += DAY
            self.operations().keep_house()  # a run is a whole round: there are fewer things than a few pages take
            self.erase()
            self.rest()


@dataclass
class Tenant:
    """An account, and what it made; every text it gives has its word in it."""

    deployment: MarkedDeployment
    word: str
    account_id: str
    key: str
    made: dict[str, str] = field(default_factory=dict)  # ids by name
    mails: int = 0

    def __post_init__(self) -> None:
        self.client = ApiClient(app, self.key)

    def api(self, method: str, url: str, body: object = None, *, once: str | None = None) -> ApiAnswer:
        with self.deployment.process():
            return self.client.call(method, url, json_body=body, headers={"Idempotency-Key": once} if once else None)

    def make(self, name: str, url: str, body: object) -> str:
        answer = self.api("POST", url, body, once=f"{self.word}-once-{name}".replace(" ", "-"))
        assert answer.status in (201, 202), answer.body
        self.made[name] = answer.json["id"]
        return self.made[name]

    def upload(self, name: str) -> str:
        head = f'Content-Disposition: form-data; name="file"; filename="{self.word}-{name}.txt"\r\n\r\n'.encode()
        form = b"--b\r\n" + head + f"{self.word} {name}".encode() * 10 + b"\r\n--b--\r\n"
        headers = {
            "Content-Type": "multipart/form-data; boundary=b",
            "Idempotency-Key": f"{self.word}-upload-{name}".replace(" ", "-"),
        }
        with self.deployment.process():
            answer = self.client.call("POST", "/attachments", body=form, headers=headers)
        self.made[name] = answer.json["id"]
        return self.made[name]

    def send(self, name: str, inbox: str, word: str, **more: Any) -> str:
        body = {
            "to": [f"{word} <{word}-to@example.com>"],
            "cc": [f"{word}-cc@example.com"],
            "bcc": [f"{word}-bcc@example.com"],
            "subject": f"{word} subject",
            "bodyText": f"{word} text",
            "bodyHtml": f"<p>{word} html</p>",
            "headers": {"X-Word": f"{word} header"},
            "metadata": {"key": f"{word} metadata"},
            "replyTo": [f"{word}-reply@example.com"],
        } | more
        return self.make(name, f"/inboxes/{self.made[inbox]}/messages", body)

    def receive(self, word: str, inbox: str, *, header: str = "", automatic: bool = False) -> None:
        """A mail with a file comes in; a program may have written it."""
        self.mails += 1
        ses_id = f"mail-{self.deployment.clock().timestamp():.0f}-{self.mails}-{inbox}-{len(self.word)}"
        address, sender = f"{self.word}-{inbox}@mail.example.com", f"{word}-from@example.com"
        raw = make_mail_with_files(f"{word} file".encode() * 20, message_id=f"<{word}-{self.mails}@example.com>")
        raw = raw.replace(b"Hello", f"{word} subject".encode()).replace(b"See the", f"{word} text, see the".encode())
        raw = raw.replace(b"ada@example.com", f"{word} <{sender}>".encode()).replace(b"0.bin", f"{word}.bin".encode())
        more = f"In-Reply-To: {header}\r\n".encode() if header else b""
        raw = more + (b"Auto-Submitted: auto-replied\r\n" if automatic else b"") + raw
        now = self.deployment.clock()
        receipt = Receipt(ses_id, sender, (address,), now, f"inbound/{ses_id}", Authentication(dmarc=Verdict.PASS))
        self.deployment.bucket.put(receipt.blob, raw, receipt_metadata(receipt))
        self.deployment.queues.put(INBOUND_QUEUE, notice_body(receipt, bucket=BUCKET))
        self.deployment.rest()

    def live(self, more: int) -> None:
        """Two inboxes, threads, files, a webhook, keys; all of them with its word. With `more` messages some are sealed."""
        word = self.word
        self.make("key", "/account/api-keys", {"name": f"{word} key"})
        assert self.api("PATCH", f"/account/api-keys/{self.made['key']}", {"status": "suspended"}).status == 200
        self.verified_domain(f"{word}.example.org")
        self.make("at home", "/inboxes", {"address": f"home@{word}.example.org"})
        self.api("POST", "/suppressions", {"address": f"{word}-suppressed@example.com", "reason": "manual"})
        self.make(
            "webhook",
            "/webhooks",
            {
                "url": f"https://{word}.example.com/hook",
                "description": f"{word} description",
                "events": ["message.sent", "message.received"],
            },
        )
        for inbox in ("one", "two"):
            self.make(inbox, "/inboxes", {"address": f"{word}-{inbox}", "displayName": f"{word} {inbox}"})
            self.send(f"{inbox} first", inbox, word, attachmentIds=[self.upload(f"{inbox}-file")])
            self.deployment.rest()
            header = self.message(f"{inbox} first")["messageIdHeader"]
            self.receive(word, inbox, header=header)
            self.make(f"{inbox} reply", f"/messages/{self.made[f'{inbox} first']}/reply", {"bodyText": f"{word} reply"})
            self.deployment.rest()
            self.receive(word, inbox, automatic=True)
        self.send("long", "one", word, bodyText=f"{word} " + noise(600_000, 1))
        for number in range(more):
            self.send(f"more {number}", "one", word, to=[f"{word}-{number}@simulator.amazonses.com"])
        self.deployment.rest()

    def verified_domain(self, name: str) -> str:
        """A domain whose records all stand in the zone."""
        answer = self.api("POST", "/domains", {"domain": name})
        assert answer.status == 201, answer.body
        for record in answer.json["dnsRecords"]:
            value = f"{record['priority']} {record['value']}" if record["type"] == "MX" else record["value"]
            self.deployment.dns.add(record["name"], RecordType(record["type"]), value)
        verified = self.api("POST", f"/domains/{answer.json['id']}/verify").json
        assert verified["sendingStatus"] == verified["receivingStatus"] == "verified", verified
        return str(answer.json["id"])

    def message(self, name: str) -> Any:
        return self.api("GET", f"/messages/{self.made[name]}").json

    def sees(self) -> dict[str, Any]:
        """Everything the API shows it, but for what changes with every look."""
        seen: dict[str, Any] = {}
        for url in self._urls():
            answer = self.api("GET", url)
            seen[url] = (answer.status, _steady(answer.json) if answer.content else None)
        return seen

    def _urls(self) -> Iterator[str]:
        yield from ("/account", "/account/api-keys", "/inboxes", "/webhooks", "/events?limit=100")
        yield from ("/domains", "/suppressions")
        for inbox in ("one", "two"):
            if inbox in self.made:
                yield f"/inboxes/{self.made[inbox]}/messages?limit=100"
                yield f"/inboxes/{self.made[inbox]}/threads?limit=100"
        for made in self.made.values():
            if made.startswith("msg_"):
                yield from (f"/messages/{made}", f"/messages/{made}/events")
            elif made.startswith("att_"):
                yield f"/attachments/{made}"
            elif made.startswith("wh_"):
                yield f"/webhooks/{made}/deliveries?limit=100"


def _steady(seen: Any) -> Any:
    """Without links, which are signed anew each time, and without what a look itself changes."""
    match seen:
        case dict():
            moving = {
                "url",
                "lastUsedAt",
                "requestId",
                "pollAfterMs",
                "usage",
                "sendsToday",
                "createdAt" if "signature" in seen else "",
            }
            return {name: _steady(value) for name, value in seen.items() if name not in moving}
        case list():
            return [_steady(value) for value in seen]
    return seen


@dataclass
class MarkedWorld:
    """The first account with two tenants that live alike."""

    deployment: MarkedDeployment
    admin: Tenant
    beta: Tenant
    gamma: Tenant

    @classmethod
    def build(cls, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> "MarkedWorld":
        deployment = MarkedDeployment(engine, monkeypatch)
        caller = deployment.operations().bootstrap(API_KEY)
        admin = Tenant(deployment, "alphaword", caller.account_id, API_KEY)
        tenants = []
        for word in ("betaqword", "gammaword"):
            body = {"name": f"{word} account", "email": f"{word}@example.com"}
            made = admin.api("POST", "/accounts", body, once=f"{word}-account").json
            tenants.append(Tenant(deployment, word, made["id"], made["apiKey"]))
        for tenant, more in zip(tenants, (10, 0), strict=True):
            tenant.live(more)
        return cls(deployment, admin, *tenants)
