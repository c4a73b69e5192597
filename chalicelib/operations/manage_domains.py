"""Own domains: add, list, read, delete."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.account import Caller
from chalicelib.domain.domain_check import HOPE, QUICK
from chalicelib.domain.domain_records import wanted_records
from chalicelib.domain.errors import Conflict, ErrorCode, Forbidden, InvalidInput, NotFound, QuotaExceeded, Unavailable
from chalicelib.domain.ids import PublicIds
from chalicelib.domain.own_domain import Domain, DomainId, DomainNameError, domain_name
from chalicelib.domain.times import to_milliseconds
from chalicelib.operations.domain_identity import DomainIdentity
from chalicelib.operations.end_domain import EndDomain
from chalicelib.operations.ports import Clock, Page, PageRequest, VersionConflict
from chalicelib.operations.ports.domains import DomainStore, DueDomain, DueDomains, IdentityRefused

MOST_DOMAINS = 100  # of an account: SES has room for 10,000 identities a region (SES guide, "Service quotas")
_TRIES = 5


def require_domain(domains: DomainStore, domain_id: DomainId, caller: Caller) -> Domain:
    """The caller's domain; NotFound when it is another's."""
    domain = domains.get(caller.account_id, domain_id)
    if domain is None:
        raise NotFound
    return domain


def require_unbound(caller: Caller) -> None:
    """A domain concerns every inbox of its account."""
    if caller.key.inbox_numbers is not None:
        raise Forbidden(
            "This key is bound to certain inboxes and cannot change domains.",
            fix="Use a key that is not bound to inboxes.",
        )


@dataclass(frozen=True)
class CreateDomain:
    """Add a domain: SES is asked for its DKIM records, and the account gets the list of what to set."""

    domains: DomainStore
    due: DueDomains
    identity: DomainIdentity
    end: EndDomain
    public_ids: PublicIds
    region: str
    mail_domain: str
    allow_test_domains: bool
    clock: Clock

    def __call__(self, domain_id: DomainId, text: str, caller: Caller) -> Domain:
        """Raises InvalidInput, Conflict, QuotaExceeded. Repeated under the same id, it gives the same domain."""
        require_unbound(caller)
        name = self._name(text)
        known = self.domains.find(caller.account_id, name)
        if known is not None and known.is_going:
            self.end(known)  # whoever deleted it died half-way
        elif known is not None:
            return _only_if(known.id == domain_id, known)
        if self.domains.page(caller.account_id, PageRequest(limit=1)).total >= MOST_DOMAINS:
            raise QuotaExceeded(
                f"An account has at most {MOST_DOMAINS} domains.", fix="Delete one that is not used any more."
            )
        now = to_milliseconds(self.clock())
        # Due before SES is asked: where the domain is not stored in the end, the check lets SES forget the name again.
        due = DueDomain(caller.account_id, domain_id, now + QUICK, name)
        self.due.add(due)
        domain = self._new(due, name, now)
        if self.domains.create(domain):
            return domain
        known = self.domains.find(caller.account_id, name)
        if known is None:
            raise Unavailable("The domain was added and deleted at the same time.")
        return _only_if(known.id == domain_id, known)

    def _name(self, text: str) -> str:
        try:
            return domain_name(text, mail_domain=self.mail_domain, allow_test_domains=self.allow_test_domains)
        except DomainNameError as error:
            raise InvalidInput({"domain": [str(error)]}) from error

    def _new(self, due: DueDomain, name: str, now: datetime) -> Domain:
        try:
            identity = self.identity(name)
        except IdentityRefused as refused:
            self.due.remove(due)  # SES has made nothing
            raise InvalidInput({"domain": [str(refused)]}) from refused
        proof = "agentsend-verification=" + self.public_ids.proof(due.account_id, name)
        return Domain(
            id=due.domain_id,
            account_id=due.account_id,
            name=name,
            records=wanted_records(identity, proof, self.region),
            created_at=now,
            hopeful_until=now + HOPE,
            next_check_at=due.due_at,
        )


def _only_if(same: bool, known: Domain) -> Domain:  # noqa: FBT001 - reads as a sentence
    if same:
        return known
    raise Conflict(
        f"The domain {known.name} has been added before, as {known.id}.",
        fix=f"Use GET /domains/{known.id} for its records, and POST /domains/{known.id}/verify to have them checked.",
        code=ErrorCode.DOMAIN_EXISTS,
    )


@dataclass(frozen=True)
class ListDomains:
    """The account's domains, newest first."""

    domains: DomainStore

    def __call__(self, caller: Caller, request: PageRequest) -> Page[Domain]:
        return self.domains.page(caller.account_id, request)


@dataclass(frozen=True)
class GetDomain:
    """One domain, as the last check has found it."""

    domains: DomainStore

    def __call__(self, domain_id: DomainId, caller: Caller) -> Domain:
        return require_domain(self.domains, domain_id, caller)


@dataclass(frozen=True)
class DeleteDomain:
    """Delete a domain that no inbox lives on."""

    domains: DomainStore
    end: EndDomain

    def __call__(self, domain_id: DomainId, caller: Caller) -> None:
        """Raises NotFound, Conflict. A deletion that died half-way is finished by the next."""
        require_unbound(caller)
        for _ in range(_TRIES):
            domain = require_domain(self.domains, domain_id, caller)
            try:
                if not domain.is_going and not self.domains.begin_deletion(domain):
                    raise _in_use(domain, self.domains.inboxes(domain))
            except VersionConflict:
                continue
            self.end(domain)
            return
        raise Unavailable("Too many requests change the same domain at once.")


def _in_use(domain: Domain, inboxes: int) -> Conflict:
    living = "1 inbox lives" if inboxes == 1 else f"{inboxes} inboxes live"
    return Conflict(
        f"{living} on {domain.name}; without the domain they could neither send nor receive.",
        fix="Delete its inboxes first (GET /inboxes shows `domainId`), then the domain.",
        code=ErrorCode.DOMAIN_IN_USE,
    )
