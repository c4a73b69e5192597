"""Several accounts and one name: whose it is, how it changes hands, and that nobody hears of the others."""

import contextlib
import random
from dataclasses import replace

import pytest

from chalicelib.domain.errors import CallerError, Conflict, ErrorCode, NotFound, QuotaExceeded
from chalicelib.domain.own_domain import ReceivingStatus, RecordPurpose, SendingStatus, new_domain_id
from chalicelib.operations.manage_domains import MOST_DOMAINS
from chalicelib.operations.ports import PageRequest
from tests.operations.domain_world import ANNA, BERT, NAME, DomainWorld
from tests.operations.watched import Crash, FailingAt, Meanwhile, Recording

OWNERSHIP, RECEIVING = RecordPurpose.OWNERSHIP, RecordPurpose.RECEIVING


def test_several_accounts_may_add_a_name_and_each_gets_a_record_of_its_own() -> None:
    world = DomainWorld()
    annas, berts = world.add(ANNA), world.add(BERT)

    assert annas.proof != berts.proof
    assert [record for record in annas.records if record.purpose is not OWNERSHIP] == [
        record for record in berts.records if record.purpose is not OWNERSHIP
    ]
    assert world.ses.created == 1


def test_within_an_account_a_name_is_added_once() -> None:
    world = DomainWorld()
    known = world.add()

    with pytest.raises(Conflict) as refused:
        world.add(name="Example.COM.")

    assert refused.value.code is ErrorCode.DOMAIN_EXISTS
    assert known.id in refused.value.message
    assert world.list(ANNA, PageRequest()).total == 1


def test_the_record_of_another_account_verifies_nothing() -> None:
    world = DomainWorld()
    annas, berts = world.add(ANNA), world.add(BERT)
    world.set(annas)

    assert world.verify(berts).sending is SendingStatus.PENDING
    assert world.verify(annas).sending is SendingStatus.VERIFIED
    checked = world.verify(berts)

    assert (checked.sending, checked.receiving) == (SendingStatus.PENDING, ReceivingStatus.PENDING)
    assert world.told(BERT) == []
    assert world.holding().may_send(ANNA.account_id)
    assert not world.holding().may_send(BERT.account_id)


def test_while_the_records_of_two_stand_the_first_keeps_the_name() -> None:
    world = DomainWorld()
    annas, berts = world.verified(ANNA), world.add(BERT)
    world.set(berts, OWNERSHIP)

    world.live(days=5)

    assert world.now(annas).sending is SendingStatus.VERIFIED
    assert world.now(berts).sending is SendingStatus.FAILED


def test_where_the_record_of_another_has_taken_its_place_the_name_changes_hands_at_once() -> None:
    world = DomainWorld()
    annas, berts = world.verified(ANNA), world.add(BERT)
    inbox = world.inbox(ANNA, domain_id=annas.id, address="sales")
    world.unset(annas, OWNERSHIP)
    world.set(berts, OWNERSHIP)

    assert world.verify(berts).sending is SendingStatus.VERIFIED

    assert world.holding().may_send(BERT.account_id)
    with pytest.raises(CallerError) as refused:
        world.own_domains.require_sending(inbox)
    assert refused.value.code is ErrorCode.DOMAIN_NOT_VERIFIED
    assert world.own_domains.receiving({inbox.address: inbox.number}) == {}
    assert NAME in world.rules.names
    world.live(minutes=5)  # and its former holder sees so
    assert (world.now(annas).sending, world.now(annas).receiving) == ("pending", "pending")
    assert [event.subject for event in world.told(BERT)] == [berts.id]


def test_a_name_that_comes_back_brings_its_inboxes_back() -> None:
    world = DomainWorld()
    annas, berts = world.verified(ANNA), world.add(BERT)
    inbox = world.inbox(ANNA, domain_id=annas.id, address="sales")
    for domain, other in ((berts, annas), (annas, berts)):
        world.unset(other, OWNERSHIP)
        world.set(domain, OWNERSHIP)
        world.verify(domain)

    world.own_domains.require_sending(inbox)
    assert world.own_domains.receiving({inbox.address: inbox.number}) == {inbox.address: inbox.number}


def test_whoever_has_the_name_now_may_take_the_addresses_of_whoever_had_it_before() -> None:
    world = DomainWorld()
    annas, berts = world.verified(ANNA), world.add(BERT)
    before = world.inbox(ANNA, domain_id=annas.id, address="sales")
    world.unset(annas, OWNERSHIP)
    world.set(berts, OWNERSHIP)
    world.verify(berts)

    after = world.inbox(BERT, domain_id=berts.id, address="sales")

    assert after.address == before.address
    assert world.own_domains.receiving(world.inboxes.owners([after.address])) == {after.address: after.number}
    assert world.inboxes.get(before.number) == before  # with its messages, and without mail


def test_an_address_of_ones_own_is_never_given_out_twice() -> None:
    world = DomainWorld()
    domain = world.verified()
    world.delete_inbox(world.inbox(domain_id=domain.id, address="sales").number, ANNA)

    with pytest.raises(Conflict) as refused:
        world.inbox(address=f"sales@{NAME}")

    assert refused.value.code is ErrorCode.INBOX_ADDRESS_TAKEN


@pytest.mark.parametrize("first", range(2))
def test_of_two_that_check_at_the_same_moment_one_gets_the_name(first: int) -> None:
    for number in range(30):
        world = DomainWorld()
        pair = [world.add(ANNA), world.add(BERT)]
        for domain in pair:
            world.set(domain, OWNERSHIP)
        world.set(pair[0], *(purpose for purpose in RecordPurpose if purpose is not OWNERSHIP))
        rival = Meanwhile(number, lambda w=world, p=pair: w.verify(p[1 - first]))  # type: ignore[misc]

        with world.watching(rival):
            world.verify(pair[first])
        if not rival.has_happened:
            assert number > 10
            return
        world.live(minutes=20)

        holders = [domain for domain in map(world.now, pair) if domain.sending is SendingStatus.VERIFIED]
        assert [domain.id for domain in holders] == [world.holding().domain_id]
        assert len(world.told(ANNA)) + len(world.told(BERT)) == 1
    raise AssertionError("a check makes too many calls")


def test_a_stranger_learns_nothing_from_what_it_is_answered() -> None:
    alone, beside = DomainWorld(), DomainWorld()
    beside.verified(ANNA)
    domain_id = new_domain_id()
    answers = []
    for world in (alone, beside):
        world.ses.dns.zone = dict(beside.dns.zone)
        world.dns = world.ses.dns
        domain = world.add(BERT, domain_id=domain_id)
        with pytest.raises(CallerError) as refused:
            world.inbox(BERT, address=f"sales@{NAME}")
        answers.append((domain, replace(world.verify(domain), records=()), refused.value.message))

    assert answers[0] == answers[1]


def test_an_id_of_another_account_is_an_unknown_id() -> None:
    world = DomainWorld()
    domain = world.verified(ANNA)
    before = world.now(domain)

    for id_ in (domain.id, new_domain_id()):
        for act in (world.get, world.delete, world.verify_domain):
            with pytest.raises(NotFound):
                act(id_, BERT)
        with pytest.raises(NotFound):
            world.inbox(BERT, domain_id=id_)

    assert world.now(domain) == before
    assert world.list(BERT, PageRequest()).total == 0


def test_an_account_has_a_hundred_domains_at_most() -> None:
    world = DomainWorld()
    for number in range(MOST_DOMAINS):
        world.add(ANNA, f"example{number}.com")

    with pytest.raises(QuotaExceeded):
        world.add(ANNA, "one-more.com")

    world.add(BERT, "one-more.com")
    world.delete(world.list(ANNA, PageRequest()).items[0].id, ANNA)
    world.add(ANNA, "one-more.com")


# --------------------------------------------------------------------------------------------------- deletion


def test_a_deleted_domain_leaves_nothing() -> None:
    world = DomainWorld()
    domain = world.verified()

    world.delete(domain.id, ANNA)

    assert not world.is_there(domain)
    assert world.holdings.holdings == {}
    assert world.due.dues == set()
    assert world.ses.identities == {}
    assert world.rules.names == set()
    assert world.rule_names.work() == []
    with pytest.raises(NotFound):
        world.delete(domain.id, ANNA)


def test_a_domain_with_inboxes_is_not_deleted_and_says_why() -> None:
    world = DomainWorld()
    domain = world.verified()
    first, second = world.inbox(domain_id=domain.id), world.inbox(domain_id=domain.id)

    with pytest.raises(Conflict) as refused:
        world.delete(domain.id, ANNA)
    assert refused.value.code is ErrorCode.DOMAIN_IN_USE
    assert refused.value.message.startswith("2 inboxes live on example.com")

    for inbox in (first, second):
        world.delete_inbox(inbox.number, ANNA)
    world.delete(domain.id, ANNA)
    assert not world.is_there(domain)


def test_an_inbox_that_comes_while_a_domain_is_deleted_is_refused_or_keeps_it() -> None:
    calls = Recording()
    world = DomainWorld()
    domain = world.verified()
    with world.watching(calls):
        world.delete(domain.id, ANNA)
    for number in range(len(calls.calls)):
        world = DomainWorld()
        domain = world.verified()
        came: list[bool] = []

        def come(world: DomainWorld = world, came: list[bool] = came) -> None:
            try:
                world.inbox(ANNA, address=f"sales@{NAME}")
            except CallerError:
                came.append(False)
            else:
                came.append(True)

        deleted = True
        with world.watching(Meanwhile(number, come)):
            try:
                world.delete(domain.id, ANNA)
            except Conflict:
                deleted = False

        assert came == [not deleted]
        assert world.is_there(domain) is not deleted


def test_whoever_has_added_a_name_in_vain_takes_nothing_with_it() -> None:
    world = DomainWorld()
    annas, berts = world.verified(ANNA), world.add(BERT)
    world.verify(berts)

    world.delete(berts.id, BERT)

    assert NAME in world.ses.identities
    assert world.verify(annas).sending is SendingStatus.VERIFIED
    assert world.holding().domain_id == annas.id


def test_when_the_holder_goes_ses_forgets_the_name_and_whoever_else_has_added_it_begins_anew() -> None:
    world = DomainWorld()
    annas, berts = world.verified(ANNA), world.add(BERT)

    world.delete(annas.id, ANNA)
    assert world.ses.identities == {}
    world.set(world.verify(berts))

    assert world.verify(berts).sending is SendingStatus.VERIFIED


def test_the_last_that_has_added_a_name_in_vain_takes_ses_identity_with_it() -> None:
    world = DomainWorld()
    annas, berts = world.add(ANNA), world.add(BERT)

    world.delete(annas.id, ANNA)
    assert NAME in world.ses.identities
    world.delete(berts.id, BERT)

    assert world.ses.identities == {}


def test_any_order_of_acts_and_deaths_comes_to_one_holder_at_most_and_rules_that_follow() -> None:
    for seed in range(40):
        luck = random.Random(seed)
        world = DomainWorld()
        for _ in range(20):
            _act(world, luck)
        world.live(60, hours=25)  # what died half-way is finished by the clock

        holding = world.holding()
        there = {domain.id for domain in world.domains.domains.values()}
        assert holding.domain_id is None or holding.domain_id in there, seed
        assert (NAME in world.rules.names) == holding.receives, seed
        assert holding.is_followed, seed
        assert world.rule_names.work() == [], seed
        assert {due.domain_id for due in world.due.dues} == there, seed
        assert not any(domain.is_going for domain in world.domains.domains.values()), seed
        assert (NAME in world.ses.identities) >= (holding.domain_id is not None), seed
        for caller in (ANNA, BERT):
            assert len(world.told(caller)) == len({event.subject for event in world.told(caller)}), seed


def _act(world: DomainWorld, luck: random.Random) -> None:
    """Something that an account, its zone or the time does; every other time it dies half-way."""
    caller = luck.choice((ANNA, BERT))
    known = world.domains.find(caller.account_id, NAME)
    death = FailingAt(luck.randrange(30), after_effect=luck.random() < 0.5)
    match luck.choice(("add", "delete", "verify", "verify", "set", "unset", "mx", "live")):
        case "live":
            world.live(60, hours=luck.choice((1, 30, 80)))
        case "add" if known is None:
            with world.watching(death), contextlib.suppress(Crash):
                world.add(caller)
        case "delete" if known is not None:
            with world.watching(death), contextlib.suppress(Crash):
                world.delete(known.id, caller)
        case "verify" if known is not None:
            with world.watching(death), contextlib.suppress(Crash, NotFound):
                world.verify(known)
        case "set" if known is not None:
            world.unset(known)
            world.set(known)
        case "unset" if known is not None:
            world.unset(known, OWNERSHIP)
        case "mx" if known is not None:
            world.unset(known, RECEIVING)
