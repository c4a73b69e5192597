"""A property that is made once, by one thread."""

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, TypeVar

T = TypeVar("T")
# The records of a batch, and embedded the requests, come side by side; making a boto3 client is not for two threads.
building = RLock()


class built_once(Generic[T]):  # noqa: N801 - reads as the decorator it is
    """A property made when it is first asked for, by one thread."""

    def __init__(self, build: Callable[[Any], T]) -> None:
        self._build = build
        self._name = build.__name__

    def __get__(self, owner: Any, _owner_type: type) -> T:
        with building:
            if self._name not in owner.__dict__:
                owner.__dict__[self._name] = self._build(owner)
        made: T = owner.__dict__[self._name]
        return made
