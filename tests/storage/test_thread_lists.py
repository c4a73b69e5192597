"""The list of threads while its inbox is being written to: what it counts is what its page is of."""

from typing import Any

import pytest

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import PageRequest
from chalicelib.storage import keys
from chalicelib.storage.cell_list import CellList
from chalicelib.storage.message_index import DynamoMessageIndex
from chalicelib.storage.sealing import Folding
from chalicelib.storage.tables import table_name
from tests.operations.watched import Crash, Failing
from tests.operations.world import INBOX
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.stored_world import ALL, StoredWorld

pytestmark = [
    pytest.mark.usefixtures("table", "small_buckets"),
    NOT_ON_MOTO,
]


def test_a_page_and_its_counts_are_of_one_front(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = StoredWorld()
    for _ in range(12):
        world.submit()
    world.work()
    call, has_happened = table._make_api_call, False

    def meanwhile(operation: str, parameters: Any) -> Any:
        nonlocal has_happened
        answer = call(operation, parameters)
        if operation == "Query" and "Limit" in parameters and not has_happened:
            has_happened = True
            world.submit()
            world.reply(2)
            for sequence in (0, 1):
                world.index.advance(MessageKey(INBOX, sequence), MessagePhase.COMPLAINED, {MessagePhase.SENT})
            assert Folding(CellList(keys.inbox_partition(INBOX), keys.MESSAGE_CELLS)).fold()
        return answer

    monkeypatch.setattr(table, "_make_api_call", meanwhile)
    page = world.list_threads(INBOX, world.caller, ALL)

    assert has_happened
    counts = {summary.thread.key.first_sequence: summary.thread.message_count for summary in page.items}
    assert counts == {**dict.fromkeys(range(13), 1), 2: 2}


def test_a_thread_is_read_although_all_of_its_newest_messages_are_under_way_or_going(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = StoredWorld()
    monkeypatch.setattr("chalicelib.operations.thread_pages.ENOUGH", 3)
    world.threads = world.threads.__class__(members_limit=6, chunk_limit=8, enough=3)
    world._wire()
    first = world.submitted()
    replies = [world.reply(0) for _ in range(11)]
    thread = ThreadKey(INBOX, first.sequence)
    for _ in range(4):  # requests that died in front of their commit
        with world.watching(Failing("index.commit", [Crash()])), pytest.raises(Crash):
            world.reply(0)
    while any(sequence in world.threads.get(thread).recent for sequence in replies):
        newest = max(sequence for sequence in world.threads.get(thread).recent if sequence in replies)
        world.delete_message(MessageKey(INBOX, newest), world.caller)
        replies.remove(newest)
    assert replies

    summary = world.get_thread(thread, world.caller)

    assert summary.last_message.content.key.sequence == replies[-1]
    assert summary.thread.message_count == 1 + len(replies)
    world.assert_agrees()


def test_a_front_that_one_answer_does_not_hold_is_read_to_its_end(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that stands still leaves everything queued and every bucket open; an answer of DynamoDB ends at 1 MB."""
    cells = CellList(keys.inbox_partition(INBOX), keys.MESSAGE_CELLS)
    for number in range(12):
        table.put_item(TableName=table_name(), Item={**cells.key(number), "st": {"L": [{"S": "Q"}] * 8}})
    call = table._make_api_call

    def cut(operation: str, parameters: Any) -> Any:
        answer = call(operation, parameters)
        if operation == "Query" and "Limit" in parameters and len(answer["Items"]) > 2:
            left = answer["Items"][:2]
            return {**answer, "Items": left, "LastEvaluatedKey": {"pk": left[-1]["pk"], "sk": left[-1]["sk"]}}
        return answer

    index = DynamoMessageIndex()
    monkeypatch.setattr(table, "_make_api_call", cut)

    assert [index.page(INBOX, [MessagePhase.QUEUED], PageRequest()).total for _ in range(2)] == [96, 96]
