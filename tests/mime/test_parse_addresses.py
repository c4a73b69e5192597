"""Addresses are read however they are written, and nobody is shown who is not named."""

import pytest

from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import WarningCode
from chalicelib.mime.parse import parse_mail
from tests.mime.incoming import addresses, parsed

A = Mailbox("a@x.com")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a@x.com", [A]),
        ("<a@x.com>", [A]),
        ("a@X.COM, B@x.Com", [A, Mailbox("B@x.com")]),
        ("Ada <a@x.com>", [Mailbox("a@x.com", "Ada")]),
        ('"Lovelace, Ada" <a@x.com>', [Mailbox("a@x.com", "Lovelace, Ada")]),
        (r'"Ada \"the first\" L." <a@x.com>', [Mailbox("a@x.com", 'Ada "the first" L.')]),
        ("a@x.com (Ada (of London))", [Mailbox("a@x.com", "Ada (of London)")]),
        ("Ada (comment) <a(here)@x.com(there)>", [Mailbox("a@x.com", "Ada")]),
        ("John X. Doe <a@x.com>", [Mailbox("a@x.com", "John X. Doe")]),
        ("=?utf-8?q?Ad=C3=A1?= =?utf-8?q?_L?= <a@x.com>", [Mailbox("a@x.com", "Adá L")]),
        ('"=?utf-8?q?Ad=C3=A1?=" <a@x.com>', [Mailbox("a@x.com", "Adá")]),
        ("=?utf-8?q?Lovelace,_Ada?= <a@x.com>", [Mailbox("a@x.com", "Lovelace, Ada")]),
        ("Ádá <a@x.com>", [Mailbox("a@x.com", "Ádá")]),
        ("Friends: a@x.com, B <b@x.com>;, c@x.com", [A, Mailbox("b@x.com", "B"), Mailbox("c@x.com")]),
        ("undisclosed-recipients:;", []),
        ("Undisclosed Recipients", []),
        ("", []),
        (",,;,", []),
        ("a@x.com; b@x.com", [A, Mailbox("b@x.com")]),
        ("a@x.com b@x.com", [A, Mailbox("b@x.com")]),
        ("<a@x.com> <b@x.com>", [A, Mailbox("b@x.com")]),
        ("Ada <a@x.com> Bob <b@x.com>", [Mailbox("a@x.com", "Ada"), Mailbox("b@x.com", "Bob")]),
        ("Ada <a@x.com", [Mailbox("a@x.com", "Ada")]),
        ("Ada <a@x.com, Bob <b@x.com>", [Mailbox("a@x.com", "Ada"), Mailbox("b@x.com", "Bob")]),
        ('"Ada <a@x.com>', [Mailbox("a@x.com", "Ada")]),
        ("Ada (old <a@x.com>", [Mailbox("a@x.com", "Ada old")]),
        ("Ada a@x.com>", [Mailbox("a@x.com", "Ada")]),
        ("< a @ x.com >", [A]),
        ("a @ x . com", [A]),
        ("<@r.com,@s.com:a@x.com>", [A]),
        ("mailto:a@x.com", [A]),
        ("<mailto:a@x.com>", [A]),
        ("a@x.com.", [A]),
        ('"a b"@x.com', [Mailbox('"a b"@x.com')]),
        ("a@[192.0.2.1]", [Mailbox("a@[192.0.2.1]")]),
        ("a@Bücher.example", [Mailbox("a@xn--bcher-kva.example")]),
        ("jdöe@x.com", [Mailbox("jdöe@x.com")]),
        ('"a@x.com"', []),
        ("@x.com, a@, @", []),
        ("a@x.com\x00", [A]),
        ("<=?utf-8?q?a=0D=0A?=@x.com>", []),
        (f"{'a' * 400}@x.com", []),
    ],
)
def test_a_field_of_addresses(written: str, read: list[Mailbox]) -> None:
    assert list(parsed(f"To: {written}").to) == read


def test_several_fields_of_a_name_are_one_list() -> None:
    assert addresses(parsed("To: a@x.com", "To: b@x.com")) == ["a@x.com", "b@x.com"]


def test_the_sender_is_the_first_of_from() -> None:
    message = parsed("Sender: c@x.com", sender="Ada <a@x.com>, b@x.com")

    assert message.sender == Mailbox("a@x.com", "Ada")
    assert message.several_senders


@pytest.mark.parametrize(
    "sender", ["bank@y.com eve@x.com", "=?utf-8?q?x_<bank@y.com>?= <eve@x.com>", "bank@y.com;eve@x.com"]
)
def test_a_from_of_which_another_reader_may_take_another_address_is_told(sender: str) -> None:
    assert parsed(sender=sender).several_senders


def test_several_from_fields_are_told() -> None:
    message = parsed("From: b@x.com", sender="a@x.com")

    assert message.sender == A
    assert message.several_senders
    assert message.degraded is not None
    assert "several From fields" in message.degraded


def test_sender_stands_in_only_where_there_is_no_from_field() -> None:
    without = parse_mail(b"Sender: a@x.com\n\nHello\n")
    unreadable = parse_mail(b"From: nobody\nSender: a@x.com\n\nHello\n")

    assert without.sender == A
    # SES may have judged a From that we cannot read; its verdict must not pass to another field's address.
    assert unreadable.sender is None


def test_a_name_that_shows_another_address_is_warned_of() -> None:
    message = parsed(sender='"ceo@bank.example" <eve@x.com>')

    (warning,) = message.warnings
    assert warning.code is WarningCode.MISLEADING_NAME
    assert "ceo@bank.example" in warning.message
    assert "eve@x.com" in warning.message


def test_at_most_500_addresses_are_read_in_all_fields_together() -> None:
    message = parsed(
        *("Cc: " + ", ".join(f"c{field}x{number}@x.com" for number in range(100)) for field in range(6)),
        "To: " + ", ".join(f"t{number}@x.com" for number in range(300)),
    )

    assert len(message.to) == 300
    assert len(message.cc) == 199  # and the sender
    assert message.degraded is not None
    assert "500 addresses" in message.degraded


def test_exactly_500_addresses_are_no_trouble() -> None:
    message = parsed("To: " + ", ".join(f"t{number}@x.com" for number in range(499)))

    assert len(message.to) == 499
    assert message.degraded is None


def test_names_have_no_line_breaks_and_a_bounded_length() -> None:
    message = parsed(f"To: =?utf-8?q?a=0D=0Ab?= <a@x.com>, {'N' * 1000} <b@x.com>")

    assert [mailbox.name for mailbox in message.to] == ["a b", "N" * 256]


@pytest.mark.parametrize(
    "sender",
    [
        "ada@example.com",
        " <ada@example.com> ",
        "Ada <ada@example.com>",
        '"Lovelace, Ada <x>: \\"y@z\\"" <ada@example.com>',
        "ada@example.com <ada@example.com>",
        "Ada <ada@example.com> (at home)",
        "ada@example.com (Ada, x@y.z)",
        "=?utf-8?q?Ada=2C_x=40y=2Ez?= <ada@example.com>",
        "Ada <@relay.example,@other.example:ada@example.com>",
        "ada @ example . com",
        "Ada <Ada@EXAMPLE.com>",
        "Ada <ada@exämple.com>",
        '"ada b"@example.com',
    ],
)
def test_a_from_field_that_everybody_reads_alike_is_sure(sender: str) -> None:
    assert parsed(sender=sender).is_sender_sure


@pytest.mark.parametrize(
    "sender",
    [
        '"Ada <ada@example.com>',
        "Ada (x <ada@example.com>",
        "Ada) <ada@example.com>",
        "Ada <ada@example.com> x",
        "Ada <ada@example.com> eve@example.org",
        "eve@example.org <ada@example.com>",
        "ada@example.com,",
        "Group: ada@example.com;",
        "Ada <ada@example.com",
        "Ada <<ada@example.com>>",
        "ada@example.com junk",
        "nobody",
        "",
    ],
)
def test_one_that_another_reader_may_read_otherwise_is_not(sender: str) -> None:
    assert not parsed(sender=sender).is_sender_sure


def test_a_bare_carriage_return_in_the_header_leaves_nobody_sure() -> None:
    assert parse_mail(b"From: ada@example.com\r\nX-Note: y\r\n\r\nHi\rthere\r\n").is_sender_sure
    assert parse_mail(b"From: ada@example.com\r\r\nX-Note: y\r\n\r\nHi\r\n").is_sender_sure
    assert not parse_mail(b"From: ada@example.com\r\nX-Note: y\rFrom: eve@example.org\r\n\r\nHi\r\n").is_sender_sure
