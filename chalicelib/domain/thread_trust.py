"""Who gets into a thread by naming one of its messages: a reference is easily forged, so it alone is not enough."""

from collections.abc import Iterable
from enum import Enum

from chalicelib.domain.arrival import Authentication, MessageWarning, Verdict, WarningCode


class Trust(Enum):
    """What a reference to one of a thread's messages is worth."""

    PARTICIPANT = "participant"  # joins
    NEW_PARTICIPANT = "new participant"  # joins, and the message says so
    NONE = "none"  # begins a thread of its own, and the message says so

    @property
    def joins(self) -> bool:
        return self is not Trust.NONE

    @property
    def warning(self) -> MessageWarning | None:
        """What a reader is told of it."""
        return _WARNINGS.get(self)


_WARNINGS = {
    Trust.NEW_PARTICIPANT: MessageWarning(
        WarningCode.NEW_PARTICIPANT,
        "The sender was not in this conversation before. DMARC confirms the address, not that the others know it.",
    ),
    Trust.NONE: MessageWarning(
        WarningCode.REFERENCE_NOT_TRUSTED,
        "It says that it answers a message of this inbox, but its sender is not in that conversation, or DMARC failed. "
        "So it is in a thread of its own.",
    ),
}


def trust(sender: str, authentication: Authentication, known: Iterable[str], own: Iterable[str] = ()) -> Trust:
    """What the rule makes of a mail From `sender` that names a message of a thread.

    `known` are the thread's participants and everyone the named message went to, blind copies among them. Case does not
    matter here: a server that tells `Ada@` from `ada@` is a rarity, a client that writes both is not. An empty sender is
    nobody, whom nothing can verify. `own` are the inbox's own addresses: what it sent itself passes DMARC, so without a
    pass somebody else wrote it (docs/decisions/0018).
    """
    from_known = bool(sender) and _is_among(sender, known)
    if (
        from_known
        and authentication.dmarc is not Verdict.FAIL
        and (authentication.from_verified or not _is_among(sender, own))
    ):
        return Trust.PARTICIPANT
    if sender and authentication.from_verified:
        return Trust.NEW_PARTICIPANT
    return Trust.NONE


def _is_among(sender: str, addresses: Iterable[str]) -> bool:
    return sender.casefold() in {address.casefold() for address in addresses}
