"""The contract of MessageIndex (operations/ports): phases, pages, and what is unfinished."""

from collections import Counter

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import Advance, IndexedMessage, MessageIndex, PageRequest
from chalicelib.storage.message_index import DynamoMessageIndex
from tests.fakes.message_index import FakeMessageIndex
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.faults import Network
from tests.storage.parallel import at_once

INBOX = 2**56 - 1
RESERVED, QUEUED, CLAIMED, SENT, GONE = (
    MessagePhase.RESERVED,
    MessagePhase.QUEUED,
    MessagePhase.CLAIMED,
    MessagePhase.SENT,
    MessagePhase.GONE,
)
VISIBLE = [phase for phase in MessagePhase if phase.visible]


@pytest.fixture
def index(*, is_fake: bool) -> MessageIndex:
    return FakeMessageIndex() if is_fake else DynamoMessageIndex()


def key(sequence: int) -> MessageKey:
    return MessageKey(INBOX, sequence)


def commit(index: MessageIndex, sequence: int, phase: MessagePhase = QUEUED) -> bool:
    """A message that begins a thread of its own."""
    return index.commit(key(sequence), phase, lambda: (sequence,))


def remove(index: MessageIndex, sequence: int) -> MessagePhase:
    return index.remove(key(sequence), lambda: (sequence,))


def listed(index: MessageIndex, *phases: MessagePhase, **request: int) -> list[int]:
    page = index.page(INBOX, phases or VISIBLE, PageRequest(**request))
    return [item.key.sequence for item in page.items]


# -------------------------------------------------------------------------------------- several together


def test_messages_are_advanced_together_where_they_may_be(index: MessageIndex) -> None:
    for sequence in (0, 1, 3):
        commit(index, sequence)
    index.commit(key(4), QUEUED, lambda: (3, 4))  # takes the capital from 3
    index.advance(key(1), SENT, {QUEUED})
    phases = index.advance_together(INBOX, [0, 1, 2, 3, 4], CLAIMED, {QUEUED, CLAIMED})

    assert phases == {0: CLAIMED, 1: SENT, 2: RESERVED, 3: CLAIMED, 4: CLAIMED}
    assert index.phases(INBOX, range(5)) == phases
    assert index.advance_together(INBOX, [0, 3, 4], CLAIMED, {QUEUED, CLAIMED}) == dict.fromkeys((0, 3, 4), CLAIMED)
    assert [item.key.sequence for item in index.thread_page(INBOX, PageRequest()).items] == [4, 1, 0]


@pytest.mark.parametrize("others", [[], [480], [479, 480, 481]])
def test_messages_of_several_buckets_are_advanced_or_left_out(index: MessageIndex, others: list[int]) -> None:
    wanted = [0, *others]
    for sequence in wanted:
        commit(index, sequence)

    phases = index.advance_together(INBOX, wanted, CLAIMED, {QUEUED})

    assert set(phases.values()) <= {CLAIMED}
    assert index.phases(INBOX, wanted) == {sequence: phases.get(sequence, QUEUED) for sequence in wanted}


# ---------------------------------------------------------------------------------- committing, removing


def test_a_message_nobody_committed_is_reserved_and_not_listed(index: MessageIndex) -> None:
    commit(index, 5)
    for sequence in (4, 6, 480, 2**36 - 1):
        assert index.phase(key(sequence)) is RESERVED
    assert listed(index) == [5]
    assert index.page(INBOX - 1, VISIBLE, PageRequest()).total == 0


@pytest.mark.parametrize("sequence", [0, 479, 480, 2**36 - 1])
@pytest.mark.parametrize("phase", [QUEUED, MessagePhase.RECEIVED])
def test_a_committed_message_is_listed_in_its_phase(index: MessageIndex, sequence: int, phase: MessagePhase) -> None:
    assert commit(index, sequence, phase)
    page = index.page(INBOX, VISIBLE, PageRequest())
    assert page.items == (IndexedMessage(key(sequence), phase),)
    assert (page.total, page.next_after) == (1, None)
    assert index.phase(key(sequence)) is phase


def test_committing_again_changes_nothing(index: MessageIndex) -> None:
    commit(index, 0)
    index.advance(key(0), SENT, {QUEUED})
    assert commit(index, 0)
    assert index.phase(key(0)) is SENT


def test_a_reservation_that_was_killed_cannot_be_committed(index: MessageIndex) -> None:
    assert index.advance(key(0), GONE, {RESERVED}) == Advance(taken=True, phase=GONE)
    assert not commit(index, 0)
    assert index.phase(key(0)) is GONE
    assert listed(index) == []


@NOT_ON_MOTO
def test_of_a_commit_and_a_kill_at_once_one_wins(index: MessageIndex) -> None:
    def kill(sequence: int) -> bool:
        return index.advance(key(sequence), GONE, {RESERVED}).taken

    commits = [lambda sequence=sequence: commit(index, sequence) for sequence in range(20)]
    kills = [lambda sequence=sequence: kill(sequence) for sequence in range(20)]
    outcomes = at_once([call for pair in zip(commits, kills, strict=True) for call in pair])
    for sequence in range(20):
        committed, killed = outcomes[2 * sequence : 2 * sequence + 2]
        assert committed is not killed
        assert index.phase(key(sequence)) is (QUEUED if committed else GONE)


@pytest.mark.parametrize("phase", [phase for phase in MessagePhase if phase is not GONE])
def test_a_removed_message_is_gone_and_its_phase_is_told(index: MessageIndex, phase: MessagePhase) -> None:
    if phase is not RESERVED:
        commit(index, 3, phase)
    assert remove(index, 3) is phase
    assert remove(index, 3) is GONE
    assert index.phase(key(3)) is GONE
    assert listed(index) == []
    assert not commit(index, 3)


@NOT_ON_MOTO
def test_of_many_who_remove_a_message_at_once_one_did_it(index: MessageIndex) -> None:
    commit(index, 3)
    assert Counter(at_once([lambda: remove(index, 3)] * 8)) == {QUEUED: 1, GONE: 7}


# ---------------------------------------------------------------------------------------------- advancing


def test_a_step_is_taken_from_an_allowed_phase_only(index: MessageIndex) -> None:
    commit(index, 0)
    assert index.advance(key(0), SENT, {CLAIMED}) == Advance(taken=False, phase=QUEUED)
    assert index.advance(key(0), CLAIMED, {QUEUED, CLAIMED}) == Advance(taken=True, phase=CLAIMED)
    assert index.advance(key(0), CLAIMED, {QUEUED, CLAIMED}) == Advance(taken=True, phase=CLAIMED)
    assert index.advance(key(0), SENT, {CLAIMED}) == Advance(taken=True, phase=SENT)
    assert index.phase(key(0)) is SENT


@pytest.mark.parametrize("sequence", [0, 480])
def test_a_step_of_a_message_that_was_never_committed_is_refused(index: MessageIndex, sequence: int) -> None:
    assert index.advance(key(sequence), CLAIMED, {QUEUED}) == Advance(taken=False, phase=RESERVED)
    assert index.phase(key(sequence)) is RESERVED


def test_a_removed_message_takes_no_step(index: MessageIndex) -> None:
    commit(index, 0)
    remove(index, 0)
    assert index.advance(key(0), SENT, set(VISIBLE)) == Advance(taken=False, phase=GONE)


def test_of_many_workers_one_takes_the_mark(index: MessageIndex) -> None:
    commit(index, 0, CLAIMED)
    marks = at_once([lambda: index.advance(key(0), MessagePhase.SUBMITTING, {CLAIMED})] * 8)
    assert Counter(mark.taken for mark in marks) == {True: 1, False: 7}
    assert {mark.phase for mark in marks} == {MessagePhase.SUBMITTING}


def test_neighbours_that_advance_at_once_all_do(index: MessageIndex) -> None:
    for sequence in range(24):
        commit(index, sequence)
    steps = at_once([lambda n=n: index.advance(key(n), CLAIMED, {QUEUED}) for n in range(24)])  # type: ignore[misc]
    assert all(step.taken for step in steps)
    assert listed(index, CLAIMED, limit=100) == list(range(23, -1, -1))


def test_a_message_that_is_not_the_newest_of_its_thread_advances_too(index: MessageIndex) -> None:
    commit(index, 0)
    index.commit(key(1), QUEUED, lambda: (0, 1))
    for phase in (CLAIMED, SENT):
        for sequence in (0, 1):
            assert index.advance(key(sequence), phase, set(VISIBLE)).taken
    assert index.phases(INBOX, [0, 1]) == {0: SENT, 1: SENT}


# ------------------------------------------------------------------------------------------------- reading


def test_several_messages_are_looked_at_together(index: MessageIndex) -> None:
    commit(index, 1)
    commit(index, 481, SENT)
    expected = {1: QUEUED, 2: RESERVED, 481: SENT, 5_000: RESERVED}
    assert index.phases(INBOX, list(expected)) == expected
    assert index.look(INBOX, list(expected)).phases == expected
    assert index.phases(INBOX, []) == {}


def test_a_page_holds_only_the_phases_asked_for(index: MessageIndex) -> None:
    for sequence, phase in enumerate(VISIBLE * 2):
        commit(index, sequence, phase)
    assert listed(index, SENT) == [
        sequence for sequence in reversed(range(len(VISIBLE) * 2)) if (VISIBLE * 2)[sequence] is SENT
    ]
    page = index.page(INBOX, {SENT, QUEUED}, PageRequest(limit=1))
    assert (len(page.items), page.total) == (1, 4)
    assert index.page(INBOX, (), PageRequest()).total == 0


def test_a_cursor_neither_skips_nor_repeats_while_messages_come_and_go(index: MessageIndex) -> None:
    for sequence in range(475, 485):
        commit(index, sequence)
    first = index.page(INBOX, VISIBLE, PageRequest(limit=4))
    commit(index, 485)
    remove(index, 481)  # where the first page ended
    rest = index.page(INBOX, VISIBLE, PageRequest(limit=100, after=first.next_after))
    assert [item.key.sequence for item in first.items] == [484, 483, 482, 481]
    assert [item.key.sequence for item in rest.items] == [480, 479, 478, 477, 476, 475]
    assert (first.total, rest.total, rest.next_after) == (10, 10, None)


def test_everything_queued_or_sending_is_unfinished(index: MessageIndex) -> None:
    for sequence, phase in enumerate(VISIBLE):
        commit(index, sequence, phase)
    commit(index, 480)
    index.commit(MessageKey(1, 0), QUEUED, lambda: (0,))
    index.commit(MessageKey(1, 1), CLAIMED, lambda: (0, 1))
    found = set(index.unfinished())
    assert found == {
        IndexedMessage(MessageKey(1, 0), QUEUED),
        IndexedMessage(MessageKey(1, 1), CLAIMED),
        IndexedMessage(key(480), QUEUED),
        *(
            IndexedMessage(key(sequence), phase)
            for sequence, phase in enumerate(VISIBLE)
            if phase in {QUEUED, CLAIMED, MessagePhase.SUBMITTING}
        ),
    }


# ----------------------------------------------------------------------------------------- costs and faults


def test_a_change_is_one_call(network: Network) -> None:
    index = DynamoMessageIndex()
    commit(index, 0)
    calls = network.listen()
    commit(index, 1)
    index.advance(key(1), SENT, {QUEUED})
    assert calls == ["UpdateItem", "UpdateItem"]


def test_the_first_message_of_a_bucket_makes_it(network: Network) -> None:
    index = DynamoMessageIndex()
    commit(index, 479)
    calls = network.listen()
    assert commit(index, 480)
    assert calls == ["UpdateItem", "PutItem", "UpdateItem"]
    assert listed(index) == [480, 479]


@NOT_ON_MOTO
def test_two_who_make_a_bucket_at_once_both_succeed(network: Network) -> None:
    index = DynamoMessageIndex()
    network.before_next("PutItem", lambda: commit(index, 481))
    assert commit(index, 480)
    assert listed(index) == [481, 480]


@NOT_ON_MOTO
def test_steps_that_the_sdk_repeats_end_as_if_taken_once(network: Network) -> None:
    index = DynamoMessageIndex()
    commit(index, 5)
    network.repeat("UpdateItem")
    assert commit(index, 0)
    assert listed(index) == [5, 0]
    # As the contract says, the repeated call cannot know that the first try was its own.
    assert index.advance(key(0), CLAIMED, {QUEUED}) == Advance(taken=False, phase=CLAIMED)
    assert remove(index, 0) is GONE
    assert index.phase(key(0)) is GONE


def test_a_commit_whose_reply_was_lost_is_repeated_with_the_same_end(network: Network) -> None:
    index = DynamoMessageIndex()
    commit(index, 5)
    network.lose_reply("UpdateItem")
    with pytest.raises(Unavailable):
        commit(index, 0)
    assert index.phase(key(0)) is QUEUED
    assert commit(index, 0)
    assert listed(index) == [5, 0]


def test_a_step_that_meets_a_transaction_is_tried_again(network: Network) -> None:
    index = DynamoMessageIndex()
    commit(index, 0)
    network.conflict("UpdateItem")
    assert index.advance(key(0), CLAIMED, {QUEUED}).taken


def test_a_scan_that_is_cut_off_says_so(network: Network) -> None:
    index = DynamoMessageIndex()
    commit(index, 0)
    network.lose_reply("Scan")
    with pytest.raises(Unavailable):
        list(index.unfinished())
