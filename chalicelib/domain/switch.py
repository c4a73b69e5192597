"""Stop switches: an inbox, a key or an account whose mail is held, and what of it is never to be sent."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.ids import AccountId, KeyId


class SwitchKind(StrEnum):
    INBOX = "inbox"
    KEY = "key"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Switch:
    """The switch of one inbox, key or account; `name` is the inbox's number or the other's id."""

    kind: SwitchKind
    name: str

    @classmethod
    def of_inbox(cls, inbox_number: int) -> "Switch":
        return cls(SwitchKind.INBOX, str(inbox_number))

    @classmethod
    def of_key(cls, key_id: KeyId) -> "Switch":
        return cls(SwitchKind.KEY, key_id)

    @classmethod
    def of_account(cls, account_id: AccountId) -> "Switch":
        return cls(SwitchKind.ACCOUNT, account_id)


@dataclass(frozen=True, slots=True)
class SwitchState:
    """How a switch stands. What was accepted up to `discarded_until` and not sent by then is never sent."""

    is_stopped: bool = False
    discarded_until: datetime | None = None

    def discards(self, accepted_at: datetime) -> bool:
        return self.discarded_until is not None and accepted_at <= self.discarded_until


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a message is not to be sent now: a switch holds it, or it was discarded at `discarded_at`, for good."""

    by: SwitchKind
    discarded_at: datetime | None = None
