"""The contract of SesMessageIds (operations/ports)."""

import pytest

from chalicelib.domain.ids import MessageKey
from chalicelib.operations.ports import SesMessageIds
from chalicelib.storage.ses_message_id_store import DynamoSesMessageIds
from tests.fakes.ses_message_ids import FakeSesMessageIds

SES_ID = "0100018c5a0b1c2d-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d-000000"
LAST = MessageKey(2**56 - 1, 2**36 - 1)


@pytest.fixture
def ids(*, is_fake: bool) -> SesMessageIds:
    return FakeSesMessageIds() if is_fake else DynamoSesMessageIds()


@pytest.mark.parametrize("key", [MessageKey(1, 0), LAST])
def test_a_message_is_found_by_its_ses_id(ids: SesMessageIds, key: MessageKey) -> None:
    ids.put(SES_ID, key)
    assert ids.get(SES_ID) == key


def test_an_unknown_ses_id_is_nobodys(ids: SesMessageIds) -> None:
    ids.put(SES_ID, LAST)
    assert ids.get(SES_ID[:-1]) is None


def test_putting_the_same_again_is_harmless(ids: SesMessageIds) -> None:
    ids.put(SES_ID, LAST)
    ids.put(SES_ID, LAST)
    assert ids.get(SES_ID) == LAST


def test_forgotten_it_is_nobodys(ids: SesMessageIds) -> None:
    ids.put(SES_ID, LAST)
    ids.delete(SES_ID)
    ids.delete(SES_ID)
    assert ids.get(SES_ID) is None
