"""When a send job that goes back to the queue comes again."""

import zlib
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.operations.ports import Paused, SendJob, SendQueue

GROWING_DELAYS = (1, 2, 4, 8, 15, 30, 60)  # seconds; the last one goes on
PAUSE_DELAY = 60  # seconds between probes while the account may not send
RIVAL_DELAY = 30  # seconds until a job that met another worker of its message looks again
DELAY_LIMIT = 900  # seconds; SQS's longest delay
UNCOMMITTED_DELAY = 2  # seconds until a job whose message is not committed yet comes back
PAUSE_LIMIT = timedelta(hours=24)  # for which SES may take nothing before a message fails
PAUSE_GAP = timedelta(
    hours=1
)  # a pause that a job has not seen for so long is another one: it lay among the dead letters
_NARROWEST, _WIDEST = 5, 60  # seconds over which jobs that found no turn are spread


def defer(send_queue: SendQueue, job: SendJob, delay: int, paused: Paused | None = None) -> None:
    """Queue the job anew, so that it starts with a fresh count of receives; `paused`: SES takes nothing."""
    send_queue.put(replace(job, deferrals=job.deferrals + 1, paused=paused), delay)


def pause_seen(job: SendJob, now: datetime) -> Paused:
    """The pause that this job has met now, or has been in since it met it first."""
    known = job.paused
    is_the_same = known is not None and now - known.seen_at <= PAUSE_GAP
    return Paused(known.since if known and is_the_same else now, now)


def is_paused_too_long(paused: Paused | None, now: datetime) -> bool:
    return paused is not None and now - paused.since > PAUSE_LIMIT


def growing_delay(job: SendJob) -> int:
    """Seconds until a job that was put back so often is tried again."""
    return GROWING_DELAYS[min(job.deferrals, len(GROWING_DELAYS) - 1)]


def spread_delay(job: SendJob) -> int:
    """Seconds, different for each job: thousands that found no turn must not all come back in the same second."""
    width = min(_NARROWEST << min(job.deferrals, 8), _WIDEST)
    name = f"{job.message.inbox_number}.{job.message.sequence}.{job.deferrals}"
    return 1 + zlib.crc32(name.encode()) % width
