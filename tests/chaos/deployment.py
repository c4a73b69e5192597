"""A whole deployment in this process: the real doors and wiring, over a wire on which any call may go wrong."""

import copy
import json
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import boto3
import pytest

from app import app
from chalicelib import wiring
from chalicelib.events.delivery_notifications import delivery_notifications
from chalicelib.events.inbound_notifications import inbound_notifications
from chalicelib.events.send_queue import send_queue_sender
from chalicelib.operations.send_pace import SendPace
from chalicelib.providers.ses_quota import SesQuota
from chalicelib.settings import Settings, settings
from chalicelib.storage import index_front, kept_directories, tables
from chalicelib.storage.send_rate_store import DynamoSendRates
from tests.chaos.services import EVENTS_QUEUE, Bucket, Queues, Record, Ses
from tests.chaos.wire import Wire
from tests.factories.api_events import ApiAnswer, ApiClient
from tests.fakes.clock import FakeClock
from tests.fakes.together import together_in_turn
from tests.operations.watched import Crash
from tests.storage.engines import AWAY_FROM_AWS, Engine

API_KEY = "chaos_key_0123456789"
BUCKET = "mail"
SEND_QUEUE, INBOUND_QUEUE = "send", "inbound"
ENVIRONMENT = AWAY_FROM_AWS | {
    "AWS_REGION": "us-east-1",
    "TABLE_NAME": "bound by the engine",
    "BUCKET_NAME": BUCKET,
    "SEND_QUEUE_URL": f"https://sqs.us-east-1.amazonaws.com/000000000000/{SEND_QUEUE}",
    "WEBHOOK_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/webhooks",
    "SLOW_WEBHOOK_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/slow-webhooks",
    "INBOUND_QUEUE_URL": f"https://sqs.us-east-1.amazonaws.com/000000000000/{INBOUND_QUEUE}",
    "SES_CONFIGURATION_SET": "set",
    "MAIL_DOMAIN": "mail.example.com",
    "DELIVERY": "email",
    "RATE_LIMIT_PER_MINUTE": "1000000",
    "ALLOW_TEST_DOMAINS": "yes",
}
HANDLERS: dict[str, Callable[..., Any]] = {
    SEND_QUEUE: send_queue_sender,
    EVENTS_QUEUE: delivery_notifications,
    INBOUND_QUEUE: inbound_notifications,
}
_clients: dict[str, Any] = {}  # making one takes a tenth of a second, and every process here would make them anew


class OneProcess(wiring.Operations):
    """The operations of one process; what may run side by side runs in turn, so that a death leaves the rest undone."""

    def __init__(self, made_from: Settings, clock: FakeClock) -> None:
        super().__init__(made_from, clock)
        vars(self)["_pace"] = SendPace(DynamoSendRates(), SesQuota(self._ses), clock, clock.advance)
        vars(self)["_event_log"] = replace(self._event_log, window=1)  # so that events are moved
        vars(self)["send_message"] = replace(self.send_message, sleep=clock.advance)

    def _together(self, calls: Sequence[Callable[[], None]]) -> None:
        together_in_turn(calls)


@dataclass(frozen=True)
class Snapshot:
    """All that lasts: the table, the bucket, the queues, SES, the time."""

    items: list[dict[str, Any]]
    rest: tuple[Any, ...]


class Deployment:
    """Doors, queues and time; `restart` is a new process."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = FakeClock()
        self.bucket = Bucket(self.clock)
        self.queues = Queues(self.clock)
        self.ses = Ses(self.clock, self.queues)
        self.wire = Wire({"s3": self.bucket, "sqs": self.queues, "sesv2": self.ses})
        self._engine = engine
        self._client = ApiClient(app, API_KEY)
        self._operations: OneProcess | None = None
        engine.take_off()
        self.wire.install(monkeypatch)
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        make_client = boto3.client
        monkeypatch.setattr(boto3, "client", lambda name, **more: _client_of(make_client, name, more))
        monkeypatch.setattr(wiring, "_operations", self.operations)
        monkeypatch.setattr("chalicelib.wiring.stores.bind_table", self._bind_table)
        settings.cache_clear()
        self.new_table()

    def operations(self) -> OneProcess:
        """The operations of the process that lives now."""
        if self._operations is None:
            self._operations = OneProcess(replace(settings(), table_name=tables.table_name()), self.clock)
        return self._operations

    def _bind_table(self, name: str) -> None:
        """As wiring does for each process; making a client takes a third of a second, so they share the engine's."""
        tables.bind_table(name)
        tables.connection()._client = self._engine._client

    def new_table(self) -> None:
        with self.wire.unseen():
            self._engine.another_table()
        self.restart()

    def restart(self) -> None:
        """A process that knows nothing of the one before."""
        self._operations = None
        kept_directories.forget()
        index_front._wide.clear()
        self.wire.is_dead = False

    @contextmanager
    def process(self) -> Iterator[None]:
        """One process at work; whatever it dies of, the next begins afresh. Raises Crash when it died."""
        try:
            yield
        finally:
            if self.wire.is_dead:
                self.restart()

    # ------------------------------------------------------------------------------------------ the doors

    def api(self, method: str, url: str, body: object = None, *, once: str | None = None) -> ApiAnswer:
        """One request, `once` being its Idempotency-Key. Raises Crash when nobody answers."""
        with self.process():
            return self._client.call(method, url, json_body=body, headers={"Idempotency-Key": once} if once else None)

    def upload(self, filename: str, data: bytes, *, once: str) -> ApiAnswer:
        """One file in a form, as browsers send it."""
        head = f'Content-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'.encode()
        form = b"--chaos\r\n" + head + data + b"\r\n--chaos--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=chaos", "Idempotency-Key": once}
        with self.process():
            return self._client.call("POST", "/attachments", body=form, headers=headers)

    def handle(self, record: Record) -> bool:
        """A batch of one, as Lambda hands it over; False when it goes back to its queue."""
        event = {"Records": [{"messageId": "record", "body": record.body, "eventSourceARN": record.queue}]}
        try:
            with self.process():
                answer = HANDLERS[record.queue](event, None)
        except Crash:
            return False
        return not answer["batchItemFailures"]

    def deliver_next(self) -> bool:
        """Do what is due first in any queue, at its time; False when nothing waits."""
        record = self.queues.take()
        if record is None:
            return False
        self.clock.now = max(self.clock.now, record.due_at)
        if self.handle(record):
            self.queues.done.append(record)
        else:
            self.queues.back(record)
        return True

    # ---------------------------------------------------------------------------------- what lasts, twice

    def snapshot(self) -> Snapshot:
        # One deep copy: the services share the clock and the queues.
        return Snapshot(self._items(), copy.deepcopy((self.clock.now, self.bucket.blobs, self._queued(), self._ses())))

    def restore(self, snapshot: Snapshot) -> None:
        """Only what differs is written: a table made anew and filled takes longer than most acts."""
        there = {_place(item): item for item in self._items()}
        then = {_place(item): item for item in snapshot.items}
        writes: list[dict[str, Any]] = [
            {"PutRequest": {"Item": item}} for place, item in then.items() if there.get(place) != item
        ]
        writes += [{"DeleteRequest": {"Key": _key(item)}} for place, item in there.items() if place not in then]
        with self.wire.unseen():
            for start in range(0, len(writes), 25):
                self._engine._client.batch_write_item(RequestItems={tables.table_name(): writes[start : start + 25]})
        self.wire.calls.clear()
        self.restart()
        now, blobs, queued, ses = copy.deepcopy(snapshot.rest)
        self.clock.now = now
        self.bucket.blobs = blobs
        self.queues.waiting, self.queues.dead = queued
        self.ses.accepted, self.ses.refusals, self.ses.number = ses

    def _items(self) -> list[dict[str, Any]]:
        with self.wire.unseen():
            page = self._engine._client.scan(TableName=tables.table_name(), ConsistentRead=True)
        assert "LastEvaluatedKey" not in page, "more than a page holds"
        items: list[dict[str, Any]] = page["Items"]
        return items

    def _queued(self) -> Any:
        return self.queues.waiting, self.queues.dead

    def _ses(self) -> Any:
        return self.ses.accepted, self.ses.refusals, self.ses.number


def _key(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"pk": item["pk"], "sk": item["sk"]}


def _place(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _client_of(make: Callable[..., Any], name: str, more: Mapping[str, Any]) -> Any:
    if name not in _clients:
        _clients[name] = make(name, **more)
    return _clients[name]


@contextmanager
def quiet_logs() -> Iterator[None]:
    """Thousands of deaths are not worth a traceback each."""
    logger = logging.getLogger("chalicelib")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def new_key() -> str:
    return f"once-{uuid.uuid4().hex}"


def as_json(answer: ApiAnswer) -> Any:
    return json.loads(answer.body)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)
