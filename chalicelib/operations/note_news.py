"""Note how far SES's news has come, seldom: at most one write in an interval, whatever the traffic."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.log_lines import log_of
from chalicelib.operations.ports import Clock, NewsMark

logger = log_of(__name__)

INTERVALS = 15  # in an evidence window


@dataclass
class NoteNews:
    """Called when news has been handled, with the time at which SES took the mail that it is about."""

    mark: NewsMark
    clock: Clock
    interval: timedelta
    _noted: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, accepted_at: datetime) -> None:
        # A clock of SES's that is ahead of ours must not make a message overdue that is not.
        reached = min(accepted_at, self.clock())
        with self._lock:
            before = self._noted
            if reached < before + self.interval:
                return
            self._noted = reached
        try:
            self.mark.raise_to(reached)
        except Unavailable as error:
            # The news itself is recorded. Without this mark a message waits longer, and is not sent twice.
            logger.warning("how far SES's news has come could not be noted: %s", trace_of(error))
            with self._lock:
                self._noted = min(self._noted, before)
