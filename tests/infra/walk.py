"""What the functions do beyond the acts of tests/chaos: webhooks, suppressions, switches, news and mail that come late."""

from dataclasses import dataclass
from typing import Any

from chalicelib.events.due_webhooks import due_webhooks
from embedded.zone import Zone
from tests.chaos import acts
from tests.chaos import deployment as chaos
from tests.chaos.client import noise
from tests.chaos.wire import Call, Fault
from tests.infra.recorded_calls import Watched
from tests.journeys.receiver import Receiver
from tests.operations.incoming import make_mail


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
        self.receiver.answers = [503]
        self.ask("POST", self.past.inbox, {"to": [acts.DONE], "subject": "long", "bodyText": noise(700_000, 1)})
        self.rest()
        self._endpoint_that_wants_no_more(url)

    def _endpoint_that_wants_no_more(self, url: str) -> None:
        self.receiver.answers = [410]
        self.send(acts.DONE)
        self.rest()
        assert not self.ask("GET", url)["isActive"]
        self.ask("PUT", url, {"isActive": True})

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

    def late_news(self) -> None:
        """SES tells what became of messages when their lists are long sealed."""
        ses = self.deployment.ses
        ses.events_after, before = (lambda: 600.0), ses.events_after
        for number in range(24):
            self.send((acts.BOUNCED, acts.COMPLAINED, acts.DONE)[number % 3])
        ses.events_after = before
        self.rest()

    def arrives(self, name: str, raw: bytes, *, dying_at: str) -> None:
        """A mail over which its worker dies once."""
        self.past.client.arrives(name, raw, acts.AGENT)
        left = [dying_at]

        def plan(call: Call) -> Fault | None:
            self.deployment.note(call)
            if left and left[0] in call.site and "inbound_notifications" in call.site:
                left.clear()
                return Fault.DIES_BEFORE
            return None

        with self.deployment.wire.under(plan):
            while left:
                assert self.deployment.deliver_next()
        self.deployment.wire.plan = self.deployment.note

    def mail_that_is_filed_late(self) -> None:
        """An answer joins its thread when younger ones have moved on to where the thread keeps its older members."""
        first = self.past.first
        mail = make_mail(acts.ADA, acts.AGENT, message_id="<late@example.com>", in_reply_to=first["messageIdHeader"])
        self.arrives("mail-late", mail, dying_at="DynamoThreadStore.join")
        for _ in range(12):
            self.ask("POST", f"/messages/{first['id']}/reply", {"bodyText": "b"})
        self.rest()

    def mail_whose_number_was_killed(self) -> None:
        """Its inbox is deleted while it is being filed; what was stored of it is cleared away."""
        made = self.ask("POST", "/inboxes", {"address": "short@mail.example.com"})
        self.past.client.arrives("mail-short", make_mail(message_id="<s@example.com>"), "short@mail.example.com")
        self.arrives("mail-x", make_mail(message_id="<x@example.com>"), dying_at="DynamoMessageIndex.commit")
        self.ask("DELETE", f"/inboxes/{made['id']}", status=204)
        self.rest()

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
