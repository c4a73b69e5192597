"""What only a received message has: how it came, what SES and we found out about it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """What a check said; `gray`: it could not decide, `none`: it was not made, or there was nothing to check."""

    PASS = "pass"
    FAIL = "fail"
    GRAY = "gray"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Authentication:
    """The verdicts on one mail. Only a DMARC pass (RFC 7489) says that the From address is not forged."""

    spf: Verdict = Verdict.NONE
    dkim: Verdict = Verdict.NONE
    dmarc: Verdict = Verdict.NONE
    spam: Verdict = Verdict.NONE
    virus: Verdict = Verdict.NONE

    @property
    def from_verified(self) -> bool:
        return self.dmarc is Verdict.PASS


class MessageKind(StrEnum):
    """What sort of mail it is, by its header fields; anyone can write these, so nothing else may hang on it."""

    NORMAL = "normal"
    AUTO_REPLY = "auto_reply"  # RFC 3834
    BOUNCE = "bounce"  # a delivery report, RFC 3464
    COMPLAINT = "complaint"  # a feedback report, RFC 5965
    LIST = "list"  # RFC 2919


class WarningCode(StrEnum):
    """Why a reader should be careful with a received message."""

    HIDDEN_TEXT = "hidden_text"
    MISLEADING_NAME = "misleading_name"  # a display name that shows another address
    DEGRADED = "degraded"  # not everything in it could be read
    NEW_PARTICIPANT = "new_participant"
    REFERENCE_NOT_TRUSTED = "reference_not_trusted"


@dataclass(frozen=True, slots=True)
class MessageWarning:
    """One reason to be careful, in a sentence beside its code."""

    code: WarningCode
    message: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """What only a received message has; everything but the receipt can be derived again from the raw mail."""

    ses_message_id: str
    mail_from: str  # the envelope's return path; empty for a null one
    message_id_header: str | None
    date: datetime | None  # what the Date field says; None when it is missing or absurd
    kind: MessageKind
    automatic: bool  # sent by a program (lifecycle: loops), whatever its kind
    authentication: Authentication
    extracted_text: str | None
    warnings: tuple[MessageWarning, ...]
    degraded: str | None  # why not everything could be read; None when it could
    raw_size: int  # bytes of the mail as it came
    is_sender_sure: bool = True  # one From field names one address: what DMARC judged is what is shown

    @property
    def from_verified(self) -> bool:
        """Whether the From address that is shown is proven not to be forged."""
        return self.is_sender_sure and self.authentication.from_verified
