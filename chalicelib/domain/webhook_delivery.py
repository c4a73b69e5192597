"""One event on its way to one webhook: its attempts, and when the next one is due."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.event import LoggedEvent
from chalicelib.domain.webhook import WebhookId

RETRIES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""How long after an attempt the next one follows, in the contract's words."""

ATTEMPTS = len(RETRIES) + 1
ANSWER_BYTES = 1_024  # of an answer as UTF-8, kept with its attempt
ATTEMPTS_KEPT = 20  # the newest: two rounds; so an item has 25 KB at most
JITTER = 0.1  # of a pause, on top of it at most
LONGEST_RETRY_AFTER = timedelta(hours=24)

Luck = Callable[[], float]
"""A number from 0 to 1, as random.random gives."""


class DeliveryState(StrEnum):
    """How a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"  # every attempt failed, or the endpoint said that it is gone


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one POST: a status code with the beginning of the answer, or the error that stood in its way."""

    status_code: int | None
    text: str = ""
    error: str | None = None
    retry_after: timedelta | None = None
    timed_out: bool = False

    @property
    def is_success(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300

    @property
    def is_gone(self) -> bool:
        """410: the endpoint wants no more."""
        return self.status_code == 410


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, as the log of deliveries keeps it."""

    at: datetime
    duration_ms: int
    status_code: int | None
    answer: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One event and one webhook. A replay begins a new round: jobs of those before are done for, wherever they are."""

    webhook_id: WebhookId
    logged: LoggedEvent
    state: DeliveryState = DeliveryState.PENDING
    attempts: tuple[Attempt, ...] = ()
    next_attempt_at: datetime | None = None
    begun: int = 0  # attempts of earlier rounds
    round: int = 0
    dropped: int = 0  # the oldest attempts, which are kept no more
    is_test: bool = False
    version: int = 0  # of the stored item; 0: not stored yet

    @property
    def tries(self) -> int:
        """Attempts of this round."""
        return self.made - self.begun

    @property
    def made(self) -> int:
        """Attempts of all rounds."""
        return self.dropped + len(self.attempts)

    def after(self, answer: Answer, began: datetime, ended: datetime, luck: Luck) -> "WebhookDelivery":
        """The delivery with this attempt in its log, settled or with the time of the next one."""
        took = (ended - began) // timedelta(milliseconds=1)
        attempt = Attempt(began, took, answer.status_code, _beginning(answer.text), answer.error)
        attempts = (*self.attempts, attempt)[-ATTEMPTS_KEPT:]
        noted = replace(self, attempts=attempts, dropped=self.made + 1 - len(attempts), next_attempt_at=None)
        if answer.is_success:
            return replace(noted, state=DeliveryState.DELIVERED)
        next_at = None if self.is_test or answer.is_gone else noted.retry_at(ended, answer.retry_after, luck)
        state = DeliveryState.FAILED if next_at is None else DeliveryState.PENDING
        return replace(noted, state=state, next_attempt_at=next_at)

    def retry_at(self, now: datetime, retry_after: timedelta | None, luck: Luck) -> datetime | None:
        """When the next attempt is due; None: there have been enough.

        A delivery that has to wait for a broken endpoint uses up no attempt, and none comes before its time. So no
        delivery ends before the pauses together have passed.
        """
        if self.tries >= ATTEMPTS:
            return None
        at = now + RETRIES[self.tries - 1] * (1 + JITTER * luck())
        return at if retry_after is None else max(at, now + min(retry_after, LONGEST_RETRY_AFTER))

    def seen_at(self, now: datetime) -> "WebhookDelivery":
        """As it is shown: an attempt whose time has passed is being made, or waits for its endpoint."""
        is_over = self.next_attempt_at is not None and self.next_attempt_at <= now
        return replace(self, next_attempt_at=None) if is_over else self

    def again(self) -> "WebhookDelivery":
        """The same delivery at the beginning of a new round."""
        return replace(self, state=DeliveryState.PENDING, begun=self.made, round=self.round + 1, next_attempt_at=None)


def _beginning(text: str) -> str:
    return text.encode("utf-8", "replace")[:ANSWER_BYTES].decode("utf-8", "ignore")
