"""An inbox's reputation: what became of the messages it sent since it was last set to active, and what follows.

SES itself looks at an account when 5 % of its mail bounces or 0.1 % is complained of (Amazon SES, "Enforcement FAQ"), so an
inbox is stopped before it costs all the others their sending.
"""

from dataclasses import dataclass
from datetime import datetime

LEAST_SENDS = 100  # before which nothing is judged
SENDS_A_BOUNCE = 20  # 5 %
SENDS_A_COMPLAINT = 1_000  # 0.1 %


@dataclass(frozen=True, slots=True)
class Reputation:
    """Messages, each counted once; `since_sequence`: those with smaller numbers were sent before, and count no more."""

    sends: int = 0
    bounces: int = 0  # permanent ones
    complaints: int = 0
    since_sequence: int = 0

    @property
    def bounce_room(self) -> int:
        """Below zero: more than 5 % bounced. It rises with every send, so one comparison in the table tells."""
        return self.sends - SENDS_A_BOUNCE * self.bounces

    @property
    def complaint_room(self) -> int:
        """Below zero: more than 0.1 % were complained of."""
        return self.sends - SENDS_A_COMPLAINT * self.complaints

    @property
    def is_bad(self) -> bool:
        return self.sends >= LEAST_SENDS and (self.bounce_room < 0 or self.complaint_room < 0)

    def __str__(self) -> str:
        return f"of {self.sends} messages {self.bounces} bounced and {self.complaints} were marked as spam"


UNTRIED = Reputation()


@dataclass(frozen=True, slots=True)
class Suspension:
    """That an inbox was suspended by itself: when, and from which chunk of its account's log on the event is looked for."""

    at: datetime
    log_since: int
    is_told: bool = False
