"""Which calls of AWS each function makes: a deployment in this process lives through a bit of everything, and notes them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.events.webhook_queue import webhook_worker
from tests.chaos import deployment as chaos
from tests.chaos.deployment import Deployment
from tests.chaos.services import EVENTS_QUEUE, Queues, Record, Ses
from tests.chaos.wire import Call, ServiceError
from tests.factories.api_events import ApiAnswer
from tests.infra.rights import Right, rights_for
from tests.storage.engines import Engine

WEBHOOK_QUEUE = "webhooks"
FUNCTIONS = {
    chaos.SEND_QUEUE: "SendQueueSender",
    EVENTS_QUEUE: "DeliveryNotifications",
    chaos.INBOUND_QUEUE: "InboundNotifications",
    WEBHOOK_QUEUE: "WebhookWorker",
}
A_PERSON = "nobody's function, but a command"


class SesWithDomains:
    """SES as the acts know it, and its identities and receipt rules, answered as if each call were the first."""

    def __init__(self, ses: Ses) -> None:
        self._ses = ses
        self._has_rule = False

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        dkim = {"Status": "SUCCESS", "Tokens": ["one", "two", "three"], "SigningEnabled": True}
        match operation:
            case "CreateEmailIdentity":
                return {"IdentityType": "DOMAIN", "VerifiedForSendingStatus": False, "DkimAttributes": dkim}
            case "GetEmailIdentity":
                tags = [{"Key": "agentsend", "Value": "set"}]
                return {"IdentityType": "DOMAIN", "DkimAttributes": dkim, "Tags": tags}
            case "UpdateReceiptRule" if not self._has_rule:
                self._has_rule = True
                raise ServiceError("RuleDoesNotExist")
            case "SendEmail" | "GetAccount":
                return self._ses.answer(operation, parameters)
            case _:
                return {}


class QueuesWithBatches:
    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation != "SendMessageBatch":
            return self._queues.answer(operation, parameters)
        done = []
        for entry in parameters["Entries"]:
            sent = self._queues.answer("SendMessage", {"QueueUrl": parameters["QueueUrl"], **entry})
            done.append({"Id": entry["Id"], **sent})
        return {"Successful": done, "Failed": []}


class Watched(Deployment):
    """A deployment that notes the calls of each of its functions."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rights: dict[str, set[Right]] = {}
        self._function: str | None = None
        monkeypatch.setitem(chaos.HANDLERS, WEBHOOK_QUEUE, webhook_worker)
        super().__init__(engine, monkeypatch)
        self.wire.services |= {"sqs": QueuesWithBatches(self.queues), "ses": SesWithDomains(self.ses)}
        self.wire.services["sesv2"] = self.wire.services["ses"]
        self.wire.plan = self.note

    def note(self, call: Call) -> None:
        """The plan of a wire on which nothing goes wrong."""
        rights = self.rights.setdefault(self._function or _function_of(call), set())
        rights.update(rights_for(call))

    def api(self, method: str, url: str, body: object = None, *, once: str | None = None) -> ApiAnswer:
        with self.function("APIHandler"):
            return super().api(method, url, body, once=once)

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
