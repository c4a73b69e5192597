"""Receipts: SES's note that a mail came in, as far as we use it."""

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.arrival import Authentication

WAITING_MAIL = "inbound/"
"""What the names of mails begin with that SES has stored and that are not in every inbox yet."""

TRIAL_MESSAGE_ID = "AMAZON_SES_SETUP_NOTIFICATION"
"""SES tries bucket and topic out with a mail of this id when a rule is made that names them."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One mail that SES took for us: whose it is, by the envelope alone (RFC 5321), and where it lies."""

    ses_message_id: str
    mail_from: str  # empty for a null return path
    recipients: tuple[str, ...]  # of the envelope, those that our rule matched
    received_at: datetime
    blob: str  # the name of the mail in the bucket: `inbound/…`
    authentication: Authentication = field(default_factory=Authentication)
