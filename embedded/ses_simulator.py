"""The simulated SES: the calls of the SES v2 API that the app makes, answered over HTTP, and the events that follow."""

import base64
import binascii
import hashlib
import json
import logging
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from typing import Any

from embedded.due_work import DueWork
from embedded.event_destinations import EventDestinations
from embedded.local_post import LocalPost
from embedded.resources import EventDestination
from embedded.ses_behaviour import DRY_RUN, Lost, behaviour_of
from embedded.ses_error import INTERNAL_FAILURE, SesError
from embedded.ses_events import AcceptedMail, outcome_event, send_event
from embedded.ses_identities import SesIdentities
from embedded.ses_identity_api import IdentityApi
from embedded.ses_journal import OwedDelivery, OwedEvent, SesJournal
from embedded.wsgi_server import WsgiServer

# Amazon SES guide: Service quotas in Amazon SES.
MAX_MESSAGE_BYTES = 40 * 1024 * 1024
MAX_RECIPIENTS = 50

DELIVERY_RETRY_SECONDS = 1.0
_THREADS = 8
_IDLE_SECONDS = 86_400

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SendRequest:
    """A SendEmail call with raw content (SES v2 API: SendEmail)."""

    raw: bytes
    source: str
    recipients: tuple[str, ...]
    configuration_set: str | None
    tags: dict[str, str]

    @property
    def identity(self) -> str:
        """What makes a repeated call the same mail: its tags where it has some, else its bytes."""
        text = json.dumps(self.tags, sort_keys=True) if self.tags else hashlib.sha256(self.raw).hexdigest()
        return f"{text} {' '.join(self.recipients)}"


class SesSimulator:
    """Takes mails, keeps them in the journal and publishes their events when they are due."""

    def __init__(
        self,
        journal: SesJournal,
        destinations: Sequence[EventDestination],
        *,
        publish: Callable[[str, str], None],
        region: str,
        local_post: LocalPost | None = None,
        identities: SesIdentities | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._destinations = EventDestinations(destinations)
        self._publish = publish
        self._region = region
        self._local_post = local_post
        self._identities = identities
        self._clock = clock
        self._publisher = DueWork("publishing events", self.publish_due, journal.next_due_at, clock)
        self._deliverer = DueWork("delivering mail", self.deliver_due, journal.next_delivery_at, clock)

    def start(self) -> None:
        self._publisher.start()
        self._deliverer.start()

    def stop(self) -> None:
        """Publish and deliver no more; what is not due yet waits in the journal for the next start."""
        self._deliverer.stop()
        self._publisher.stop()

    def send(self, request: SendRequest) -> str:
        """SendEmail: the SES message id. Raises `SesError`."""
        self._check(request)
        loses_answer = self._loses(request, Lost.ANSWER)
        if self._loses(request, Lost.MAIL):
            raise INTERNAL_FAILURE
        now = self._clock()
        mail = AcceptedMail(
            ses_message_id=f"0100{round(now * 1000):012x}-{uuid.uuid4()}-000000",
            raw=request.raw,
            source=request.source,
            recipients=request.recipients,
            tags=self._tags(request),
            accepted_at=datetime.fromtimestamp(now, UTC),
            region=self._region,
        )
        local = self._local_recipients(mail)
        events = list(self._events(mail, request.configuration_set, local))
        deliveries = list(self._deliveries(mail, request.configuration_set, local))
        self._journal.accept(_file_name(mail, request.tags), mail.raw, events, deliveries)
        self._publisher.look()
        self._deliverer.look()
        if loses_answer:
            raise INTERNAL_FAILURE
        return mail.ses_message_id

    def publish_due(self) -> None:
        """Publish every event whose time has come, in order; stops at the first the topic does not take."""
        while not self._publisher.is_stopping:
            due = self._journal.due(self._clock())
            if not due:
                return
            for event in due:
                self._publish(event.topic_arn, event.message)
                self._journal.published(event, self._clock())

    def deliver_due(self) -> None:
        """Deliver every mail for an inbox here whose time has come; one that fails is tried again a little later."""
        while self._local_post is not None and not self._deliverer.is_stopping:
            delivery = self._journal.due_delivery(self._clock())
            if delivery is None:
                return
            try:
                events = self._local_post.deliver(delivery, self._clock())
            except Exception:
                log.exception("a mail to an inbox here was not delivered; trying again")
                self._journal.put_off(delivery, self._clock() + DELIVERY_RETRY_SECONDS)
            else:
                self._journal.delivered(delivery, events)
                self._publisher.look()

    def _check(self, request: SendRequest) -> None:
        if request.configuration_set is not None and not self._destinations.know(request.configuration_set):
            name = request.configuration_set
            raise SesError("NotFoundException", "404 Not Found", f"Configuration set <{name}> does not exist.")
        if not request.recipients:
            raise SesError("BadRequestException", "400 Bad Request", "Destination is required.")
        if len(request.recipients) > MAX_RECIPIENTS:
            raise SesError("BadRequestException", "400 Bad Request", "Recipient count exceeds 50.")
        if len(request.raw) > MAX_MESSAGE_BYTES:
            raise SesError("BadRequestException", "400 Bad Request", "Message length is more than 41943040 bytes long.")
        if self._identities is not None and self._identities.refuses(request.source):
            message = f"Email address is not verified. The following identities failed the check: {request.source}"
            raise SesError("MessageRejected", "400 Bad Request", message)
        behaviours = [behaviour_of(recipient) for recipient in request.recipients]
        if any(behaviour.rejected for behaviour in behaviours):
            raise SesError("MessageRejected", "400 Bad Request", "The simulator refuses mail to fail@simulator.test.")
        tries = max(behaviour.throttled_tries for behaviour in behaviours)
        if self._journal.refuse_once_more(request.identity, tries):
            raise SesError("TooManyRequestsException", "429 Too Many Requests", "Maximum sending rate exceeded.")

    def _loses(self, request: SendRequest, what: Lost) -> bool:
        concerned = any(behaviour_of(recipient).loses is what for recipient in request.recipients)
        return concerned and self._journal.refuse_once_more(request.identity, 1)

    def _tags(self, request: SendRequest) -> dict[str, list[str]]:
        tags = {
            "ses:operation": ["SendEmail"],
            "ses:source-ip": ["127.0.0.1"],
            "ses:from-domain": [request.source.rpartition("@")[2].rstrip(">")],
            "ses:caller-identity": ["embedded"],
        }
        if request.configuration_set is not None:
            tags["ses:configuration-set"] = [request.configuration_set]
        return tags | {name: [value] for name, value in request.tags.items()}

    def _local_recipients(self, mail: AcceptedMail) -> tuple[str, ...]:
        """Those whose server is this very deployment."""
        if self._local_post is None:
            return ()
        known = self._local_post.is_here
        return tuple(
            recipient for recipient in mail.recipients if behaviour_of(recipient) == DRY_RUN and known(recipient)
        )

    def _events(self, mail: AcceptedMail, configuration_set: str | None, local: Sequence[str]) -> Iterator[OwedEvent]:
        """What follows for those whose fate is known already: a local recipient's is known at the delivery."""
        due: list[tuple[float, dict[str, Any]]] = [(0.0, send_event(mail))]
        for recipient in mail.recipients:
            for step in () if recipient in local else behaviour_of(recipient).steps:
                at = mail.accepted_at + timedelta(seconds=step.after)
                due.append((step.after, outcome_event(mail, recipient, step.outcome, at)))
        for after, event in due:
            yield from self._destinations.owed(configuration_set, mail.accepted_at.timestamp() + after, event)

    def _deliveries(
        self, mail: AcceptedMail, configuration_set: str | None, local: Sequence[str]
    ) -> Iterator[OwedDelivery]:
        if self._local_post is None:
            return

        def owed(event: dict[str, Any]) -> list[OwedEvent]:
            return list(self._destinations.owed(configuration_set, 0, event))

        yield from self._local_post.deliveries(mail, local, owed)
        for recipient in mail.recipients:
            if behaviour_of(recipient).replies:
                yield from self._local_post.reply(mail, recipient)


def start_ses_api(
    simulator: SesSimulator, listener: socket.socket, identities: SesIdentities | None = None
) -> WsgiServer:
    """Serve the simulator on a bound socket."""
    server = WsgiServer(
        SesApi(simulator, IdentityApi(identities) if identities else None),
        listener,
        threads=_THREADS,
        max_body=4 * MAX_MESSAGE_BYTES,
        max_header=65_536,
        # Were a connection closed in the moment in which a mail comes on it, nobody would know whether it was taken.
        idle_seconds=_IDLE_SECONDS,
    )
    server.start()
    return server


class SesApi:
    """The HTTP side, a WSGI application: REST paths and error shapes of the SES v2 API; at `/` what v1 alone has."""

    def __init__(self, simulator: SesSimulator, identities: IdentityApi | None = None) -> None:
        self._simulator = simulator
        self._identities = identities

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = [("Content-Type", "application/json"), ("x-amzn-RequestId", str(uuid.uuid4()))]
        if self._identities is not None and environ["PATH_INFO"] == "/":
            status, xml = self._identities.answer_query(environ["wsgi.input"].read())
            start_response(status, [("Content-Type", "text/xml"), headers[1], ("Content-Length", str(len(xml)))])
            return [xml]
        try:
            status, answer = "200 OK", self._answer(environ)
        except SesError as error:
            status, answer = error.status, {"message": str(error)}
            headers.append(("x-amzn-ErrorType", error.name))
        body = json.dumps(answer).encode()
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, environ: dict[str, Any]) -> dict[str, Any]:
        call = (environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if call == ("POST", "/v2/email/outbound-emails"):
            return {"MessageId": self._simulator.send(read_send_request(environ["wsgi.input"].read()))}
        if call == ("GET", "/v2/email/account"):
            return _ACCOUNT
        if self._identities is not None:
            answer = self._identities.answer(*call, environ["wsgi.input"].read())
            if answer is not None:
                return answer
        raise SesError("NotFoundException", "404 Not Found", f"The SES simulator does not know {' '.join(call)}.")


_ACCOUNT: dict[str, Any] = {
    "DedicatedIpAutoWarmupEnabled": False,
    "EnforcementStatus": "HEALTHY",
    "ProductionAccessEnabled": True,
    "SendQuota": {"Max24HourSend": 1_000_000.0, "MaxSendRate": 1_000.0, "SentLast24Hours": 0.0},
    "SendingEnabled": True,
    "SuppressionAttributes": {"SuppressedReasons": []},
}


def read_send_request(body: bytes) -> SendRequest:
    """The call's JSON body; raises `SesError` on what SES would refuse, or what is not raw content."""
    try:
        call = json.loads(body)
        raw = base64.b64decode(call["Content"]["Raw"]["Data"], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error):
        message = "The simulator takes SendEmail with Content.Raw.Data in base64."
        raise SesError("BadRequestException", "400 Bad Request", message) from None
    headers = BytesHeaderParser().parsebytes(raw)
    destination = call.get("Destination") or {}
    named = [
        address for kind in ("ToAddresses", "CcAddresses", "BccAddresses") for address in destination.get(kind) or []
    ]
    if not named:  # then SES takes the recipients from the header
        named = [str(value) for field in ("To", "Cc", "Bcc") for value in headers.get_all(field, [])]
    return SendRequest(
        raw=raw,
        source=call.get("FromEmailAddress") or str(headers["From"] or ""),
        recipients=tuple(dict.fromkeys(address for _, address in getaddresses(named) if address)),
        configuration_set=call.get("ConfigurationSetName"),
        tags={tag["Name"]: tag["Value"] for tag in call.get("EmailTags") or []},
    )


def _file_name(mail: AcceptedMail, tags: dict[str, str]) -> str:
    """Sorted by time; the tags tell whose mail it is (SES allows only letters, digits, `_` and `-` in them)."""
    parts = [mail.accepted_at.strftime("%Y%m%dT%H%M%S.%f"), *tags.values(), mail.ses_message_id[17:25]]
    return "_".join(part.replace("/", "-")[:80] for part in parts) + ".eml"
