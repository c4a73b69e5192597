"""What a door answers with: a status, bytes and headers; turned into Chalice's Response at one place."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from chalice.app import Request, Response

JSON = "application/json"
MAIL = "message/rfc822"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Text goes through API Gateway as it is, bytes in base64 that API Gateway takes off again."""

    status: int
    body: str | bytes = ""
    content_type: str | None = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


NO_CONTENT = Answer(204, content_type=None)


def json_answer(status: int, document: msgspec.Struct | bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """JSON from a struct, or already encoded."""
    encoded = document if isinstance(document, bytes) else msgspec.json.encode(document)
    return Answer(status, encoded.decode(), headers=headers or {})


class _ResponseAsItIs(Response):
    """Says by itself what is base64: Chalice would encode every answer of an app whose binary type is everything."""

    def to_dict(self, _binary_types: list[str] | None = None) -> dict[Any, Any]:
        document: dict[Any, Any] = super().to_dict()
        if isinstance(self.body, bytes):
            document["body"] = base64.b64encode(self.body).decode("ascii")
            document["isBase64Encoded"] = True
        return document


def to_response(answer: Answer, headers: Mapping[str, str]) -> Response:
    """The answer for Chalice, with the headers that every answer carries.

    The body is text or bytes by now: Chalice would serialise anything else after the last of our handlers, where an error
    could not be answered any more.
    """
    content_type = {} if answer.content_type is None else {"Content-Type": answer.content_type}
    return _ResponseAsItIs(
        body=answer.body,
        status_code=answer.status,
        headers={**content_type, "Cache-Control": "no-store", **answer.headers, **headers},
    )


def request_id(request: Request) -> str:
    """API Gateway's id of the request."""
    return str(request.context.get("requestId", ""))
