"""Ports under watch: a test sees every call, can let one fail before or after its effect, or do something in between."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

T = TypeVar("T")

Effect = Callable[[], Any]
Watch = Callable[[str, Effect], Any]
"""Gets a call's name (`messages.put`) and its effect, and returns what the call returns."""


class Crash(BaseException):
    """The process died here: no `except Exception` catches this, and nothing after it happens."""


def watched(name: str, port: T, watch: Watch) -> T:
    """The port, with every call of it handed to `watch`."""
    return cast("T", _Watched(name, port, watch))


class _Watched:
    def __init__(self, name: str, port: object, watch: Watch) -> None:
        self._name = name
        self._port = port
        self._watch = watch

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._port, method)
        if not callable(real):
            return real

        def call(*positional: Any, **named: Any) -> Any:
            return self._watch(f"{self._name}.{method}", lambda: real(*positional, **named))

        return call


def unwatched(_: str, effect: Effect) -> Any:
    return effect()


@dataclass
class Recording:
    """Notes the calls in their order."""

    calls: list[str] = field(default_factory=list)

    def __call__(self, call: str, effect: Effect) -> Any:
        self.calls.append(call)
        return effect()


@dataclass
class FailingAt:
    """Raises `error` at the call with this number (from 0), before its effect or after it, and only there."""

    number: int
    after_effect: bool
    error: BaseException = field(default_factory=Crash)
    calls: list[str] = field(default_factory=list)

    def __call__(self, call: str, effect: Effect) -> Any:
        number = len(self.calls)
        self.calls.append(call)
        if number != self.number:
            return effect()
        if self.after_effect:
            effect()
        raise self.error


@dataclass
class Failing:
    """Raises these errors in turn at the calls of one name, before or after their effect; None lets a call pass."""

    call: str
    errors: Iterable[BaseException | None]
    after_effect: bool = False

    def __post_init__(self) -> None:
        self._left = iter(self.errors)

    def __call__(self, call: str, effect: Effect) -> Any:
        if call != self.call or (error := next(self._left, None)) is None:
            return effect()
        if self.after_effect:
            effect()
        raise error


@dataclass
class Meanwhile:
    """Does something else once, right before a call: another worker's job, a user's request, an event.

    `at` is the call's number (from 0) or its name; `skip` passes over that many calls of the name first.
    """

    at: int | str
    action: Callable[[], object]
    skip: int = 0
    calls: list[str] = field(default_factory=list)
    has_happened: bool = False

    def __call__(self, call: str, effect: Effect) -> Any:
        if self.has_happened:
            return effect()
        is_due = self.at in (len(self.calls), call) and self.calls.count(call) >= self.skip
        self.calls.append(call)
        if is_due:
            self.has_happened = True
            self.action()
        return effect()
