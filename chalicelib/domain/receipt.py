"""Receipts: SES's note that a mail came in, as far as we use it."""

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.arrival import Authentication

WAITING_MAIL = "inbound/"
"""What the names of mails begin with that SES has stored and that are not in every inbox yet."""

ADDRESS_CHARACTERS = 320  # a longer one is nobody's

TRIAL_MESSAGE_ID = "AMAZON_SES_SETUP_NOTIFICATION"
"""SES tries bucket and topic out with a mail of this id when a rule is made that names them."""


def is_trial(blob: str) -> bool:
    """Whether this is SES's trial of one of our rules."""
    return blob.rpartition("/")[2] == TRIAL_MESSAGE_ID


@dataclass(frozen=True, slots=True)
class Receipt:
    """One mail that SES took for us: whose it is, by the envelope alone (RFC 5321), and where it lies."""

    ses_message_id: str
    mail_from: str  # empty for a null return path
    recipients: tuple[str, ...]  # of the envelope, those that our rule matched
    received_at: datetime
    blob: str  # the name of the mail in the bucket: `inbound/…`
    authentication: Authentication = field(default_factory=Authentication)


def addresses_meant(recipient: str) -> tuple[str, ...]:
    """The addresses that an inbox may have for a recipient to be it, the exact one first; none when nobody can be meant.

    Local parts are compared without case, as those of inboxes are given out in lower case; what follows a + in them is the
    sender's own tag (subaddressing, RFC 5233).
    """
    if not recipient.isascii() or len(recipient) > ADDRESS_CHARACTERS:
        return ()  # no inbox has such an address; lower() would make some letters ASCII
    exact = recipient.lower()
    local, at, domain = exact.rpartition("@")
    plain = local.partition("+")[0]
    return tuple(dict.fromkeys((exact, f"{plain}{at}{domain}")))
