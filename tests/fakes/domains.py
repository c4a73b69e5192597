"""Own domains in memory: the claims of accounts, whose each name is, what is due, SES's identities and rules, DNS."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from threading import RLock

from chalicelib.domain.domain_records import DkimState, Identity
from chalicelib.domain.ids import AccountId
from chalicelib.domain.own_domain import Domain, DomainId, Holding, RecordType
from chalicelib.operations.ports import Page, PageRequest, VersionConflict
from chalicelib.operations.ports.domains import DueDomain, IdentityRefused, Question, RuleNames, RuleWork
from tests.fakes.paging import page_of


@dataclass
class FakeDomainStore:
    """Behaves as the real one."""

    domains: dict[DomainId, Domain] = field(default_factory=dict)  # in order of creation
    living: dict[str, int] = field(default_factory=dict)  # inboxes by domain id
    _lock: RLock = field(default_factory=RLock)

    def create(self, domain: Domain) -> bool:
        with self._lock:
            known = self.find(domain.account_id, domain.name)
            if known is not None:
                return known.id == domain.id
            self.domains[domain.id] = domain
            return True

    def get(self, account_id: AccountId, domain_id: DomainId) -> Domain | None:
        domain = self.domains.get(domain_id)
        return domain if domain and domain.account_id == account_id else None

    def find(self, account_id: AccountId, name: str) -> Domain | None:
        mine = (each for each in self.domains.values() if each.account_id == account_id)
        return next((each for each in mine if each.name == name), None)

    def save(self, domain: Domain) -> Domain:
        with self._lock:
            known = self.domains.get(domain.id)
            if known is None or known.version != domain.version or known.is_going:
                raise VersionConflict
            self.domains[domain.id] = replace(domain, version=domain.version + 1)
            return self.domains[domain.id]

    def begin_deletion(self, domain: Domain) -> bool:
        with self._lock:
            known = self.domains.get(domain.id)
            if known is None or known.version != domain.version:
                raise VersionConflict
            if self.inboxes(domain):
                return False
            self.domains[domain.id] = replace(known, is_going=True)
            return True

    def inboxes(self, domain: Domain) -> int:
        return self.living.get(domain.id, 0)

    def delete(self, domain: Domain) -> None:
        self.domains.pop(domain.id, None)

    def is_claimed(self, name: str, *, besides: DomainId) -> bool:
        return any(each.name == name and each.id != besides for each in self.domains.values())

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Domain]:
        return page_of(enumerate(each for each in self.domains.values() if each.account_id == account_id), request)

    def inbox_comes(self, account_id: AccountId, domain_id: str) -> bool:
        """What the inbox store does when it creates an inbox."""
        with self._lock:
            domain = self.get(account_id, DomainId(domain_id))
            if domain is None or domain.is_going:
                return False
            self.living[domain_id] = self.living.get(domain_id, 0) + 1
            return True

    def inbox_goes(self, account_id: AccountId, domain_id: str) -> None:
        with self._lock:
            assert self.get(account_id, DomainId(domain_id)) is not None
            self.living[domain_id] -= 1


@dataclass
class FakeHoldingStore:
    """Behaves as the real one."""

    holdings: dict[str, Holding] = field(default_factory=dict)
    reads: int = 0
    _versions: "count[int]" = field(default_factory=lambda: count(1))
    _lock: RLock = field(default_factory=RLock)

    def get(self, name: str) -> Holding:
        self.reads += 1
        return self.holdings.get(name) or Holding(name)

    def get_many(self, names: Collection[str]) -> Mapping[str, Holding]:
        self.reads += 1
        return {name: self.holdings.get(name) or Holding(name) for name in names}

    def save(self, holding: Holding) -> Holding:
        with self._lock:
            if (self.holdings.get(holding.name) or Holding(holding.name)).version != holding.version:
                raise VersionConflict
            self.holdings[holding.name] = replace(holding, version=next(self._versions))
            return self.holdings[holding.name]

    def remove(self, holding: Holding) -> None:
        with self._lock:
            known = self.holdings.get(holding.name)
            if known is not None and known.version != holding.version:
                raise VersionConflict
            self.holdings.pop(holding.name, None)


@dataclass
class FakeDueDomains:
    """Behaves as the real one; `asked` counts the looks."""

    dues: set[DueDomain] = field(default_factory=set)
    asked: int = 0

    def add(self, due: DueDomain) -> None:
        self.dues.discard(due)
        self.dues.add(due)  # with the name of the latest

    def due(self, before: datetime, limit: int) -> Sequence[DueDomain]:
        self.asked += 1
        found = sorted((each.due_at, each.domain_id, each) for each in list(self.dues) if each.due_at <= before)
        return [each for _, _, each in found[:limit]]

    def remove(self, due: DueDomain) -> None:
        self.dues.discard(due)


@dataclass
class FakeRuleNames:
    """Behaves as the real one."""

    rules: dict[int, RuleNames] = field(default_factory=dict)
    begun: set[RuleWork] = field(default_factory=set)

    def all(self) -> Sequence[RuleNames]:
        return [self.rules[number] for number in sorted(self.rules)]

    def get(self, rule: int) -> RuleNames:
        return self.rules.get(rule) or RuleNames(rule, frozenset(), 0)

    def add(self, rule: int, name: str, most: int) -> bool:
        known = self.get(rule)
        if name not in known.names:
            if len(known.names) >= most:
                return False
            self.rules[rule] = RuleNames(rule, known.names | {name}, known.version + 1)
        return True

    def drop(self, rule: int, names: Collection[str]) -> None:
        known = self.get(rule)
        self.rules[rule] = RuleNames(rule, known.names - set(names), known.version + 1)

    def begin(self, work: RuleWork) -> None:
        self.begun.add(work)

    def end(self, work: RuleWork) -> None:
        self.begun.discard(work)

    def work(self) -> Sequence[RuleWork]:
        return list(self.begun)


@dataclass
class FakeReceiptRules:
    """SES's receipt rules; `calls` counts."""

    rules: dict[int, frozenset[str]] = field(default_factory=dict)
    calls: int = 0

    def put(self, rule: int, names: Collection[str]) -> None:
        self.calls += 1
        self.rules[rule] = frozenset(names)

    @property
    def names(self) -> set[str]:
        """Every domain that SES takes mail for."""
        return {name for names in self.rules.values() for name in names}


@dataclass
class FakeDns:
    """A zone that a test writes; `silent` names get no answer."""

    zone: dict[Question, tuple[str, ...]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    is_silent: bool = False

    def find(self, questions: Collection[Question]) -> Mapping[Question, tuple[str, ...] | None]:
        return {
            each: None if self.is_silent or each.name in self.silent else self.zone.get(each, ()) for each in questions
        }

    def add(self, name: str, type_: RecordType, *values: str) -> None:
        question = Question(name, type_)
        self.zone[question] = (*self.zone.get(question, ()), *values)

    def remove(self, name: str, type_: RecordType, value: str | None = None) -> None:
        """One value, or all of them."""
        question = Question(name, type_)
        left = () if value is None else tuple(each for each in self.zone.get(question, ()) if each != value)
        self.zone[question] = left


@dataclass
class FakeIdentities:
    """SES, which finds the DKIM records that stand in a zone."""

    dns: FakeDns
    identities: dict[str, Identity] = field(default_factory=dict)
    states: dict[str, DkimState] = field(default_factory=dict)  # what SES says whatever the zone has
    refused: set[str] = field(default_factory=set)
    created: int = 0

    def get(self, name: str) -> Identity | None:
        identity = self.identities.get(name)
        return None if identity is None else replace(identity, dkim=self.states.get(name) or self._found(identity))

    def create(self, name: str) -> Identity:
        if name in self.refused:
            raise IdentityRefused("is not what SES takes")
        if name not in self.identities:
            self.created += 1
            tokens = tuple(f"token{number}x{self.created}" for number in range(3))
            self.identities[name] = Identity(name, DkimState.PENDING, tokens)
            self.states.pop(name, None)
        identity = self.get(name)
        assert identity is not None
        return identity

    def set_mail_from(self, name: str, mail_from: str) -> None:
        self.identities[name] = replace(self.identities[name], mail_from=mail_from)

    def delete(self, name: str) -> None:
        self.identities.pop(name, None)

    def _found(self, identity: Identity) -> DkimState:
        wanted = {
            Question(f"{token}._domainkey.{identity.name}", RecordType.CNAME): f"{token}.{identity.key_zone}"
            for token in identity.tokens
        }
        found = all(value in self.dns.zone.get(question, ()) for question, value in wanted.items())
        return DkimState.SUCCESS if found else DkimState.PENDING
