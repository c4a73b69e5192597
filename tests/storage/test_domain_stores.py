"""The contracts of DomainStore, HoldingStore, DueDomains and RuleNamesStore (operations/ports/domains.py)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.domain_records import DkimState, Identity, compared, wanted_records
from chalicelib.domain.ids import AccountId
from chalicelib.domain.own_domain import (
    Domain,
    DomainId,
    FirstVerified,
    Holding,
    ReceivingStatus,
    SendingStatus,
    new_domain_id,
)
from chalicelib.operations.ports import PageRequest, VersionConflict
from chalicelib.operations.ports.domains import (
    DomainStore,
    DueDomain,
    DueDomains,
    HoldingStore,
    RuleNamesStore,
    RuleWork,
)
from chalicelib.storage.domain_store import DynamoDomainStore
from chalicelib.storage.due_domain_store import DynamoDueDomains
from chalicelib.storage.holding_store import DynamoHoldingStore
from chalicelib.storage.inbox_store import DynamoInboxStore
from chalicelib.storage.receipt_rule_store import DynamoRuleNames
from tests.factories.accounts import ACCOUNT_ID, NOON, make_inbox
from tests.fakes.domains import FakeDomainStore, FakeDueDomains, FakeHoldingStore, FakeRuleNames
from tests.fakes.inbox_store import FakeInboxStore

OTHER = AccountId("acc_another")
NAME = "example.com"
InboxStores = FakeInboxStore | DynamoInboxStore


@pytest.fixture
def domains(*, is_fake: bool) -> DomainStore:
    return FakeDomainStore() if is_fake else DynamoDomainStore()


@pytest.fixture
def inboxes(domains: DomainStore) -> InboxStores:
    return FakeInboxStore(domains=domains) if isinstance(domains, FakeDomainStore) else DynamoInboxStore()


@pytest.fixture
def holdings(*, is_fake: bool) -> HoldingStore:
    return FakeHoldingStore() if is_fake else DynamoHoldingStore()


@pytest.fixture
def due(*, is_fake: bool) -> DueDomains:
    return FakeDueDomains() if is_fake else DynamoDueDomains()


@pytest.fixture
def rules(*, is_fake: bool) -> RuleNamesStore:
    return FakeRuleNames() if is_fake else DynamoRuleNames()


def make_domain(name: str = NAME, account_id: AccountId = ACCOUNT_ID, **changes: object) -> Domain:
    records = wanted_records(Identity(name, DkimState.PENDING, ("a", "b", "c")), "proof", "eu-central-1")
    domain = Domain(new_domain_id(), account_id, name, records, NOON, NOON + timedelta(hours=72), NOON)
    return replace(domain, **changes)  # type: ignore[arg-type]


def test_a_domain_is_read_as_it_was_stored_by_its_account_alone(domains: DomainStore) -> None:
    full = make_domain(
        sending=SendingStatus.VERIFIED,
        receiving=ReceivingStatus.FAILED,
        sending_verified_at=NOON,
        receiving_missing_since=NOON,
        checked_at=NOON,
        first_verified=FirstVerified(NOON, 7, is_told=True),
    )
    full = replace(
        full, records=tuple(compared(record, ("1 x", "y")) for record in full.records[:1]) + full.records[1:]
    )
    assert domains.create(full)
    assert domains.create(full)
    assert domains.create(make_domain("example.org"))
    theirs = make_domain(account_id=OTHER)
    assert domains.create(theirs)

    assert domains.get(ACCOUNT_ID, full.id) == domains.find(ACCOUNT_ID, NAME) == full
    assert domains.find(OTHER, NAME) == theirs
    assert domains.get(OTHER, full.id) is None
    assert domains.find(OTHER, "example.org") is None
    page = domains.page(ACCOUNT_ID, PageRequest(limit=1))
    assert ([each.name for each in page.items], page.total) == (["example.org"], 2)
    assert page.next_after is not None
    assert domains.page(ACCOUNT_ID, PageRequest(after=page.next_after)).items == (full,)


def test_an_account_has_a_name_once(domains: DomainStore) -> None:
    first = make_domain()

    assert domains.create(first)
    assert not domains.create(make_domain())
    assert domains.page(ACCOUNT_ID, PageRequest()).items == (first,)
    domains.delete(first)
    domains.delete(first)
    assert domains.create(make_domain())
    assert domains.page(ACCOUNT_ID, PageRequest()).total == 1


def test_of_two_that_change_a_domain_one_does(domains: DomainStore) -> None:
    domain = make_domain()
    domains.create(domain)

    saved = domains.save(replace(domain, sending=SendingStatus.VERIFIED))

    assert saved.version == domain.version + 1
    assert domains.get(ACCOUNT_ID, domain.id) == saved
    with pytest.raises(VersionConflict):
        domains.save(replace(domain, sending=SendingStatus.FAILED))
    with pytest.raises(VersionConflict):
        domains.save(make_domain("example.org"))


def test_whether_others_have_added_a_name_is_known(domains: DomainStore) -> None:
    mine, theirs = make_domain(), make_domain(account_id=OTHER)
    domains.create(mine)
    assert not domains.is_claimed(NAME, besides=mine.id)
    domains.create(theirs)

    assert domains.is_claimed(NAME, besides=mine.id)
    assert domains.is_claimed(NAME, besides=theirs.id)
    assert not domains.is_claimed("example.org", besides=mine.id)


def test_a_domain_goes_only_when_no_inbox_lives_on_it_and_takes_none_when_it_goes(
    domains: DomainStore, inboxes: InboxStores
) -> None:
    domain = make_domain()
    domains.create(domain)
    living = make_inbox(domain_id=domain.id, address=f"sales@{NAME}")
    assert inboxes.create(living)
    assert inboxes.create(living)  # a repeat is not counted
    assert inboxes.get(living.number) == living

    assert domains.inboxes(domain) == 1
    assert not domains.begin_deletion(domain)
    assert inboxes.delete(living)
    assert not inboxes.delete(living)
    assert domains.inboxes(domain) == 0
    saved = domains.save(domain)
    with pytest.raises(VersionConflict):
        domains.begin_deletion(domain)
    assert domains.begin_deletion(saved)

    assert domains.get(ACCOUNT_ID, domain.id) == replace(saved, is_going=True)
    assert not inboxes.create(make_inbox(number=8, domain_id=domain.id, address=f"info@{NAME}"))
    assert inboxes.get(8) is None
    assert inboxes.owners([f"info@{NAME}"]) == {}
    with pytest.raises(VersionConflict):
        domains.save(saved)


def test_an_inbox_on_an_unknown_domain_is_not_created(inboxes: InboxStores) -> None:
    assert not inboxes.create(make_inbox(domain_id=DomainId("dom_1")))
    assert inboxes.get(7) is None


def test_an_address_is_handed_over_once_and_then_taken(inboxes: InboxStores) -> None:
    before = make_inbox(account_id=OTHER)
    inboxes.create(before)

    assert inboxes.hand_over_address(before.address, before=7, to=8)
    assert inboxes.hand_over_address(before.address, before=7, to=8)
    assert not inboxes.hand_over_address(before.address, before=7, to=9)
    assert inboxes.owners([before.address]) == {before.address: 8}
    assert not inboxes.create(make_inbox(number=9))
    assert inboxes.create(make_inbox(number=8))
    assert inboxes.get(7) == before


def test_a_name_without_an_item_is_nobodys(holdings: HoldingStore) -> None:
    assert holdings.get(NAME) == Holding(NAME)
    assert holdings.get_many([NAME, "example.org"]) == {NAME: Holding(NAME), "example.org": Holding("example.org")}
    assert holdings.get_many([]) == {}


def test_of_two_that_take_a_name_one_gets_it(holdings: HoldingStore) -> None:
    mine = Holding(NAME, ACCOUNT_ID, new_domain_id(), sends=True, missing_since=NOON)

    saved = holdings.save(mine)

    assert holdings.get(NAME) == saved == replace(mine, version=saved.version)
    assert holdings.get_many([NAME])[NAME] == saved
    with pytest.raises(VersionConflict):
        holdings.save(Holding(NAME, OTHER, new_domain_id()))
    with pytest.raises(VersionConflict):
        holdings.remove(replace(saved, version=saved.version + 1))
    again = holdings.save(replace(saved, sends=False))
    with pytest.raises(VersionConflict):
        holdings.remove(saved)
    holdings.remove(again)
    holdings.remove(again)
    assert holdings.get(NAME) == Holding(NAME)


def test_one_that_was_removed_and_made_anew_is_another(holdings: HoldingStore) -> None:
    first = holdings.save(Holding(NAME, ACCOUNT_ID, new_domain_id()))
    holdings.remove(first)
    holdings.save(Holding(NAME, OTHER, new_domain_id()))

    with pytest.raises(VersionConflict):
        holdings.save(replace(first, sends=True))
    with pytest.raises(VersionConflict):
        holdings.remove(first)


def test_due_domains_come_in_the_order_of_their_times(due: DueDomains) -> None:
    dues = [DueDomain(ACCOUNT_ID, new_domain_id(), NOON + timedelta(milliseconds=300 * number)) for number in range(9)]
    for each in reversed(dues):
        due.add(each)
    due.add(dues[0])

    assert list(due.due(NOON - timedelta(milliseconds=1), 10)) == []
    assert list(due.due(NOON + timedelta(milliseconds=900), 10)) == dues[:4]
    assert list(due.due(NOON + timedelta(days=1), 3)) == dues[:3]
    due.remove(dues[0])
    due.remove(dues[0])
    assert list(due.due(NOON + timedelta(milliseconds=300), 10)) == [dues[1]]


def test_one_that_is_being_added_is_due_with_its_name_until_it_was_checked(due: DueDomains) -> None:
    added = DueDomain(ACCOUNT_ID, new_domain_id(), NOON, NAME)
    due.add(added)

    assert [each.name for each in due.due(NOON, 10)] == [NAME]
    due.add(replace(added, name=None))
    assert [each.name for each in due.due(NOON, 10)] == [None]
    due.remove(added)
    assert list(due.due(NOON, 10)) == []


def test_a_rule_has_its_names_and_every_change_shows(rules: RuleNamesStore) -> None:
    assert rules.get(3).names == frozenset()
    assert rules.all() == []

    assert rules.add(3, "a.com", 2)
    assert rules.add(3, "b.com", 2)
    assert rules.add(3, "b.com", 2)
    assert not rules.add(3, "c.com", 2)
    assert rules.add(0, "c.com", 2)
    full = rules.get(3)
    assert full.names == {"a.com", "b.com"}
    assert [each.rule for each in rules.all()] == [0, 3]

    rules.drop(3, {"a.com", "unknown.com"})
    left = rules.get(3)
    assert left.names == {"b.com"}
    assert left.version > full.version
    rules.drop(3, {"b.com"})
    assert rules.get(3).names == frozenset()
    assert rules.add(3, "d.com", 2)


def test_who_is_at_work_on_a_rule_is_known_until_it_ends(rules: RuleNamesStore) -> None:
    one, other = RuleWork(0, "a", NOON), RuleWork(12, "b", NOON)
    rules.begin(one)
    rules.begin(other)
    assert set(rules.work()) == {one, other}

    rules.end(one)
    rules.end(one)
    assert rules.work() == [other]
