"""Creating an inbox: which addresses may be had, and that each is given out once."""

import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import Conflict, ErrorCode, Forbidden, InvalidInput, NotFound, Unavailable
from chalicelib.domain.ids import AccountId
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.operations.create_inbox import RESERVED, CreateInbox, NewInbox
from chalicelib.operations.own_domains import OwnDomains
from tests.factories.accounts import ACCOUNT_ID, NOON, make_caller, make_inbox
from tests.fakes.clock import FakeClock
from tests.fakes.domains import FakeHoldingStore
from tests.fakes.inbox_store import FakeInboxStore

DOMAIN = "mail.example.com"
NUMBER = 9
ENDS = string.ascii_lowercase + string.digits
LOCAL_PARTS = st.from_regex(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?", fullmatch=True).filter(
    lambda text: text not in RESERVED
)


def creator(inboxes: FakeInboxStore | None = None) -> CreateInbox:
    return creator_at(FakeClock(NOON), inboxes or FakeInboxStore())


def creator_at(clock: FakeClock, inboxes: FakeInboxStore) -> CreateInbox:
    own_domains = OwnDomains(FakeHoldingStore(), inboxes, DOMAIN)
    return CreateInbox(inboxes, clock, DOMAIN, 1_000, inboxes.domains, own_domains)


def create(inboxes: FakeInboxStore | None = None, number: int = NUMBER, **wishes: Any) -> Inbox:
    return creator(inboxes)(NewInbox(number, **wishes), make_caller())


def refusal(**wishes: Any) -> InvalidInput:
    inboxes = FakeInboxStore()
    with pytest.raises(InvalidInput) as refused:
        create(inboxes, **wishes)
    assert inboxes.get(NUMBER) is None
    return refused.value


def test_a_new_inbox_is_active_empty_and_has_the_deployments_limit() -> None:
    inboxes = FakeInboxStore()

    inbox = create(inboxes, address="agent", display_name="Agent")

    assert inbox == Inbox(
        number=NUMBER,
        account_id=ACCOUNT_ID,
        address="agent@mail.example.com",
        display_name="Agent",
        status=InboxStatus.ACTIVE,
        daily_send_limit=1_000,
        sends_day="2026-11-22",
        sends_today=0,
        total_sent=0,
        bounce_count=0,
        complaint_count=0,
        next_sequence=0,
        created_at=NOON,
    )
    assert inboxes.get(NUMBER) == inbox


def test_the_creation_time_is_what_the_api_can_show() -> None:
    clock = FakeClock(NOON.replace(microsecond=123_456))
    create_inbox = creator_at(clock, FakeInboxStore())

    assert create_inbox(NewInbox(NUMBER), make_caller()).created_at == NOON.replace(microsecond=123_000)


# ------------------------------------------------------------------------------------------------ addresses


@given(LOCAL_PARTS)
def test_letters_digits_and_what_may_stand_between_are_an_address(local_part: str) -> None:
    assert create(address=local_part).address == f"{local_part}@{DOMAIN}"


@pytest.mark.parametrize("address", ["agent@mail.example.com", " Agent ", "AGENT@Mail.Example.COM", "agent"])
def test_an_address_is_lower_case_and_may_name_the_domain(address: str) -> None:
    assert create(address=address).address == "agent@mail.example.com"


@pytest.mark.parametrize("local_part", ["a", "a.b", "a-b_c.d", "7", "a--b", "a__b", "x" * 64])
def test_a_local_part_within_the_rules_is_taken(local_part: str) -> None:
    assert create(address=local_part).address == f"{local_part}@{DOMAIN}"


@pytest.mark.parametrize(
    "local_part",
    [
        "",
        " ",
        ".a",
        "a.",
        "-a",
        "a-",
        "_a",
        "a_",
        "a..b",
        "a b",
        "a+b",
        "ä",
        "a\nb",
        "a\x00b",
        "a/b",
        "x" * 65,
        '"a"',
        "\u212ab",
    ],
)
def test_a_local_part_outside_the_rules_is_refused(local_part: str) -> None:
    assert refusal(address=local_part).code is ErrorCode.INVALID_INBOX_LOCAL_PART
    assert refusal(address=f"{local_part}@{DOMAIN}").code is ErrorCode.INVALID_INBOX_LOCAL_PART


@given(LOCAL_PARTS, st.characters(exclude_characters=ENDS + string.ascii_uppercase + "@._-"), st.integers(0, 64))
def test_any_other_character_is_refused_or_only_surrounds_the_address(local_part: str, other: str, place: int) -> None:
    strange = (local_part[:place] + other + local_part[place:])[:64]
    try:
        address = create(address=strange).address
    except InvalidInput as refused:
        assert refused.code is ErrorCode.INVALID_INBOX_LOCAL_PART  # noqa: PT017 - or it was not refused
    else:
        assert strange.strip().isascii()
        assert address == f"{strange.strip().lower()}@{DOMAIN}"
        assert address.isascii()


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_reserved_name_is_refused_in_any_case(name: str) -> None:
    assert refusal(address=name).code is ErrorCode.INVALID_INBOX_LOCAL_PART
    assert "reserved" in refusal(address=name.upper()).message


@pytest.mark.parametrize(
    "name", ["postmaster", "abuse", "mailer-daemon", "hostmaster", "webmaster", "security", "noc", "administrator"]
)
def test_names_by_which_the_operator_is_reached_are_reserved(name: str) -> None:
    assert name in RESERVED


@pytest.mark.parametrize("name", ["sales", "support", "info", "marketing", "mail", "www"])
def test_business_names_are_addresses(name: str) -> None:
    assert create(address=name).address == f"{name}@{DOMAIN}"


def test_another_domain_is_refused_with_the_domain_to_use() -> None:
    refused = refusal(address="agent@example.org")

    assert refused.code is ErrorCode.INVALID_INBOX_DOMAIN
    assert "example.org" in refused.message
    assert DOMAIN in refused.fix


@pytest.mark.parametrize("address", ["agent@", "agent@mail.example.com@mail.example.com", "agent@@mail.example.com"])
def test_what_is_no_address_is_refused(address: str) -> None:
    assert refusal(address=address).code is ErrorCode.INVALID_INBOX_ADDRESS


# -------------------------------------------------------------------------------- random addresses and prefixes


def test_without_a_wish_the_address_is_random() -> None:
    inboxes = FakeInboxStore()
    addresses = {create(inboxes, number=number).address for number in range(1, 30)}

    assert len(addresses) == 29
    for address in addresses:
        local_part, _, domain = address.partition("@")
        assert domain == DOMAIN
        assert len(local_part) == 12
        assert set(local_part) <= set(ENDS)


@given(st.from_regex(r"[a-z0-9](?:[a-z0-9_-]{0,50}[a-z0-9])?", fullmatch=True))
def test_a_prefix_is_followed_by_a_random_tail_and_stays_within_64_characters(prefix: str) -> None:
    first, second = create(prefix=prefix), create(prefix=prefix.upper())

    assert first.address != second.address
    for inbox in (first, second):
        local_part, _, domain = inbox.address.partition("@")
        assert local_part.startswith(f"{prefix}-")
        assert len(local_part) == len(prefix) + 9 <= 64
        assert domain == DOMAIN


def test_a_reserved_name_may_be_a_prefix() -> None:
    assert create(prefix="postmaster").address.startswith("postmaster-")


@pytest.mark.parametrize("prefix", ["", ".a", "a-", "a..b", "a b", "a@b", "ä", "\u212a", "x" * 53])
def test_a_prefix_outside_the_rules_is_refused(prefix: str) -> None:
    refused = refusal(prefix=prefix)

    assert refused.code is ErrorCode.INVALID_INBOX_LOCAL_PART
    assert list(refused.details) == ["prefix"]


def test_address_and_prefix_exclude_each_other() -> None:
    assert list(refusal(address="agent", prefix="agent").details) == ["prefix"]


# ---------------------------------------------------------------------------------------- once, and by whom


def test_an_address_is_given_out_once() -> None:
    inboxes = FakeInboxStore()
    create(inboxes, address="agent")

    with pytest.raises(Conflict) as refused:
        create(inboxes, number=10, address="agent")

    assert refused.value.code is ErrorCode.INBOX_ADDRESS_TAKEN
    assert not refused.value.retryable
    assert inboxes.get(10) is None


def test_the_address_of_a_deleted_inbox_stays_taken() -> None:
    inboxes = FakeInboxStore()
    inboxes.delete(create(inboxes, address="agent"))

    with pytest.raises(Conflict) as refused:
        create(inboxes, number=10, address="agent")

    assert refused.value.code is ErrorCode.INBOX_ADDRESS_TAKEN


@pytest.mark.parametrize("wishes", [{"address": "agent"}, {"prefix": "agent"}, {}])
def test_a_repeated_request_with_the_same_number_finds_its_own_inbox(wishes: dict[str, Any]) -> None:
    inboxes = FakeInboxStore()

    first = create(inboxes, **wishes)

    assert create(inboxes, **wishes) == first


def test_anothers_inbox_under_the_number_is_not_handed_out() -> None:
    inboxes = FakeInboxStore()
    inboxes.create(make_inbox(number=NUMBER, account_id=AccountId("acc_another"), address=f"agent@{DOMAIN}"))

    with pytest.raises(Conflict):
        create(inboxes)
    with pytest.raises(Conflict):
        create(inboxes, address="agent")


def test_a_key_bound_to_inboxes_creates_none() -> None:
    inboxes = FakeInboxStore()

    with pytest.raises(Forbidden):
        creator(inboxes)(NewInbox(NUMBER), make_caller(inbox_numbers=frozenset({7})))

    assert inboxes.get(NUMBER) is None


def test_an_unknown_domain_id_is_answered_like_any_unknown_id() -> None:
    with pytest.raises(NotFound):
        create(domain_id="dom_0123456789abcdefghjk")


def test_accounts_do_not_share_addresses() -> None:
    inboxes = FakeInboxStore()
    create(inboxes, address="agent")
    another = replace(make_caller(), account_id=AccountId("acc_another"))

    with pytest.raises(Conflict):
        creator(inboxes)(NewInbox(10, address="agent"), another)


@pytest.mark.parametrize("landed", [True, False])
def test_an_error_after_the_creation_is_no_error_for_the_caller(*, landed: bool) -> None:
    class LosesTheReply(FakeInboxStore):
        def create(self, inbox: Inbox) -> bool:
            if landed:
                super().create(inbox)
            raise Unavailable("no answer")

    inboxes = LosesTheReply()

    if landed:
        assert create(inboxes, address="agent").address == "agent@mail.example.com"
    else:
        with pytest.raises(Unavailable):
            create(inboxes, address="agent")
