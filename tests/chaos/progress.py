"""A progress bar for tests that run for many minutes."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pytest

T = TypeVar("T")
WIDTH = 30


@dataclass(frozen=True)
class Progress:
    """Walks through things and shows how far it is."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, what: str, things: Sequence[T]) -> Iterator[T]:
        for number, thing in enumerate(things):
            self._show(what, number, len(things))
            yield thing
        self._show(what, len(things), len(things))

    def say(self, text: str) -> None:
        with self.capture.disabled():
            print(f"\n{text}", flush=True)  # noqa: T201

    def _show(self, what: str, done: int, of: int) -> None:
        step = max(1, of // 200) if sys.stderr.isatty() else max(1, of // 10)
        if done % step and done != of:
            return
        bar = ("#" * (WIDTH * done // max(1, of))).ljust(WIDTH, ".")
        end = "" if sys.stderr.isatty() else "\n"
        with self.capture.disabled():
            print(f"\r{what} [{bar}] {done:,} of {of:,}", end=end, file=sys.stderr, flush=True)  # noqa: T201
