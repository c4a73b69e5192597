"""Own domains of an account that is deleted: SES forgets them, and their names can be added by others."""

from dataclasses import dataclass

from chalicelib.domain.ids import AccountId
from chalicelib.domain.log_lines import log_of
from chalicelib.operations.end_domain import EndDomain
from chalicelib.operations.ports import PageRequest, VersionConflict
from chalicelib.operations.ports.domains import DomainStore

logger = log_of(__name__)


@dataclass(frozen=True)
class EndDomainsOfAccount:
    """One after the other, when the account's inboxes are deleted (`erase_account.More`)."""

    domains: DomainStore
    end: EndDomain

    def __call__(self, account_id: AccountId) -> bool:
        page = self.domains.page(account_id, PageRequest(limit=1))
        if not page.items:
            return False
        domain = page.items[0]
        try:
            if not domain.is_going and not self.domains.begin_deletion(domain):
                # An inbox was created on it this very moment; it is deleted in the second round, and then the domain.
                logger.warning("a domain of a deleted account is still lived on", extra={"domainId": domain.id})
                return False
        except VersionConflict:
            return True
        self.end(domain)
        return True
