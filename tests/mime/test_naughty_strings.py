"""Every string of the Big List of Naughty Strings, in every text of a mail."""

import email
import email.policy
import json
from email.headerregistry import AddressHeader
from pathlib import Path

import pytest

from chalicelib.domain.address import AddressError, Mailbox, parse_mailbox
from chalicelib.domain.header_text import body_text_problem, header_text_problem
from chalicelib.domain.message import MessageContent
from chalicelib.mime.compose import AttachmentPart
from tests.factories.mails import compose_mail
from tests.factories.messages import make_content, make_mailbox

BLNS = Path(__file__).parents[1] / "samples" / "blns" / "blns.json"
STRINGS: list[str] = json.loads(BLNS.read_text("utf-8"))
NAMES = [
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "From",
    "MIME-Version",
    "Message-ID",
    "Subject",
    "To",
]


def test_the_list_is_whole_and_most_of_it_can_be_written() -> None:
    assert len(STRINGS) == 461
    assert sum(header_text_problem(text) is None for text in STRINGS) > 440


def assert_only_what_was_asked_for(content: MessageContent, *more_names: str) -> email.message.EmailMessage:
    message = email.message_from_bytes(compose_mail(content), policy=email.policy.default)
    assert sorted(message.keys()) == sorted([*NAMES, *more_names])
    header = message["To"]
    assert isinstance(header, AddressHeader)
    assert [address.addr_spec for address in header.addresses] == [to.address for to in content.to]
    return message


@pytest.mark.parametrize("text", STRINGS)
def test_in_the_header_it_is_refused_or_stays_text(text: str) -> None:
    if header_text_problem(text):
        return  # the API answers 400; tests/domain/test_header_text.py says which are and compose refuses them too

    subject = assert_only_what_was_asked_for(make_content(subject=text))["Subject"]
    value = assert_only_what_was_asked_for(make_content(headers={"X-Note": text}), "X-Note")["X-Note"]
    assert_only_what_was_asked_for(make_content(to=(make_mailbox(name=text), make_mailbox("bob@example.com", text))))
    assert_only_what_was_asked_for(make_content(sender=make_mailbox("agent@mail.example.com", text)))

    assert subject == text
    assert value == text


@pytest.mark.parametrize("text", STRINGS)
def test_in_a_body_it_is_refused_or_kept(text: str) -> None:
    if body_text_problem(text):
        return

    message = assert_only_what_was_asked_for(make_content(body_text=text, metadata={"note": text}))

    expected = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    assert message.get_content() == expected


@pytest.mark.parametrize("text", STRINGS)
def test_as_a_file_name_it_is_refused_or_kept(text: str) -> None:
    if header_text_problem(text):
        return

    mail = compose_mail(make_content(), attachments=(AttachmentPart(text, "text/plain", b"x"),))

    *_, attachment = email.message_from_bytes(mail, policy=email.policy.default).walk()
    assert attachment["Content-Disposition"].params["filename"] == text


@pytest.mark.parametrize("text", STRINGS)
def test_as_an_address_or_its_name_it_is_refused_or_read(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    for candidate in (text, f'"{quoted}" <ada@example.com>', f"{text} <ada@example.com>"):
        try:
            mailbox = parse_mailbox(candidate, allow_test_domains=False)
        except AddressError:
            continue
        assert mailbox.address.isascii()
        assert_only_what_was_asked_for(make_content(to=(mailbox, Mailbox("bob@example.com"))))
