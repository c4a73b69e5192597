"""Which addresses reach an inbox here: what SES's receipt rule knows of a domain, and we of its inboxes."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.domain.receipt import addresses_meant
from chalicelib.operations.ports import InboxStore


@dataclass(frozen=True)
class Mailboxes:
    """The deployment's inboxes, as the outside writes to them."""

    inboxes: InboxStore
    mail_domain: str
    takes_mail_for: Callable[[str], bool] = lambda _domain: False
    """Whether SES's receipt rules have an own domain of some account."""

    def reached_by(self, address: str) -> bool:
        """Whether mail to this address would become a message: of an inbox that is there, and not deleted."""
        if not self.is_here(address):
            return False
        meant = addresses_meant(address)
        owners = self.inboxes.owners(meant) if meant else {}
        number = next((owners[form] for form in meant if form in owners), None)
        inbox = None if number is None else self.inboxes.get(number)
        return inbox is not None and not inbox.is_deleted

    def is_here(self, address: str) -> bool:
        """Whether mail to this address comes here, be there an inbox or not."""
        domain = address.lower().rpartition("@")[2]
        return domain == self.mail_domain or self.takes_mail_for(domain)
