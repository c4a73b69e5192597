"""Suppressions: addresses that an account no longer writes to."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.delivery import Reason
from chalicelib.domain.ids import AccountId, MessageKey

# SES's mailbox simulator, whose addresses SES does not place on its own list either (SES guide, "Using the mailbox simulator
# manually"), and ours of an embedded run.
_SIMULATORS = frozenset({"simulator.amazonses.com", "simulator.test"})


class SuppressionReason(StrEnum):
    """Why nobody writes to an address any more."""

    BOUNCE = "bounce"  # there is no such address, or it refused for good
    COMPLAINT = "complaint"  # its reader marked a mail as spam
    UNSUBSCRIBE = "unsubscribe"  # its reader asked for no more
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address on an account's list, as `suppression_name` writes it."""

    account_id: AccountId
    address: str
    reason: SuppressionReason
    created_at: datetime
    message: MessageKey | None = None  # whose bounce or complaint put it there; None: a request


SUPPRESSED = Reason(
    "suppressed",
    "The address is on the account's suppression list, so nothing is sent to it. GET /suppressions/{address} says why it is "
    "there, DELETE takes it off.",
)


def suppression_name(address: str) -> str:
    """How the list writes an address: in small letters. A label (`ana+news@`) makes another address, as servers see it.

    A server may tell `Ana@` from `ana@` (RFC 5321 section 2.4), but hardly any does, and who bounced as one should not be
    written to as the other.
    """
    return address.lower()


def may_be_suppressed(address: str) -> bool:
    """Not the simulators' plain names, so that a try can be repeated; those with a label can."""
    local, _, domain = suppression_name(address).rpartition("@")
    return domain not in _SIMULATORS or "+" in local
