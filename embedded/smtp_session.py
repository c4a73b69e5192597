"""One SMTP dialogue: aiosmtpd's, with mail of any shape taken as it is, and every limit ours.

aiosmtpd reads a mail line by line and refuses lines over 1,001 octets. Mail comes with longer ones, and 40 MB of short
ones would be millions of objects; so DATA is read here in large pieces (RFC 5321 sections 4.1.1.4 and 4.5.2). Some names
are private to the pinned version; tests/embedded/test_smtp_*.py speak every one of these ways with it.
"""

import asyncio
import collections
import re
import socket
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from ssl import SSLContext
from typing import Any, TypeVar

from aiosmtpd.smtp import SMTP

IDENTITY = "AgentSend on this machine; no mail leaves it"
PIECE_BYTES = 256 * 1024
LARGE_BYTES = 1024 * 1024  # from here on a mail needs one of the few places for large ones, so that memory is bounded
COMMAND_BYTES = 4096  # RFC 5321, 4.5.3.1.4 asks for 512; addresses in UTF-8 are longer

_END_OF_DATA = b"\r\n.\r\n"
# RFC 5321, 4.1.2: a path, or the bare address some clients send; then parameters. Its own reader would take comments
# and encoded words (RFC 2047) apart, which a path does not have, and so deliver to somebody else.
_PATH = re.compile(
    r"""(?:<(?:@[^<>:\s]*:)?(?P<path>(?:"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*"|[^<>"\x00-\x20\x7f])*)>
        |(?P<bare>[^<>"\x00-\x20\x7f]+@[^<>"\x00-\x20\x7f]+))
        (?:\ +(?P<parameters>.*))?""",
    re.VERBOSE,
)


T = TypeVar("T")


class SmtpSession(SMTP):
    """A dialogue that its door keeps in a set as long as it lasts."""

    line_length_limit = PIECE_BYTES  # of the stream's buffer; a piece is at most twice that

    def __init__(
        self,
        handler: Any,
        sessions: "set[SmtpSession]",
        *,
        hostname: str,
        timeout: float,
        tls: SSLContext | None,
        max_bytes: int,
        large_mails: asyncio.Semaphore,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(
            handler,
            data_size_limit=None,  # SIZE is ours: aiosmtpd's answers have no enhanced codes
            enable_SMTPUTF8=True,
            hostname=hostname,
            ident=IDENTITY,
            tls_context=tls,
            timeout=timeout,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            loop=loop,
        )
        self.command_size_limits = collections.defaultdict(lambda: COMMAND_BYTES)  # aiosmtpd's is one for all sessions
        self.command_size_limit = COMMAND_BYTES
        self._sessions = sessions
        self._max_bytes = max_bytes
        self._large_mails = large_mails
        self._reading_mail = False
        self.answering = asyncio.Lock()  # held from the end of a mail until its answer is on its way

    # ------------------------------------------------------------------------------------------------ connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._sessions.add(self)
        plain = transport.get_extra_info("socket")
        if plain is not None:  # answers of several lines would wait for the client's acknowledgement of the first
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._sessions.discard(self)
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """A mail may come as slowly as it likes, as long as it comes: a piece of it is much more than a packet."""
        super().data_received(data)
        if self._reading_mail:
            self._reset_timeout()

    def close(self, reply: bytes) -> None:
        """Say why, and hang up."""
        if self.transport is not None:
            self._writer.write(reply + b"\r\n")
            self.transport.close()

    def _timeout_cb(self) -> None:
        self.close(b"421 4.4.2 Nothing was heard for too long; closing the connection")

    async def without_timeout(self, work: Awaitable[T]) -> T:
        """While we are at work ourselves, the silence of the client is no reason to hang up."""
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        try:
            return await work
        finally:
            self._reset_timeout()

    # -------------------------------------------------------------------------------------------------- commands

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd finds it by this name
        """Take a mail's bytes exactly as they are, the dots that RFC 5321 adds (section 4.5.2) taken away."""
        if await self.check_helo_needed():
            return
        if arg:
            await self.push("501 5.5.4 DATA takes no argument")
            return
        if self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Name a recipient first: RCPT TO:<address>")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        async with AsyncExitStack() as place:
            content = await self._read_mail(place)
            async with self.answering:
                await self.push(await self._answer(content))

    async def _answer(self, content: bytes | None) -> str:
        try:
            if content is None or self.envelope is None:
                return f"552 5.3.4 The mail is larger than {self._max_bytes} bytes"
            self.envelope.content = self.envelope.original_content = content
            return str(await self._call_handler_hook("DATA"))
        finally:
            self._set_post_data_state()  # type: ignore[no-untyped-call]

    async def _read_mail(self, place: AsyncExitStack) -> bytes | None:
        """Everything before the line with the lone dot; None when it is too much, which is read all the same."""
        is_large = False
        # The line break that ended the command belongs to the end mark of an empty mail, and to the first line's dot.
        self._reader._buffer[:0] = b"\r\n"  # type: ignore[attr-defined]  # noqa: SLF001
        content: bytearray | None = bytearray()
        # Added dots do not count (RFC 1870 section 5): at worst one to each line of two octets and a dot of its own.
        most = self._max_bytes * 4 // 3 + len(_END_OF_DATA)
        ended = False
        while not ended:
            self._reading_mail = True
            try:
                piece = await self._reader.readuntil(_END_OF_DATA)
                ended = True
            except asyncio.LimitOverrunError as far:
                piece = await self._reader.readexactly(far.consumed)
            finally:
                self._reading_mail = False
            if content is not None:
                content += piece
                if len(content) > LARGE_BYTES and not is_large:
                    is_large = True
                    await self.without_timeout(place.enter_async_context(self._large_mails))
                if len(content) > most:
                    content = None
        if content is None:
            return None
        del content[-3:]
        mail = bytes(content.replace(b"\r\n.", b"\r\n"))[2:]
        return mail if len(mail) <= self._max_bytes else None

    async def smtp_AUTH(self, _arg: str) -> None:  # noqa: N802
        await self.push("502 5.5.1 Nobody needs to sign in here")

    async def smtp_VRFY(self, _arg: str) -> None:  # noqa: N802
        await self.push("252 2.5.0 Send the mail and see")

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        found = _PATH.fullmatch(arg.strip(" "))
        if found is None:
            return None, None
        address = found["bare"] if found["path"] is None else found["path"]
        return address or "<>", found["parameters"] or ""
