"""What operations ask for to keep own domains: the claims of accounts, whose each name is, SES's identities, DNS."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from chalicelib.domain.domain_records import Identity
from chalicelib.domain.ids import AccountId
from chalicelib.domain.own_domain import Domain, DomainId, Holding, RecordType
from chalicelib.operations.ports.lists import Page, PageRequest


class DomainStore(Protocol):
    """The domains that accounts have added; an account has each name once, several accounts may have the same."""

    def create(self, domain: Domain) -> bool:
        """Store a new one; False when the account has one of that name. Storing the same again is harmless."""

    def get(self, account_id: AccountId, domain_id: DomainId) -> Domain | None: ...

    def find(self, account_id: AccountId, name: str) -> Domain | None:
        """The account's domain of that name."""

    def save(self, domain: Domain) -> Domain:
        """Store it if its version is still the one that was read; the stored value. Raises `VersionConflict`."""

    def begin_deletion(self, domain: Domain) -> bool:
        """Mark it as going, if no inbox lives on it; False when one does. Raises `VersionConflict`."""

    def inboxes(self, domain: Domain) -> int:
        """How many inboxes live on it, deleted ones left out."""

    def delete(self, domain: Domain) -> None:
        """Remove it, whatever its version; again is harmless."""

    def is_claimed(self, name: str, *, besides: DomainId) -> bool:
        """Whether the name was added by others, too: whether there is another domain of that name than this one."""

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Domain]:
        """The account's domains, newest first."""


class HoldingStore(Protocol):
    """Whose each name is. A name that nobody holds has no item."""

    def get(self, name: str) -> Holding:
        """The holding; one of nobody when there is none."""

    def get_many(self, names: Collection[str]) -> Mapping[str, Holding]:
        """The same for many names, each of which stands in the answer."""

    def save(self, holding: Holding) -> Holding:
        """Store it if its version is still the one that was read; the stored value. Raises `VersionConflict`."""

    def remove(self, holding: Holding) -> None:
        """The same for one of nobody."""


@dataclass(frozen=True, slots=True)
class DueDomain:
    """A domain with the time of its next check."""

    account_id: AccountId
    domain_id: DomainId
    due_at: datetime
    # Of one that is being added: what SES may have been asked for, should the domain itself never be stored.
    name: str | None = field(default=None, compare=False)


class DueDomains(Protocol):
    """When each domain is checked next."""

    def add(self, due: DueDomain) -> None:
        """Again is harmless, and a check too many, too."""

    def due(self, before: datetime, limit: int) -> Sequence[DueDomain]:
        """The earliest of those that are due before this time."""

    def remove(self, due: DueDomain) -> None: ...


@dataclass(frozen=True, slots=True)
class RuleNames:
    """The domains that one of SES's receipt rules is to take mail for; every change of them raises the version."""

    rule: int
    names: frozenset[str]
    version: int


@dataclass(frozen=True, slots=True)
class RuleWork:
    """That somebody is at work on a rule, since when."""

    rule: int
    token: str
    began_at: datetime


class RuleNamesStore(Protocol):
    """Which rule is to have which names, and who is at work on one."""

    def all(self) -> Sequence[RuleNames]:
        """Every rule, in order."""

    def get(self, rule: int) -> RuleNames: ...

    def add(self, rule: int, name: str, most: int) -> bool:
        """Put a name in, unless `most` are there; False then. Again is harmless."""

    def drop(self, rule: int, names: Collection[str]) -> None:
        """Take names out; again is harmless."""

    def begin(self, work: RuleWork) -> None: ...

    def end(self, work: RuleWork) -> None: ...

    def work(self) -> Sequence[RuleWork]:
        """Whatever was begun and not ended."""


class ReceiptRules(Protocol):
    """SES's receipt rules, which say for which domains it takes mail."""

    def put(self, rule: int, names: Collection[str]) -> None:
        """Make the rule take mail for these domains and no other. Raises Unavailable."""


class Identities(Protocol):
    """Domains as SES knows them. Each raises Unavailable when SES does not answer or asks to come later."""

    def get(self, name: str) -> Identity | None: ...

    def create(self, name: str) -> Identity:
        """Make SES look for its DKIM records; the identity that is there, if one is. Raises IdentityRefused."""

    def set_mail_from(self, name: str, mail_from: str) -> None:
        """Use this MAIL FROM domain, once SES finds its records; until then SES's own."""

    def delete(self, name: str) -> None:
        """Again is harmless."""


class IdentityRefused(Exception):
    """SES does not take the name; the text says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of name servers."""

    name: str
    type: RecordType


class Dns(Protocol):
    """Looks records up."""

    def find(self, questions: Collection[Question]) -> Mapping[Question, tuple[str, ...] | None]:
        """What is found for each, in seconds; empty: there is none, None: that cannot be told now."""
