"""The mail provider, and every way its answer can be."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.delivery import Reason


@dataclass(frozen=True, slots=True)
class Envelope:
    """RFC 5321: who sends and to whom, whatever the header fields say."""

    mail_from: str
    rcpt_tos: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SesAcceptance:
    """SES has taken the mail: its id, and the Message-ID it put in place of ours."""

    ses_message_id: str
    message_id_header: str


class SendRefused(Exception):
    """SES said no for good; `reason` says why and what to do."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.message)
        self.reason = reason


class SendThrottled(Exception):
    """SES said: not so fast. It did not take the mail; try again soon."""


class SendPaused(Exception):
    """The daily quota is used up, or sending is paused or suspended. SES did not take the mail."""


class SendNotReached(Exception):
    """SES was certainly not reached (no connection); it did not take the mail."""


class SendOutcomeUnknown(Exception):
    """SES may or may not have taken the mail (5xx, time-out, connection lost): never resend at once."""


class MailProvider(Protocol):
    """Hands mail over, one attempt a call."""

    def send(self, mail: bytes, envelope: Envelope, message_id: str) -> SesAcceptance:
        """Hand over one composed mail, tagged with our `message_id`. Raises one of the five errors above."""


class NewsMark(Protocol):
    """How far SES's news has come: the newest acceptance by SES of a mail of which news was handled, kept for all workers.

    Times are SES's own. The mark only rises.
    """

    def get(self) -> datetime | None:
        """Where it stands; None before the first news."""

    def raise_to(self, accepted_at: datetime) -> None:
        """Raise it; lower than it stands is harmless."""
