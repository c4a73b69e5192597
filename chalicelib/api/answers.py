"""What a door answers with: a status, bytes and headers; turned into Chalice's Response at one place."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from chalice.app import Request, Response

JSON = "application/json"
MAIL = "message/rfc822"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. The body is text: what API Gateway passes on without asking the client's Accept header."""

    status: int
    body: str = ""
    content_type: str | None = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


NO_CONTENT = Answer(204, content_type=None)


def json_answer(status: int, document: msgspec.Struct | bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """JSON from a struct, or already encoded."""
    encoded = document if isinstance(document, bytes) else msgspec.json.encode(document)
    return Answer(status, encoded.decode(), headers=headers or {})


def to_response(answer: Answer, headers: Mapping[str, str]) -> Response:
    """The answer for Chalice, with the headers that every answer carries.

    The body is a `str` by now: Chalice would serialise anything else after the last of our handlers, where an error
    could not be answered any more.
    """
    content_type = {} if answer.content_type is None else {"Content-Type": answer.content_type}
    return Response(
        body=answer.body,
        status_code=answer.status,
        headers={**content_type, "Cache-Control": "no-store", **answer.headers, **headers},
    )


def request_id(request: Request) -> str:
    """API Gateway's id of the request."""
    return str(request.context.get("requestId", ""))
