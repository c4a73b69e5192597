"""Makes one Chalice app serve several threads: Lambda gives each request a process, the gateway here does not."""

import threading
from typing import Any

_current = threading.local()


class _PerThread:
    """`current_request` and `lambda_context`, which Chalice sets on the app itself, kept apart for every thread."""

    @property
    def current_request(self) -> Any:
        return getattr(_current, "request", None)

    @current_request.setter
    def current_request(self, request: Any) -> None:
        _current.request = request

    @property
    def lambda_context(self) -> Any:
        return getattr(_current, "context", None)

    @lambda_context.setter
    def lambda_context(self, context: Any) -> None:
        _current.context = context


def make_thread_safe(app: Any) -> None:
    """Let several threads call this app at once. Twice is harmless."""
    if not isinstance(app, _PerThread):
        app.__class__ = type(f"ThreadSafe{type(app).__name__}", (_PerThread, type(app)), {})
