"""The second half of the guard: a mail that says anything but what was asked for is noticed."""

import pytest

from chalicelib.domain.address import Mailbox
from chalicelib.mime.compose import compose
from chalicelib.mime.guard import (
    ComposeError,
    Expected,
    ExpectedPart,
    HeaderNameError,
    check_header_name,
    header_text_problem,
    verify_composed,
)
from tests.factories.mails import compose_mail
from tests.factories.messages import make_content, make_mailbox

MAIL = compose_mail(
    make_content(
        sender=make_mailbox("agent@mail.example.com", "Agent"),
        to=(make_mailbox("ada@example.com", "Ada Ä"), make_mailbox("bob@example.com")),
        subject="Hello world",
        body_text="Good morning.\n",
        body_html="<p>Good morning.</p>\n",
        headers={"X-Note": "one"},
    )
)
EXPECTED = Expected(
    parts=(
        ExpectedPart(
            ("From", "To", "Subject", "Date", "Message-ID", "X-Note", "MIME-Version", "Content-Type"),
            "multipart/alternative",
            None,
        ),
        ExpectedPart(("Content-Type", "Content-Transfer-Encoding"), "text/plain", b"Good morning.\r\n"),
        ExpectedPart(("Content-Type", "Content-Transfer-Encoding"), "text/html", b"<p>Good morning.</p>\r\n"),
    ),
    mailboxes=(
        ("From", (Mailbox("agent@mail.example.com", "Agent"),)),
        ("To", (Mailbox("ada@example.com", "Ada Ä"), Mailbox("bob@example.com"))),
        ("Cc", ()),
        ("Bcc", ()),
    ),
    texts=(("Subject", "Hello world"), ("X-Note", "one")),
)


def test_a_mail_that_says_what_it_should_passes() -> None:
    verify_composed(MAIL, EXPECTED)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (b"\r\nDate:", b"\r\nBcc: x@y.z\r\nDate:", "header fields"),
        (b"\r\nDate:", b"\r\nTo: x@y.z\r\nDate:", "header fields"),
        (b"\r\nX-Note: one", b"", "header fields"),
        (b"\r\nX-Note: one", b"\r\nX-Other: one", "header fields"),
        (b"\r\nX-Note: one", b"\r\nX-Note: one\r\nX-Note: one", "header fields"),
        (b"\r\nX-Note: one", b"\r\nX-Note: two", "x-note"),
        (b"\r\nSubject: Hello world", b"\r\nSubject: Hello", "subject"),
        (b"\r\nSubject: Hello world", b"\r\nSubject: =?utf-8?q?Hello_w=C3=B6rld?=", "subject"),
        (b"bob@example.com", b"bob@example.com, eve@example.com", "To does not hold"),
        (b"bob@example.com", b"eve@example.com", "To does not hold"),
        (b", bob@example.com", b"", "To does not hold"),
        (b"From: Agent <", b"From: Someone Else <", "From does not hold"),
        (b"Good morning.\r\n\r\n", b"Good evening.\r\n\r\n", "does not hold what it should"),
        (b"Good morning.\r\n\r\n", b"Good morning.\r\n\r\n\r\n", "does not hold what it should"),
        (b"text/html", b"text/plain", "part 2 is text/plain"),
        (b'text/html; charset="utf-8"', b'text/html; charset="utf-8"\r\nX-Inner: 1', "part 2 has the header fields"),
        (b'charset="utf-8"', b'charset="utf-8"\r\nContent-Disposition: attachment; filename="a"', "header fields"),
        (b"_1--\r\n", b"_2--\r\n", "does not hold what it should"),
        (b"multipart/alternative", b"text/plain", "1 parts instead of 3"),
        (b"morning.\r\n", b"morning.\n", "ends no line"),
        (b"morning.\r\n", b"morn\ring.\r\n", "ends no line"),
        (b"morning", b"m\xc3\xb6rning", "outside ASCII"),
        (b"morning", b"m" * 999, "more than 998 octets"),
    ],
)
def test_a_mail_that_says_anything_else_is_refused(before: bytes, after: bytes, said: str) -> None:
    assert before in MAIL

    with pytest.raises(ComposeError, match=said):
        verify_composed(MAIL.replace(before, after), EXPECTED)


def test_a_changed_file_name_is_refused() -> None:
    leaf = ExpectedPart(("Content-Type", "Content-Disposition"), "text/plain", b"x", "invoice.pdf")
    mail = b'Content-Type: text/plain\r\nContent-Disposition: attachment; filename="invoice.exe"\r\n\r\nx'

    with pytest.raises(ComposeError, match="file name"):
        verify_composed(mail, Expected((leaf,), (), ()))


def test_compose_verifies_its_own_work(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bytes, Expected]] = []

    def refuse(mail: bytes, expected: Expected) -> None:
        seen.append((mail, expected))
        raise ComposeError("noticed")

    monkeypatch.setattr(compose.__module__ + ".verify_composed", refuse)

    with pytest.raises(ComposeError, match="noticed"):
        compose_mail(make_content(subject="Hello"))
    [(mail, expected)] = seen
    verify_composed(mail, expected)
    with pytest.raises(ComposeError, match="subject"):
        verify_composed(mail.replace(b"Hello", b"Other"), expected)


@pytest.mark.parametrize(
    "name", ["X-A", "x-campaign_id", "X-0", "List-Unsubscribe", "list-id", "Auto-Submitted", "IMPORTANCE", "X-SESSION"]
)
def test_a_header_a_caller_may_set(name: str) -> None:
    check_header_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "X",
        "X-",
        "List-",
        "Bcc",
        "From",
        "Subject",
        "Received",
        "Return-Path",
        "Content-Type",
        "DKIM-Signature",
        "Importance-Level",
        "X-A ",
        " X-A",
        "X-A:",
        "X-A\r\nBcc",
        "X-A\n",
        "X-A\0",
        "X-Ä",
        "X-\u212a",  # the Kelvin sign, which lower-cases to a plain k
        "X-A\u2028",
        "X-SES-CONFIGURATION-SET",
        "x-ses-message-tags",
        "X-" + "a" * 75,
    ],
)
def test_a_header_a_caller_may_not_set(name: str) -> None:
    with pytest.raises(HeaderNameError):
        check_header_name(name)


def test_the_guard_offers_the_rule_for_header_texts() -> None:
    assert header_text_problem("fine") is None
    assert header_text_problem("=?utf-8?q?a=0D=0ABcc:_x@y.z?=") is not None
