"""The contract of MessageIdHeaders (operations/ports): the first that came with a Message-ID keeps it, in its inbox."""

import pytest

from chalicelib.domain.ids import MessageKey
from chalicelib.operations.ports import MessageIdHeaders, SesMessageIds
from chalicelib.storage.message_id_header_store import DynamoMessageIdHeaders
from chalicelib.storage.ses_message_id_store import DynamoSesMessageIds
from tests.fakes.message_id_headers import FakeMessageIdHeaders
from tests.fakes.ses_message_ids import FakeSesMessageIds

INBOX, OTHER = 2**56 - 1, 3
KEY = MessageKey(INBOX, 5)
HEADER = "<CAF1+x@mail.example.com>"
SES_ID = "0100018c5a0b1c2d-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d-000000"
SES_HEADER = f"<{SES_ID}@eu-west-1.amazonses.com>"


@pytest.fixture
def ses_ids(*, is_fake: bool) -> SesMessageIds:
    return FakeSesMessageIds() if is_fake else DynamoSesMessageIds()


@pytest.fixture
def headers(ses_ids: SesMessageIds) -> MessageIdHeaders:
    return FakeMessageIdHeaders(ses_ids) if isinstance(ses_ids, FakeSesMessageIds) else DynamoMessageIdHeaders()


@pytest.mark.parametrize("header", [HEADER, "no brackets", "<ü@x>", "<\ud800>", "<" + "x" * 900 + ">", SES_HEADER])
def test_a_message_is_found_by_its_message_id(headers: MessageIdHeaders, header: str) -> None:
    headers.claim(header, KEY)
    assert headers.find(INBOX, [header, "<other@x>"]) == {header: KEY}


def test_the_first_keeps_it(headers: MessageIdHeaders) -> None:
    headers.claim(HEADER, KEY)
    headers.claim(HEADER, MessageKey(INBOX, 6))
    assert headers.find(INBOX, [HEADER]) == {HEADER: KEY}


def test_each_inbox_has_its_own(headers: MessageIdHeaders) -> None:
    headers.claim(HEADER, KEY)
    assert headers.find(OTHER, [HEADER]) == {}

    headers.claim(HEADER, MessageKey(OTHER, 1))
    assert headers.find(OTHER, [HEADER]) == {HEADER: MessageKey(OTHER, 1)}
    assert headers.find(INBOX, [HEADER]) == {HEADER: KEY}


def test_released_it_is_free_again(headers: MessageIdHeaders) -> None:
    headers.claim(HEADER, KEY)
    headers.release(HEADER, KEY)
    headers.release(HEADER, KEY)
    assert headers.find(INBOX, [HEADER]) == {}

    headers.claim(HEADER, MessageKey(INBOX, 6))
    assert headers.find(INBOX, [HEADER]) == {HEADER: MessageKey(INBOX, 6)}


def test_nobody_releases_anothers(headers: MessageIdHeaders) -> None:
    headers.claim(HEADER, KEY)
    headers.release(HEADER, MessageKey(INBOX, 6))
    assert headers.find(INBOX, [HEADER]) == {HEADER: KEY}


@pytest.mark.parametrize("domain", ["eu-west-1.amazonses.com", "email.amazonses.com", "EMAIL.AmazonSES.com"])
def test_a_sent_message_is_found_by_the_id_that_ses_gave_it(
    headers: MessageIdHeaders, ses_ids: SesMessageIds, domain: str
) -> None:
    ses_ids.put(SES_ID, KEY)
    header = f"<{SES_ID}@{domain}>"
    assert headers.find(INBOX, [header, HEADER]) == {header: KEY}


def test_a_mail_that_another_inbox_sent_is_found_as_what_was_received_of_it(
    headers: MessageIdHeaders, ses_ids: SesMessageIds
) -> None:
    ses_ids.put(SES_ID, MessageKey(OTHER, 1))
    assert headers.find(INBOX, [SES_HEADER]) == {}

    headers.claim(SES_HEADER, KEY)
    assert headers.find(INBOX, [SES_HEADER]) == {SES_HEADER: KEY}
    assert headers.find(OTHER, [SES_HEADER]) == {SES_HEADER: MessageKey(OTHER, 1)}


@pytest.mark.parametrize("domain", ["amazonses.com.example.org", "example.org", "xamazonses.com"])
def test_another_domain_is_not_that_of_ses(headers: MessageIdHeaders, ses_ids: SesMessageIds, domain: str) -> None:
    ses_ids.put(SES_ID, KEY)
    assert headers.find(INBOX, [f"<{SES_ID}@{domain}>"]) == {}


def test_hundreds_are_looked_up_together(headers: MessageIdHeaders) -> None:
    headers.claim(HEADER, KEY)
    assert headers.find(INBOX, [HEADER, *(f"<{number}@x>" for number in range(250))]) == {HEADER: KEY}
