"""Calls webhooks: one POST, to the very address that was judged, over within 15 seconds however slowly it is answered.

No proxy of the environment, no redirect, no kept connection. http.client frames the request and reads the answer; the
connection is made here, because a library's own would resolve the name once more, and its time-outs count from each read.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.log_lines import log_of
from chalicelib.domain.public_address import Address
from chalicelib.domain.webhook_delivery import ANSWER_BYTES, Answer
from chalicelib.domain.webhook_url import BadWebhookUrl, WebhookUrl, callable_addresses, read_webhook_url
from chalicelib.operations.ports.webhooks import Resolver
from chalicelib.providers.lookups import Lookups
from chalicelib.providers.timed_stream import Deadline, TimedSocket

SECONDS = 15.0
LOOKUP_SECONDS = 5.0  # of them, at most
ANSWER_LIMIT = 64 * 1024  # bytes, head and all
_UNPRINTABLE = "\ufffd"
USER_AGENT = "AgentSend-Webhooks/1"

ADDRESSES_TRIED = 3  # of a host's, each with its share of the time

logger = log_of(__name__)


def resolve(host: str, port: int) -> Sequence[Address]:
    """The system's own resolver."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
            return ()
        raise
    return tuple(dict.fromkeys(ip_address(entry[4][0]) for entry in found))


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class HttpsWebhookClient:
    """`operations.ports.WebhookClient`. `loopback`: this very machine may be called, too."""

    loopback: bool = False
    resolver: Resolver = resolve
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    seconds: float = SECONDS
    connect: Callable[..., socket.socket] = socket.create_connection
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = utc_now
    lookups: Lookups = field(default_factory=Lookups)

    def check(self, url: str) -> None:
        target = read_webhook_url(url, loopback=self.loopback)
        try:
            self._addresses(target, Deadline(LOOKUP_SECONDS, self.clock))
        except OSError as error:
            raise BadWebhookUrl("cannot be looked up right now: its host's name server does not answer") from error

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        deadline = Deadline(self.seconds, self.clock)
        try:
            target = read_webhook_url(url, loopback=self.loopback)
            addresses = self._addresses(target, deadline)
            with self._connected(target, addresses, deadline) as connection:
                return _exchange(target, connection, headers, body, self.now)
        except Unavailable:
            raise
        except (BadWebhookUrl, OSError, http.client.HTTPException, ValueError) as error:
            return self._failure(error)
        except Exception as error:  # noqa: BLE001 - it is logged, without its text
            # whatever it holds, it must not stop the record
            logger.error("an endpoint's answer could not be read: %s", trace_of(error))
            return self._failure(error)

    def _failure(self, error: Exception) -> Answer:
        match error:
            case BadWebhookUrl():
                return Answer(None, error=f"The URL {error}.")
            case _NoLookup():
                return Answer(None, error="The host's name server does not answer.", timed_out=True)
            case TimeoutError():
                return Answer(None, error=f"No answer within {self.seconds:g} s.", timed_out=True)
            case ssl.SSLError():
                return Answer(None, error=f"TLS failed: {_in_words(error)}")
            case _:
                return Answer(None, error=f"No answer: {_in_words(error)}")

    def _addresses(self, url: WebhookUrl, deadline: Deadline) -> Sequence[Address]:
        """Looked up once and judged; the connection goes to one of these and nowhere else."""
        if url.address is not None:
            return callable_addresses([url.address], loopback=self.loopback)
        try:
            found = self.lookups(self.resolver, url.host, url.port, min(LOOKUP_SECONDS, deadline.left()))
        except TimeoutError as error:
            raise _NoLookup from error
        return callable_addresses(found, loopback=self.loopback)

    def _connected(self, url: WebhookUrl, addresses: Sequence[Address], deadline: Deadline) -> TimedSocket:
        """A connection to the first address that takes one, of a few."""
        tried = addresses[:ADDRESSES_TRIED]
        for left, address in zip(range(len(tried), 0, -1), tried, strict=True):
            try:
                plain = self.connect((str(address), url.port), timeout=deadline.left() / left)
            except OSError:
                if left == 1:
                    raise
                continue
            try:
                plain.settimeout(deadline.left())
                connected = self.context.wrap_socket(plain, server_hostname=url.host) if url.is_https else plain
            except BaseException:
                plain.close()
                raise
            return TimedSocket(connected, deadline, ANSWER_LIMIT)
        raise OSError("there is no address to call")


def _exchange(
    url: WebhookUrl,
    connection: TimedSocket,
    headers: Mapping[str, str],
    body: bytes,
    now: Callable[[], datetime],
) -> Answer:
    lines = {
        "Host": url.host_header,
        "User-Agent": USER_AGENT,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Accept-Encoding": "identity",
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    connection.sendall(f"POST {url.target} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body)
    response = _final(connection)
    beginning = _beginning(response)
    is_success = 200 <= response.status < 300
    return Answer(response.status, beginning, _refusal(response), None if is_success else _retry_after(response, now()))


def _final(connection: TimedSocket) -> http.client.HTTPResponse:
    """The response behind those that come early (RFC 9110 section 15.2: 102, 103); http.client passes by 100 alone."""
    while True:
        response = http.client.HTTPResponse(connection, method="POST")  # type: ignore[arg-type]  # makefile is all it asks for
        response.begin()
        if not 101 < response.status < 200:
            return response
        response.fp = None  # type: ignore[assignment]  # what the next is read from must not be closed with this


class _NoLookup(TimeoutError):
    """The host's name server has not answered in time."""


def _beginning(response: http.client.HTTPResponse) -> str:
    """The first words of the answer. The status has come, so whatever becomes of the rest does not matter."""
    read = b""
    try:
        while len(read) < ANSWER_LIMIT and (more := response.read1(ANSWER_LIMIT - len(read))):
            read += more
    except (OSError, http.client.HTTPException, ValueError):
        pass
    return read[:ANSWER_BYTES].decode("utf-8", "replace").replace("\0", _UNPRINTABLE)


def _refusal(response: http.client.HTTPResponse) -> str | None:
    if 300 <= response.status < 400:
        return "Redirects are not followed; give the webhook the URL that answers."
    return None


def _retry_after(response: http.client.HTTPResponse, now: datetime) -> timedelta | None:
    """RFC 9110 section 10.2.3: seconds, or a date. What is neither says nothing."""
    text = (response.headers.get("Retry-After") or "").strip()
    if text.isascii() and text.isdecimal():
        return timedelta(seconds=min(int(text[:9]), 10**8))
    try:
        at = parsedate_to_datetime(text)
        return max(timedelta(), (at if at.tzinfo else at.replace(tzinfo=UTC)) - now)
    except (ValueError, OverflowError, TypeError):
        return None


def _in_words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{error.verify_message}."
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return f"{''.join(each if each.isprintable() else _UNPRINTABLE for each in text[:200])}."
