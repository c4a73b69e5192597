"""The SMTP door: mail for inboxes comes in, in AWS through SES's own server, here through this one."""

import asyncio
import logging
import re
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ssl import SSLContext
from typing import Any, Protocol, TypeVar

from aiosmtpd.smtp import Envelope as SmtpEnvelope
from aiosmtpd.smtp import Session, TLSSetupException

from chalicelib.domain.arrival import Authentication
from embedded.ses_inbound import MAX_MAIL_BYTES, Envelope, fits_one_mail, new_ses_message_id, wanted_verdicts
from embedded.smtp_session import SmtpSession

TIMEOUT_SECONDS = 60.0
MAX_CONNECTIONS = 100
MAX_LARGE_MAILS = 8  # at once; others wait in the middle of theirs
MAX_RECIPIENTS = 100  # RFC 5321, 4.5.3.1.8
_WORKERS = 8
_PATH_BYTES = 256  # RFC 5321, 4.5.3.1.3
_STOP_SECONDS = 10.0
_EXTENSIONS = ("8BITMIME", "SMTPUTF8", "PIPELINING")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9.:\[\]_-]")

log = logging.getLogger(__name__)

T = TypeVar("T")


class KnownRecipients(Protocol):
    """Which addresses are inboxes of ours."""

    def reached_by(self, address: str) -> bool:
        """Whether mail to this address reaches an inbox."""


class Taker(Protocol):
    """Stores a mail and announces it, or raises."""

    def take(self, ses_message_id: str, envelope: Envelope, raw: bytes, verdicts: Authentication) -> None: ...


class WorkFailed(Exception):
    """A mail could not be stored, or a recipient not be looked up; the cause says why."""


class InboundPolicy:
    """What is answered to whom; aiosmtpd calls it at each step of a dialogue."""

    def __init__(
        self, recipients: KnownRecipients, inbound: Taker, workers: ThreadPoolExecutor, max_bytes: int
    ) -> None:
        self._recipients = recipients
        self._inbound = inbound
        self._workers = workers
        self._max_bytes = max_bytes

    async def handle_EHLO(  # noqa: N802 - aiosmtpd finds these by name
        self, _server: SmtpSession, session: Session, _envelope: SmtpEnvelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        greeting, offered = responses[0], ["STARTTLS"] if "250-STARTTLS" in responses else []
        lines = [greeting[4:], f"SIZE {self._max_bytes}", *_EXTENSIONS, *offered]
        return [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]

    async def handle_MAIL(  # noqa: N802
        self, _server: SmtpSession, _session: Session, envelope: SmtpEnvelope, address: str, options: list[str]
    ) -> str:
        size = next((option[5:] for option in options if option.startswith("SIZE=")), "0")
        if size.isdecimal() and int(size) > self._max_bytes:
            return f"552 5.3.4 The mail is larger than {self._max_bytes} bytes"
        if len(_octets(address)) > _PATH_BYTES:
            return f"501 5.1.7 The sender's address is longer than {_PATH_BYTES} octets"
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SmtpSession, _session: Session, envelope: SmtpEnvelope, address: str, _options: list[str]
    ) -> str:
        if address in envelope.rcpt_tos:
            return "250 2.1.5 OK"
        wanted = [*envelope.rcpt_tos, address]
        if len(_octets(address)) > _PATH_BYTES or not await self._aside(server, self._recipients.reached_by, address):
            return "550 5.1.1 No inbox here has this address"
        if len(wanted) > MAX_RECIPIENTS or not fits_one_mail(_text(envelope.mail_from), wanted):
            return "452 4.5.3 Too many recipients for one mail; send it to the others once more"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SmtpSession, session: Session, envelope: SmtpEnvelope) -> str:  # noqa: N802
        ses_message_id = new_ses_message_id()
        taken = Envelope(_text(envelope.mail_from), tuple(envelope.rcpt_tos), _client(session))
        content = envelope.original_content or b""
        await self._aside(server, self._take, ses_message_id, taken, content)
        return f"250 2.0.0 OK {ses_message_id}"

    def _take(self, ses_message_id: str, envelope: Envelope, content: bytes) -> None:
        self._inbound.take(ses_message_id, envelope, content, wanted_verdicts(content))

    async def handle_exception(self, error: Exception) -> str:
        """Whatever failed, the client keeps its mail and tries again."""
        if isinstance(error, (TLSSetupException, ConnectionError)):
            log.info("a client broke off: %r", error)
            return "421 4.4.2 The connection is of no use"
        log.error("mail could not be taken", exc_info=error)
        return "451 4.3.0 Something failed here; the mail was not taken, try again later"

    async def _aside(self, server: SmtpSession, work: Callable[..., T], *arguments: Any) -> T:
        """Wait for work in a thread: calls of AWS may take their time, other dialogues go on."""
        loop = asyncio.get_running_loop()
        try:
            return await server.without_timeout(loop.run_in_executor(self._workers, work, *arguments))
        except Exception as error:  # aiosmtpd would take a broken connection to the bucket for one to the client
            raise WorkFailed from error


def _client(session: Session) -> str:
    """The client as Received names it: the name it gave, and where it really is."""
    name = _NOT_IN_A_NAME.sub("?", session.host_name or "")[:255]
    address = session.peer[0] if session.peer else "unknown"
    return f"{name} ({name} [{address}])"


def _text(address: str | None) -> str:
    """An address as text that JSON can hold; empty for a null path."""
    return "" if address in (None, "<>") else _octets(address).decode("utf-8", "replace")


def _octets(address: str) -> bytes:
    return address.encode("utf-8", "surrogateescape")


# ------------------------------------------------------------------------------------------------------------ door


class _TooMany(asyncio.Protocol):
    """Turns a client away that would be one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101
        transport.write(b"421 4.3.2 Too many connections; try again later\r\n")
        transport.close()


class SmtpDoor:
    """Takes mail on a bound socket until it is stopped, in a thread of its own."""

    def __init__(
        self,
        listener: socket.socket,
        recipients: KnownRecipients,
        inbound: Taker,
        *,
        hostname: str,
        tls: SSLContext | None = None,
        max_bytes: int = MAX_MAIL_BYTES,
        timeout: float = TIMEOUT_SECONDS,
        max_connections: int = MAX_CONNECTIONS,
        max_large_mails: int = MAX_LARGE_MAILS,
    ) -> None:
        self._listener = listener
        self._hostname = hostname
        self._tls = tls
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._max_connections = max_connections
        self._large_mails = asyncio.Semaphore(max_large_mails)
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="smtp")
        self._policy = InboundPolicy(recipients, inbound, self._workers, max_bytes)
        self._sessions: set[SmtpSession] = set()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="smtp", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Take no more; what is being stored just now is stored to its end, and answered."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._started.set()
            self._loop.close()

    async def _serve(self) -> None:
        server = await self._loop.create_server(self._session, sock=self._listener, backlog=1024)
        self._started.set()
        await self._stopping.wait()
        server.close()
        await self._loop.run_in_executor(None, self._workers.shutdown)
        for session in list(self._sessions):
            async with session.answering:
                session.close(b"421 4.3.2 The server is stopping")
        dialogues = asyncio.all_tasks() - {asyncio.current_task()}
        if dialogues:
            await asyncio.wait(dialogues, timeout=1)  # for a client to read that
        await self._loop.shutdown_default_executor()

    def _session(self) -> asyncio.BaseProtocol:
        if len(self._sessions) >= self._max_connections:
            return _TooMany()
        return SmtpSession(
            self._policy,
            self._sessions,
            hostname=self._hostname,
            timeout=self._timeout,
            tls=self._tls,
            max_bytes=self._max_bytes,
            large_mails=self._large_mails,
            loop=self._loop,
        )
