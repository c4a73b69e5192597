"""Mails made to be expensive: read as far as the bounds allow, in work and memory that grow with their size alone."""

from collections.abc import Callable

import pytest

from chalicelib.domain.arrival import WarningCode
from chalicelib.mime.bounds import RAW_LIMIT
from chalicelib.mime.parse import parse_mail
from chalicelib.mime.parsed_mail import ParsedMail
from tests.mime.incoming import mail, mail_of, mixed, multipart, parsed, part, text
from tests.work import calls, peak

MIB = 1024 * 1024


def work_of(raw: bytes) -> int:
    """How many functions are called while the mail is read."""
    return calls(lambda: parse_mail(raw))


def memory_of(raw: bytes) -> int:
    """How many bytes are held at the most while the mail is read, besides the mail."""
    return peak(lambda: parse_mail(raw))


def nested(depth: int) -> bytes:
    levels = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth))
    return mail_of(levels + text("deep"))


def is_degraded(message: ParsedMail, why: str) -> bool:
    (warning,) = [warning for warning in message.warnings if warning.code is WarningCode.DEGRADED]
    assert message.degraded is not None
    assert warning.message == message.degraded
    return why in message.degraded


# ------------------------------------------------------------------------------------------- what is past a bound


def test_of_a_mail_over_40_mb_the_beginning_is_read() -> None:
    message = parse_mail(mail("Subject: large", body=b"x" * RAW_LIMIT))

    assert is_degraded(message, "bytes")
    assert message.subject == "large"
    assert message.body_text is not None
    assert len(message.body_text) > RAW_LIMIT - 100


def test_the_largest_mail_that_ses_takes_is_read_whole_with_the_fields_put_above_it() -> None:
    header, trace = mail(body=b""), b"X-Trace: " + b"t" * 10_000 + b"\n"
    body = b"x" * (40 * 1024 * 1024 - len(header))

    message = parse_mail(trace * 4 + header + body)

    assert not is_degraded(message, "bytes")
    assert message.body_text is not None
    assert len(message.body_text) == len(body)


def test_a_single_line_of_40_mb_is_a_text() -> None:
    message = parse_mail(mail(body=b"x" * (RAW_LIMIT - 100)))

    assert message.body_text == "x" * (RAW_LIMIT - 100)
    assert is_degraded(message, "new words")
    assert message.extracted_text == "x" * (1024 * 1024)


def test_of_a_header_over_256_kb_the_first_fields_and_the_body_are_read() -> None:
    message = parsed("Subject: first", *(f"X-{n}: {'x' * 1000}" for n in range(300)), "To: last@example.com")

    assert is_degraded(message, "256 KB")
    assert message.subject == "first"
    assert message.body_text == "Hello\n"


def test_of_a_field_over_16_kb_the_beginning_is_read_and_all_fields_after_it() -> None:
    message = parsed("X-Long: " + "x" * MIB, "Subject: " + "s" * MIB, "To: b@example.com")

    assert is_degraded(message, "X-Long")
    assert is_degraded(message, "Subject")
    assert message.subject == "s" * 4000
    assert [mailbox.address for mailbox in message.to] == ["b@example.com"]


def test_20000_recipients_in_one_folded_field() -> None:
    written = [f"Person {n} <person{n}@example.com>" for n in range(20_000)]
    message = parsed("To: " + ",\r\n ".join(written), "Subject: after")

    assert is_degraded(message, "16 KB")
    assert message.subject == "after"
    # Not one of them is half an address.
    assert [mailbox.address for mailbox in message.to] == [f"person{n}@example.com" for n in range(len(message.to))]
    assert 300 < len(message.to) <= 499


def test_of_100000_parts_the_first_1000_are_read() -> None:
    message = mixed(*([part("Content-Type: image/png", body="x")] * 100_000))

    assert is_degraded(message, "1,000 parts")
    assert len(message.attachments) == 999  # and the multipart


def test_a_thousand_parts_are_no_trouble() -> None:
    message = mixed(*([part("Content-Type: image/png", body="x")] * 999))

    assert message.degraded is None
    assert len(message.attachments) == 999


def test_a_text_950_multiparts_deep_is_read() -> None:
    message = parse_mail(nested(950))

    assert is_degraded(message, "50 deep")
    assert message.body_text == "deep"


def test_50_multiparts_deep_is_no_trouble() -> None:
    message = parse_mail(nested(50))

    assert message.degraded is None
    assert message.body_text == "deep"


def test_20000_nested_multiparts_end_at_a_thousand() -> None:
    assert is_degraded(parse_mail(nested(20_000)), "1,000 parts")


def test_30000_open_elements_keep_their_text() -> None:
    message = parsed("Content-Type: text/html", body="<div>" * 30_000 + "still here")

    assert message.body_text is not None
    assert message.body_text.strip() == "still here"


def test_a_part_with_too_many_fields_is_still_a_part() -> None:
    message = mixed(text("one"), part("Content-Type: text/plain", *["X: y"] * 100_000, body="two"), text("three"))

    assert is_degraded(message, "200 fields")
    assert message.body_text is not None
    assert message.body_text.startswith("one")
    assert message.body_text.endswith("three")


# ------------------------------------------------------------------------------------- work that grows with the size

GROWING: dict[str, Callable[[int], bytes]] = {
    "addresses": lambda n: mail("To: " + ", ".join(["a@x.com"] * n)),
    "comments opened": lambda n: mail("To: " + "(" * n),
    "comments opened and escaped": lambda n: mail("To: " + "(\\" * n),
    "quotes escaped": lambda n: mail("To: " + '"\\"' * n),
    "angles": lambda n: mail("To: " + "<" * n),
    "at signs": lambda n: mail("To: " + "a@" * n),
    "routes": lambda n: mail("To: <" + "@a," * n),
    "encoded words": lambda n: mail("Subject: " + "=?utf-8?q?a?= " * n),
    "encoded words begun": lambda n: mail("Subject: " + "=?utf-8?q?" * n + "?="),
    "encoded words in names": lambda n: mail("To: " + "=?utf-8?b?QQ==?= " * n + "<a@x.com>"),
    "message ids": lambda n: mail("References: " + "<a@x>" * n),
    "message ids in encoded words": lambda n: mail("References: " + "<a@x> =?utf-8?q?=3Ca=40x=3E?= " * n),
    "parameters": lambda n: mail("Content-Type: text/plain" + "; a=b" * n),
    "sections of a parameter": lambda n: mail("Content-Type: text/plain" + "".join(f"; a*{i}=b" for i in range(n))),
    "fields": lambda n: mail(*["X: y"] * n),
    "lines that are no fields": lambda n: mail(*["no field", "X-A: y"] * n),
    "lines that begin like a boundary": lambda n: mail_of(multipart("mixed", b"--a\n" * n)),
    "boundaries that close": lambda n: mail_of(multipart("mixed", b"--=_test--\n" * n)),
    "parts": lambda n: mail_of(multipart("mixed", *[text("a")] * n)),
    "padded base64": lambda n: mail("Content-Transfer-Encoding: base64", body=b"QQ==" * n),
    "uuencoded lines": lambda n: mail("Content-Transfer-Encoding: uuencode", body=b"begin 644 a\n" + b"!80  \n" * n),
}


@pytest.mark.parametrize("kind", GROWING)
def test_twice_the_mail_is_at_most_twice_the_work(kind: str) -> None:
    build = GROWING[kind]
    parse_mail(build(10))  # what is imported on first use is not counted
    once, twice = work_of(build(400)), work_of(build(800))

    assert twice <= 2.1 * once


def test_depth_costs_no_more_than_breadth() -> None:
    flat = mail_of(multipart("mixed", *[text("a")] * 800))

    assert work_of(nested(800)) < 20 * work_of(flat)


# --------------------------------------------------------------------------------------- memory that follows the size

SIZE = 6 * MIB
BOUNDED_BY_ITSELF = (
    32 * MIB
)  # the header, and the lines of at most a million characters in which new words are looked for
LARGE: dict[str, Callable[[], bytes]] = {
    "one line": lambda: mail(body=b"x" * SIZE),
    "line feeds": lambda: b"\n" * SIZE,
    "carriage returns": lambda: b"\r" * SIZE,
    "NULs": lambda: mail(body=b"a\0" * (SIZE // 2)),
    "controls of Latin-1": lambda: mail(body="a\x85".encode() * (SIZE // 3)),
    "short fields": lambda: b"a:\n" * (SIZE // 3),
    "one field": lambda: b"Subject: " + b"a " * (SIZE // 2),
    "hyphens": lambda: mail_of(multipart("mixed", b"-" * SIZE)),
    "lines of hyphens": lambda: mail_of(multipart("mixed", b"-- as many lines as fit\n" * (SIZE // 24))),
    "quoted-printable": lambda: mail("Content-Transfer-Encoding: quoted-printable", body=b"=41" * (SIZE // 3)),
    "equals signs": lambda: mail("Content-Transfer-Encoding: quoted-printable", body=b"=" * SIZE),
    "base64": lambda: mail("Content-Transfer-Encoding: base64", "Content-Type: a/b", body=b"QUJD" * (SIZE // 4)),
    "padded base64": lambda: mail("Content-Transfer-Encoding: base64", body=b"QQ==" * (SIZE // 4)),
    "uuencoded lines": lambda: mail(
        "Content-Transfer-Encoding: uuencode", body=b"begin 644 a\n" + (b"M" + b"0V%T" * 15 + b"\n") * (SIZE // 62)
    ),
    "words of HTML": lambda: mail("Content-Type: text/html", body=b"<p>" + b"word and " * (SIZE // 9)),
    "hidden words of HTML": lambda: mail("Content-Type: text/html", body=b"<p hidden>" + b"word and " * (SIZE // 9)),
    "empty preformatted lines": lambda: mail("Content-Type: text/html", body=b"<pre>" + b"\n" * SIZE),
    "preformatted lines": lambda: mail("Content-Type: text/html", body=b"<pre>" + b"a line\n" * (SIZE // 7)),
    "wide characters": lambda: mail("Content-Type: text/plain; charset=utf-8", body="😀".encode() * (SIZE // 4)),
}


# Read as other lines are, and slowly where memory is traced.
SLOW = ("empty preformatted lines", "preformatted lines")


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.long) if kind in SLOW else kind for kind in LARGE]
)
def test_memory_is_a_small_multiple_of_the_mail(kind: str) -> None:
    raw = LARGE[kind]()

    assert memory_of(raw) < 8 * len(raw) + BOUNDED_BY_ITSELF


def test_a_hundred_thousand_parts_take_no_more_than_the_mail() -> None:
    raw = mail_of(multipart("mixed", *(text(f"part {number}") for number in range(100_000))))

    assert memory_of(raw) < 2 * len(raw)
