"""Carry a domain's deletion out: SES forgets it, its name is nobody's, its account has it no more."""

from dataclasses import dataclass, replace

from chalicelib.domain.domain_check import nobodys
from chalicelib.domain.own_domain import Domain, DomainId
from chalicelib.operations.domain_identity import DomainIdentity
from chalicelib.operations.follow_rules import FollowRules
from chalicelib.operations.ports import VersionConflict
from chalicelib.operations.ports.domains import DomainStore, DueDomain, DueDomains, HoldingStore

_TRIES = 5


@dataclass(frozen=True)
class EndDomain:
    """Each step may be repeated; the domain itself goes last, so that whoever died half-way is followed by another.

    SES's identity goes with the account that holds the name, or when nobody has added the name any more. An account that
    has added it in vain takes nothing with it.
    """

    domains: DomainStore
    holdings: HoldingStore
    due: DueDomains
    identity: DomainIdentity
    follow_rules: FollowRules

    def __call__(self, domain: Domain) -> None:
        if self.holdings.get(domain.name).is_of(domain):
            self.identity.forget(domain.name)
        else:
            self.forget_unclaimed(domain.name, besides=domain.id)
        self._let_go(domain)
        self.domains.delete(domain)
        self.due.remove(DueDomain(domain.account_id, domain.id, domain.next_check_at))

    def forget_unclaimed(self, name: str, *, besides: DomainId) -> None:
        """SES forgets a name that is nobody's, and that no account has added but for this domain."""
        if self.holdings.get(name).domain_id is None and not self.domains.is_claimed(name, besides=besides):
            self.identity.forget(name)

    def _let_go(self, domain: Domain) -> None:
        for _ in range(_TRIES):
            holding = self.holdings.get(domain.name)
            if holding.domain_id not in (None, domain.id):
                return
            try:
                if holding.is_of(domain):
                    holding = self.holdings.save(nobodys(holding))
                if not holding.is_followed:
                    self.follow_rules(domain.name, receives=False)
                    holding = self.holdings.save(replace(holding, is_followed=True))
                if holding.version:
                    self.holdings.remove(holding)
            except VersionConflict:
                continue
            return
