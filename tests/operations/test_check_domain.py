"""Checking own domains: what each record comes to, how long the lost is forgiven, when it is told, when it is looked at."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from chalicelib.domain.domain_records import DkimState
from chalicelib.domain.errors import NotFound
from chalicelib.domain.own_domain import ReceivingStatus, RecordPurpose, RecordStatus, RecordType, SendingStatus
from tests.factories.accounts import NOON
from tests.operations.domain_world import ANNA, BERT, NAME, SENDING, DomainWorld
from tests.operations.watched import Recording

OWNERSHIP, DKIM, RECEIVING = RecordPurpose.OWNERSHIP, RecordPurpose.DKIM, RecordPurpose.RECEIVING


def statuses(world: DomainWorld, *set_: RecordPurpose) -> tuple[SendingStatus, ReceivingStatus]:
    domain = world.add()
    if set_:
        world.set(domain, *set_)
    checked = world.verify(domain)
    return checked.sending, checked.receiving


@pytest.mark.parametrize(
    ("set_", "sending", "receiving"),
    [
        ((), SendingStatus.PENDING, ReceivingStatus.PENDING),
        ((DKIM, RECEIVING), SendingStatus.PENDING, ReceivingStatus.PENDING),
        ((OWNERSHIP,), SendingStatus.PENDING_DKIM, ReceivingStatus.PENDING),
        ((OWNERSHIP, RECEIVING), SendingStatus.PENDING_DKIM, ReceivingStatus.VERIFIED),
        ((OWNERSHIP, DKIM), SendingStatus.VERIFIED, ReceivingStatus.PENDING),
        (SENDING, SendingStatus.VERIFIED, ReceivingStatus.PENDING),
        (tuple(RecordPurpose), SendingStatus.VERIFIED, ReceivingStatus.VERIFIED),
    ],
)
def test_ownership_and_dkim_verify_sending_ownership_and_the_mx_receiving(
    set_: tuple[RecordPurpose, ...], sending: SendingStatus, receiving: ReceivingStatus
) -> None:
    world = DomainWorld()

    assert statuses(world, *set_) == (sending, receiving)
    holding = world.holding()
    assert (holding.sends, holding.receives) == (sending == "verified", receiving == "verified")
    assert (NAME in world.rules.names) == (receiving == "verified")
    assert world.rule_names.work() == []


def test_each_record_says_what_was_found_and_what_that_means() -> None:
    world = DomainWorld()
    domain = world.add()
    world.set(domain, OWNERSHIP)
    world.dns.add("_agentsend.example.com", RecordType.TXT, "something else")
    world.dns.add("_dmarc.example.com", RecordType.TXT, "v=DMARC1; p=reject; rua=mailto:a@example.com")
    world.dns.add("agentsend.example.com", RecordType.TXT, "v=spf1 -all")
    world.dns.add("example.com", RecordType.MX, "10 inbound-smtp.eu-central-1.amazonaws.com")
    world.dns.add("example.com", RecordType.MX, "5 mail.elsewhere.example")
    world.dns.silent.add("agentsend.example.com")

    before = world.now(domain)
    found = {record.purpose: record for record in world.verify(domain).records}

    assert {(record.status, record.found) for record in before.records} == {(RecordStatus.NOT_CHECKED, None)}
    assert found[OWNERSHIP].status is RecordStatus.VERIFIED
    assert found[OWNERSHIP].found == (domain.proof, "something else")
    assert found[DKIM].status is RecordStatus.MISSING
    assert found[DKIM].found == ()
    assert found[RecordPurpose.DMARC].status is RecordStatus.VERIFIED  # whatever the policy
    assert found[RecordPurpose.SPF].status is RecordStatus.NOT_CHECKED  # no answer
    assert found[RECEIVING].status is RecordStatus.DIFFERENT  # mail goes to the other server first


def test_a_second_server_of_a_higher_preference_is_no_obstacle() -> None:
    world = DomainWorld()
    domain = world.add()
    world.set(domain)
    world.dns.add(NAME, RecordType.MX, "20 backup.elsewhere.example")

    assert world.verify(domain).receiving is ReceivingStatus.VERIFIED


@pytest.mark.parametrize(
    ("state", "sending"),
    [
        (DkimState.NOT_STARTED, SendingStatus.PENDING_DKIM),
        (DkimState.PENDING, SendingStatus.PENDING_DKIM),
        (DkimState.TEMPORARY_FAILURE, SendingStatus.PENDING_DKIM),
        (DkimState.FAILED, SendingStatus.FAILED),
        (DkimState.SUCCESS, SendingStatus.VERIFIED),
    ],
)
def test_what_ses_says_of_dkim_decides(state: DkimState, sending: SendingStatus) -> None:
    world = DomainWorld()
    domain = world.add()
    world.set(domain)
    world.ses.states[NAME] = state

    assert world.check(domain.account_id, domain.id).sending is sending


def test_a_trouble_that_ses_takes_for_temporary_costs_nothing() -> None:
    world = DomainWorld()
    domain = world.verified()
    world.ses.states[NAME] = DkimState.TEMPORARY_FAILURE

    assert world.verify(domain).sending is SendingStatus.VERIFIED
    world.ses.states[NAME] = DkimState.FAILED
    assert world.check(domain.account_id, domain.id).sending is SendingStatus.FAILED
    assert not world.holding().sends


def test_asked_for_a_check_ses_looks_again_for_what_it_has_given_up() -> None:
    world = DomainWorld()
    domain = world.add()
    world.set(domain)
    world.ses.states[NAME] = DkimState.FAILED
    world.check(domain.account_id, domain.id)

    checked = world.verify(domain)

    assert checked.sending is SendingStatus.PENDING_DKIM
    assert world.records(checked, DKIM) != world.records(domain, DKIM)  # a new identity may want other records
    assert world.records(checked, OWNERSHIP)[0].status is RecordStatus.VERIFIED


def test_an_identity_that_somebody_else_has_made_is_used_and_never_changed() -> None:
    world = DomainWorld()
    world.ses.create(NAME)
    world.ses.identities[NAME] = replace(world.ses.identities[NAME], is_ours=False)
    domain = world.verified()
    world.ses.states[NAME] = DkimState.FAILED

    assert domain.sending is SendingStatus.VERIFIED
    assert world.verify(domain).sending is SendingStatus.FAILED
    world.delete(domain.id, ANNA)
    assert world.ses.identities[NAME].mail_from is None


# ------------------------------------------------------------------------------------------------- what is lost


def test_an_ownership_record_that_is_lost_is_forgiven_for_72_hours() -> None:
    world = DomainWorld()
    domain = world.verified()
    world.live(hours=73)
    world.unset(domain, OWNERSHIP)

    world.live(hours=24)
    assert world.now(domain).sending is SendingStatus.VERIFIED
    assert world.records(world.now(domain), OWNERSHIP)[0].status is RecordStatus.MISSING
    world.live(hours=96)

    assert (world.now(domain).sending, world.now(domain).receiving) == ("failed", "failed")
    assert world.now(domain).sending_verified_at is None
    assert world.holding().account_id is None
    assert NAME not in world.rules.names


def test_an_ownership_record_that_comes_back_in_time_begins_a_new_count() -> None:
    world = DomainWorld()
    domain = world.verified()
    for _ in range(3):
        world.unset(domain, OWNERSHIP)
        world.live(hours=50)
        world.set(domain, OWNERSHIP)
        world.live(hours=25)

    assert world.now(domain).sending is SendingStatus.VERIFIED


def test_an_mx_that_is_lost_is_forgiven_for_72_hours_and_sending_goes_on() -> None:
    world = DomainWorld()
    domain = world.verified()
    world.unset(domain, RECEIVING)

    world.live(hours=71)
    assert world.now(domain).receiving is ReceivingStatus.VERIFIED
    world.live(hours=50)

    assert (world.now(domain).sending, world.now(domain).receiving) == ("verified", "failed")
    assert NAME not in world.rules.names
    world.set(domain, RECEIVING)
    assert world.verify(domain).receiving is ReceivingStatus.VERIFIED
    assert NAME in world.rules.names


def test_name_servers_that_do_not_answer_change_nothing_however_long() -> None:
    world = DomainWorld()
    verified, pending = world.verified(), world.add(ANNA, "example.org")
    world.dns.is_silent = True

    world.live(days=10)

    assert (world.now(verified).sending, world.now(verified).receiving) == ("verified", "verified")
    assert (world.now(pending).sending, world.now(pending).receiving) == ("pending", "pending")
    assert {record.status for record in world.now(pending).records} == {RecordStatus.NOT_CHECKED}


def test_what_is_not_set_for_72_hours_has_failed_and_is_looked_for_all_the_same() -> None:
    world = DomainWorld()
    domain = world.add()

    world.live(hours=71)
    assert (world.now(domain).sending, world.now(domain).receiving) == ("pending", "pending")
    world.live(hours=2)
    assert (world.now(domain).sending, world.now(domain).receiving) == ("failed", "failed")
    world.set(domain)
    world.live(hours=25)

    assert (world.now(domain).sending, world.now(domain).receiving) == ("verified", "verified")


# ------------------------------------------------------------------------------------------------- the schedule


def test_a_domain_is_checked_every_quarter_of_an_hour_for_72_hours_and_then_daily() -> None:
    world = DomainWorld()
    domain = world.add()
    checks = [NOON]
    for _ in range(12 * 24 * 6):
        world.live(minutes=5)
        if (at := world.now(domain).checked_at) is not None and at != checks[-1]:
            checks.append(at)
    pauses = [after - before for before, after in pairwise(checks)]

    assert set(pauses) == {timedelta(minutes=15), timedelta(days=1)}
    assert checks[pauses.index(timedelta(days=1))] - NOON == timedelta(hours=72)
    assert len(world.due.dues) == 1


def test_whoever_asks_for_a_check_has_three_more_days_of_quick_ones() -> None:
    world = DomainWorld()
    domain = world.add()
    world.live(hours=100)

    checked = world.verify(domain)

    assert checked.sending is SendingStatus.PENDING
    assert checked.next_check_at == world.clock.now + timedelta(minutes=15)
    assert {due.due_at for due in world.due.dues} == {checked.next_check_at}


def test_a_run_reads_nothing_of_domains_that_are_not_due() -> None:
    world = DomainWorld()
    for number in range(30):
        world.add(ANNA, f"example{number}.com")
    reads = world.holdings.reads

    assert world.check_due() == 0
    assert (world.due.asked, world.holdings.reads) == (1, reads)


def test_a_domain_that_cannot_be_checked_keeps_no_other_waiting() -> None:
    world = DomainWorld()
    broken, whole = world.add(ANNA, "broken.example.com"), world.add(ANNA, "whole.example.com")
    world.set(whole)
    world.set(broken, OWNERSHIP)
    world.ses.identities.pop("broken.example.com")
    world.ses.refused.add("broken.example.com")

    world.live(minutes=20)

    assert world.now(whole).sending is SendingStatus.VERIFIED
    assert world.now(broken).checked_at is None
    world.ses.refused.clear()
    world.live(minutes=20)
    assert world.now(broken).checked_at is not None


def test_ses_is_asked_by_the_clock_only_about_names_that_somebody_has_proven() -> None:
    world = DomainWorld()
    domain = world.add()
    calls = Recording()
    with world.watching(calls):
        world.live(hours=1)
    assert not [call for call in calls.calls if call.startswith("ses.")]

    world.set(domain, OWNERSHIP)
    with world.watching(calls):
        world.live(hours=1)
    assert [call for call in calls.calls if call.startswith("ses.")] == ["ses.get"] * 4


def test_a_due_time_without_a_domain_goes() -> None:
    world = DomainWorld()
    domain = world.add()
    world.domains.domains.clear()

    world.live(minutes=20)

    assert world.due.dues == set()
    with pytest.raises(NotFound):
        world.verify(domain)


# --------------------------------------------------------------------------------------------------- the event


def test_the_first_success_of_sending_is_told_once_whatever_comes_after() -> None:
    world = DomainWorld()
    domain = world.add()
    world.set(domain, OWNERSHIP, RECEIVING)
    world.verify(domain)
    assert world.told() == []

    world.set(domain, DKIM)
    world.verify(domain)
    world.verify(domain)
    world.unset(domain, OWNERSHIP)
    world.live(days=9)
    world.set(domain, OWNERSHIP)
    world.live(days=9)

    assert [event.subject for event in world.told()] == [domain.id]
    assert world.told()[0].created_at == NOON
    assert world.told(BERT) == []
    assert world.now(domain).sending_verified_at != NOON  # it is verified anew since
