"""A request as a route's function sees it: who calls, what they ask, all of it checked."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from chalice.app import Request

from chalicelib.api.answers import Answer, json_answer
from chalicelib.api.file_upload import UPLOAD_LIMIT, UploadedFile, file_too_large, read_file
from chalicelib.api.json_lines import Lines, read_lines
from chalicelib.api.json_reading import NoFields, RequestShape, parse_json, read_body, read_query
from chalicelib.api.problems import Problems, malformed, quoted
from chalicelib.domain.account import Caller
from chalicelib.domain.errors import InvalidInput, TooLarge, UnsupportedMediaType
from chalicelib.operations.answer_once import Create, Recover
from chalicelib.wiring import operations

# Bytes: what Lambda takes in one call, less room for the headers around it; a body comes in base64, four for three.
BODY_LIMIT = (6 * 1024 * 1024 - 64 * 1024) * 3 // 4

ShapeT = TypeVar("ShapeT", bound=RequestShape)

_NOTHING = (b"", b"{}", b"null")  # what clients send where there is nothing to say
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,256}")
_CHARSET = re.compile(r"charset\s*", re.IGNORECASE)
_UTF_8 = re.compile(r"utf-?8|us-ascii", re.IGNORECASE)
_JSON_TYPE = re.compile(r"application/(?:[^;\s]+\+)?json", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class IdempotencyScope:
    """Within what an Idempotency-Key counts, and the body it stands for."""

    key: str
    body_hash: bytes


@dataclass(frozen=True)
class ApiRequest:
    """A request that passed every check that is the same for all routes."""

    given_body: RequestShape
    given_query: RequestShape
    known_caller: Caller | None
    idempotency: IdempotencyScope | None
    given_file: UploadedFile | None = None
    given_lines: Lines | None = None

    @property
    def file(self) -> UploadedFile:
        """The uploaded file, of a route that was declared to take one."""
        if self.given_file is None:
            raise TypeError("this route was not declared to take a file")
        return self.given_file

    @property
    def lines(self) -> Lines:
        """The body line by line, of a route that was declared to take lines."""
        if self.given_lines is None:
            raise TypeError("this route was not declared to take lines")
        return self.given_lines

    @property
    def caller(self) -> Caller:
        """Who calls; every route with a scope has one."""
        if self.known_caller is None:
            raise TypeError("this route is open to everyone and knows no caller")
        return self.known_caller

    def body(self, shape: type[ShapeT]) -> ShapeT:
        """The body, as the shape the route was declared with."""
        return _of_shape(self.given_body, shape)

    def query(self, shape: type[ShapeT]) -> ShapeT:
        """The query, as the shape the route was declared with."""
        return _of_shape(self.given_query, shape)

    def answer_once(self, status: int, create: Create, recover: Recover) -> Answer:
        """Answer a creating request, once for each Idempotency-Key where there is one."""
        if self.idempotency is None:
            return json_answer(status, create(_unnamed).answer)
        answer = operations().answer_once(self.idempotency.key, self.idempotency.body_hash, create, recover)
        return json_answer(status, answer.answer, {"Idempotent-Replayed": "true"} if answer.replayed else {})


def read_request(
    request: Request,
    *,
    body: type[RequestShape],
    query: type[RequestShape],
    caller: Caller | None,
    creates: bool,
    takes_file: bool = False,
    lines: type[RequestShape] | None = None,
) -> ApiRequest:
    """The request with everything in it checked; raises InvalidInput that names all that is wrong."""
    problems = Problems()
    given_query = read_query(_query_parameters(request), query, problems)
    key = request.headers.get("idempotency-key") if creates else None
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        problems.note("Idempotency-Key", "must be 1 to 256 visible ASCII characters, without spaces")
    document: object = {}
    file = _file(request, problems) if takes_file else None
    if body is not NoFields:
        document = parse_json(_json_body(request))
    elif lines is None and not takes_file and not _says_nothing(request):
        problems.note("body", "this path reads no body; leave it out")
    given_body = read_body(document, body, problems)
    problems.refuse()
    given_lines = (
        None if lines is None else read_lines(_body(request), request.headers.get("content-type") or "", lines)
    )
    idempotency = None
    if key is not None and caller is not None:
        scope = f"{caller.account_id} {request.method} {_concrete_path(request)} {key}"
        hashed = file or given_lines
        idempotency = IdempotencyScope(scope, _hash_of(document) if hashed is None else hashed.digest)
    return ApiRequest(given_body, given_query, caller, idempotency, file, given_lines)


def _of_shape(given: RequestShape, shape: type[ShapeT]) -> ShapeT:
    if not isinstance(given, shape):
        raise TypeError(f"the route was declared with {type(given).__name__}, not {shape.__name__}")
    return given


def _unnamed(resource: str) -> None:
    """Without an Idempotency-Key nobody will look for the resource by its name."""


def _query_parameters(request: Request) -> Mapping[str, list[str]]:
    parameters = request.query_params
    return {} if parameters is None else {name: parameters.getlist(name) for name in parameters}


def _raw_body(request: Request) -> bytes:
    try:
        raw = request.raw_body
        return raw.encode() if isinstance(raw, str) else raw
    except ValueError as error:  # half surrogates in the event's text, or base64 that is none
        raise malformed("its bytes are not UTF-8") from error


def _body(request: Request) -> bytes:
    raw = _raw_body(request)
    if len(raw) > BODY_LIMIT:
        raise TooLarge(
            f"The body has {len(raw):,} bytes; at most {BODY_LIMIT:,} are possible.", fix="Shorten the body."
        )
    return raw


def _says_nothing(request: Request) -> bool:
    try:
        return _raw_body(request).strip() in _NOTHING
    except InvalidInput:
        return False


def _file(request: Request, problems: Problems) -> UploadedFile | None:
    raw = _raw_body(request)
    if len(raw) > BODY_LIMIT:
        raise file_too_large(len(raw))
    file = read_file(request, raw, problems)
    if file is not None and len(file.data) > UPLOAD_LIMIT:
        raise file_too_large(len(file.data))
    return file


def _json_body(request: Request) -> bytes:
    """The body's bytes, if they may be JSON. Where there are none their type does not matter: clients send it anyway."""
    raw = _body(request)
    if raw.strip():
        _require_json_type(request.headers.get("content-type") or "application/json")
    return raw


def _require_json_type(content_type: str) -> None:
    """JSON in UTF-8 (RFC 8259 section 8.1). A charset is no parameter of JSON, but whoever sends one means it."""
    media_type, *parameters = (part.strip() for part in content_type.split(";"))
    charsets = [
        value.strip(' "') for name, _, value in (part.partition("=") for part in parameters) if _CHARSET.fullmatch(name)
    ]
    refused = media_type if not _JSON_TYPE.fullmatch(media_type) else ""
    refused = refused or next((charset for charset in charsets if not _UTF_8.fullmatch(charset)), "")
    if refused:
        raise UnsupportedMediaType(
            f"This path reads application/json in UTF-8, not {quoted(refused)}.",
            fix="Send the body as JSON in UTF-8, with the header Content-Type: application/json.",
        )


def _concrete_path(request: Request) -> str:
    """The path with its variables filled in; the event's own path may carry a stage or a base path."""
    path = request.path
    for name, value in (request.uri_params or {}).items():
        path = path.replace(f"{{{name}}}", value)
    return path


def _hash_of(document: object) -> bytes:
    """The same for the same JSON, however it is spaced and in whatever order its names stand."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).digest()
