"""One id finds the whole story of a message in the log, from the request to the webhook, and no word of it."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.events.webhook_queue import webhook_worker
from embedded.json_lines import JsonLines
from tests.chaos.deployment import HANDLERS
from tests.privacy.marked_world import MarkedDeployment, Tenant
from tests.storage.engines import Engine

WORD = "gammaqword"
ENDPOINT = {"url": "https://agent.example.com/hook", "events": ["message.delivered", "message.received"]}


class Lines(logging.Handler):
    """The log as CloudWatch has it."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(JsonLines())
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))

    def with_value(self, value: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if value in line.values()]


@pytest.fixture
def log() -> Iterator[Lines]:
    ours, handler = logging.getLogger("chalicelib"), Lines()  # other tests of this process keep it quiet
    before = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    yield handler
    ours.removeHandler(handler)
    ours.setLevel(before)


@pytest.fixture
def tenant(embedded_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    for name, value in embedded_engine.variables.items():
        monkeypatch.setenv(name, value)
    deployment = MarkedDeployment(embedded_engine, monkeypatch)
    assert HANDLERS["webhooks"] is webhook_worker
    caller = deployment.operations().bootstrap("first_key_0123456789")
    tenant = Tenant(deployment, WORD, caller.account_id, "first_key_0123456789")
    tenant.make("inbox", "/inboxes", {"address": f"{WORD}-one", "displayName": f"{WORD} one"})
    tenant.made["one"] = tenant.made["inbox"]
    tenant.make("webhook", "/webhooks", ENDPOINT)
    return tenant


def messages(lines: list[dict[str, Any]]) -> list[str]:
    return [line["message"] for line in lines]


def test_a_sent_message(tenant: Tenant, log: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    body = {"to": [f"success+{WORD}@simulator.amazonses.com"], "subject": WORD, "bodyText": WORD}
    answer = tenant.api("POST", f"/inboxes/{tenant.made['one']}/messages", body)
    tenant.deployment.rest()

    message_id = answer.json["id"]
    story = log.with_value(message_id)
    assert messages(story) == ["message accepted", "message sent", "message delivered", "webhook delivered"]
    assert {line["accountId"] for line in story} == {tenant.account_id}
    assert {line["inboxId"] for line in story} == {tenant.made["one"]}
    assert story[0]["apiRequestId"] == answer.header("x-request-id")
    assert messages(log.with_value(story[1]["sesMessageId"])) == ["message sent", "message delivered"]
    assert messages(log.with_value(tenant.made["webhook"])) == ["webhook delivered"]
    assert all("sqsMessageId" in line for line in story[1:])
    # Nothing else is said where all goes well: each line is paid for.
    assert log.lines == story
    assert WORD not in json.dumps(log.lines) + capsys.readouterr().out


def test_a_received_message(tenant: Tenant, log: Lines) -> None:
    tenant.receive(WORD, "one")

    (arrival,) = [line for line in log.lines if line["message"] == "message received"]
    assert messages(log.with_value(arrival["messageId"])) == ["message received", "webhook delivered"]
    assert log.with_value(arrival["sesMessageId"]) == [arrival]
    assert len(log.lines) == 2
    assert WORD not in json.dumps([line for line in log.lines if line.pop("sesMessageId", True)])


def test_a_request_that_fails_is_found_by_the_id_of_its_answer(tenant: Tenant, log: Lines) -> None:
    def fail(_call: object) -> None:
        raise ZeroDivisionError

    with tenant.deployment.wire.under(fail):
        answer = tenant.api("GET", f"/inboxes/{tenant.made['one']}")

    assert answer.status == 500
    (line,) = log.with_value(answer.header("x-request-id") or "")
    assert (line["level"], line["message"].partition(":")[0]) == ("ERROR", "a request failed")


def test_an_invocation_writes_one_line_of_metrics(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    tenant.deployment.rest()
    capsys.readouterr()
    body = {"to": [f"success+{WORD}@simulator.amazonses.com"], "subject": WORD, "bodyText": WORD}
    tenant.api("POST", f"/inboxes/{tenant.made['one']}/messages", body)
    tenant.deployment.rest()

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counted = [sorted(line.keys() - {"_aws"}) for line in lines]
    assert counted == [["Accepted"], ["Sent", "TimeToSent"], ["Delivered", "TimeToDelivered"], ["WebhookDelay"]]
