"""A display name that shows another address than the mail's is noticed."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.domain.address import Mailbox
from chalicelib.mime.misleading import misleading_name

EVE = "eve@example.com"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ada@bank.example", "ada@bank.example"),
        ("Ada Bank <ada@bank.example>", "ada@bank.example"),
        ("Ada (ada@bank.example)", "ada@bank.example"),
        ("'ada@bank.example' via List", "ada@bank.example"),
        ('"ada@bank.example"', "ada@bank.example"),
        ("“ada@bank.example”", "ada@bank.example"),
        ("ADA@BANK.example", "ADA@BANK.example"),
        ("ada\uff20bank.example", "ada@bank.example"),  # full-width
        ("ada\ufe6bbank.example", "ada@bank.example"),  # small
        ("\uff41da@bank\uff0eexample", "ada@bank.example"),
        ("a\u200bda@ba\u200dnk.exam\u2060ple", "ada@bank.example"),
        ("a\u00adda@\u202ebank.example", "ada@bank.example"),
        ("\u202eelpmaxe.knab@ada", "ada@bank.example"),  # turned round, it is shown so
        ("Ada \u202eelpmaxe.knab@ada\u202c of the bank", "ada@bank.example"),
        ("ada @ bank.example", "ada@bank.example"),
        ("ada\u00a0@\u00a0bank.example", "ada@bank.example"),
        ("ada at bank.example", "ada@bank.example"),
        ("ada AT bank.example", "ada@bank.example"),
        ("ada (at) bank (dot) example", "ada@bank.example"),
        ("ada[at]bank[dot]example", "ada@bank.example"),
        ("eve@example.com ada@bank.example", "ada@bank.example"),
        ("eve@example.com.bank.example", "eve@example.com.bank.example"),
        ("not-eve@example.com", "not-eve@example.com"),
        ("ada@bücher.example", "ada@bücher.example"),
        ("mailto:ada@bank.example", "ada@bank.example"),
        ("ada@bank.example.", "ada@bank.example"),
        ("=ada@bank.example", "ada@bank.example"),
    ],
)
def test_another_address_in_the_name_is_noticed(name: str, shown: str) -> None:
    assert misleading_name(Mailbox(EVE, name)) == shown


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Eve",
        EVE,
        "EVE@Example.COM",
        f"Eve <{EVE}>",
        f"'{EVE}' via List",
        "eve\uff20example.com",
        "eve (at) example (dot) com",
        "Eve at example.com",
        "Team at mail.example.com",  # the organisation that the address is of
        "Eve @ Example",
        "Eve @ work",
        "@eve",
        "@eve.example",
        "a@b",
        "a@b.",
        "@",
        "Meet at 10.30",
        "Look at me",
    ],
)
def test_a_name_that_shows_no_other_address_is_fine(name: str) -> None:
    assert misleading_name(Mailbox(EVE, name)) is None


def test_a_domain_is_the_same_in_either_spelling() -> None:
    assert misleading_name(Mailbox("ada@xn--bcher-kva.example", "ada@bücher.example")) is None
    assert misleading_name(Mailbox("ada@xn--bcher-kva.example", "eve@bücher.example")) == "eve@bücher.example"


@given(
    st.text(alphabet=st.one_of(st.sampled_from("@.\uff20 at\u200b<>\"'(){}-_x\ufdfa"), st.characters())), st.emails()
)
def test_any_name_is_answered(name: str, address: str) -> None:
    shown = misleading_name(Mailbox(address, name))

    assert shown is None or ("@" in shown and shown.isprintable() and " " not in shown and len(shown) < 2_000)


@given(st.emails(domains=st.sampled_from(["example.com", "mail.example.org"])))
@example("AT}0@example.com")
@example("a{at}b@example.com")
def test_a_name_that_is_the_address_itself_is_fine(address: str) -> None:
    assert misleading_name(Mailbox(address, address)) is None
    assert misleading_name(Mailbox(address, f"Ada <{address.upper()}>")) is None


@pytest.mark.parametrize("piece", ["@", "a@", "a.", "a@b.", "(at)", " at ", "a at b.cc ", "\uff20", "\ufdfa", "x"])
def test_a_name_of_any_length_is_answered(piece: str) -> None:
    shown = misleading_name(Mailbox(EVE, piece * 1_000_000))

    assert shown is None or shown != EVE
