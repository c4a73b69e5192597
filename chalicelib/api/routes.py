"""The route wrapper: everything that is the same for every request, around one function that calls one operation.

    authenticate ─▶ scope ─▶ query and body ─▶ the route's function ─▶ answer
         └────────────┴────────────┴─────────────────┴─▶ any error, in the one shape

A route is declared once; what it is declared with is what it obeys, and what GET /openapi.json says of it.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalice.app import Blueprint, Chalice, Request, Response

from chalicelib.api.answers import JSON, Answer, request_id, to_response
from chalicelib.api.api_request import read_request
from chalicelib.api.authentication import key_text, require_active, require_scope, require_unbound
from chalicelib.api.errors import Fault, error_answer
from chalicelib.api.json_reading import NoFields, RequestShape
from chalicelib.domain.account import Caller, RateLimit, Scope
from chalicelib.domain.errors import AgentSendError, ErrorCode, NotFound
from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.ids import InvalidId
from chalicelib.domain.log_lines import about, also, log_of
from chalicelib.operations.authenticate import RateLimited
from chalicelib.wiring import operations, written_down

logger = log_of(__name__)

View = Callable[..., Answer]


@dataclass(frozen=True, slots=True)
class Success:
    """What a route answers when all goes well: a status, and a shape (None: no body, or one of another media type).

    One that `may_redirect` sends readers elsewhere where the body would be too large for an answer.
    """

    status: int
    shape: Any = None
    media_type: str = JSON
    may_redirect: bool = False


@dataclass(frozen=True)
class Route:
    """A method on a path, and all there is to know about it."""

    method: str
    path: str
    success: Success
    scope: Scope | None  # None: no key is needed
    or_scope: Scope | None = None  # does as well
    body: type[RequestShape] = NoFields
    query: type[RequestShape] = NoFields
    takes_file: bool = False  # in a form, in place of a JSON body
    lines: type[RequestShape] | None = None  # the shape of each line of a body of JSON lines
    creates: bool = False  # takes an Idempotency-Key
    account_wide: bool = False  # not for keys that are bound to inboxes
    errors: frozenset[ErrorCode] = frozenset()  # besides those that follow from the rest


class Routes(Blueprint):
    """A blueprint whose routes are declared with their scope, their request and their answer."""

    def get(self, path: str, success: Success, **more: Any) -> Callable[[View], View]:
        return self.declare(Route("GET", path, success, **more))

    def post(self, path: str, success: Success, **more: Any) -> Callable[[View], View]:
        return self.declare(Route("POST", path, success, **more))

    def put(self, path: str, success: Success, **more: Any) -> Callable[[View], View]:
        return self.declare(Route("PUT", path, success, **more))

    def patch(self, path: str, success: Success, **more: Any) -> Callable[[View], View]:
        return self.declare(Route("PATCH", path, success, **more))

    def delete(self, path: str, success: Success, **more: Any) -> Callable[[View], View]:
        return self.declare(Route("DELETE", path, success, **more))

    def declare(self, route: Route) -> Callable[[View], View]:
        """Register the decorated function, which gets an ApiRequest and the path's variables, under the route."""

        def register(view: View) -> View:
            @functools.wraps(view)
            def answer(**path_variables: str) -> Response:
                return _answered(route, view, self.current_request, path_variables)

            answer.route = route  # type: ignore[attr-defined]  # for declared_routes
            # No content types: Chalice would compare them before the caller is known, and answer in its own shape.
            self.route(route.path, methods=[route.method], content_types=[])(answer)
            return view

        return register


@dataclass(frozen=True, slots=True)
class DeclaredRoute:
    """A route with the name and the documentation of its function."""

    route: Route
    name: str
    documentation: str


def declared_routes(app: Chalice) -> list[DeclaredRoute]:
    """Every route of the app that was declared here, in the order of declaration."""
    entries = [entry for methods in app.routes.values() for entry in methods.values()]
    return [
        DeclaredRoute(
            entry.view_function.route, entry.view_function.__name__, inspect.getdoc(entry.view_function) or ""
        )
        for entry in entries
        if hasattr(entry.view_function, "route")
    ]


def _answered(route: Route, view: View, request: Request, path_variables: dict[str, str]) -> Response:
    """The answer to a request, whatever happens."""
    headers = {"x-request-id": request_id(request)}
    lambda_id = getattr(request.lambda_context, "aws_request_id", None)
    with about(requestId=lambda_id, apiRequestId=request_id(request)), written_down():
        return to_response(_answer(route, view, request, path_variables, headers), headers)


def _answer(
    route: Route, view: View, request: Request, path_variables: dict[str, str], headers: dict[str, str]
) -> Answer:
    try:
        caller = _caller(route, request, headers)
        asked = read_request(
            request,
            body=route.body,
            query=route.query,
            caller=caller,
            creates=route.creates,
            takes_file=route.takes_file,
            lines=route.lines,
        )
        return view(asked, **path_variables)
    except AgentSendError as error:
        return error_answer(error, request_id(request))
    except InvalidId:
        # A text that is no id of ours gets the answer of an id that never existed, wherever it stood.
        return error_answer(NotFound(), request_id(request))
    except Exception as failure:  # noqa: BLE001 - it is logged, without its text
        logger.error("a request failed: %s", trace_of(failure), extra={"route": route.path})
        return error_answer(Fault(), request_id(request))


def _caller(route: Route, request: Request, headers: dict[str, str]) -> Caller | None:
    """Who calls, if the route asks; notes the rate limit's headers, which even a refusal carries."""
    if route.scope is None:
        return None
    try:
        authenticated = operations().authenticate(key_text(request.headers))
    except RateLimited as error:
        headers.update(_rate_headers(error.rate))
        raise
    headers.update(_rate_headers(authenticated.rate))
    also(accountId=authenticated.caller.account_id, keyId=authenticated.caller.key.id)
    require_active(authenticated.caller)
    require_scope(authenticated.caller, route.scope, route.or_scope)
    if route.account_wide:
        require_unbound(authenticated.caller)
    return authenticated.caller


def _rate_headers(rate: RateLimit) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(rate.limit),
        "RateLimit-Remaining": str(rate.remaining),
        "RateLimit-Reset": str(rate.reset_after),
    }
