"""What no route of ours answers: unknown paths and methods, and whatever goes wrong outside of a route.

API Gateway sends nothing to us that its template does not name, so a greedy path stands there like any other. Which
of the two it picks for a known path with an unknown method, it does not say; both lead to the same answer.
"""

from collections.abc import Callable
from typing import Any

from chalice.app import Blueprint, CaseInsensitiveMapping, Request, Response

from chalicelib.api.answers import request_id, to_response
from chalicelib.api.errors import Fault, error_answer
from chalicelib.domain.errors import AgentSendError, MethodNotAllowed, NotFound
from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.log_lines import log_of

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]  # all that API Gateway knows
GREEDY_PATH = "/{proxy+}"  # matches everything but the root

logger = log_of(__name__)

routes = Blueprint(__name__)


@routes.route(GREEDY_PATH, methods=METHODS, content_types=[])
@routes.route("/", methods=METHODS, content_types=[])
def no_such_route() -> Response:
    """Answer for a path or method that does not exist."""
    request = routes.current_request
    return _response(_no_route_error(request), request_id(request))


def frame(request: Request | None, get_response: Callable[[Any], Response]) -> Response:
    """Chalice's HTTP middleware: gives the framework's own errors our shape."""
    if request is None:  # the event says nothing of a path
        logger.error("an event that is no request")
        return _response(Fault(), "")
    try:
        _accept_anything(request)
        response = get_response(request)
        if not _is_chalices_own(response):
            return response
        # Chalice says 405 for an unknown path, too.
        error = _no_route_error(request) if response.status_code == 405 else Fault()
    except Exception as failure:  # noqa: BLE001 - it is logged, without its text
        where = {"apiRequestId": request_id(request)}
        logger.error("a request failed outside of its route: %s", trace_of(failure), extra=where)
        error = Fault()
    return _response(error, request_id(request))


def _accept_anything(request: Request) -> None:
    """Who sends no Accept header takes everything (RFC 9110 section 12.5.1); Chalice would answer 400."""
    if "accept" not in request.headers:
        request.headers = CaseInsensitiveMapping({**request.headers, "accept": "*/*"})


def _is_chalices_own(response: Response) -> bool:
    """Whether Chalice answered by itself; our routes answer with text, never with a dict."""
    return isinstance(response.body, dict) and response.body.keys() == {"Code", "Message"}


def _no_route_error(request: Request) -> AgentSendError:
    """405 where the path has a route with other methods, else 404."""
    path = str((request.uri_params or {}).get("proxy", "")) if request.path == GREEDY_PATH else request.path
    allowed = _methods_of(path)
    return MethodNotAllowed(request.method, allowed) if allowed else NotFound()


def _methods_of(path: str) -> list[str]:
    """The methods of the route that a path, or a route's template, belongs to; none if there is no such route."""
    segments = path.strip("/").split("/")
    for template, methods in routes.current_app.routes.items():
        if template not in ("/", GREEDY_PATH) and _matches(template.strip("/").split("/"), segments):
            return list(methods)
    return []


def _matches(template: list[str], segments: list[str]) -> bool:
    return len(template) == len(segments) and all(
        part == segment or (part.startswith("{") and segment) for part, segment in zip(template, segments, strict=True)
    )


def _response(error: AgentSendError, its_request_id: str) -> Response:
    return to_response(error_answer(error, its_request_id), {"x-request-id": its_request_id})
