"""Looks up the names of endpoints, apart from each other: a name server that never answers holds up no other name.

Looking up knows no time-out of its own, so a thread that hangs in it is left behind until it comes back by itself. There are
only so many of them; names that were found lately have threads of their own, and one that hung shares with the unknown.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass, field

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.public_address import Address
from chalicelib.operations.ports.webhooks import Resolver

OF_NAME = 3  # look-ups of one name at a time
OF_KNOWN, OF_UNKNOWN = 32, 16
KNOWN_FOR = 3600.0  # seconds
NAMES_REMEMBERED = 10_000


@dataclass
class Lookups:
    """One for all threads of a process."""

    clock: Callable[[], float] = time.monotonic
    _found_at: dict[str, float] = field(default_factory=dict)
    _of_name: Counter[str] = field(default_factory=Counter)
    _of_kind: Counter[bool] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, resolver: Resolver, host: str, port: int, seconds: float) -> Sequence[Address]:
        """Raises TimeoutError when the name server does not answer, OSError of the resolver's, Unavailable for want of threads."""
        found: Future[Sequence[Address]] = Future()
        is_known = self._enter(host)
        threading.Thread(
            target=self._look_up,
            args=(found, resolver, host, port),
            kwargs={"is_known": is_known},
            name="resolver",
            daemon=True,
        ).start()
        try:
            return found.result(seconds)
        except NotInTime as error:
            with self._lock:
                self._found_at.pop(host, None)
            raise TimeoutError from error

    def under_way(self, host: str) -> int:
        """How many of this name's have not come back."""
        with self._lock:
            return self._of_name[host]

    def _enter(self, host: str) -> bool:
        with self._lock:
            is_known = self.clock() - self._found_at.get(host, float("-inf")) < KNOWN_FOR
            if self._of_name[host] >= OF_NAME or self._of_kind[is_known] >= (OF_KNOWN if is_known else OF_UNKNOWN):
                raise Unavailable("Too many host names are being looked up at once.")
            self._of_name[host] += 1
            self._of_kind[is_known] += 1
        return is_known

    def _look_up(
        self, found: "Future[Sequence[Address]]", resolver: Resolver, host: str, port: int, *, is_known: bool
    ) -> None:
        try:
            addresses = resolver(host, port)
        except (OSError, ValueError) as error:  # whoever waits for it hears of it
            found.set_exception(error)
        else:
            self._remember(host)
            found.set_result(addresses)
        finally:
            with self._lock:
                self._of_kind[is_known] -= 1
                self._of_name[host] -= 1
                if not self._of_name[host]:
                    del self._of_name[host]

    def _remember(self, host: str) -> None:
        with self._lock:
            if len(self._found_at) >= NAMES_REMEMBERED:
                self._found_at.clear()
            self._found_at[host] = self.clock()
