"""What lies between Chalice and our routes: the current request, and our shape for Chalice's own errors."""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from chalice.app import Request, Response

from chalicelib.api.answers import to_response
from chalicelib.api.errors import Fault, error_answer
from chalicelib.domain.errors import AgentSendError, MethodNotAllowed, NotFound

logger = logging.getLogger(__name__)

_current: ContextVar[Request] = ContextVar("current_request")


def current_request() -> Request:
    """The request being answered. Chalice's own `current_request` is one for all threads; this one is not."""
    return _current.get()


def request_id(request: Request | None) -> str:
    """API Gateway's id of the request."""
    return "" if request is None else str(request.context.get("requestId", ""))


def frame(request: Request | None, get_response: Callable[[Any], Response]) -> Response:
    """Chalice's HTTP middleware: sets the current request, and gives the errors of its router our shape."""
    token = None if request is None else _current.set(request)
    try:
        response = get_response(request)
        error = _own_error(request, response)
    except Exception:
        logger.exception("a request failed outside of its route", extra={"request_id": request_id(request)})
        error = Fault()
    finally:
        if token is not None:
            _current.reset(token)
    if error is None:
        return response
    return to_response(error_answer(error, request_id(request)), {"x-request-id": request_id(request)})


def _own_error(request: Request | None, response: Response) -> AgentSendError | None:
    """The error behind an answer that Chalice made by itself; None for an answer of one of our routes."""
    if not (isinstance(response.body, dict) and response.body.keys() == {"Code", "Message"}):
        return None
    if response.status_code == 405 and request is not None:  # Chalice's word for an unknown path, too
        allowed = [method for method in str(response.headers.get("Allow", "")).split(", ") if method]
        return MethodNotAllowed(request.method, allowed) if allowed else NotFound()
    return Fault()
