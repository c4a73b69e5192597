"""Subject, names, Message-IDs and dates come out as a person would read them."""

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from chalicelib.domain.header_text import header_text_problem
from chalicelib.mime.parse import parse_mail
from tests.mime.incoming import mail, parsed


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("plain", "plain"),
        ("  two\n\tlines ", "two lines"),
        ("=?utf-8?q?caf=C3=A9?= and =?iso-8859-1?Q?caf=E9?=", "café and café"),
        ("=?utf-8?b?5pel?= =?utf-8?b?5pys?=", "日本"),
        ("=?utf-8?b?5pel?=\n =?iso-8859-1?q?=E9?=", "日é"),
        ("=?utf-8?q?=E6=97?= =?utf-8?q?=A5?=", "日"),
        ("=?utf-8?b?5p==?= =?utf-8?b?l6U?=", "日"),
        ("=?utf-8?B?5pel5p?= =?utf-8?B?ys?=", "日本"),
        ("=?UTF-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8?q?with spaces?=", "with spaces"),
        ("=?utf-8?q?is it so??=", "is it so?"),
        ("[list]=?utf-8?q?_glued?=to", "[list] gluedto"),
        ("=?no-such-charset?q?caf=C3=A9?=", "café"),
        ("=?no-such-charset?q?caf=E9?=", "café"),
        ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?gb2312?B?xOO6ww==?=", "你好"),
    ],
)
def test_a_subject_is_read_with_its_encoded_words(written: str, read: str) -> None:
    assert parsed(f"Subject: {written}").subject == read


@pytest.mark.parametrize(
    "broken", ["=?utf-8?x?abc?=", "=?utf-8?q?abc", "=?utf-8?q", "=?utf-8?b?!!!", "a =? b ?= c", "?="]
)
def test_a_broken_encoded_word_stays_as_it_stands(broken: str) -> None:
    assert parsed(f"Subject: {broken}").subject == broken


@pytest.mark.parametrize(
    "hostile",
    [
        "=?utf-8?q?a=0D=0ABcc:_x@y.z?=",
        "=?utf-8?b?YQ0KQmNjOiB4QHkueg==?=",
        "a\rBcc: x@y.z",
        "=?utf-8?q?a=00=E2=80=A8=C2=85b?=",
        "=?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3D0D=3D0ABcc=3A=5Fx=40y.z=3F=3D?=",
        "=?utf-7?q?+2AA-?=",
        "=?utf-16?b?ANg=?=",
    ],
)
def test_a_subject_holds_nothing_that_another_header_could_not_carry(hostile: str) -> None:
    subject = parsed(f"Subject: {hostile}").subject

    assert subject
    assert header_text_problem(subject) is None
    subject.encode()


@pytest.mark.parametrize(
    ("octets", "read"),
    [("Grüße".encode(), "Grüße"), ("Grüße".encode("latin-1"), "Grüße"), (b"a \x80\x81 b", "a €� b")],
)
def test_a_raw_header_is_utf_8_or_else_windows_1252(octets: bytes, read: str) -> None:
    assert parse_mail(b"From: a@b.c\r\nSubject: " + octets + b"\r\n\r\n").subject == read


def test_a_raw_header_is_in_the_charset_of_the_body_where_it_is_not_utf_8() -> None:
    raw = b"From: a@b.c\nContent-Type: text/plain; charset=koi8-r\nSubject: " + "Привет".encode("koi8-r") + b"\n\n"

    assert parse_mail(raw).subject == "Привет"


def test_the_first_field_of_a_name_counts_and_an_empty_one_does_not() -> None:
    message = parsed("Subject:", "Subject: one", "Subject: two", "Message-ID: <1@x>", "Message-ID: <2@x>")

    assert message.subject == "one"
    assert message.message_id_header == "<1@x>"


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
def test_any_line_end_will_do(line_end: bytes) -> None:
    raw = mail("Subject: here", body="one\ntwo\n").replace(b"\n", line_end)

    message = parse_mail(raw)

    assert message.subject == "here"
    assert message.body_text is not None
    assert message.body_text.split() == ["one", "two"]


def test_a_bare_cr_starts_no_field_where_other_lines_end_in_lf() -> None:
    # Servers on the way, and SES's check of From, have seen one field here, not two.
    message = parse_mail(b"X-Note: a\rFrom: bank@example.com\r\nFrom: eve@example.net\r\n\r\n")

    assert message.sender is not None
    assert message.sender.address == "eve@example.net"


def test_lines_that_are_no_fields_cost_no_field_after_them() -> None:
    message = parsed("quite Delivered-To: x@y.z", "Subject: still here")

    assert message.subject == "still here"
    assert message.body_text == "Hello\n"
    assert message.degraded is not None


def test_a_body_may_follow_without_an_empty_line() -> None:
    message = parse_mail(b"From: a@b.c\nSubject: s\nHello Bob,\nsee: below\n\nBye\n")

    assert message.subject == "s"
    assert message.body_text == "Hello Bob,\nsee: below\n\nBye\n"


@pytest.mark.parametrize("line", ["From ada Thu Nov 5 2026", ">From ada Thu Nov 5 2026"])
def test_a_line_of_an_mbox_below_the_fields_of_the_last_servers_is_no_problem(line: str) -> None:
    raw = (
        f"Return-Path: <ada@example.com>\r\nReceived: from a by b; Thu, 5 Nov 2026\r\n{line}\r\nSubject: Hi\r\n\r\nText"
    )

    message = parse_mail(raw.encode())

    assert (message.subject, message.body_text, message.degraded) == ("Hi", "Text", None)


@pytest.mark.parametrize("start", [b"From ada Thu Nov 5 2026\n", b"\n\r\n", b" "])
def test_what_stands_before_the_first_field_costs_nothing(start: bytes) -> None:
    message = parse_mail(start + mail("Subject: s"))

    assert message.sender is not None
    assert (message.sender.address, message.subject) == ("ada@example.com", "s")


@pytest.mark.parametrize("raw", [b"", b"\n", b"\r", b"\0", b":", b"\n\n\n", b"no header at all", b"\xff" * 10])
def test_anything_is_a_mail(raw: bytes) -> None:
    message = parse_mail(raw)

    assert message.sender is None
    assert message.subject == ""
    assert message.date is None
    assert message.message_id_header is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Fri, 21 Nov 1997 09:55:06 -0600", datetime(1997, 11, 21, 15, 55, 6, tzinfo=UTC)),
        ("21 Nov 97 09:55 GMT", datetime(1997, 11, 21, 9, 55, tzinfo=UTC)),
        ("Fri, 21 Nov 1997 09:55:06 -0000", datetime(1997, 11, 21, 9, 55, 6, tzinfo=UTC)),
        ("Fri, 21 Nov 1997 09:55:06", datetime(1997, 11, 21, 9, 55, 6, tzinfo=UTC)),
        ("Fri, 21 Nov 2099 23:55:06 +0000", datetime(2099, 11, 21, 23, 55, 6, tzinfo=UTC)),
        ("Mon, 30 Jun 3609 15:33:50 +0600", None),
        ("Fri, 31 Dec 9999 23:55:06 -0600", None),
        ("1 Jan 1960 00:00:00 +0000", None),
        ("Fri, 21 Nov 1997 09:55:06 +9999999999999", None),
        ("Fri, 99 Nov 1997 99:55:06 -0600", None),
        ("yesterday", None),
        ("", None),
        ("1 " * 5000, None),
    ],
)
def test_a_date_is_in_utc_or_none(written: str, read: datetime | None) -> None:
    assert parsed(f"Date: {written}").date == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<1@x>", ("<1@x>",)),
        ("<1@x> <2@x>", ("<1@x>", "<2@x>")),
        ("<1@x><2@x>,\n <3@x>", ("<1@x>", "<2@x>", "<3@x>")),
        ('Ada\'s mail of today <1@x> ("hi")', ("<1@x>",)),
        ("<1 \n @x>", ("<1@x>",)),
        ("<1@x", ("<1@x>",)),
        ("1@x", ("<1@x>",)),
        ("<>", ()),
        ("nonsense", ()),
        (f"<{'a' * 1000}@x> <1@x>", ("<1@x>",)),
        ("<\x00\x07>", ()),
    ],
)
def test_message_ids_are_read_in_any_shape(written: str, read: tuple[str, ...]) -> None:
    message = parsed(f"In-Reply-To: {written}", f"References: {written}", f"Message-ID: {written}")

    assert message.in_reply_to == read
    assert message.references == read
    assert message.message_id_header == (read[0] if read else None)


def test_of_many_references_the_first_and_the_newest_are_kept() -> None:
    message = parsed("References: " + " ".join(f"<{number}@x>" for number in range(150)))

    assert message.references == ("<0@x>", *(f"<{number}@x>" for number in range(51, 150)))


def test_message_ids_that_pythons_email_package_wrote_as_encoded_words_are_read() -> None:
    of_ses = "<010001a205a11ea3-8c90ba99-35b5-4728-8872-2ea38077a7c6-000000@email.amazonses.com>"
    written = EmailMessage()
    written["In-Reply-To"] = of_ses
    written["References"] = f"<1@example.com> {of_ses} <2@example.com>"
    as_words = "=?utf-8?q?=3C010001a205a11ea3-8c90ba99-35b5-4728-8872-2ea38077a?=\r\n =?utf-8?q?7c6-000000=40email=2Eamazonses=2Ecom=3E?="

    for raw in (
        bytes(written),
        mail(f"In-Reply-To: {as_words}", f"References: <1@example.com> {as_words} <2@example.com>"),
    ):
        message = parse_mail(raw)
        assert message.in_reply_to == (of_ses,)
        assert message.references == ("<1@example.com>", of_ses, "<2@example.com>")


def test_what_looks_like_an_encoded_word_within_a_message_id_is_part_of_it() -> None:
    message = parsed("References: <=?utf-8?q?a?=@example.com>", "In-Reply-To: <a=?b@example.com>")

    assert message.references == ("<=?utf-8?q?a?=@example.com>",)
    assert message.in_reply_to == ("<a=?b@example.com>",)
