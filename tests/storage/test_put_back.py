"""Putting a message back to queued happens once, also when the reply is lost and the SDK repeats the call."""

from typing import Any

import pytest

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.storage.message_index import DynamoMessageIndex
from tests.storage.engines import Engine

KEY = MessageKey(7, 0)


def test_a_repeated_call_does_not_take_the_mark_from_the_next_worker(
    embedded_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = DynamoMessageIndex()
    seen: list[MessagePhase] = []

    def lose_the_first_reply(attempts: int, **_: Any) -> int | None:
        """botocore asks whether to retry: say yes once, after another worker has claimed and marked the message."""
        if attempts > 1:
            return None
        seen.append(index.phase(KEY))
        index.advance(KEY, MessagePhase.CLAIMED, {MessagePhase.QUEUED})
        index.advance(KEY, MessagePhase.SUBMITTING, {MessagePhase.CLAIMED})
        return 0  # seconds until the repeat

    with embedded_engine.fresh_table(monkeypatch) as client:
        index.commit(KEY, MessagePhase.SUBMITTING, lambda: (KEY.sequence,))
        client.meta.events.register_first("needs-retry.dynamodb.TransactWriteItems", lose_the_first_reply)

        index.put_back(KEY)

        client.meta.events.unregister("needs-retry.dynamodb.TransactWriteItems", lose_the_first_reply)
        assert seen == [MessagePhase.QUEUED]  # the first call had done its work
        assert index.phase(KEY) is MessagePhase.SUBMITTING


def test_a_message_that_is_not_being_submitted_stays_where_it_is(table: Any) -> None:
    index = DynamoMessageIndex()
    index.commit(KEY, MessagePhase.SENT, lambda: (KEY.sequence,))

    index.put_back(KEY)

    assert index.phase(KEY) is MessagePhase.SENT
