"""Two accounts, a zone that a test writes, and every operation of own domains over fakes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from chalicelib.domain.account import Caller
from chalicelib.domain.delivery import EventType
from chalicelib.domain.errors import NotFound
from chalicelib.domain.event import Event
from chalicelib.domain.ids import AccountId, PublicIds
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.own_domain import DnsRecord, Domain, DomainId, Holding, RecordPurpose, RecordType, new_domain_id
from chalicelib.operations.browse_inboxes import DeleteInbox
from chalicelib.operations.check_domain import CheckDomain, VerifyDomain
from chalicelib.operations.check_due_domains import CheckDueDomains
from chalicelib.operations.create_inbox import CreateInbox, NewInbox
from chalicelib.operations.domain_identity import DomainIdentity
from chalicelib.operations.end_domain import EndDomain
from chalicelib.operations.follow_rules import FollowRules
from chalicelib.operations.manage_domains import CreateDomain, DeleteDomain, GetDomain, ListDomains
from chalicelib.operations.own_domains import OwnDomains
from chalicelib.operations.tell_events import TellEvents
from tests.factories.accounts import NOON, make_caller
from tests.fakes.clock import FakeClock
from tests.fakes.domains import (
    FakeDns,
    FakeDomainStore,
    FakeDueDomains,
    FakeHoldingStore,
    FakeIdentities,
    FakeReceiptRules,
    FakeRuleNames,
)
from tests.fakes.event_log import FakeEventLog
from tests.fakes.inbox_store import FakeInboxStore
from tests.fakes.together import together_in_turn
from tests.operations.watched import Effect, Watch, unwatched, watched

NAME = "example.com"
MAIL_DOMAIN = "mail.test"
ANNA, BERT = make_caller(), make_caller(account_id=AccountId("acc_bert56789abcdefghjkm"))
REGION = "eu-central-1"
IDS = PublicIds(b"a secret only of the tests")
SENDING = tuple(purpose for purpose in RecordPurpose if purpose is not RecordPurpose.RECEIVING)


class DomainWorld:
    """The stores, SES and the zone, and the operations over them."""

    def __init__(self) -> None:
        self._watch: Watch = unwatched
        self.clock = FakeClock(NOON)
        self.domains = FakeDomainStore()
        self.holdings = FakeHoldingStore()
        self.due = FakeDueDomains()
        self.dns = FakeDns()
        self.ses = FakeIdentities(self.dns)
        self.rule_names = FakeRuleNames()
        self.rules = FakeReceiptRules()
        self.log = FakeEventLog()
        self.inboxes = FakeInboxStore(domains=self.domains)
        self._inbox_numbers = iter(range(1, 1_000))
        self._wire()

    def _wire(self) -> None:
        domains, holdings = self._watched("domains", self.domains), self._watched("holdings", self.holdings)
        due, names = self._watched("due", self.due), self._watched("rule_names", self.rule_names)
        identity = DomainIdentity(self._watched("ses", self.ses))
        tell = TellEvents(self._watched("log", self.log), IDS, self.clock)
        self.follow_rules = FollowRules(names, holdings, self._watched("rules", self.rules), self.clock)
        end = EndDomain(domains, holdings, due, identity, self.follow_rules)
        self.create = CreateDomain(
            domains, due, identity, end, IDS, REGION, MAIL_DOMAIN, allow_test_domains=False, clock=self.clock
        )
        self.check = CheckDomain(
            domains,
            holdings,
            due,
            identity,
            self._watched("dns", self.dns),
            self.follow_rules,
            end,
            tell,
            REGION,
            self.clock,
        )
        self.verify_domain = VerifyDomain(self.check)
        self.get = GetDomain(domains)
        self.list = ListDomains(domains)
        self.delete = DeleteDomain(domains, end)
        self.check_due = CheckDueDomains(due, self.check, end, self.follow_rules, self.clock, together_in_turn)
        self.own_domains = OwnDomains(holdings, self.inboxes, MAIL_DOMAIN)
        self.create_inbox = CreateInbox(self.inboxes, self.clock, MAIL_DOMAIN, 1_000, domains, self.own_domains)
        self.delete_inbox = DeleteInbox(self.inboxes, lambda _switch, _account: None)

    def _watched(self, name: str, port: Any) -> Any:
        def watch(call: str, effect: Effect) -> Any:
            return self._watch(call, effect)

        return watched(name, port, watch)

    @contextmanager
    def watching(self, watch: Watch) -> Iterator[None]:
        """Show `watch` every call that an operation makes of a port."""
        self._watch = watch
        try:
            yield
        finally:
            self._watch = unwatched

    # --------------------------------------------------------------------------------------- domains and zone

    def add(self, caller: Caller = ANNA, name: str = NAME, domain_id: DomainId | None = None) -> Domain:
        return self.create(domain_id or new_domain_id(), name, caller)

    def set(self, domain: Domain, *purposes: RecordPurpose) -> None:
        """Write these records of a domain into the zone; none named: all of them."""
        for record in self.records(domain, *purposes):
            self.dns.add(record.name, record.type, _in_zone(record))

    def unset(self, domain: Domain, *purposes: RecordPurpose) -> None:
        for record in self.records(domain, *purposes):
            self.dns.remove(record.name, record.type, _in_zone(record))

    def records(self, domain: Domain, *purposes: RecordPurpose) -> list[DnsRecord]:
        return [record for record in domain.records if not purposes or record.purpose in purposes]

    def verify(self, domain: Domain) -> Domain:
        return self.verify_domain(domain.id, self.owner(domain))

    def verified(self, caller: Caller = ANNA, name: str = NAME) -> Domain:
        """A domain that may send and receive."""
        domain = self.add(caller, name)
        self.set(domain)
        return self.verify(domain)

    def owner(self, domain: Domain) -> Caller:
        return ANNA if domain.account_id == ANNA.account_id else BERT

    def now(self, domain: Domain) -> Domain:
        """The domain as it stands."""
        return self.get(domain.id, self.owner(domain))

    def now_of(self, domain_id: DomainId) -> Domain:
        """The same by its id, whoever has it."""
        return self.domains.domains[domain_id]

    def is_there(self, domain: Domain) -> bool:
        try:
            self.now(domain)
        except NotFound:
            return False
        return True

    def holding(self, name: str = NAME) -> Holding:
        return self.holdings.get(name)

    def inbox(self, caller: Caller = ANNA, **wishes: Any) -> Inbox:
        return self.create_inbox(NewInbox(next(self._inbox_numbers), **wishes), caller)

    # --------------------------------------------------------------------------------------------- time, events

    def pass_by(self, **time: float) -> None:
        self.clock.now += timedelta(**time)

    def live(self, every: int = 5, **time: float) -> None:
        """Let time pass, with the clock of the domains every five minutes, or so many."""
        until = self.clock.now + timedelta(**time)
        while self.clock.now < until:
            self.clock.now = min(until, self.clock.now + timedelta(minutes=every))
            self.check_due()

    def told(self, caller: Caller = ANNA) -> list[Event]:
        events = self.log.events[caller.account_id]
        assert all(event.type is EventType.DOMAIN_VERIFIED for event in events)
        return events


def _in_zone(record: DnsRecord) -> str:
    return f"{record.priority} {record.value}" if record.type is RecordType.MX else record.value
