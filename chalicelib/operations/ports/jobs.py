"""The queue of jobs for the sender."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.ids import MessageKey, ThreadKey


@dataclass(frozen=True, slots=True)
class Paused:
    """Since when SES has taken nothing, as far as a job has seen, and when it last saw that."""

    since: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class SendJob:
    """What lies in the send queue. A hint only: the store is the truth.

    `queued_at` is when the message was handed in; `deferrals` counts how often the job was put back with a delay;
    `thread` is the thread it enters, should its content never have been stored (None: the content says it).
    """

    message: MessageKey
    queued_at: datetime
    deferrals: int = 0
    thread: ThreadKey | None = None
    paused: Paused | None = None  # None: whatever it waits for, SES takes mail


class SendQueue(Protocol):
    """Jobs for the sender; delivered at least once, in any order."""

    def put(self, job: SendJob, delay: int = 0) -> None:
        """Queue a job for `delay` seconds from now (0 to 900); returns when it is durable."""
