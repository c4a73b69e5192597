"""Saving what must happen once: SES's acceptance with its id, and the lock of the late resend."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.ids import MessageKey
from chalicelib.operations.ports import MessageStore, VersionConflict
from chalicelib.storage.message_store import DynamoMessageStore
from chalicelib.storage.ses_message_id_store import DynamoSesMessageIds
from tests.factories.accounts import NOON
from tests.factories.deliveries import ADA
from tests.fakes.blob_store import FakeBlobStore
from tests.fakes.message_store import FakeMessageStore
from tests.storage.engines import Engine
from tests.storage.faults import Network
from tests.storage.parallel import at_once

KEY = MessageKey(7, 3)
BEGUN = MessageDelivery.begin([ADA], NOON)
ACCEPTED = replace(BEGUN, ses_message_id="ses-1")
RESENT = replace(BEGUN, submitted_at=NOON, resent_at=NOON)

Save = Callable[[MessageStore], MessageDelivery]
OPERATIONS = {"acceptance": "PutItem", "resend": "TransactWriteItems"}
SAVES: dict[str, Save] = {
    "acceptance": lambda messages: messages.save_acceptance(KEY, ACCEPTED),
    "resend": lambda messages: messages.save_resend(KEY, RESENT),
}


@pytest.fixture
def messages(*, is_fake: bool) -> MessageStore:
    return FakeMessageStore() if is_fake else DynamoMessageStore(FakeBlobStore())


@pytest.fixture(params=SAVES)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def save(kind: str) -> Save:
    return SAVES[kind]


def found(messages: MessageStore, ses_message_id: str) -> MessageKey | None:
    ids = messages.ses_message_ids if isinstance(messages, FakeMessageStore) else DynamoSesMessageIds()
    return ids.get(ses_message_id)


def test_what_was_saved_is_read_back(messages: MessageStore, save: Save) -> None:
    saved = save(messages)

    assert saved.version == 1
    assert messages.get_delivery(KEY) == saved


def test_an_acceptance_brings_the_way_from_the_id_of_ses_to_the_message(messages: MessageStore) -> None:
    messages.save_acceptance(KEY, ACCEPTED)
    assert found(messages, "ses-1") == KEY


def test_an_acceptance_over_newer_news_leaves_them_as_they_are(messages: MessageStore) -> None:
    newer = messages.save_delivery(KEY, BEGUN)

    with pytest.raises(VersionConflict):
        messages.save_acceptance(KEY, ACCEPTED)

    assert messages.get_delivery(KEY) == newer
    assert found(messages, "ses-1") == KEY  # noted first, and true whatever becomes of the rest


def test_an_acceptance_without_an_id_is_none(messages: MessageStore) -> None:
    with pytest.raises(ValueError, match="proves no acceptance"):
        messages.save_acceptance(KEY, BEGUN)


def test_of_several_with_the_very_same_value_one_gets_the_lock(messages: MessageStore) -> None:
    """Reading afterwards what stands there could not tell them apart."""

    def try_it() -> bool:
        try:
            messages.save_resend(KEY, RESENT)
        except VersionConflict:
            return False
        return True

    assert sum(at_once([try_it] * 8)) == 1


def test_a_delivery_that_was_deleted_is_not_brought_back(messages: MessageStore) -> None:
    known = messages.save_delivery(KEY, BEGUN)
    messages.delete(KEY)

    with pytest.raises(VersionConflict):
        messages.save_resend(KEY, replace(known, resent_at=NOON))
    with pytest.raises(VersionConflict):
        messages.save_acceptance(KEY, replace(known, ses_message_id="ses-1"))

    assert messages.get_delivery(KEY) is None


def test_an_acceptance_is_two_writes_and_a_resend_a_transaction(network: Network) -> None:
    messages = DynamoMessageStore(FakeBlobStore())
    calls = network.listen()

    saved = messages.save_acceptance(KEY, ACCEPTED)
    messages.save_resend(KEY, replace(saved, resent_at=NOON))

    assert calls == ["PutItem", "PutItem", "TransactWriteItems"]


def test_a_conflict_with_another_transaction_is_tried_again(network: Network) -> None:
    network.conflict("TransactWriteItems")
    save = SAVES["resend"]
    messages = DynamoMessageStore(FakeBlobStore())

    assert messages.get_delivery(KEY) is None
    assert save(messages) == messages.get_delivery(KEY)


def test_one_whose_reply_was_lost_and_that_the_sdk_repeats_has_succeeded(
    embedded_engine: Engine, monkeypatch: pytest.MonkeyPatch, save: Save, kind: str
) -> None:
    messages = DynamoMessageStore(FakeBlobStore())
    seen: list[MessageDelivery | None] = []

    def lose_the_first_reply(attempts: int, **_: Any) -> int | None:
        """botocore asks whether to retry: say yes once."""
        if attempts > 1:
            return None
        seen.append(messages.get_delivery(KEY))
        return 0  # seconds until the repeat

    with embedded_engine.fresh_table(monkeypatch) as client:
        client.meta.events.register_first(f"needs-retry.dynamodb.{OPERATIONS[kind]}", lose_the_first_reply)
        saved = save(messages)
        client.meta.events.unregister(f"needs-retry.dynamodb.{OPERATIONS[kind]}", lose_the_first_reply)

        assert seen[-1] == saved  # the first call had done its work
        assert messages.get_delivery(KEY) == saved
