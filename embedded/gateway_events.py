"""What API Gateway makes of an HTTP request: the resource it matches and the Lambda proxy event (REST API, v1)."""

import base64
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

STAGE = "api"
CATCH_ALL = "/{proxy+}"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it came over the wire."""

    method: str
    target: str  # path and query, still percent-encoded
    headers: Sequence[tuple[str, str]]  # in order, repeated names repeated
    body: bytes
    source_ip: str
    protocol: str = "HTTP/1.1"

    @property
    def path(self) -> str:
        return self.target.partition("?")[0] or "/"

    def header(self, name: str) -> str:
        """The last value of a header, or an empty string."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True)
class Match:
    """The resource that serves a path, and the path's variables, still percent-encoded as in AWS."""

    resource: str
    path_parameters: dict[str, str] | None


@dataclass
class _Segment:
    resource: str | None = None
    fixed: dict[str, "_Segment"] = field(default_factory=dict)
    variable: "tuple[str, _Segment] | None" = None


class RouteTable:
    """Resources with their methods. A path or a method that is not there goes to `/{proxy+}`, as in the deployment."""

    def __init__(self, routes: Iterable[tuple[str, Collection[str]]]) -> None:
        self._methods = {resource: frozenset(methods) for resource, methods in routes}
        self._root = _Segment()
        for resource in self._methods:
            self._add(resource)

    def match(self, method: str, path: str) -> Match:
        """Fixed segments win over variables, as API Gateway has it; a slash at the end changes nothing."""
        segments = path.strip("/").split("/") if path.strip("/") else []
        parameters: dict[str, str] = {}
        resource = None if "//" in path else _find(self._root, segments, parameters)
        if resource is None or method not in self._methods[resource]:
            return Match(CATCH_ALL, {"proxy": path.lstrip("/")})
        return Match(resource, parameters or None)

    def _add(self, resource: str) -> None:
        if resource == CATCH_ALL:
            return
        segment = self._root
        for text in resource.strip("/").split("/") if resource != "/" else []:
            if not text.startswith("{"):
                segment = segment.fixed.setdefault(text, _Segment())
                continue
            name = text.strip("{}")
            if segment.variable is None:
                segment.variable = (name, _Segment())
            elif segment.variable[0] != name:
                raise ValueError(f"{resource}: API Gateway allows one variable name a position, {segment.variable[0]}")
            segment = segment.variable[1]
        segment.resource = resource


def _find(segment: _Segment, rest: list[str], parameters: dict[str, str]) -> str | None:
    if not rest:
        return segment.resource
    head, tail = rest[0], rest[1:]
    if head in segment.fixed:
        found = _find(segment.fixed[head], tail, parameters)
        if found is not None:
            return found
    if segment.variable is not None:
        name, child = segment.variable
        found = _find(child, tail, parameters)
        if found is not None:
            parameters[name] = head
            return found
    return None


def proxy_event(
    request: HttpRequest, match: Match, *, request_id: str, binary_types: Collection[str], now: float | None = None
) -> dict[str, Any]:
    """The event of a Lambda proxy integration (API Gateway guide: Input format of a Lambda function)."""
    headers = _grouped(request.headers)
    query = _grouped(parse_qsl(request.target.partition("?")[2], keep_blank_values=True))
    body, is_base64 = _encoded_body(request, binary_types)
    return {
        "resource": match.resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": match.path_parameters,
        "stageVariables": None,
        "requestContext": _request_context(request, match, request_id, time.time() if now is None else now),
        "body": body,
        "isBase64Encoded": is_base64,
    }


def _request_context(request: HttpRequest, match: Match, request_id: str, now: float) -> dict[str, Any]:
    return {
        "accountId": "000000000000",
        "apiId": "embedded",
        "domainName": request.header("Host"),
        "httpMethod": request.method,
        "identity": {"sourceIp": request.source_ip, "userAgent": request.header("User-Agent") or None},
        "path": request.path,  # as under a domain name of its own, which has no stage before the path
        "protocol": request.protocol,
        "requestId": request_id,
        "extendedRequestId": request_id,
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "requestTimeEpoch": int(now * 1000),
        "resourceId": match.resource,
        "resourcePath": match.resource,
        "stage": STAGE,
    }


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Values by name in order; names that differ in case only are one, written as it came first."""
    spelled: dict[str, str] = {}
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(spelled.setdefault(name.lower(), name), []).append(value)
    return grouped


def _encoded_body(request: HttpRequest, binary_types: Collection[str]) -> tuple[str | None, bool]:
    """Base64 for a binary media type, else text; API Gateway compares the type without its parameters.

    What is no text is passed on in base64, too, so that the app gets every byte as it came and can say what is wrong.
    API Gateway would put U+FFFD in its place.
    """
    if not request.body:
        return None, False
    media_type = request.header("Content-Type").partition(";")[0].strip().lower()
    if media_type in binary_types or "*/*" in binary_types:
        return base64.b64encode(request.body).decode("ascii"), True
    try:
        return request.body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(request.body).decode("ascii"), True
