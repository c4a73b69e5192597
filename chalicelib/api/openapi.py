"""GET /openapi.json: OpenAPI 3.1, made from the routes and types that serve."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from chalice.app import Chalice

from chalicelib.api.answers import JSON, Answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.errors import STATUS, ErrorJson
from chalicelib.api.file_upload import FORM, PART
from chalicelib.api.json_lines import JSON_LINES, MEDIA_TYPES
from chalicelib.api.json_reading import NoFields
from chalicelib.api.routes import DeclaredRoute, Route, Routes, Success, declared_routes
from chalicelib.domain.errors import ErrorCode

PATH = "/openapi.json"
SCHEMAS = "#/components/schemas/"

_PATH_VARIABLE = re.compile(r"\{(\w+)\}")
_INFO = {
    "title": "AgentSend",
    "version": "1",
    "description": "Email for AI agents: inboxes that send and receive, and the state of every message.",
}
_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}
_HEADERS = {
    "x-request-id": "Names this request; tell it to the operator when something goes wrong.",
    "RateLimit-Limit": "Requests the key may make in a minute.",
    "RateLimit-Remaining": "Requests that are left of them.",
    "RateLimit-Reset": "Seconds until the minute is over.",
    "Retry-After": "Seconds to wait before the same request is sent again.",
}
_FILE_FORM = {
    "type": "object",
    "required": [PART],
    "properties": {PART: {"type": "string", "contentMediaType": "application/octet-stream"}},
    "additionalProperties": False,
}
_RETRYABLE = {409, 429, 503}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key with the same body gets the first answer again, for 24 hours.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,256}$"},
}

routes = Routes(__name__)


@routes.get(PATH, Success(200), scope=None)
def get_openapi(_request: ApiRequest) -> Answer:
    """Read this description; needs no key."""
    # The stage that API Gateway puts before every path is part of the address, not of the paths.
    server = str(routes.current_request.context.get("path", PATH)).removesuffix(PATH) or "/"
    return Answer(200, _document_text(server))


@lru_cache(maxsize=4)
def _document_text(server: str) -> str:
    return json.dumps(document(routes.current_app, server))


def document(app: Chalice, server: str = "/") -> dict[str, Any]:
    """The description of every route of the app."""
    declared = declared_routes(app)
    components = _Components(declared)
    paths: dict[str, dict[str, Any]] = {}
    for each in declared:
        paths.setdefault(each.route.path, {})[each.route.method.lower()] = _operation(each, components)
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": server}],
        "security": [{name: []} for name in _SECURITY_SCHEMES],
        "paths": paths,
        "components": {
            "schemas": components.published(declared),
            "securitySchemes": _SECURITY_SCHEMES,
            "headers": {name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()},
        },
    }


class _Components:
    """The schemas of all shapes, under names without our suffix."""

    def __init__(self, declared: Iterable[DeclaredRoute]) -> None:
        shapes: dict[Any, None] = {ErrorJson: None}
        for each in declared:
            shapes |= dict.fromkeys(_shapes(each.route))
        made = msgspec.json.schema_components(list(shapes), ref_template=SCHEMAS + "{name}")
        # References are whole quoted strings, so renaming them in the text cannot hit anything else.
        text = json.dumps(made)
        for name in made[1]:
            text = text.replace(f'"{SCHEMAS}{name}"', f'"{SCHEMAS}{_public(name)}"')
        references, schemas = json.loads(text)
        self._references: dict[Any, dict[str, Any]] = dict(zip(shapes, references, strict=True))
        self._schemas = {_public(name): {**schema, "title": _public(name)} for name, schema in schemas.items()}

    def reference(self, shape: Any) -> dict[str, Any]:
        """`{"$ref": …}` to a shape."""
        return self._references[shape]

    def schema(self, shape: Any) -> dict[str, Any]:
        """The schema behind the reference."""
        found: dict[str, Any] = self._schemas[_name(self.reference(shape))]
        return found

    def published(self, declared: Iterable[DeclaredRoute]) -> dict[str, Any]:
        """What the document shows: queries stand in their operations, parameter by parameter."""
        left_out = {_name(self.reference(each.route.query)) for each in declared}
        return {name: schema for name, schema in self._schemas.items() if name not in left_out}


def _shapes(route: Route) -> list[Any]:
    return [shape for shape in (route.body, route.query, route.lines, route.success.shape) if shape is not None]


def _name(reference: Mapping[str, Any]) -> str:
    return str(reference["$ref"]).removeprefix(SCHEMAS)


def _public(name: str) -> str:
    """`PageJson_MessageJson_` becomes `Page_Message`."""
    return name.replace("Json", "").strip("_")


def _operation(declared: DeclaredRoute, components: _Components) -> dict[str, Any]:
    route = declared.route
    summary, _, description = declared.documentation.partition("\n")
    scopes = " or ".join(f"`{scope}`" for scope in (route.scope, route.or_scope) if scope)
    bound = ", not bound to inboxes" if route.account_wide else ""
    scope = f"Needs a key with the scope {scopes}{bound}." if scopes else ""
    operation: dict[str, Any] = {
        "operationId": declared.name,
        "summary": summary.removesuffix("."),
        "description": "\n\n".join(part for part in (description.strip(), scope) if part),
        "parameters": _parameters(route, components),
        "responses": {**_success(route, components), **_errors(route)},
    }
    if route.scope is None:
        operation["security"] = []
    if route.body is not NoFields:
        schema = components.reference(route.body)
        is_required = bool(components.schema(route.body).get("required"))
        operation["requestBody"] = {"required": is_required, "content": {JSON: {"schema": schema}}}
    elif route.lines is not None:
        lines = {"type": "string", "contentMediaType": JSON_LINES, "contentSchema": components.reference(route.lines)}
        operation["requestBody"] = {"required": True, "content": {each: {"schema": lines} for each in MEDIA_TYPES}}
    elif route.takes_file:
        operation["requestBody"] = {"required": True, "content": {FORM: {"schema": _FILE_FORM}}}
    return operation


def _parameters(route: Route, components: _Components) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_VARIABLE.findall(route.path)
    ]
    query = components.schema(route.query)
    in_query = [_query_parameter(name, schema) for name, schema in query["properties"].items()]
    return [*in_path, *in_query, *([_IDEMPOTENCY_KEY] if route.creates else [])]


def _query_parameter(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """One parameter. A query cannot say null, so what may be null in the shape is simply optional here."""
    chosen = next((choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"), schema)
    described = {key: value for key, value in chosen.items() if key != "description"}
    return {"name": name, "in": "query", "description": chosen.get("description", ""), "schema": described}


def _success(route: Route, components: _Components) -> dict[str, Any]:
    success = route.success
    response: dict[str, Any] = {"description": "Done.", "headers": _header_references(route, success.status)}
    if success.shape is not None:
        response["content"] = {success.media_type: {"schema": components.reference(success.shape)}}
    elif success.status != 204:
        response["content"] = {success.media_type: {}}
    redirect = {"302": _redirect(route)} if success.may_redirect else {}
    if route.creates:
        response["headers"]["Idempotent-Replayed"] = {
            "description": "`true` when an earlier request with this Idempotency-Key did the work.",
            "schema": {"type": "string"},
        }
    return {str(success.status): response, **redirect}


def _redirect(route: Route) -> dict[str, Any]:
    location = {"description": "A link that needs no key.", "schema": {"type": "string", "format": "uri"}}
    headers = {**_header_references(route, 302), "Location": location}
    return {"description": "Too long for an answer; read it there, within an hour.", "headers": headers}


def _errors(route: Route) -> dict[str, Any]:
    codes: dict[int, list[ErrorCode]] = {}
    for code in ErrorCode:
        if code in error_codes(route):
            codes.setdefault(STATUS[code], []).append(code)
    return {str(status): _error(route, status, of_status) for status, of_status in sorted(codes.items())}


def error_codes(route: Route) -> frozenset[ErrorCode]:
    """Every code the route may answer with."""
    codes = {ErrorCode.VALIDATION_ERROR, ErrorCode.INTERNAL_ERROR, *route.errors}
    if route.scope is not None:
        codes |= {ErrorCode.UNAUTHORIZED, ErrorCode.FORBIDDEN_SCOPE, ErrorCode.KEY_SUSPENDED}
        codes |= {ErrorCode.RATE_LIMIT_EXCEEDED, ErrorCode.UNAVAILABLE}
    if route.body is not NoFields or route.takes_file or route.lines is not None:
        codes |= {ErrorCode.PAYLOAD_TOO_LARGE, ErrorCode.UNSUPPORTED_MEDIA_TYPE}
        codes |= set() if route.body is NoFields else {ErrorCode.MALFORMED_JSON}
    if route.creates:
        codes |= {ErrorCode.IDEMPOTENCY_KEY_REUSED, ErrorCode.IDEMPOTENCY_IN_PROGRESS}
    if "{" in route.path or route.query is not NoFields:  # an id in the path, or a cursor
        codes.add(ErrorCode.NOT_FOUND)
    return frozenset(codes)


def _error(route: Route, status: int, codes: list[ErrorCode]) -> dict[str, Any]:
    narrowed = {"properties": {"error": {"properties": {"code": {"enum": list(codes)}, "status": {"const": status}}}}}
    return {
        "description": ", ".join(f"`{code}`" for code in codes),
        "headers": _header_references(route, status),
        "content": {JSON: {"schema": {"allOf": [{"$ref": SCHEMAS + "Error"}, narrowed]}}},
    }


def _header_references(route: Route, status: int) -> dict[str, Any]:
    names = ["x-request-id"]
    if route.scope is not None and status != STATUS[ErrorCode.UNAUTHORIZED]:
        names += [name for name in _HEADERS if name.startswith("RateLimit-")]
    if status in _RETRYABLE:
        names.append("Retry-After")
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
