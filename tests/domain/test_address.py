"""Which texts are addresses we can write to, and what is said of those that are not."""

import socket
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.domain.address import NAME_LIMIT, AddressError, Mailbox, parse_mailbox
from chalicelib.domain.header_text import header_text_problem

ISEMAIL = Path(__file__).parents[1] / "samples" / "isemail" / "tests.xml"


def parse(text: str) -> Mailbox:
    return parse_mailbox(text, allow_test_domains=False)


def refusal(text: str, *, allow_test_domains: bool = False) -> str:
    with pytest.raises(AddressError) as refused:
        parse_mailbox(text, allow_test_domains=allow_test_domains)
    return str(refused.value)


# ---------------------------------------------------------------------------------------------------- accepted


@pytest.mark.parametrize(
    ("text", "address", "name"),
    [
        ("ada@example.com", "ada@example.com", ""),
        ("  ada@example.com ", "ada@example.com", ""),
        ("<ada@example.com>", "ada@example.com", ""),
        ("Ada <ada@example.com>", "ada@example.com", "Ada"),
        ("Ada Lovelace<ada@example.com> ", "ada@example.com", "Ada Lovelace"),
        ("Dr. Ada O'Neil-Byron <ada@example.com>", "ada@example.com", "Dr. Ada O'Neil-Byron"),
        ('"Lovelace, Ada" <ada@example.com>', "ada@example.com", "Lovelace, Ada"),
        (r'"Ada \"Countess\" \\ Lovelace" <ada@example.com>', "ada@example.com", 'Ada "Countess" \\ Lovelace'),
        ('"ada@example.com" <ada@example.com>', "ada@example.com", "ada@example.com"),
        ('"" <ada@example.com>', "ada@example.com", ""),
        ("山田 太郎 <taro@example.com>", "taro@example.com", "山田 太郎"),
        ("👩‍👩‍👧 <ada@example.com>", "ada@example.com", "👩‍👩‍👧"),
        ("=?utf-8?q?Ad=C3=A4?= <ada@example.com>", "ada@example.com", "=?utf-8?q?Ad=C3=A4?="),
        ("ada@BÜCHER.example.com", "ada@xn--bcher-kva.example.com", ""),
        ("ada@例え。テスト", "ada@xn--r8jz45g.xn--zckzah", ""),
        ("success+label@simulator.amazonses.com", "success+label@simulator.amazonses.com", ""),
        ("!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com", ""),
    ],
)
def test_a_mailbox_is_read(text: str, address: str, name: str) -> None:
    assert parse(text) == Mailbox(address, name)


@pytest.mark.parametrize("local", ["Ada", "INFO", "Postmaster", "aDa.LoveLace+Tag"])
def test_the_local_part_keeps_its_case_and_the_domain_loses_it(local: str) -> None:
    assert parse(f"{local}@Example.COM").address == f"{local}@example.com"


@pytest.mark.parametrize("domain", ["simulator.test", "a.b.test"])
def test_test_domains_are_addresses_only_where_allowed(domain: str) -> None:
    assert parse_mailbox(f"ada@{domain}", allow_test_domains=True).domain == domain
    assert "under .test" in refusal(f"ada@{domain}")


@pytest.mark.parametrize("allow_test_domains", [True, False])
@pytest.mark.parametrize("domain", ["example.com", "mail.example.org", "simulator.amazonses.com", "test.com"])
def test_ordinary_domains_do_not_depend_on_test_domains(domain: str, *, allow_test_domains: bool) -> None:
    assert parse_mailbox(f"ada@{domain}", allow_test_domains=allow_test_domains).domain == domain


def test_the_longest_address_fits() -> None:
    address = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 57}.com"

    assert len(address) == 254
    assert parse(address).address == address
    assert "too long" in refusal(address.replace(".com", "d.com"))


# ----------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("ada", '"ada" has no @'),
        ("ada＠example.com", "full-width"),
        ("ada@", '"ada@" has nothing after the @'),
        ("@example.com", '"@example.com" has nothing before the @'),
        ("ada@example", '"ada@example" has no dot after the @'),
        ("ada@example.com.", '"ada@example.com." ends with a dot'),
        ("ada@.example.com", "has a dot right after the @"),
        ("ada@example..com", "has two dots in a row"),
        ("ada..l@example.com", "has two dots in a row"),
        (".ada@example.com", "begins with a dot"),
        ("ada.@example.com", "has a dot right before the @"),
        ("ada@b@example.com", "has more than one @"),
        ("ada l@example.com", "has a space in it"),
        ("ada @example.com", "has a space in it"),
        (f"{'a' * 65}@example.com", "has more than 64 characters before the @"),
        (f"ada@{'a' * 64}.com", "has more than 63 characters between two dots"),
        (f"ada@{'a.' * 200}com", "is longer than 320 characters"),
        ("x" * 2000, "it is longer than 1000 characters"),
        ("adá@example.com", "has letters outside ASCII before the @, which Amazon SES cannot send to"),
        ('"ada l"@example.com', "has quotes before the @"),
        ('<"ada l"@example.com>', "has quotes before the @"),
        ('ana@"', '"ana@"" has a double quote after the @'),
        ('ana@exam"ple.com', "has a double quote after the @"),
        ('ana"', "has a stray double quote"),
        ("ada@[127.0.0.1]", "has an IP address after the @"),
        ("ada@[IPv6:::1]", "has an IP address after the @"),
        ("ada@127.0.0.1", "not within a valid top-level domain"),
        ("ada@exa_mple.com", "cannot be written to: the part after the @-sign contains invalid characters: '_'"),
        ("ada@-example.com", "hyphen immediately after the @-sign"),
        ("ada@xn--zzzz.com", "not valid IDNA"),
        ("ada(work)@example.com", "holds a comment in parentheses"),
        ("Ada (work) <ada@example.com>", "has a ( in the name; put the name in double quotes"),
        ("Lovelace, Ada <ada@example.com>", "has a , in the name; put the name in double quotes"),
        ("ada@example.com <ada@example.com>", "has a @ in the name; put the name in double quotes"),
        ('Ada "A" <ada@example.com>', 'has a " in the name'),
        ("ada@example.com, bob@example.com", "holds more than one address"),
        ("ada@example.com;bob@example.com", "holds more than one address"),
        ("ada@example.com bob@example.com", "has more than one @"),
        ("A <ada@example.com>, B <bob@example.com>", "holds more than one address"),
        ('"A" <ada@example.com>, "B" <bob@example.com>', "holds more than one address"),
        ("ada@example.com, B <bob@example.com>", "holds more than one address"),
        ("Team: ada@example.com, bob@example.com;", "is a group"),
        ("<@relay.example.com:ada@example.com>", "begins with a route"),
        ("Ada <ada@example.com", "has a < without a >"),
        ("ada@example.com>", "has a stray < or >"),
        ("Ada <<ada@example.com>>", "goes on after the >"),
        ("Ada <ada@example.com> x", "goes on after the >"),
        ("Ada <>", "has nothing between < and >"),
        ('"Ada <ada@example.com>', "has a double quote that is never closed"),
        ('"Ada" Lovelace <ada@example.com>', "has no address in < > right after the quoted name"),
        (f"{'a' * (NAME_LIMIT + 1)} <ada@example.com>", f"the name is longer than {NAME_LIMIT} characters"),
        ("=?utf-8?q?ada?=@example.com", "encoded word"),
        ("ada@localhost", "has no dot after the @"),
        ("ada@mail.localhost", "under .localhost, which is reserved"),
        ("ada@printer.local", "under .local, which is reserved"),
        ("ada@example.invalid", "under .invalid, which is reserved"),
        ("ada@example.onion", "under .onion, which is reserved"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    assert said in refusal(text)


@pytest.mark.parametrize(
    "name",
    [
        "a\r\nBcc: x@example.com",
        "a\n",
        "a\rb",
        "a\0b",
        "a\x7fb",
        "a\x85b",
        "a\u2028b",
        "a\u2029b",
        "a\ud800b",
        "=?utf-8?q?a=0D=0ABcc:_x@example.com?=",
        "=?utf-8?b?YQ0KQmNjOiB4QHkueg==?=",
    ],
)
@pytest.mark.parametrize("form", ["{} <ada@example.com>", '"{}" <ada@example.com>'])
def test_a_name_that_could_end_a_line_is_refused(name: str, form: str) -> None:
    assert refusal(form.format(name)).startswith("it holds ")


def test_a_test_domain_in_other_letters_still_needs_a_dot() -> None:
    assert "has no dot after the @" in refusal("ada@ｔｅｓｔ", allow_test_domains=True)


def test_a_refusal_shows_invisible_characters_and_stays_short() -> None:
    said = refusal("ada\u200b" + "x" * 300 + "@example")

    assert "adaU+200B" in said
    assert len(said) < 250


# -------------------------------------------------------------------------------------------------- properties

NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=40)


@given(NAMES)
def test_any_name_in_double_quotes_is_kept_but_for_white_space_around_it(name: str) -> None:
    if header_text_problem(name):
        return
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')

    assert parse(f'"{quoted}" <ada@example.com>') == Mailbox("ada@example.com", name.strip())


@given(st.text(st.sampled_from('a.@<>"(),:;\\[] é\n=?-。xn'), max_size=30) | st.text(max_size=30))
@example("a@xn--\u0301.com")
@example("a@\u0660.com")
def test_any_text_is_read_or_refused_and_an_address_reads_as_itself(text: str) -> None:
    for candidate in (text, f"a@{text}", f"a@{text}.com", f"{text}@example.com", f"{text} <a@example.com>"):
        try:
            mailbox = parse(candidate)
        except AddressError as refused:
            str(refused).encode()  # it can be written into an answer
        else:
            assert mailbox.address.isascii()
            assert mailbox.domain == mailbox.domain.lower()
            assert parse(mailbox.address) == Mailbox(mailbox.address)


# ----------------------------------------------------------------------------------- the is_email test cases

# What the collection calls valid and we refuse: each with the reason.
REFUSED_BY_US = {
    "test@io": "has no dot after the @",  # no top-level domain takes mail (RFC 7085)
}
# What it puts in other categories, yet is an ordinary address by syntax; it warns of DNS or of spaces around.
ACCEPTED_BESIDE_VALID = {"ISEMAIL_DNSWARN", "ISEMAIL_CFWS"}


def isemail_cases() -> list[tuple[str, str, str]]:
    """(id, address, category); in the file the control characters stand as their Unicode pictures (U+2400 …)."""
    pictures = {0x2400 + code: code for code in range(0x20)}
    root = ET.parse(ISEMAIL).getroot()  # noqa: S314 - our own copy, not a stranger's upload
    return [
        (
            case.attrib["id"],
            (case.findtext("address") or "").translate(pictures),
            case.findtext("category") or "",
        )
        for case in root.iter("test")
    ]


ISEMAIL_CASES = isemail_cases()


def test_the_collection_is_whole() -> None:
    assert len(ISEMAIL_CASES) == 164
    assert sum(category == "ISEMAIL_VALID_CATEGORY" for _, _, category in ISEMAIL_CASES) == 14


@pytest.mark.parametrize(
    ("number", "address", "category"),
    [pytest.param(*case, id=case[0]) for case in ISEMAIL_CASES],
)
def test_isemail_case(number: str, address: str, category: str) -> None:
    if address in REFUSED_BY_US:
        assert REFUSED_BY_US[address] in refusal(address)
    elif category == "ISEMAIL_VALID_CATEGORY":
        assert parse(address) == Mailbox(address)
    elif category in ACCEPTED_BESIDE_VALID and not set(address) & set("()\r\n") and "@ " not in address:
        assert parse(address) == Mailbox(address.strip(" "))
    else:
        # ISEMAIL_ERR and ISEMAIL_DEPREC: broken or obsolete; RFC5321 and RFC5322: quoted local parts, IP literals,
        # numeric top-level domains, over-long ones; ISEMAIL_CFWS with comments or line ends.
        assert refusal(address)


# ---------------------------------------------------------------------------------------- what it costs to ask


def test_no_address_makes_us_ask_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    assert parse("ada@example.com").domain == "example.com"
    assert parse_mailbox("ada@simulator.test", allow_test_domains=True).domain == "simulator.test"


def test_only_reading_an_address_loads_the_validator() -> None:
    script = (
        "import sys; from chalicelib.domain.address import parse_mailbox; assert 'email_validator' not in sys.modules; "
        "parse_mailbox('ada@example.com', allow_test_domains=False); "
        "assert 'email_validator' in sys.modules; assert 'dns' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])
