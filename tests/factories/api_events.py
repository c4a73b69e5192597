"""API Gateway events (REST API, proxy integration, payload 1.0) and a client that makes and reads them."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalice.app import Chalice

GREEDY = "/{proxy+}"
REQUEST_ID = "3f1c1b5e-2f8e-4d0b-9c3f-6f6f1f0f2d11"


def make_event(
    method: str,
    url: str,
    *,
    resource: str,
    path_parameters: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: str | bytes | None = None,
) -> dict[str, Any]:
    """The event API Gateway makes of a request; bytes travel in base64, as for a binary media type."""
    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    return {
        "resource": resource,
        "path": parts.path,
        "httpMethod": method,
        "headers": dict(headers) if headers else None,
        "multiValueHeaders": {name: [value] for name, value in headers.items()} if headers else None,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(path_parameters) if path_parameters else None,
        "stageVariables": None,
        "requestContext": {
            "requestId": REQUEST_ID,
            "extendedRequestId": "AbCdEfGhIjKlMnO=",
            "apiId": "abcdef1234",
            "stage": "api",
            "httpMethod": method,
            "resourcePath": resource,
            "path": f"/api{parts.path}",
            "protocol": "HTTP/1.1",
            "requestTime": "22/Nov/2026:12:00:00 +0000",
            "requestTimeEpoch": 1795348800000,
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "test"},
        },
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": isinstance(body, bytes),
    }


@dataclass(frozen=True)
class ApiAnswer:
    """What API Gateway would pass on."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json["error"]
        return error

    def header(self, name: str) -> str | None:
        return {key.lower(): value for key, value in self.headers.items()}.get(name.lower())


@dataclass
class ApiClient:
    """Calls the app as Lambda does, routed as API Gateway routes: a path without a resource goes to the greedy one."""

    app: Chalice
    key: str | None = "ask_of_the_caller_0123456789"

    def call(
        self,
        method: str,
        url: str,
        *,
        json_body: object = None,
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ApiAnswer:
        """One request; `json_body` is sent as JSON, `body` as it is."""
        sent = dict(headers or {})
        if json_body is not None:
            body = json.dumps(json_body).encode()  # every type is a binary type of ours
            sent.setdefault("Content-Type", "application/json")
        if self.key is not None:
            sent.setdefault("x-api-key", self.key)
        resource, path_parameters = self._resource(urlsplit(url).path)
        event = make_event(method, url, resource=resource, path_parameters=path_parameters, headers=sent, body=body)
        return read_answer(self.app(event, None))

    def _resource(self, path: str) -> tuple[str, dict[str, str] | None]:
        segments = path.split("/")
        for template in self.app.routes:
            parts = template.split("/")
            if template != GREEDY and len(parts) == len(segments):
                pairs = list(zip(parts, segments, strict=True))
                if all(part == segment or (part.startswith("{") and segment) for part, segment in pairs):
                    variables = {part[1:-1]: segment for part, segment in pairs if part.startswith("{")}
                    return template, variables or None
        return GREEDY, {"proxy": path.strip("/")}


def read_answer(result: Mapping[str, Any]) -> ApiAnswer:
    """What Lambda returned; it must be JSON for Lambda to return it."""
    json.dumps(result)
    body = result["body"]
    content = base64.b64decode(body, validate=True) if result.get("isBase64Encoded") else body.encode()
    return ApiAnswer(result["statusCode"], result["headers"], content)
