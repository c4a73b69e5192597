"""Processes that die: right before one of their writes, or right after it."""

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

WRITES = {"UpdateItem", "PutItem", "DeleteItem", "TransactWriteItems"}


class Died(Exception):
    """The process is gone; nobody hears of this write."""


@dataclass
class Deaths:
    """Between the stores and the table; each thread is a process of its own."""

    client: Any
    _plan: threading.local = field(default_factory=threading.local)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        call = self.client._make_api_call

        def deliver(operation: str, parameters: Any) -> Any:
            last = operation in WRITES and self._is_last_write()
            if last and not self._plan.after:
                raise Died
            answer = call(operation, parameters)
            if last:
                raise Died
            return answer

        monkeypatch.setattr(self.client, "_make_api_call", deliver)

    def plan(self, write: int, *, after: bool) -> None:
        """Let this thread die at its `write`-th write from now (0: the next)."""
        self._plan.left, self._plan.after = write, after

    def forget(self) -> bool:
        """Let this thread live on; False when it had died."""
        lives = getattr(self._plan, "left", None) is not None
        self._plan.left = None
        return lives

    def _is_last_write(self) -> bool:
        left: int | None = getattr(self._plan, "left", None)
        if left is None:
            return False
        self._plan.left = left - 1 if left else None
        return left == 0
