"""No address, subject, text or name stands in a log, whatever fails."""

import ast
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chalicelib.domain.fault_trace import trace_of
from chalicelib.events import erasing, housekeeping
from chalicelib.events.door import RunFailed
from tests.chaos.deployment import INBOUND_QUEUE, SEND_QUEUE
from tests.chaos.services import EVENTS_QUEUE
from tests.chaos.wire import Call, ServiceError
from tests.privacy.marked_world import MarkedDeployment, Tenant
from tests.storage.engines import Engine

WORD = "betaqword"
SOURCES = Path(__file__).parents[2] / "chalicelib"


class Records(logging.Handler):
    """All that is logged, with everything that a formatter could show."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        shown = [record.getMessage(), repr(vars(record)), record.stack_info or ""]
        if record.exc_info:
            shown += traceback.format_exception(*record.exc_info)
        self.texts.append("\n".join(shown))


@pytest.fixture
def records() -> Iterator[Records]:
    root, handler = logging.getLogger(), Records()
    before, others = root.level, root.handlers[:]
    root.handlers, root.level = [handler], logging.INFO
    yield handler
    root.handlers, root.level = others, before


@pytest.fixture
def tenant(embedded_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    for name, value in embedded_engine.variables.items():
        monkeypatch.setenv(name, value)
    deployment = MarkedDeployment(embedded_engine, monkeypatch)
    caller = deployment.operations().bootstrap("first_key_0123456789")
    return Tenant(deployment, WORD, caller.account_id, "first_key_0123456789")


class QuotingError(Exception):
    """As some libraries' errors do, it quotes what it is about."""


def fails_now_and_then(every: int) -> Callable[[Call], None]:
    seen = 0

    def plan(call: Call) -> None:
        nonlocal seen
        seen += 1
        if seen % every == 0:
            raise QuotingError(f"{call.operation} of {WORD}@example.com, {WORD} subject")

    return plan


@pytest.mark.parametrize("every", [5])
def test_no_word_of_a_mail_is_logged_whatever_fails(every: int, tenant: Tenant, records: Records) -> None:
    deployment = tenant.deployment
    tenant.make("inbox", "/inboxes", {"address": f"{WORD}-one", "displayName": f"{WORD} one"})
    tenant.made["one"] = tenant.made["inbox"]
    first = tenant.send("first", "one", WORD)
    with deployment.wire.under(fails_now_and_then(every)):
        for number in range(3):
            tenant.api(
                "POST", f"/inboxes/{tenant.made['one']}/messages", {"to": [f"{WORD}@example.com"], "subject": WORD}
            )
            tenant.receive(WORD, "one", automatic=number == 1)
        deployment.ses.refusals.append(ServiceError("MessageRejected"))
        tenant.api("POST", f"/messages/{first}/reply", {"bodyText": WORD}, once=WORD)
        deployment.rest()
        tenant.api("DELETE", f"/messages/{first}")
        tenant.api("GET", f"/inboxes/{tenant.made['one']}/messages")
        for handle in (housekeeping.housekeeping, erasing.erasing):
            for _ in range(4):
                try:
                    handle(
                        dict.fromkeys(
                            (
                                "version",
                                "account",
                                "region",
                                "detail",
                                "detail-type",
                                "source",
                                "time",
                                "id",
                                "resources",
                            )
                        ),
                        None,
                    )
                except RunFailed as failed:
                    records.texts.append("".join(traceback.format_exception(failed)))

    assert len(records.texts) > 5
    assert [text for text in records.texts if WORD in text.lower()] == []


def test_no_word_of_a_record_that_cannot_be_read_is_logged(tenant: Tenant, records: Records) -> None:
    queues = tenant.deployment.queues
    strange = [
        f"{WORD}@example.com",
        json.dumps({"eventType": WORD, "mail": {"destination": [WORD], "commonHeaders": {"subject": WORD}}}),
        json.dumps(
            {"eventType": "Bounce", "mail": {"messageId": "x", "timestamp": WORD}, "bounce": {"bounceType": WORD}}
        ),
        json.dumps({"notificationType": "Received", "mail": {"source": WORD}, "receipt": {"recipients": WORD}}),
        json.dumps({"v": 1, "message": WORD, "queuedAt": WORD}),
    ]
    for queue in (SEND_QUEUE, EVENTS_QUEUE, INBOUND_QUEUE, "webhooks", "slow-webhooks"):
        for body in strange:
            queues.put(queue, body)
    tenant.deployment.rest()

    assert len(queues.dead) >= 12
    assert len(records.texts) >= 60
    assert [text for text in records.texts if WORD in text.lower()] == []


def test_a_trace_names_kinds_and_places_and_quotes_nothing() -> None:
    def fail() -> None:
        try:
            int("ada@example.com")
        except ValueError as error:
            raise LookupError("Dear Ada") from error

    with pytest.raises(LookupError, match="Dear Ada") as caught:
        fail()

    trace = trace_of(caught.value)
    assert trace.startswith("LookupError at ")
    assert "; from ValueError at " in trace
    assert "test_logs.py:" in trace
    assert "ada" not in trace.lower()


def test_nothing_that_is_shipped_logs_an_error_with_its_own_words() -> None:
    """`logger.exception` and `exc_info` print the text of an error, and that may quote anything."""
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                is_log = isinstance(node.func.value, ast.Name) and node.func.value.id in ("logger", "_log", "log")
                assert not (is_log and node.func.attr == "exception"), f"{path}:{node.lineno}"
                assert not (is_log and any(each.arg == "exc_info" for each in node.keywords)), f"{path}:{node.lineno}"
