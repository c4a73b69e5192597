"""A waitress server on a socket that is already bound; it hands on headers as they came and answers errors as JSON."""

import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import create_server
from waitress.task import ErrorTask, WSGITask

from embedded.gateway_errors import protocol_error

RAW_HEADERS = "embedded.headers"  # the WSGI variable with every header line as (name, value)

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# It warns whenever a request waits for a thread, which is what a queue is for.
logging.getLogger("waitress.queue").setLevel(logging.ERROR)


class _Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no annotations
    """Keeps the header lines: WSGI joins repeated ones and loses their spelling, API Gateway does not."""

    raw_headers: tuple[tuple[str, str], ...] = ()

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        lines = header_plus.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if ":" in line)
        self.raw_headers = tuple((name, value.strip()) for name, _, value in pairs)


class _Task(WSGITask):  # type: ignore[misc]
    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[RAW_HEADERS] = self.request.raw_headers
        return environ


class _JsonErrorTask(ErrorTask):  # type: ignore[misc]
    """waitress's own errors (broken HTTP, too large) in the contract's shape."""

    def execute(self) -> None:
        error = self.request.error
        request_id = str(uuid.uuid4())
        body = protocol_error(error.code, str(error.body)).body(request_id)
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [("Content-Type", "application/json"), ("x-request-id", request_id)]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]
    parser_class = _Parser
    task_class = _Task
    error_task_class = _JsonErrorTask


class WsgiServer:
    """Serves one WSGI app with a fixed number of threads until it is stopped."""

    def __init__(
        self,
        app: WsgiApp,
        listener: socket.socket,
        *,
        threads: int,
        max_body: int,
        max_header: int,
        idle_seconds: int = 120,
    ) -> None:
        self._server = create_server(
            app,
            sockets=[listener],
            threads=threads,
            ident=None,
            max_request_body_size=max_body,
            max_request_header_size=max_header,
            connection_limit=1000,
            channel_timeout=idle_seconds,  # for which a connection may lie still
            clear_untrusted_proxy_headers=False,
        )
        self._server.channel_class = _Channel
        self._stopping = threading.Event()
        self._loop = threading.Thread(target=self._serve, name="http", daemon=True)

    def start(self) -> None:
        self._loop.start()

    def stop(self, timeout: float = 5) -> None:
        """Take no more connections, answer the requests that run, end."""
        self._stopping.set()
        self._server.trigger.pull_trigger()
        self._loop.join(timeout)

    def _serve(self) -> None:
        sockets = self._server._map  # noqa: SLF001 - wasyncore's loop wants it, and no accessor gives it
        while not self._stopping.is_set():
            wasyncore.loop(timeout=30, map=sockets, use_poll=True, count=1)
        self._server.accepting = False
        self._server.socket.close()
        sockets.pop(self._server._fileno, None)  # noqa: SLF001
        dispatcher = self._server.task_dispatcher
        deadline = time.monotonic() + 4
        while _busy(dispatcher) and time.monotonic() < deadline:
            wasyncore.loop(timeout=0.05, map=sockets, use_poll=True, count=1)
        dispatcher.shutdown(timeout=1)
        wasyncore.loop(timeout=0.05, map=sockets, use_poll=True, count=1)  # the last answers leave
        wasyncore.close_all(sockets)


def _busy(dispatcher: Any) -> bool:
    return bool(dispatcher.queue or dispatcher.active_count)
