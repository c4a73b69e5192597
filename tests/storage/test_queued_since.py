"""Queued messages oldest first, page by page: each that stays queued is found once, whatever changes meanwhile."""

from functools import partial
from random import Random

import pytest

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import MessageIndex
from chalicelib.storage.message_index import DynamoMessageIndex
from tests.fakes.message_index import FakeMessageIndex

INBOX = 7
QUEUED, CLAIMED, SENT = MessagePhase.QUEUED, MessagePhase.CLAIMED, MessagePhase.SENT
MESSAGES = 60  # of 8 a bucket, 24 a directory: most lie in sealed ones


@pytest.fixture
def index(*, is_fake: bool, small_buckets: None) -> MessageIndex:
    index: MessageIndex = FakeMessageIndex() if is_fake else DynamoMessageIndex()
    for sequence in range(MESSAGES):
        phase = SENT if sequence % 4 else QUEUED
        index.commit(MessageKey(INBOX, sequence), phase, partial(tuple, [sequence]))
        index.seal_due(MessageKey(INBOX, sequence))
    return index


def walked(index: MessageIndex, limit: int, between: Random | None = None) -> list[int]:
    """All that a walk finds; with `between`, messages are claimed and put back behind its back."""
    found: list[int] = []
    after, more = -1, True
    while more:
        keys, more = index.queued_since(INBOX, after, limit)
        found += [key.sequence for key in keys]
        after = found[-1] if found else after
        for sequence in between.sample(range(0, MESSAGES, 4), 2) if between else ():
            if sequence % 8:
                index.advance(MessageKey(INBOX, sequence), CLAIMED, {QUEUED})
    return found


def test_a_walk_finds_each_queued_message_once_oldest_first_and_loses_none_while_others_leave(
    index: MessageIndex,
) -> None:
    for limit in (4, 100):
        assert walked(index, limit) == list(range(0, MESSAGES, 4))
    assert index.queued_since(INBOX, 21, 3) == ([MessageKey(INBOX, sequence) for sequence in (24, 28, 32)], True)
    assert index.queued_since(INBOX, 52, 3) == ([MessageKey(INBOX, 56)], False)
    assert index.queued_since(INBOX, 56, 3) == ([], False)
    assert index.queued_since(INBOX + 1, -1, 3) == ([], False)

    found = walked(index, 3, Random(1))

    assert found == sorted(set(found))
    assert set(found) >= set(range(0, MESSAGES, 8))
