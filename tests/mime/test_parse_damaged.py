"""Whatever happens to a mail on its way, it is read, and what comes out can be stored and shown."""

import re
from collections.abc import Iterator
from datetime import UTC

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.address import NAME_LIMIT
from chalicelib.domain.arrival import WarningCode
from chalicelib.domain.header_text import header_text_problem
from chalicelib.mime.parse import parse_mail
from chalicelib.mime.parsed_mail import ParsedMail
from tests.mime.damaged_mails import DAMAGED_MAILS, MAILS

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
UNSAFE_IN_NAMES = re.compile("[/\\\\\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
CONTENT_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+(; method=[A-Z-]+)?")
MESSAGE_ID = re.compile(r"<[^<>\x00-\x20]{1,898}>")


def lines(message: ParsedMail) -> Iterator[str]:
    """Every text that has to stand in one line."""
    yield message.subject
    for mailbox in (*message.to, *message.cc, *message.reply_to, *((message.sender,) if message.sender else ())):
        yield mailbox.name
        yield mailbox.address
    for attachment in message.attachments:
        yield attachment.filename
        yield attachment.content_id or ""


def check(message: ParsedMail) -> None:
    assert "fault" not in (message.degraded or ""), message.degraded
    for line in lines(message):
        assert header_text_problem(line) is None
    for body in (message.body_text, message.body_html):
        assert not CONTROLS.search(body or "")
    assert not CONTROLS.search(message.extracted_text or "")
    assert (message.extracted_text is None) == (message.body_text is None)
    assert message.body_text is not None or message.body_html is None
    check_people(message)
    check_files(message)
    for message_id in (*message.references, *message.in_reply_to, message.message_id_header or "<none>"):
        assert MESSAGE_ID.fullmatch(message_id)
        assert not CONTROLS.search(message_id)
    assert message.date is None or (message.date.tzinfo is UTC and message.date.year >= 1970)
    assert (message.degraded is not None) == (WarningCode.DEGRADED in {warning.code for warning in message.warnings})


def check_people(message: ParsedMail) -> None:
    people = (*message.to, *message.cc, *message.reply_to)
    assert len(people) <= 500
    for mailbox in people:
        local, _, domain = mailbox.address.rpartition("@")
        assert local
        assert domain
        assert domain == domain.lower()
        assert len(mailbox.name) <= NAME_LIMIT


def check_files(message: ParsedMail) -> None:
    assert len(message.attachments) <= 1000
    for attachment in message.attachments:
        assert 0 < len(attachment.filename) <= 200
        assert attachment.filename.strip(" ") not in {"", ".", ".."}
        assert not UNSAFE_IN_NAMES.search(attachment.filename)
        assert CONTENT_TYPE.fullmatch(attachment.content_type)


@settings(max_examples=300)
@given(raw=DAMAGED_MAILS)
def test_a_damaged_mail_is_read(raw: bytes) -> None:
    check(parse_mail(raw))


@settings(max_examples=100)
@given(raw=MAILS)
def test_a_mail_with_strange_fields_is_read(raw: bytes) -> None:
    check(parse_mail(raw))


@settings(max_examples=100)
@given(raw=st.binary(max_size=400))
def test_octets_that_are_no_mail_are_read(raw: bytes) -> None:
    check(parse_mail(raw))


@pytest.mark.long
@settings(max_examples=20_000, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(raw=DAMAGED_MAILS)
def test_20000_damaged_mails_are_read(raw: bytes) -> None:
    check(parse_mail(raw))
