"""The current request, kept apart for every thread; Chalice's own `current_request` is one for all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from chalice.app import Request

_current: ContextVar[Request] = ContextVar("current_request")


@contextmanager
def entered(request: Request) -> Iterator[None]:
    """Make this the current request for as long as it is being answered."""
    token = _current.set(request)
    try:
        yield
    finally:
        _current.reset(token)


def current_request() -> Request:
    """The request being answered."""
    return _current.get()


def request_id(request: Request) -> str:
    """API Gateway's id of the request."""
    return str(request.context.get("requestId", ""))
