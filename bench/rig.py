"""A deployment whose queues move only when told to: the real handlers, on the emulated AWS, one step at a time."""

import json
import os
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3

from app import app
from bench.door import Door
from bench.meter import Meter
from chalicelib.events.delivery_notifications import delivery_notifications
from chalicelib.events.inbound_notifications import inbound_notifications
from chalicelib.events.send_queue import send_queue_sender
from chalicelib.storage import tables
from chalicelib.wiring import metrics, operations
from embedded.aws_environment import isolate, point
from embedded.data_folder import DataFolder
from embedded.emulated_aws import EmulatedAws
from embedded.gateway_events import HttpRequest, RouteTable, proxy_event
from embedded.lambda_context import LambdaContext
from embedded.lambda_events import sqs_event
from embedded.listening import PortChoice, address_of, listen
from embedded.resources import AwsClients, Deployment
from embedded.ses_journal import SesJournal
from embedded.ses_simulator import SesSimulator, start_ses_api
from embedded.system import PARAMETERS, SETTINGS
from embedded.template import read_template

API_KEY = "bench_key_0123456789"
MONTH = 2_600_000.0  # seconds; when this much has passed, every event of the simulator is due


class SimulatorClock:
    """The time for the SES simulator, which can be told that a month has passed."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Rig:
    """Calls the API and the event handlers in this process and counts what they ask of AWS."""

    def __init__(self, simulator: SesSimulator, clock: SimulatorClock, events: list[str], door: Door) -> None:
        self.meter = Meter()
        self.door = door
        self._events = events
        self._simulator = simulator
        self._clock = clock
        self._app = app
        self._send = send_queue_sender
        self._notify = delivery_notifications
        self._receive = inbound_notifications
        self._operations = operations()
        self._operations.bootstrap(API_KEY)
        self._sqs = boto3.client("sqs")
        self._routes = RouteTable((path, list(methods)) for path, methods in app.routes.items())
        self._listen()

    def api(self, method: str, target: str, body: Mapping[str, Any] | None = None) -> Any:
        """One request through the app; the decoded answer. Raises when the answer is an error."""
        return self._call(method, target, b"" if body is None else json.dumps(body).encode(), "application/json")

    def upload(self, data: bytes) -> Any:
        """One file through the app, as a form."""
        head = b'Content-Disposition: form-data; name="file"; filename="report.pdf"\r\n\r\n'
        form = b"--bench\r\n" + head + data + b"\r\n--bench--\r\n"
        return self._call("POST", "/attachments", form, "multipart/form-data; boundary=bench")

    def _call(self, method: str, target: str, data: bytes, content_type: str) -> Any:
        headers = [("x-api-key", API_KEY), ("content-type", content_type), ("host", "bench")]
        request = HttpRequest(method, target, headers, data, "127.0.0.1")
        match, request_id = self._routes.match(method, request.path), str(uuid.uuid4())
        event = proxy_event(request, match, request_id=request_id, binary_types=self._app.api.binary_types)
        answer = self._app(event, LambdaContext("api_handler", 29))
        if answer["statusCode"] >= 400:
            raise RuntimeError(f"{method} {target}: {answer['statusCode']} {answer['body']}")
        return json.loads(answer["body"]) if answer["body"] else None

    def jobs(self) -> list[Any]:
        """What waits in the send queue, taken out of it."""
        url = os.environ["SEND_QUEUE_URL"]
        found: list[Any] = []
        while messages := self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.extend(messages)
        return found

    def send(self, *jobs: Any) -> None:
        """Hand jobs to the sender as one batch; SES's events of it wait in `take_events`."""
        self._handled(self._send, jobs)
        self._clock.ahead = MONTH
        self._simulator.publish_due()
        self._clock.ahead = 0.0

    def notify(self, *bodies: str) -> None:
        """Hand SES events to their handler as one batch."""
        self._handled(self._notify, messages_of(bodies))

    def receive(self, *notices: str) -> None:
        """Hand notices of received mail to their handler as one batch."""
        self._handled(self._receive, messages_of(notices))

    def take_events(self) -> list[str]:
        """The SES events published since the last time."""
        taken, self._events[:] = list(self._events), []
        return taken

    def _handled(self, handler: Any, messages: Any) -> None:
        event = sqs_event(list(messages), "arn:aws:sqs:us-east-1:000000000000:bench", "us-east-1")
        answer = handler(event, LambdaContext("bench", 60))
        if answer["batchItemFailures"]:
            raise RuntimeError(f"a handler failed: {answer}")

    def _listen(self) -> None:
        made: Any = self._operations
        for client in (tables.client(), made.messages.blobs.client, made.send_queue.client, made.provider.client):
            self.meter.listen(client)


def messages_of(bodies: Iterable[str]) -> list[dict[str, Any]]:
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": str(time.time_ns() // 1_000_000)}
    return [
        {"MessageId": str(uuid.uuid4()), "ReceiptHandle": "r", "Body": body, "Attributes": attributes}
        for body in bodies
    ]


def nowhere(_line: str) -> None:
    """The metrics of a bench are read by nobody."""


@contextmanager
def rig(path: Path | None = None) -> Iterator[Rig]:
    """A deployment in this folder, or in a temporary one, on Dynoxide, which reports capacity rightly."""
    with ExitStack() as stack:
        folder = DataFolder(path or Path(stack.enter_context(tempfile.TemporaryDirectory())))
        folder.lock()
        stack.callback(folder.unlock)
        isolate(os.environ)
        aws = EmulatedAws(folder, os.environ)
        stack.callback(aws.stop)
        aws.start()
        aws.wait_until_ready(os.environ)
        if aws.notes:
            raise SystemExit(f"Capacity can only be counted on Dynoxide. {' '.join(aws.notes)}")
        clients = AwsClients(*(boto3.client(name) for name in ("dynamodb", "sqs", "sns", "s3")))
        template = read_template(Path(__file__).parent.parent / "infra" / "resources.yaml")
        deployment = Deployment(template, PARAMETERS | {"RateLimitPerMinute": "1000000"}, clients, "us-east-1")
        deployment.create()
        os.environ.update(SETTINGS)
        # The window is that of a deployment, not the embedded run's: how far SES's news has come is noted once a minute.
        counted = {
            "INBOX_DAILY_SEND_LIMIT": "1000000",
            "ACCOUNT_DAILY_SEND_LIMIT": "10000000",
            "EVIDENCE_WINDOW_SECONDS": "900",
        }
        os.environ.update(deployment.environment() | counted)
        listener, _ = listen(PortChoice("SES", 0, is_default=False))
        point(os.environ, "SESV2", f"http://{address_of(listener)}")
        journal = SesJournal(folder.simulator_journal, folder.outbox)
        stack.callback(journal.close)
        clock, events = SimulatorClock(), list[str]()
        simulator = SesSimulator(
            journal,
            deployment.event_destinations,
            publish=lambda _topic, event: events.append(event),
            region="us-east-1",
            clock=clock,
        )
        stack.callback(start_ses_api(simulator, listener).stop)
        metrics().write = nowhere
        yield Rig(simulator, clock, events, Door(deployment, clients.s3, "us-east-1"))
