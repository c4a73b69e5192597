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
        meant = addresses_meant(address)
        owners = self.inboxes.owners(meant) if meant else {}
        number = next((owners[form] for form in meant if form in owners), None)
        inbox = None if number is None else self.inboxes.get(number)
        if inbox is None or inbox.is_deleted:
            return False
        return inbox.domain_id is None or self.takes_mail_for(_domain(address))

    def is_here(self, address: str) -> bool:
        """Whether mail to this address comes here, be there an inbox or not."""
        domain = _domain(address)
        return domain == self.mail_domain or self.takes_mail_for(domain) or self.reached_by(address)


def _domain(address: str) -> str:
    return address.lower().rpartition("@")[2]
