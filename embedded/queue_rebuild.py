"""Rebuilds the queues behind the open doors: a kill may have cost the last second of them, whatever their length."""

import logging
import threading
from collections.abc import Callable, Sequence

_RETRY_SECONDS = 1.0
_STOP_SECONDS = 1.0  # it is not waited for: the next start rebuilds everything again

log = logging.getLogger(__name__)


class QueueRebuild:
    """Calls each step until it has succeeded once, in a thread of its own. A job too many is harmless."""

    def __init__(self, steps: Sequence[Callable[[], object]], retry_seconds: float = _RETRY_SECONDS) -> None:
        self._steps = steps
        self._retry_seconds = retry_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rebuilding queues", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Begin no further step or try."""
        self._stopping.set()
        self._thread.join(_STOP_SECONDS)

    def wait(self, timeout: float) -> bool:
        """Whether it is done within this time."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        for step in self._steps:
            while not self._stopping.is_set():
                try:
                    step()
                except Exception:
                    if not self._stopping.is_set():
                        log.exception("rebuilding the queues failed; trying again")
                    self._stopping.wait(self._retry_seconds)
                else:
                    break
