"""Threads on a clock that jumps to whoever sleeps shortest: hours of many workers pass in seconds, the same each time."""

import heapq
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import count

from tests.fakes.clock import FakeClock

LOST = 60  # real seconds without anybody waking up, after which a run is given up


class VirtualTime:
    """Runs tasks side by side, one at a time: a task hands over only when it sleeps or ends."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._sleepers: list[tuple[datetime, int, threading.Event]] = []
        self._numbers = count()
        self._left = 0
        self._errors: list[BaseException] = []
        self._over = threading.Event()

    def sleep(self, seconds: float) -> None:
        woken = self._asleep(seconds)
        self._wake_next()
        assert woken.wait(LOST), "nobody woke this task up"

    def run(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Returns when all tasks have ended; raises the first error of any."""
        self._left = len(tasks)
        threads = [threading.Thread(target=self._live, args=(task, self._asleep(0)), daemon=True) for task in tasks]
        for thread in threads:
            thread.start()
        self._wake_next()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _asleep(self, seconds: float) -> threading.Event:
        woken = threading.Event()
        wakes_at = self._clock.now + timedelta(seconds=max(0.0, seconds))
        heapq.heappush(self._sleepers, (wakes_at, next(self._numbers), woken))
        return woken

    def _live(self, task: Callable[[], None], woken: threading.Event) -> None:
        woken.wait()
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - raised again by `run`
            self._errors.append(error)
        self._wake_next()

    def _wake_next(self) -> None:
        if self._sleepers:
            wakes_at, _, woken = heapq.heappop(self._sleepers)
            self._clock.now = max(self._clock.now, wakes_at)
            woken.set()
