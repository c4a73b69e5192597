"""Objects that could not be written are not said to be stored.

ministack logs a failed write of an object (a full disk, say) and answers 200; a kill would then lose what was answered for.
Here such a request is answered with S3's InternalError, which its callers repeat or pass on. Like ministack_server.py it
leans on a name that is private to the pinned version, and fails at the start when that name is gone.
"""

from contextvars import ContextVar

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    HTTPResponseBodyEvent,
    HTTPResponseStartEvent,
    Scope,
)
from ministack.services import s3

_FAILED = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InternalError</Code><Message>%s</Message></Error>'

_failures: ContextVar[list[OSError] | None] = ContextVar("failures", default=None)
_write = s3._atomic_write  # noqa: SLF001 - see the module's head


def _noted_write(path: str, data: bytes, *, text: bool = False) -> None:
    try:
        _write(path, data, text=text)
    except OSError as error:
        failures = _failures.get()
        if failures is not None:
            failures.append(error)
        raise


def truthful(app: ASGIFramework) -> ASGIFramework:
    """The app, with an error as its answer wherever writing failed while it made that answer."""
    s3._atomic_write = _noted_write  # noqa: SLF001

    async def answer(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        failures: list[OSError] = []

        async def send_truth(message: ASGISendEvent) -> None:
            if not failures:
                await send(message)
            elif message["type"] == "http.response.start":
                headers = [(b"content-type", b"application/xml")]
                start = HTTPResponseStartEvent(type="http.response.start", status=500, headers=headers, trailers=False)
                body = _FAILED % (failures[0].strerror or "not written").encode()
                await send(start)
                await send(HTTPResponseBodyEvent(type="http.response.body", body=body, more_body=False))

        token = _failures.set(failures)
        try:
            await app(scope, receive, send_truth)
        finally:
            _failures.reset(token)

    return answer
