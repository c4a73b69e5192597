"""Counting the steps a function of chalicelib/mime takes, so that a test can show growth without a clock.

A step is a line of Python run there, or a character that one of its regular expressions was handed and went through:
from where it was to look, to where its match ended, or to the end of the text when a search found nothing.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any

import pytest

_PACKAGE = "chalicelib.mime."


class _CountingPattern:
    """Stands in for a compiled pattern and counts what it goes through."""

    def __init__(self, pattern: "re.Pattern[str]", count: Callable[[int], None]) -> None:
        self._pattern = pattern
        self._count = count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pattern, name)

    def search(self, text: str, at: int = 0) -> "re.Match[str] | None":
        found = self._pattern.search(text, at)
        self._count((found.end() if found else len(text)) - at + 1)
        return found

    def match(self, text: str, at: int = 0) -> "re.Match[str] | None":
        found = self._pattern.match(text, at)
        self._count((found.end() if found else at) - at + 1)
        return found

    def fullmatch(self, text: str) -> "re.Match[str] | None":
        self._count(len(text) + 1)
        return self._pattern.fullmatch(text)

    def sub(self, by: Any, text: str, count: int = 0) -> str:
        self._count(len(text) + 1)
        return self._pattern.sub(by, text, count)

    def findall(self, text: str) -> list[Any]:
        self._count(len(text) + 1)
        return self._pattern.findall(text)

    def split(self, text: str) -> list[Any]:
        self._count(len(text) + 1)
        return self._pattern.split(text)


class StepCounter:
    def __init__(self) -> None:
        self.steps = 0

    def add(self, steps: int) -> None:
        self.steps += steps

    def of(self, call: Callable[[], object]) -> int:
        """How many steps the call takes."""
        self.steps = 0
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            call()
        finally:
            sys.settrace(before)
        return self.steps

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        if not str(frame.f_globals.get("__name__", "")).startswith(_PACKAGE):
            return None
        if event == "line":
            self.steps += 1
        return self._trace


@contextmanager
def counted_steps() -> Iterator[StepCounter]:
    """A counter, with every pattern of the package replaced by a counting one while it is in use."""
    counter = StepCounter()
    with pytest.MonkeyPatch.context() as patch:
        for module in [module for name, module in sys.modules.items() if name.startswith(_PACKAGE)]:
            for name, value in _patterns(module):
                if isinstance(value, dict):
                    counting: Any = {key: _CountingPattern(pattern, counter.add) for key, pattern in value.items()}
                else:
                    counting = _CountingPattern(value, counter.add)
                patch.setattr(module, name, counting)
        yield counter


def _patterns(module: ModuleType) -> list[tuple[str, Any]]:
    return [
        (name, value)
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern)
        or (isinstance(value, dict) and value and all(isinstance(each, re.Pattern) for each in value.values()))
    ]
