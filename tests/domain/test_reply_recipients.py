"""To whom a reply goes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.address import NAME_LIMIT, RECIPIENTS_LIMIT, Mailbox
from chalicelib.domain.errors import InvalidInput
from chalicelib.domain.header_text import header_text_problem
from chalicelib.domain.message import Direction, MessageContent
from chalicelib.domain.reply_recipients import ReplyRecipients, is_own, reply_recipients
from tests.factories.messages import make_arrival, make_content

OWN = "agent@mail.example.com"
ADA, BOB, EVE = "ada@example.com", "bob@example.net", "eve@example.org"


def mailboxes(*addresses: str) -> tuple[Mailbox, ...]:
    return tuple(map(Mailbox, addresses))


def received(sender: str = ADA, **changes: Any) -> MessageContent:
    """A mail from Ada to the inbox; fields of addresses are given as texts."""
    fields = {"to": (OWN,)} | changes
    made = {name: mailboxes(*value) if isinstance(value, tuple) else value for name, value in fields.items()}
    return make_content(direction=Direction.INBOUND, sender=Mailbox(sender), arrival=make_arrival(), **made)


def answered(original: MessageContent, *, reply_all: bool = False) -> tuple[list[str], list[str]]:
    found = reply_recipients(original, OWN, reply_all=reply_all, allow_test_domains=False)
    return [mailbox.address for mailbox in found.to], [mailbox.address for mailbox in found.cc]


def problem(original: MessageContent, *, reply_all: bool = False) -> InvalidInput:
    with pytest.raises(InvalidInput) as refusal:
        answered(original, reply_all=reply_all)
    return refusal.value


def test_a_reply_goes_to_from_alone() -> None:
    assert answered(received(to=(OWN, BOB), cc=(EVE,))) == ([ADA], [])


def test_reply_to_goes_before_from() -> None:
    assert answered(received(reply_to=(BOB, EVE))) == ([BOB, EVE], [])
    assert answered(received(reply_to=(BOB,), cc=(EVE,)), reply_all=True) == ([BOB], [EVE])


def test_a_reply_to_that_leads_back_to_us_is_passed_over() -> None:
    assert answered(received(reply_to=("Agent+desk@mail.example.com",))) == ([ADA], [])
    assert answered(received(reply_to=(OWN, BOB))) == ([BOB], [])


def test_reply_all_adds_the_others_as_cc() -> None:
    original = received(to=(OWN, BOB), cc=(EVE,), bcc=("hidden@example.com",))
    assert answered(original, reply_all=True) == ([ADA], [BOB, EVE])


def test_reply_all_leaves_out_ourselves_with_any_tag_and_whoever_stands_twice() -> None:
    original = received(
        to=("AGENT@MAIL.example.com", "agent+news@mail.example.com", BOB), cc=("BOB@EXAMPLE.NET", "ADA@Example.com")
    )
    assert answered(original, reply_all=True) == ([ADA], [BOB])


def test_an_answer_to_our_own_message_goes_on_to_its_recipients_and_never_to_blind_copies() -> None:
    original = make_content(to=mailboxes(ADA, OWN), cc=mailboxes(BOB), bcc=mailboxes(EVE), reply_to=mailboxes(EVE))
    assert answered(original) == ([ADA], [])
    assert answered(original, reply_all=True) == ([ADA], [BOB])


def test_a_reply_to_all_of_a_mail_from_nobody_goes_to_the_others() -> None:
    assert answered(received("", to=(OWN, BOB), cc=(EVE,)), reply_all=True) == ([BOB, EVE], [])


@pytest.mark.parametrize(
    ("original", "says"),
    [
        (received(""), "names no sender"),
        (received(OWN), "between this inbox and itself"),
        (received(OWN, cc=("agent+x@mail.example.com",)), "between this inbox and itself"),
        (make_content(to=mailboxes(OWN)), "between this inbox and itself"),
    ],
)
def test_a_mail_that_nobody_can_be_answered_for_is_refused_with_what_to_do(original: MessageContent, says: str) -> None:
    for reply_all in (False, True):
        error = problem(original, reply_all=reply_all)
        assert says in error.message
        assert "POST /inboxes/{inbox_id}/messages" in error.fix


@pytest.mark.parametrize(
    "address", ["ada@example", "a b@example.com", "ada@simulator.test", "über@example.com", "a@b@c.de"]
)
def test_an_address_that_cannot_be_written_to_is_named(address: str) -> None:
    assert f'"{address}"' in problem(received(address)).message


def test_reply_all_leaves_out_an_address_that_cannot_be_written_to_while_anyone_is_left() -> None:
    assert answered(received("ada@example", cc=(BOB, "x@y")), reply_all=True) == ([BOB], [])
    error = problem(received("ada@example", cc=("x@y",)), reply_all=True)
    assert len(error.details["messageId"]) == 2


def test_a_test_domain_can_be_written_to_where_the_deployment_says_so() -> None:
    found = reply_recipients(received("ada@simulator.test"), OWN, reply_all=False, allow_test_domains=True)
    assert found == ReplyRecipients(mailboxes("ada@simulator.test"))


@pytest.mark.parametrize(("others", "possible"), [(RECIPIENTS_LIMIT - 1, True), (RECIPIENTS_LIMIT, False)])
def test_at_most_50_addresses_get_a_reply(others: int, possible: bool) -> None:  # noqa: FBT001 - a table's column
    original = received(cc=tuple(f"p{number}@example.com" for number in range(others)))
    if possible:
        assert len(answered(original, reply_all=True)[1]) == others
    else:
        assert "51 addresses" in problem(original, reply_all=True).details["replyAll"][0]
        assert answered(original) == ([ADA], [])


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("Ada\r\nBcc: eve@example.org", "Ada Bcc: eve@example.org"),
        ("x" * 1_000, "x" * NAME_LIMIT),
        ("=?utf-8?q?a=0Ab?=", "= ?utf-8?q?a=0Ab?="),
    ],
)
def test_a_strangers_name_is_made_fit_for_a_header(name: str, kept: str) -> None:
    original = make_content(direction=Direction.INBOUND, sender=Mailbox(ADA, name), arrival=make_arrival())
    assert reply_recipients(original, OWN, reply_all=False, allow_test_domains=False).to == (Mailbox(ADA, kept),)


ADDRESSES = st.one_of(
    st.sampled_from([ADA, ADA.upper(), BOB, EVE, OWN, "Agent+x@mail.example.com", "", "x@y", "ada@ünï.example"]),
    st.text(max_size=30),
)
MAILBOXES = st.builds(Mailbox, ADDRESSES, st.text(max_size=20))


@given(
    st.builds(
        make_content,
        direction=st.sampled_from(Direction),
        sender=MAILBOXES,
        **{field: st.lists(MAILBOXES, max_size=8).map(tuple) for field in ("to", "cc", "bcc", "reply_to")},
    ),
    st.booleans(),
)
def test_any_mail_is_answered_soundly_or_refused(original: MessageContent, reply_all: bool) -> None:  # noqa: FBT001
    try:
        found = reply_recipients(original, OWN, reply_all=reply_all, allow_test_domains=False)
    except InvalidInput:
        return
    everyone = [*found.to, *found.cc]
    assert found.to
    assert reply_all or not found.cc
    assert len({mailbox.address.casefold() for mailbox in everyone}) == len(everyone)
    blind = {mailbox.address.casefold() for mailbox in original.bcc}
    named = {
        mailbox.address.casefold() for mailbox in (original.sender, *original.to, *original.cc, *original.reply_to)
    }
    for mailbox in everyone:
        assert not is_own(mailbox.address, OWN)
        assert mailbox.address.casefold() not in blind - named
        assert header_text_problem(f"{mailbox.name} {mailbox.address}") is None
