"""What compose refuses to write."""

import pytest

from chalicelib.domain.address import Mailbox
from chalicelib.mime.compose import AttachmentPart, ComposeError
from tests.factories.mails import compose_mail
from tests.factories.messages import make_content

INJECTIONS = [
    "=?utf-8?q?a=0D=0ABcc:_x@y.z?=",
    "=?utf-8?b?YQ0KQmNjOiB4QHkueg==?=",
    "a\r\nBcc: x@y.z",
    "a\nBcc: x@y.z",
    "a\rBcc: x@y.z",
    "a\r\n\r\nbody",
    "a\0b",
    "a\x7fb",
    "a\x85Bcc: x@y.z",
    "a\u2028Bcc: x@y.z",
    "a\u2029Bcc: x@y.z",
    "a\ud800b",
]


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize(
    "place",
    [
        lambda text: {"subject": text},
        lambda text: {"sender": Mailbox("agent@mail.example.com", text)},
        lambda text: {"to": (Mailbox("ada@example.com", text),)},
        lambda text: {"cc": (Mailbox("ada@example.com", text),)},
        lambda text: {"reply_to": (Mailbox("ada@example.com", text),)},
        lambda text: {"headers": {"X-Note": text}},
    ],
    ids=["subject", "sender", "to", "cc", "reply-to", "header"],
)
def test_text_that_could_begin_another_header_is_refused(text: str, place: object) -> None:
    assert callable(place)

    with pytest.raises(ComposeError, match="cannot be written: it holds"):
        compose_mail(make_content(**place(text)))


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_file_name_that_could_begin_another_header_is_refused(text: str) -> None:
    with pytest.raises(ComposeError, match="a file name cannot be written"):
        compose_mail(make_content(), attachments=(AttachmentPart(text, "text/plain", b""),))


@pytest.mark.parametrize(
    "address",
    ["", "ada", "ada@b\r\nBcc: x@y.z", "ada@b.com>, <x@y.z", "a,b@c.de", "a b@c.de", "adá@b.com", "ada@bücher.de"],
)
def test_an_address_that_is_more_than_one_is_refused(address: str) -> None:
    with pytest.raises(ComposeError, match="is not an address"):
        compose_mail(make_content(to=(Mailbox(address),)))


@pytest.mark.parametrize("name", ["Bcc", "Subject", "X-SES-CONFIGURATION-SET", "X-A\r\nBcc", "X-A: b", "X-ä"])
def test_a_header_that_is_not_the_callers_is_refused(name: str) -> None:
    with pytest.raises(ComposeError):
        compose_mail(make_content(headers={name: "value"}))


@pytest.mark.parametrize("changes", [{"body_text": "\udc00"}, {"body_html": "a\ud83d"}])
def test_half_a_character_in_a_body_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ComposeError, match="UTF-8 cannot express"):
        compose_mail(make_content(**changes))


def test_a_message_of_which_a_body_is_lost_is_not_composed_without_it() -> None:
    with pytest.raises(ComposeError, match="a body is missing"):
        compose_mail(make_content(body_text=None, body_html="<p>Hi</p>", body_truncated=True))


def test_ids_that_could_break_a_header_are_refused() -> None:
    with pytest.raises(ComposeError, match="message id"):
        compose_mail(make_content(), message_id='msg"\r\n')
    with pytest.raises(ComposeError, match="Message-ID"):
        compose_mail(make_content(), message_id_header="<a@b>\r\nBcc: x@y.z")
    with pytest.raises(ComposeError, match="Content-ID"):
        compose_mail(
            make_content(body_html="x"), attachments=(AttachmentPart("a", "image/png", b"", "a>\r\nX: y", inline=True),)
        )
