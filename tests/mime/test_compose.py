"""What a composed mail consists of: its parts, its header, the same bytes every time."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from chalicelib.mime.compose import AttachmentPart
from tests.factories.mails import MESSAGE_ID_HEADER, compose_mail
from tests.factories.messages import make_content, make_mailbox
from tests.mime.reading import addresses, composed, read

PLAIN_NAMES = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]


# ----------------------------------------------------------------------------------------------------- structure
def test_a_text_is_text_plain() -> None:
    message = composed(make_content(body_text="Hi.\n"))

    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    assert message.get_content() == "Hi.\r\n"


def test_html_alone_is_text_html() -> None:
    message = composed(make_content(body_text=None, body_html="<p>Hi</p>"))

    assert message.get_content_type() == "text/html"
    assert message.get_content() == "<p>Hi</p>"


def test_text_and_html_are_alternatives_with_the_text_first() -> None:
    message = composed(make_content(body_text="Hi", body_html="<p>Hi</p>"))

    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize("body", [None, ""])
def test_no_body_is_an_empty_text(body: str | None) -> None:
    message = composed(make_content(body_text=body))

    assert message.get_content_type() == "text/plain"
    assert message.get_content() == ""


def test_an_empty_text_beside_html_is_still_an_alternative() -> None:
    message = composed(make_content(body_text="", body_html="<p>Hi</p>"))

    assert message.get_content_type() == "multipart/alternative"


def test_files_and_inline_images_stand_where_readers_look_for_them() -> None:
    image = AttachmentPart("logo.png", "image/png", b"\x89PNG", content_id="logo@1", inline=True)
    file = AttachmentPart("report.pdf", "application/pdf", b"%PDF\r\n\0")

    message = composed(make_content(body_html='<img src="cid:logo@1">'), attachments=(image, file))

    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    parts = {part.get_filename(): part for part in message.walk() if part.get_filename()}
    assert parts["logo.png"]["Content-ID"] == "<logo@1>"
    assert parts["logo.png"].get_content_disposition() == "inline"
    assert parts["logo.png"].get_content() == b"\x89PNG"
    assert parts["report.pdf"].get_content_disposition() == "attachment"
    assert parts["report.pdf"].get_content() == b"%PDF\r\n\0"


def test_an_inline_image_without_html_to_show_it_is_a_file() -> None:
    image = AttachmentPart("logo.png", "image/png", b"\x89PNG", content_id="logo@1", inline=True)

    message = composed(make_content(), attachments=(image,))

    assert [part.get_content_type() for part in message.walk()] == ["multipart/mixed", "text/plain", "image/png"]


@pytest.mark.parametrize("content_type", ["message/rfc822", "multipart/mixed", "nonsense", "a/b; c=d", "a/b\r\nX: y"])
def test_a_type_that_could_change_the_structure_is_sent_as_bytes(content_type: str) -> None:
    inner = b"Subject: inner\r\nBcc: x@example.com\r\n\r\n--=_x\r\n"

    message = composed(make_content(), attachments=(AttachmentPart("mail.eml", content_type, inner),))

    *_, attachment = message.walk()
    assert attachment.get_content_type() == "application/octet-stream"
    assert attachment.get_content() == inner


# -------------------------------------------------------------------------------------------------------- header
def test_the_header_says_who_when_and_what() -> None:
    content = make_content(
        sender=make_mailbox("agent@mail.example.com", "Support, Team A"),
        to=(make_mailbox("ada@example.com", "Ada Lovelace"), make_mailbox("bob@example.com")),
        cc=(make_mailbox("taro@example.com", "山田 太郎"),),
        reply_to=(make_mailbox("desk@example.com", "Dr. Who"),),
        subject="Grüße",
        created_at=datetime(2026, 11, 22, 13, 5, 9, 999_999, timezone(timedelta(hours=1))),
        headers={"X-Campaign": "42", "List-Unsubscribe": "<https://example.com/u>"},
    )

    message = composed(content)

    assert sorted(message.keys()) == sorted(
        [*PLAIN_NAMES, "Cc", "Reply-To", "X-Campaign", "List-Unsubscribe", "Content-Transfer-Encoding"]
    )
    assert addresses(message, "From") == [("Support, Team A", "agent@mail.example.com")]
    assert addresses(message, "To") == [("Ada Lovelace", "ada@example.com"), ("", "bob@example.com")]
    assert addresses(message, "Cc") == [("山田 太郎", "taro@example.com")]
    assert addresses(message, "Reply-To") == [("Dr. Who", "desk@example.com")]
    assert message["Subject"] == "Grüße"
    assert message["Date"].datetime == datetime.fromisoformat("2026-11-22T12:05:09+00:00")
    assert message["Message-ID"] == MESSAGE_ID_HEADER
    assert message["MIME-Version"] == "1.0"
    assert message["X-Campaign"] == "42"
    assert message["List-Unsubscribe"] == "<https://example.com/u>"


def test_a_plain_mail_has_no_further_fields() -> None:
    assert sorted(composed(make_content()).keys()) == sorted([*PLAIN_NAMES, "Content-Transfer-Encoding"])


def test_a_reply_names_what_it_answers() -> None:
    references = [f"<{number}.{'x' * 60}@example.com>" for number in range(20)]

    message = composed(make_content(), in_reply_to=references[-1], references=references)

    assert message["In-Reply-To"] == references[-1]
    assert message["References"].split() == references


@pytest.mark.parametrize(
    "unusable",
    ["", "no brackets", "<two words>", "<a@b>\r\nBcc: x@example.com", "<ä@b>", "<a@b><c@d>", f"<{'x' * 990}>"],
)
def test_a_reference_that_no_header_can_hold_is_left_out_and_the_others_stay(unusable: str) -> None:
    message = composed(make_content(), in_reply_to=unusable, references=["<a@example.com>", unusable])

    assert message["In-Reply-To"] is None
    assert message["References"] == "<a@example.com>"
    assert "Bcc" not in message


def test_references_that_are_all_unusable_leave_no_field() -> None:
    assert "References" not in composed(make_content(), references=["nonsense"])


def test_blind_copied_recipients_are_nowhere_in_the_mail() -> None:
    content = make_content(bcc=(make_mailbox("secret@hidden.example.org", "Hidden Name"),), body_html="<p>x</p>")

    mail = compose_mail(content)

    for trace in (b"bcc", b"secret", b"hidden"):
        assert trace not in mail.lower()
    assert mail == compose_mail(replace(content, bcc=()))


def test_metadata_is_not_part_of_the_mail() -> None:
    content = make_content()

    assert compose_mail(replace(content, metadata={"order": "4711\r\nBcc: x@y.z"})) == compose_mail(content)


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?Hello?=",
        "plain =?utf-8?b?SGVsbG8=?= plain",
        "=?utf-8?q?Hello?= =?utf-8?q?Hello?=",
        "unfinished =?utf-8?q?",
        " spaces  inside   and around ",
        "   ",
        "",
        "é  è",
        "a  é  b",
        "x" * 998,
        "wort " * 199,
        "日本語" * 300,
        "👩‍👩‍👧" * 100,
        'a: b; c="d" <e@f> (g) \\ ?= %0D%0A',
    ],
)
def test_every_reader_shows_exactly_the_subject_that_was_given(subject: str) -> None:
    message = composed(make_content(subject=subject))

    assert message["Subject"] == subject


# --------------------------------------------------------------------------------------------------- determinism
def test_the_same_values_give_the_same_bytes_and_another_message_other_boundaries() -> None:
    def mail(message_id: str) -> bytes:
        content = make_content(subject="Grüße", body_html="<p>é</p>", headers={"X-B": "1", "X-A": "2"})
        files = (AttachmentPart("ä.bin", "application/x", b"\0\1\2"),)
        return compose_mail(content, message_id=message_id, attachments=files, references=["<a@b.example>"])

    assert mail("msg_a") == mail("msg_a")
    assert read(mail("msg_a")).get_boundary() != read(mail("msg_b")).get_boundary()
