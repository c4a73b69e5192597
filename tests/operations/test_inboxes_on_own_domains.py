"""Inboxes on own domains: created where the domain is verified, sending and receiving while the account holds it."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.errors import CallerError, ErrorCode, InvalidInput, NotFound
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.own_domain import RecordPurpose, new_domain_id
from chalicelib.operations.create_inbox import NewInbox
from chalicelib.operations.ports import PageRequest
from chalicelib.operations.send_reasons import DOMAIN_NOT_VERIFIED, OUTCOME_UNKNOWN
from tests.factories.accounts import make_inbox
from tests.operations.domain_world import ANNA, BERT, NAME, DomainWorld
from tests.operations.incoming import arrive, make_receipt
from tests.operations.unanswered import overdue
from tests.operations.world import INBOX, World

# --------------------------------------------------------------------------------------------------- creating


@pytest.mark.parametrize(
    ("wishes", "address"),
    [
        ({"address": "Sales"}, f"sales@{NAME}"),
        ({"address": f"Sales@{NAME.upper()}"}, f"sales@{NAME}"),
    ],
)
def test_an_inbox_on_an_own_domain_has_the_address_that_was_asked_for(wishes: dict[str, Any], address: str) -> None:
    world = DomainWorld()
    domain = world.verified()

    inbox = world.inbox(domain_id=domain.id, **wishes)

    assert (inbox.address, inbox.domain_id) == (address, domain.id)
    assert world.inboxes.owners([address]) == {address: inbox.number}


def test_the_domain_of_a_full_address_is_enough() -> None:
    world = DomainWorld()
    domain = world.verified()

    assert world.inbox(address=f"sales@{NAME}").domain_id == domain.id


def test_random_and_prefixed_addresses_stand_on_the_own_domain_too() -> None:
    world = DomainWorld()
    domain = world.verified()

    assert world.inbox(domain_id=domain.id).address.endswith(f"@{NAME}")
    prefixed = world.inbox(domain_id=domain.id, prefix="agent").address
    assert prefixed.startswith("agent-")
    assert prefixed.endswith(f"@{NAME}")


def test_an_address_of_another_domain_is_none_of_this_one() -> None:
    world = DomainWorld()
    domain = world.verified()

    with pytest.raises(InvalidInput) as refused:
        world.inbox(domain_id=domain.id, address="sales@example.org")
    assert refused.value.code is ErrorCode.INVALID_INBOX_DOMAIN
    with pytest.raises(InvalidInput) as refused:
        world.inbox(domain_id=domain.id, address="postmaster")
    assert refused.value.code is ErrorCode.INVALID_INBOX_LOCAL_PART


@pytest.mark.parametrize("by_id", [True, False])
def test_on_a_domain_that_is_not_verified_none_is_created(by_id: bool) -> None:  # noqa: FBT001 - a table's column
    world = DomainWorld()
    domain = world.add()
    world.set(domain, RecordPurpose.OWNERSHIP, RecordPurpose.RECEIVING)
    world.verify(domain)

    with pytest.raises(InvalidInput) as refused:
        world.inbox(**({"domain_id": domain.id} if by_id else {"address": f"sales@{NAME}"}))

    assert refused.value.code is ErrorCode.DOMAIN_NOT_VERIFIED
    assert list(refused.value.details) == ["domainId" if by_id else "address"]
    assert world.inboxes.inboxes == {}


def test_an_unknown_domain_id_is_not_found() -> None:
    with pytest.raises(NotFound):
        DomainWorld().inbox(domain_id=new_domain_id())


def test_repeating_a_creation_gives_the_same_inbox() -> None:
    world = DomainWorld()
    domain = world.verified()
    wish = NewInbox(99, address="sales", domain_id=domain.id)

    assert world.create_inbox(wish, ANNA) == world.create_inbox(wish, ANNA)
    assert world.domains.inboxes(domain) == 1


# ------------------------------------------------------------------------------------------ sending, receiving


@pytest.fixture
def world() -> World:
    """A message's whole life, from an inbox on a verified domain of Anna's."""
    world = World(address=f"sales@{NAME}")
    world.inboxes.inboxes[INBOX] = replace(world.inbox(), domain_id="dom_1")
    hold(world)
    return world


def hold(world: World, **changes: object) -> None:
    known = world.holdings.get(NAME)
    wanted = replace(known, account_id=ANNA.account_id, sends=True, receives=True)
    world.holdings.save(replace(wanted, **changes))


@pytest.mark.parametrize("change", [{"sends": False}, {"account_id": BERT.account_id}])
def test_sending_from_a_domain_that_is_verified_no_more_is_refused_and_leaves_nothing(
    world: World, change: dict[str, object]
) -> None:
    world.sent()
    hold(world, **change)

    with pytest.raises(CallerError) as refused:
        world.submit()

    assert refused.value.code is ErrorCode.DOMAIN_NOT_VERIFIED
    assert world.leaves_nothing_behind(MessageKey(world.inbox().number, 1))
    assert world.inbox().sends_today == 1
    world.work()
    assert len(world.provider.mails) == 1


@pytest.mark.parametrize("change", [{"sends": False}, {"account_id": BERT.account_id}])
def test_a_mail_without_an_answer_is_not_handed_over_again_once_its_domain_is_lost(
    world: World, change: dict[str, object]
) -> None:
    world, key = overdue(world)
    hold(world, **change)

    world.work()

    assert world.provider.mails == []
    (recipient,) = world.delivery(key).recipients
    assert recipient.reason == OUTCOME_UNKNOWN, "SES may have taken it the first time"


def test_a_message_that_waits_while_its_domain_is_lost_is_not_sent(world: World) -> None:
    key = world.submitted()
    hold(world, account_id=BERT.account_id)

    world.work()

    assert world.provider.mails == []
    assert world.status(key) is MessageStatus.FAILED
    (recipient,) = world.delivery(key).recipients
    assert recipient.reason == DOMAIN_NOT_VERIFIED


def test_mail_on_the_deployments_domain_asks_nothing_of_own_domains() -> None:
    world = World()
    reads = world.holdings.reads

    world.sent()
    world.receive_message(arrive(world, receipt=make_receipt(world.inbox().address)))

    assert world.holdings.reads == reads


def test_an_inbox_of_an_earlier_mail_domain_goes_on() -> None:
    world = World(address="agent@old.example.com")

    world.sent()
    world.receive_message(arrive(world, receipt=make_receipt(world.inbox().address)))

    assert len(world.listed()) == 2


@pytest.mark.parametrize(
    ("change", "arrives"),
    [({}, True), ({"sends": False}, True), ({"receives": False}, False), ({"account_id": BERT.account_id}, False)],
)
def test_mail_arrives_while_the_account_holds_the_domain(
    world: World,
    change: dict[str, object],
    arrives: bool,  # noqa: FBT001 - a table's column
) -> None:
    hold(world, **change)
    receipt = arrive(world, receipt=make_receipt(world.inbox().address))

    world.receive_message(receipt)

    assert len(world.listed()) == arrives
    assert world.mails.read(receipt.blob) is None


def test_a_mail_that_two_rules_of_ses_announce_comes_to_each_inbox_once() -> None:
    """Each rule stores it under a name of its own and names the recipients it matched, under one SES id."""
    world = World()
    world.inboxes.create(make_inbox(number=8, address=f"sales@{NAME}"))
    world.inboxes.inboxes[8] = replace(world.inboxes.inboxes[8], domain_id="dom_1", next_sequence=0)
    hold(world)
    ours = arrive(world, receipt=make_receipt(world.inbox().address))
    own = arrive(world, receipt=make_receipt(f"sales@{NAME}", blob="inbound/domains-0000/x"))

    for receipt in (ours, own, own, ours):
        world.receive_message(receipt)

    assert len(world.listed()) == 1
    page = world.list_messages(8, world.caller, PageRequest())
    assert page.total == 1
    assert world.mails.stored == {}
