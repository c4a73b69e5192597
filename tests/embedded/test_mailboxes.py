from dataclasses import replace

import pytest

from chalicelib.domain.inbox import InboxStatus
from chalicelib.operations.create_inbox import CreateInbox, NewInbox
from chalicelib.operations.own_domains import OwnDomains
from embedded.mailboxes import Mailboxes
from tests.factories.accounts import NOON, make_caller, make_inbox
from tests.fakes.clock import FakeClock
from tests.fakes.domains import FakeHoldingStore
from tests.fakes.inbox_store import FakeInboxStore


@pytest.fixture
def inboxes() -> FakeInboxStore:
    store = FakeInboxStore()
    own_domains = OwnDomains(FakeHoldingStore(), store, "agents.test")
    create = CreateInbox(store, FakeClock(NOON), "agents.test", 10, store.domains, own_domains)
    for number, name in enumerate(("anna", "suspended", "deleted"), 1):
        create(NewInbox(number, name), make_caller())
    store.inboxes[2] = replace(store.inboxes[2], status=InboxStatus.SUSPENDED)
    store.inboxes[3] = replace(store.inboxes[3], status=InboxStatus.DELETED)
    return store


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("anna@agents.test", True),
        ("Anna+orders@Agents.Test", True),
        ("suspended@agents.test", True),
        ("deleted@agents.test", False),
        ("deleted+x@agents.test", False),
        ("bert@agents.test", False),
        ("anna@example.com", False),
        ("anna", False),
        ("", False),
        ("änna@agents.test", False),
        ("+@agents.test", False),
    ],
)
def test_mail_reaches_an_inbox_that_is_there_by_its_name_and_any_tag(
    inboxes: FakeInboxStore, address: str, *, reached: bool
) -> None:
    assert Mailboxes(inboxes, "agents.test").reached_by(address) is reached


@pytest.mark.parametrize(
    ("address", "here"), [("nobody@Agents.test", True), ("anna@agents.test", True), ("anna@example.com", False)]
)
def test_every_address_under_the_mail_domain_is_here(inboxes: FakeInboxStore, address: str, *, here: bool) -> None:
    assert Mailboxes(inboxes, "agents.test").is_here(address) is here
    assert Mailboxes(inboxes, "other.test").is_here("anna@agents.test")


def test_an_own_domain_is_here_while_ses_takes_mail_for_it(inboxes: FakeInboxStore) -> None:
    inboxes.create(make_inbox(number=9, address="sales@example.com"))
    inboxes.inboxes[9] = replace(inboxes.inboxes[9], domain_id="dom_1")
    takes = {"example.com"}
    mailboxes = Mailboxes(inboxes, "agents.test", takes.__contains__)

    assert mailboxes.reached_by("Sales+x@Example.com")
    assert mailboxes.is_here("nobody@example.com")
    assert not mailboxes.reached_by("nobody@example.com")
    takes.clear()
    assert not mailboxes.reached_by("sales@example.com")
    assert not mailboxes.is_here("sales@example.com")
