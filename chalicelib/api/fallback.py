"""Every path and method that no route has: 405 where the path exists with other methods, 404 where it does not.

API Gateway sends nothing to us that its template does not name, so the greedy path stands there like any other. Which
of the two it picks for a known path with an unknown method, it does not say; both lead to the same answer.
"""

from collections.abc import Mapping

from chalice.app import Blueprint, Response, RouteEntry

from chalicelib.api.answers import to_response
from chalicelib.api.errors import error_answer
from chalicelib.api.framework import current_request, request_id
from chalicelib.domain.errors import MethodNotAllowed, NotFound

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]  # all that API Gateway knows
GREEDY_PATH = "/{proxy+}"  # matches everything but the root

routes = Blueprint(__name__)


@routes.route(GREEDY_PATH, methods=METHODS, content_types=[])
@routes.route("/", methods=METHODS, content_types=[])
def no_such_route() -> Response:
    """Answer for a path or method that does not exist."""
    request = current_request()
    path = (request.uri_params or {}).get("proxy", "")
    allowed = _methods_of(path, routes.current_app.routes)
    error = MethodNotAllowed(request.method, allowed) if allowed else NotFound()
    return to_response(error_answer(error, request_id(request)), {"x-request-id": request_id(request)})


def _methods_of(path: str, table: Mapping[str, Mapping[str, RouteEntry]]) -> list[str]:
    """The methods of the route that this path belongs to; none if there is no such route."""
    segments = path.strip("/").split("/")
    for template, methods in table.items():
        if template not in ("/", GREEDY_PATH) and _matches(template.strip("/").split("/"), segments):
            return list(methods)
    return []


def _matches(template: list[str], segments: list[str]) -> bool:
    return len(template) == len(segments) and all(
        part == segment or (part.startswith("{") and segment) for part, segment in zip(template, segments, strict=True)
    )
