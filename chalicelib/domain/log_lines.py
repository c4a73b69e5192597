"""Log lines: words that stay the same, and beside them the ids of what is being worked on.

Lambda's runtime makes a line of JSON of each record, with what stands in `extra` beside `message`, and its own
`requestId` (awslambdaric, `lambda_runtime_log_utils.py`); `embedded/json_lines.py` writes the same. Names of fields are in
camelCase, as there. No address, subject, text or name of a file is ever a field: docs/privacy.md.
"""

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Field = str | int | None

_about: ContextVar[dict[str, Field]] = ContextVar("about")


class Log(logging.LoggerAdapter[logging.Logger]):
    """A logger whose lines carry what `about` has said; what a line says itself goes before that."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, {**kwargs, "extra": {**_about.get({}), **(kwargs.get("extra") or {})}}


def log_of(name: str) -> Log:
    """The log of a module."""
    return Log(logging.getLogger(name))


@contextmanager
def about(**fields: Field) -> Iterator[None]:
    """Until this ends, every line of this thread, and of those that work for it, carries these fields, too."""
    token = _about.set({**_about.get({}), **fields})
    try:
        yield
    finally:
        _about.reset(token)


def also(**fields: Field) -> None:
    """What was found out meanwhile: fields for the rest of the `about` that this is in."""
    _about.get({}).update(fields)
