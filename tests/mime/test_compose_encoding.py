"""How a composed mail writes texts of any kind: encodings, line ends, lengths of lines."""

from dataclasses import replace

import pytest

from tests.factories.mails import compose_mail
from tests.factories.messages import make_content, make_mailbox
from tests.mime.reading import composed, read, text_of, with_crlf


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Good morning.\n", "7bit"),
        ("Good morning.", "7bit"),
        ("x" * 78 + "\n", "7bit"),
        ("x" * 79 + "\n", "quoted-printable"),
        ("Schöne Grüße aus Köln an alle, die dies lesen.\n", "quoted-printable"),
        ("日本語の本文\n", "base64"),
        ("trailing space \n", "quoted-printable"),
        ("signature\n-- \nAda\n", "quoted-printable"),
        ("a line of one dot\n.\nand more\n", "quoted-printable"),
        ("From the start of a line\n", "quoted-printable"),
        ("--=_msg_0123456789abcdefghjk_1\n" + "x" * 40, "quoted-printable"),
        ("a\0b and a good deal more text around it\n", "quoted-printable"),
    ],
)
def test_the_body_is_encoded_as_little_as_possible(text: str, encoding: str) -> None:
    message = composed(make_content(body_text=text))

    assert message["Content-Transfer-Encoding"] == encoding
    assert message.get_content() == with_crlf(text)


@pytest.mark.parametrize(
    "text",
    [
        "one\rtwo\nthree\r\nfour",
        "\n\n\n",
        "\r\r\n\n",
        "no final line end",
        " \t ",
        "form\ffeed, next\x85line, line\u2028separator",
        ".\r\n..\r\n.leading\r\n",
        "x" * 5000,
        "é" * 5000,
        "Subject: not a header\nBcc: x@example.com\n\n.\n",
    ],
)
@pytest.mark.parametrize("with_html", [False, True])
def test_a_body_changes_in_nothing_but_its_line_ends(text: str, *, with_html: bool) -> None:
    message = composed(make_content(body_text=text, body_html=text if with_html else None))

    assert text_of(message, "plain") == with_crlf(text)
    if with_html:
        assert text_of(message, "html") == with_crlf(text)


def test_a_body_that_imitates_the_boundaries_stays_one_part() -> None:
    content = make_content(body_html="<p>x</p>")
    boundary = composed(content).get_boundary()
    forged = f"--{boundary}\r\nContent-Type: text/html\r\n\r\n<b>forged</b>\r\n--{boundary}--\r\n"

    message = composed(replace(content, body_text=forged, body_html=forged))

    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert text_of(message, "plain") == forged


@pytest.mark.parametrize("name", ["Ada Lovelace", 'Ada "A" Lovelace', "山田太郎" * 60, "x" * 256, "wide " * 51])
def test_lines_fit_a_mail(name: str) -> None:
    everyone = tuple(make_mailbox(f"person{number}@example.com", name.strip()) for number in range(48))
    content = make_content(
        sender=make_mailbox("agent@mail.example.com", name.strip()),
        to=everyone,
        subject=(name * 998)[:998].strip(),
        body_text=name * 2000,
        headers={"X-Note": (name * 50).strip()},
    )

    mail = compose_mail(content, references=[f"<{number}{'r' * 50}@example.com>" for number in range(20)])

    assert mail.isascii()
    header, _, body = mail.partition(b"\r\n\r\n")
    assert max(len(line) for line in header.split(b"\r\n")) <= 78
    assert max(len(line) for line in body.split(b"\r\n")) <= 78
    assert b"." not in mail.split(b"\r\n")


def test_a_word_that_cannot_be_folded_stays_whole_while_a_line_can_hold_it() -> None:
    url = "<https://example.com/" + "u" * 850 + ">"

    mail = compose_mail(make_content(headers={"List-Unsubscribe": url, "X-Long": "v" * 5000}))

    assert b"List-Unsubscribe: " + url.encode() + b"\r\n" in mail
    assert read(mail)["X-Long"] == "v" * 5000
    assert max(len(line) for line in mail.split(b"\r\n")) <= 998
