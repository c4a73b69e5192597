"""A thread as a list shows it."""

from dataclasses import dataclass

from chalicelib.domain.message import Message
from chalicelib.domain.thread import Thread


@dataclass(frozen=True, slots=True)
class ThreadSummary:
    """A thread and its newest message, whose time is the thread's `lastMessageAt`."""

    thread: Thread
    last_message: Message
