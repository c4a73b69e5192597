"""Mail addresses: the mailboxes of RFC 5322 with the limits of RFC 5321."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mailbox:
    """`Name <local@domain>`; the domain is lower-case ASCII (IDNA A-labels), the name any language or empty."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


class AddressError(ValueError):
    """Why a text is not an address we can write to, as the end of a sentence about it."""
