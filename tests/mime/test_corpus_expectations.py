"""Mails of strangers come out as a person who read them says: tests/samples/inbound holds what they said."""

import unicodedata
from collections.abc import Iterator

import pytest

from chalicelib.mime.parse import parse_mail
from chalicelib.mime.parsed_mail import ParsedMail
from tests.corpora_mails import corpus_mails
from tests.mime.expectations import SAMPLES, differences, expectation_names, read_expectation

NAMES = expectation_names()


def test_there_are_at_least_sixty_of_them() -> None:
    assert len(NAMES) >= 60


def test_each_can_be_read_and_names_a_mail_that_exists() -> None:
    expectations = [read_expectation(name) for name in NAMES]

    assert [expectation.name for expectation in expectations if not expectation.mail.is_file()] == []
    assert [expectation.name for expectation in expectations if not expectation.said.get("why")] == []


def test_no_mail_of_our_own_is_left_unread() -> None:
    read = {read_expectation(name).mail for name in NAMES}

    assert sorted(set((SAMPLES / "own").glob("*.eml")) - read) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_mail_is_read_as_a_person_read_it(name: str) -> None:
    expectation = read_expectation(name)

    found = differences(expectation.said, parse_mail(expectation.mail.read_bytes()))

    assert not found, "\n".join([f"{name}: {expectation.said['why']}", *found])


def test_no_mail_of_the_corpora_puts_a_control_into_a_text() -> None:
    spoilt = {
        (name, character)
        for name, mail in corpus_mails()
        for text in texts_of(parse_mail(mail))
        for character in set(text) - {"\t", "\n"}
        if unicodedata.category(character) in {"Cc", "Cs"}
    }

    assert not spoilt


def texts_of(parsed: ParsedMail) -> Iterator[str]:
    yield from (parsed.subject, parsed.body_text or "", parsed.body_html or "", parsed.extracted_text or "")
    yield from (parsed.message_id_header or "", *parsed.in_reply_to, *parsed.references)
    yield from (text for box in (*parsed.to, *parsed.cc, *parsed.reply_to) for text in (box.address, box.name))
    yield from ((parsed.sender.address, parsed.sender.name) if parsed.sender else ())
    yield from (
        text for file in parsed.attachments for text in (file.filename, file.content_type, file.content_id or "")
    )
