"""Check an own domain: look at its zone and at SES, settle whose its name is, and tell when it is verified at last."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.domain.account import Caller
from chalicelib.domain.domain_check import Sight, granted, held, judged
from chalicelib.domain.domain_records import DkimState, Identity, compared, wanted_records
from chalicelib.domain.errors import NotFound, Unavailable
from chalicelib.domain.ids import AccountId
from chalicelib.domain.own_domain import DnsRecord, Domain, DomainId, FirstVerified, Holding, SendingStatus
from chalicelib.domain.times import to_milliseconds
from chalicelib.operations.domain_identity import DomainIdentity
from chalicelib.operations.end_domain import EndDomain
from chalicelib.operations.follow_rules import FollowRules
from chalicelib.operations.ports import Clock, VersionConflict
from chalicelib.operations.ports.domains import Dns, DomainStore, DueDomain, DueDomains, HoldingStore, Question
from chalicelib.operations.tell_events import TellEvents

_TRIES = 5  # of a check that meets others at the same name


@dataclass(frozen=True)
class CheckDomain:
    """Each step may be repeated: a check that died half-way is still due, and the next one goes through all of them."""

    domains: DomainStore
    holdings: HoldingStore
    due: DueDomains
    identity: DomainIdentity
    dns: Dns
    follow_rules: FollowRules
    end: EndDomain
    tell: TellEvents
    region: str
    clock: Clock

    def __call__(self, account_id: AccountId, domain_id: DomainId, *, asked: bool = False) -> Domain:
        """The domain as it now stands. Raises NotFound, Unavailable."""
        seen: Domain | None = None
        for _ in range(_TRIES):
            domain = self.domains.get(account_id, domain_id)
            if domain is None or domain.is_going:
                # What this check has done for a domain that is deleted meanwhile is undone.
                if (leaving := domain or seen) is not None:
                    self.end(leaving)
                raise NotFound
            seen = domain
            try:
                return self._check(domain, asked=asked)
            except VersionConflict:
                continue
        raise Unavailable("Too many requests check the same domain at once.")

    def _check(self, domain: Domain, *, asked: bool) -> Domain:
        sight = self._look(domain.records)
        before = self.holdings.get(domain.name)
        # SES answers about one such question a second, so those who wait for their zone do not ask it by the clock.
        if asked or before.is_of(domain) or domain.proof in (sight.proofs or ()):
            sight = self._asked_ses(domain, self.identity(domain.name), sight)
        holding = held(before, domain, sight, self._other_holder(before, domain))
        is_holder = holding.is_of(domain)
        if is_holder and asked and sight.dkim is DkimState.FAILED:
            sight = self._asked_ses(domain, self.identity.anew(domain.name), sight)
        after = self._with_event(judged(domain, sight, is_holder=is_holder, asked=asked))
        if is_holder:
            holding = granted(holding, after)
        self.due.add(DueDomain(domain.account_id, domain.id, after.next_check_at))
        if before.domain_id not in (None, domain.id, holding.domain_id):
            # The account that held the name hears of it soon.
            self.due.add(DueDomain(before.account_id or domain.account_id, before.domain_id, sight.at))
        self._settle(before, holding)
        saved = self.domains.save(after)
        if domain.next_check_at != saved.next_check_at:
            self.due.remove(DueDomain(domain.account_id, domain.id, domain.next_check_at))
        if saved.first_verified is not None and not saved.first_verified.is_told:
            self.tell.domain_verified(saved)
        return saved

    def _look(self, records: Sequence[DnsRecord]) -> Sight:
        """What the zone has; SES was not asked."""
        found = self.dns.find({Question(record.name, record.type) for record in records})
        compared_ = tuple(compared(record, found[Question(record.name, record.type)]) for record in records)
        return Sight(to_milliseconds(self.clock()), compared_, DkimState.NOT_STARTED)

    def _asked_ses(self, domain: Domain, identity: Identity, sight: Sight) -> Sight:
        """The same with SES's word; looked for anew where SES wants other records by now."""
        wanted = wanted_records(identity, domain.proof, self.region)
        if [record.value for record in wanted] != [record.value for record in sight.records]:
            sight = self._look(wanted)
        return replace(sight, dkim=identity.dkim)

    def _other_holder(self, holding: Holding, domain: Domain) -> Domain | None:
        if holding.account_id is None or holding.domain_id is None or holding.is_of(domain):
            return None
        return self.domains.get(holding.account_id, holding.domain_id)

    def _settle(self, before: Holding, after: Holding) -> None:
        """Store whose the name is, and what may be done under it; then SES's rules follow."""
        if after != before:
            after = self.holdings.save(after)
        if not after.is_followed:
            self.follow_rules(after.name, receives=after.receives)
            after = self.holdings.save(replace(after, is_followed=True))
        if after.domain_id is None and after.version:
            self.holdings.remove(after)

    def _with_event(self, domain: Domain) -> Domain:
        known = domain.first_verified
        if known is not None:
            if known.is_told:
                return domain
            # Whoever recorded it may have died before telling it.
            self.tell.domain_verified(domain)
            return replace(domain, first_verified=replace(known, is_told=True))
        if domain.sending is not SendingStatus.VERIFIED:
            return domain
        at = domain.sending_verified_at or domain.created_at
        return replace(domain, first_verified=FirstVerified(at, self.tell.since(domain.account_id)))


@dataclass(frozen=True)
class VerifyDomain:
    """The check that the owner of a domain asks for."""

    check: CheckDomain

    def __call__(self, domain_id: DomainId, caller: Caller) -> Domain:
        return self.check(caller.account_id, domain_id, asked=True)
