"""A thread that works when something is due, and sleeps until then."""

import logging
import threading
from collections.abc import Callable

_RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class DueWork:
    """Calls `work` whenever `next_due_at` (seconds since the epoch; None: nothing) has come."""

    def __init__(
        self, name: str, work: Callable[[], None], next_due_at: Callable[[], float | None], clock: Callable[[], float]
    ) -> None:
        self._work = work
        self._next_due_at = next_due_at
        self._clock = clock
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def look(self) -> None:
        """Something new may be due."""
        self._wake.set()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self._work()
                due_at = self._next_due_at()
                wait = None if due_at is None else max(0.0, due_at - self._clock())
            except Exception:
                if self._stopping.is_set():
                    return
                log.exception("%s failed; trying again", self._thread.name)
                wait = _RETRY_SECONDS
            self._wake.wait(wait)
