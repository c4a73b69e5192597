"""A socket all of whose calls together have one time limit, and one for what they read: a byte a second prolongs nothing."""

import io
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

_PIECE = 64 * 1024  # bytes sent between two looks at the clock


class Deadline:
    """A time limit that began when it was made."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ends = clock() + seconds

    def left(self) -> float:
        """Seconds that are left. Raises TimeoutError when there are none."""
        left = self._ends - self._clock()
        if left <= 0:
            raise TimeoutError
        return left


@dataclass(frozen=True)
class TimedSocket:
    """As much of a socket as http.client needs to read an answer, and what sends the request."""

    socket: socket.socket
    deadline: Deadline
    limit: int  # bytes that are read, at most
    _readers: list[io.BufferedReader] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def sendall(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            self.socket.settimeout(self.deadline.left())
            left = left[self.socket.send(left[:_PIECE]) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The same each time: what one response leaves unread belongs to the next."""
        if not self._readers:
            self._readers.append(io.BufferedReader(_Reading(self)))
        return self._readers[0]


class _Reading(io.RawIOBase):
    def __init__(self, timed: TimedSocket) -> None:
        super().__init__()
        self._timed = timed
        self._left = timed.limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        if not self._left:
            raise OSError(f"the answer is longer than {self._timed.limit // 1024} KB")
        self._timed.socket.settimeout(self._timed.deadline.left())
        view = memoryview(buffer)  # type: ignore[arg-type]  # BufferedReader gives a buffer
        read = self._timed.socket.recv_into(view[: self._left])
        self._left -= read
        return read
