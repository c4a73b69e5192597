"""How much of files the messages that one process sends at a time may hold in memory."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

ROOM = 32 * 1024 * 1024  # bytes of files: one message of 25 MiB, which takes 165 MB to compose and hand over
PATIENCE = 10  # seconds a message waits for the others of its batch before its job goes back to the queue


class SendingRoom:
    """Lets messages with files in as long as theirs fit in together. A batch has ten, and all may be large."""

    def __init__(self, room: int = ROOM, patience: float = PATIENCE) -> None:
        self._left = room
        self._patience = patience
        self._changed = threading.Condition()

    @contextmanager
    def entered(self, size: int) -> Iterator[bool]:
        """Whether there is room for so many bytes; they leave with the block."""
        with self._changed:
            is_in = self._changed.wait_for(lambda: size <= self._left, self._patience)
            self._left -= size if is_in else 0
        try:
            yield is_in
        finally:
            with self._changed:
                self._left += size if is_in else 0
                self._changed.notify_all()
