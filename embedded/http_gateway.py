"""The HTTP door: stands where API Gateway stands, between HTTP and the app's Lambda function."""

import base64
import binascii
import json
import logging
import socket
import time
import uuid
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from embedded.gateway_errors import (
    ANSWER_TOO_LARGE,
    EVENT_TOO_LARGE,
    FUNCTION_FAILED,
    REQUEST_TOO_LARGE,
    GatewayError,
)
from embedded.gateway_events import HttpRequest, RouteTable, proxy_event
from embedded.lambda_context import LambdaContext
from embedded.thread_safe_app import make_thread_safe
from embedded.wsgi_server import RAW_HEADERS, WsgiServer

# API Gateway quotas for REST APIs, and the invocation payload of Lambda.
MAX_REQUEST_BYTES = 10 * 1024 * 1024
MAX_HEADER_BYTES = 10_240
MAX_EVENT_BYTES = 6 * 1024 * 1024
TIMEOUT_SECONDS = 29

# Bodies a little over the limit are read to their end, so that the client gets to read the answer.
_READ_BYTES = 32 * 1024 * 1024
_THREADS = 16

log = logging.getLogger(__name__)

Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], Any]


class HttpGateway:
    """A WSGI application that calls a Chalice app."""

    def __init__(self, app: Any) -> None:
        make_thread_safe(app)
        self._app = app
        self._routes = RouteTable((path, tuple(methods)) for path, methods in app.routes.items())
        self._binary_types = frozenset(app.api.binary_types)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request_id = str(uuid.uuid4())
        status, headers, body = self._answer(_http_request(environ), request_id)
        if status != HTTPStatus.NO_CONTENT:  # which has no length to tell (RFC 9110, 8.6)
            headers.append(("Content-Length", str(len(body))))
        start_response(f"{status} {_phrase(status)}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _answer(self, request: HttpRequest, request_id: str) -> tuple[int, Headers, bytes]:
        if len(request.body) > MAX_REQUEST_BYTES:
            return _error(REQUEST_TOO_LARGE, request_id)
        match = self._routes.match(request.method, request.path)
        event = proxy_event(request, match, request_id=request_id, binary_types=self._binary_types)
        if len((event["body"] or "").encode()) > MAX_EVENT_BYTES:
            return _error(EVENT_TOO_LARGE, request_id)
        started = time.monotonic()
        try:
            answer = self._app(event, LambdaContext("api_handler", TIMEOUT_SECONDS, aws_request_id=request_id))
            status, headers, body = _http_answer(answer, decode=self._decodes(request.header("Accept")))
        except Exception:
            log.exception("the function failed: %s %s, request %s", request.method, match.resource, request_id)
            return _error(FUNCTION_FAILED, request_id)
        took = time.monotonic() - started
        if took > TIMEOUT_SECONDS:
            log.warning("request %s took %.0f s; API Gateway would have given up with 504", request_id, took)
        # Lambda gives the whole answer away as JSON in ASCII, the body being a string in it.
        if len(json.dumps(answer)) > MAX_EVENT_BYTES:
            return _error(ANSWER_TOO_LARGE, request_id)
        return status, headers, body

    def _decodes(self, accept: str) -> bool:
        """Whether API Gateway takes base64 off an answer: it goes by the first type the client accepts."""
        first = accept.partition(",")[0].partition(";")[0].strip().lower()
        return "*/*" in self._binary_types or first in self._binary_types


def start_gateway(app: Any, listener: socket.socket) -> WsgiServer:
    """Serve the app on a bound socket."""
    server = WsgiServer(HttpGateway(app), listener, threads=_THREADS, max_body=_READ_BYTES, max_header=MAX_HEADER_BYTES)
    server.start()
    return server


def _http_request(environ: dict[str, Any]) -> HttpRequest:
    headers = list(environ[RAW_HEADERS])
    forwarded = [value for name, value in headers if name.lower() == "x-forwarded-for"]
    headers = [(name, value) for name, value in headers if name.lower() != "x-forwarded-for"]
    headers += [
        ("X-Forwarded-For", ", ".join([*forwarded, environ["REMOTE_ADDR"]])),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Port", environ["SERVER_PORT"]),
    ]
    return HttpRequest(
        method=environ["REQUEST_METHOD"],
        target=_origin_form(environ["REQUEST_URI"]),
        headers=headers,
        body=environ["wsgi.input"].read(),
        source_ip=environ["REMOTE_ADDR"],
        protocol=environ["SERVER_PROTOCOL"],
    )


def _origin_form(target: str) -> str:
    """Path and query of a request target that may come as a whole URL (RFC 9112, 3.2.2)."""
    if target.startswith("/"):
        return target
    _, _, rest = target.partition("://")
    return "/" + rest.partition("/")[2]


def _http_answer(answer: dict[str, Any], *, decode: bool) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a function's answer (API Gateway guide: Output format of a Lambda function)."""
    single = answer.get("headers") or {}
    several = answer.get("multiValueHeaders") or {}
    headers = [(name, str(value)) for name, values in several.items() for value in values]
    headers += [(name, str(value)) for name, value in single.items() if name not in several]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
    text = answer.get("body") or ""
    if not answer.get("isBase64Encoded") or not decode:
        return int(answer["statusCode"]), headers, text.encode()
    try:
        return int(answer["statusCode"]), headers, base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("the answer says its body is base64, and it is not") from error


def _error(error: GatewayError, request_id: str) -> tuple[int, Headers, bytes]:
    headers = [("Content-Type", "application/json"), ("x-request-id", request_id)]
    return error.status, headers, error.body(request_id)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
