"""The queue of jobs for the sender."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.ids import AccountId, MessageKey, ThreadKey
from chalicelib.domain.switch import Switch


@dataclass(frozen=True, slots=True)
class Paused:
    """Since when SES has taken nothing, as far as a job has seen, and when it last saw that."""

    since: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class SendJob:
    """What lies in the send queue. A hint only: the store is the truth.

    `queued_at` is when the message was handed in; `deferrals` counts how often the job was put back with a delay;
    `thread` is the thread it enters, should its content never have been stored (None: the content says it). `woken`: a
    switch was turned, so it is looked at how those stand before anything else, however much other mail waits.
    """

    message: MessageKey
    queued_at: datetime
    deferrals: int = 0
    thread: ThreadKey | None = None
    paused: Paused | None = None  # None: whatever it waits for, SES takes mail
    woken: bool = False


@dataclass(frozen=True, slots=True)
class WakeJob:
    """A job for each message that waits behind a switch that was turned; done in parts, oldest message of an inbox first.

    `discards`: it was not released, what waits is given up. `inboxes` are those it is at, the first of them up to message
    `after`; the account's other inboxes follow behind `inboxes_after` in its list, unless these are the last ones.
    """

    switch: Switch
    account_id: AccountId
    asked_at: datetime
    discards: bool = False
    inboxes: tuple[int, ...] = ()
    after: int = -1
    inboxes_after: int | None = None
    is_last: bool = False


class SendQueue(Protocol):
    """Jobs for the sender; delivered at least once, in any order."""

    def put(self, job: SendJob | WakeJob, delay: int = 0) -> None:
        """Queue a job for `delay` seconds from now (0 to 900); returns when it is durable."""

    def put_all(self, jobs: Sequence[SendJob]) -> None:
        """The same for many, at once. When it raises, some of them are queued and some are not."""
