"""Which calls of AWS each function makes: a deployment in this process lives through a bit of everything, and notes them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from app import app
from chalicelib.events.webhook_queue import slow_webhook_worker, webhook_worker
from tests.chaos import deployment as chaos
from tests.chaos.deployment import Deployment
from tests.chaos.services import EVENTS_QUEUE, Record, Ses
from tests.chaos.wire import Call, ServiceError
from tests.factories.api_events import ApiAnswer, ApiClient
from tests.infra.rights import Right, rights_for
from tests.storage.engines import Engine

WEBHOOK_QUEUE, SLOW_WEBHOOK_QUEUE = "webhooks", "slow-webhooks"
FUNCTIONS = {
    chaos.SEND_QUEUE: "SendQueueSender",
    EVENTS_QUEUE: "DeliveryNotifications",
    chaos.INBOUND_QUEUE: "InboundNotifications",
    WEBHOOK_QUEUE: "WebhookWorker",
    SLOW_WEBHOOK_QUEUE: "SlowWebhookWorker",
}
A_PERSON = "nobody's function, but a command"


@dataclass
class SesWithDomains:
    """SES as the acts know it, and its identities and receipt rules, by name."""

    mail: Ses
    tags: dict[str, Any] = field(default_factory=dict)
    rules: set[str] = field(default_factory=set)

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        name = parameters.get("EmailIdentity", "")
        rule = parameters.get("Rule", {}).get("Name") or parameters.get("RuleName", "")
        dkim = {"Status": "SUCCESS", "Tokens": ["one", "two", "three"], "SigningEnabled": True}
        match operation:
            case "CreateEmailIdentity":
                self.tags[name] = parameters["Tags"]
            case "GetEmailIdentity" | "DeleteEmailIdentity" if name not in self.tags:
                raise ServiceError("NotFoundException", 404)
            case "DeleteEmailIdentity":
                del self.tags[name]
            case "UpdateReceiptRule" if rule not in self.rules:
                raise ServiceError("RuleDoesNotExist")
            case "CreateReceiptRule":
                self.rules.add(rule)
            case "DeleteReceiptRule":
                self.rules.discard(rule)
            case "SendEmail" | "GetAccount":
                return self.mail.answer(operation, parameters)
            case _:
                pass
        return {"IdentityType": "DOMAIN", "DkimAttributes": dkim, "Tags": self.tags.get(name, [])}


class Watched(Deployment):
    """A deployment that notes the calls of each of its functions."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rights: dict[str, set[Right]] = {}
        self._function: str | None = None
        self._process: str | None = None
        monkeypatch.setitem(chaos.HANDLERS, WEBHOOK_QUEUE, webhook_worker)
        monkeypatch.setitem(chaos.HANDLERS, SLOW_WEBHOOK_QUEUE, slow_webhook_worker)
        super().__init__(engine, monkeypatch)
        self.domains = SesWithDomains(self.ses)
        self.wire.services |= {"ses": self.domains, "sesv2": self.domains}
        self.wire.plan = self.note

    def note(self, call: Call) -> None:
        """The plan of a wire on which nothing goes wrong."""
        rights = self.rights.setdefault(self._function or _function_of(call), set())
        rights.update(rights_for(call))

    def api(self, method: str, url: str, body: object = None, *, once: str | None = None) -> ApiAnswer:
        with self.function("APIHandler"):
            return super().api(method, url, body, once=once)

    @contextmanager
    def called_with(self, key: str) -> Iterator[None]:
        """Requests within are of another account."""
        before, self._client = self._client, ApiClient(app, key)
        try:
            yield
        finally:
            self._client = before

    def upload(self, filename: str, data: bytes, *, once: str) -> ApiAnswer:
        with self.function("APIHandler"):
            return super().upload(filename, data, once=once)

    def handle(self, record: Record) -> bool:
        with self.function(FUNCTIONS[record.queue]):
            return super().handle(record)

    def run_schedule(self, name: str, handler: Callable[..., Any]) -> None:
        event = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
        head = {"account": "0", "region": "us-east-1", "id": "0", "time": "2026-01-01T00:00:00Z", "resources": []}
        with self.function(name):
            handler({**event, **head}, None)

    @contextmanager
    def function(self, name: str) -> Iterator[None]:
        before, self._function = self._function, name
        if name != self._process:
            self._process = name
            self.restart()  # what one function has in memory, another does not know
        try:
            yield
        finally:
            self._function = before


def _function_of(call: Call) -> str:
    """Acts call these operations themselves."""
    outermost = call.path[-1]
    if outermost.startswith("operations/housekeeping:"):
        return "Housekeeping"
    if outermost.startswith("operations/requeue_") or "bootstrap" in outermost or "id_key_store" in outermost:
        return A_PERSON
    raise AssertionError(f"whose call is {call.site}?")
