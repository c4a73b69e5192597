"""Ports under watch: a test sees every call, can let one fail before or after its effect, or do something in between."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

T = TypeVar("T")

Effect = Callable[[], Any]
Watch = Callable[[str, Effect], Any]
"""Gets a call's name (`messages.put`) and its effect, and returns what the call returns."""


class Crash(Exception):
    """The process died here: nothing catches this, and nothing after it happens."""


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
    """Raises `error` at the call with number `at` (from 0), before its effect or after it, and only there."""

    at: int
    after_effect: bool
    error: Exception = field(default_factory=Crash)
    calls: list[str] = field(default_factory=list)
    only: Collection[str] | None = None  # count these calls alone

    def __call__(self, call: str, effect: Effect) -> Any:
        if self.only is not None and call not in self.only:
            return effect()
        number = len(self.calls)
        self.calls.append(call)
        if number != self.at:
            return effect()
        if self.after_effect:
            effect()
        raise self.error

    @property
    def has_failed(self) -> bool:
        return len(self.calls) > self.at


@dataclass
class Between:
    """Does something else right before, or right after, the first call of a name: another worker, a user, an event."""

    call: str
    meanwhile: Callable[[], object]
    after_effect: bool = False
    is_due: bool = True

    def __call__(self, call: str, effect: Effect) -> Any:
        if call != self.call or not self.is_due:
            return effect()
        self.is_due = False
        if not self.after_effect:
            self.meanwhile()
            return effect()
        result = effect()
        self.meanwhile()
        return result
