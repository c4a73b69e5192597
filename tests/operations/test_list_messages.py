"""Pages of an inbox's messages: order, filters, totals and the size of their bodies."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import AccountId, MessageKey
from chalicelib.domain.inbox import InboxStatus
from chalicelib.domain.message import Direction
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.list_messages import BODY_BUDGET, phases_of
from chalicelib.operations.ports import PageRequest
from tests.factories.accounts import make_caller, make_inbox
from tests.factories.messages import make_content
from tests.operations.refusals import answer
from tests.operations.watched import Meanwhile
from tests.operations.world import INBOX, World

PHASES = st.lists(st.sampled_from(MessagePhase), max_size=12)


def inbox_of(*phases: MessagePhase) -> World:
    """An inbox whose messages stand in these phases, oldest first."""
    world = World()
    for sequence, phase in enumerate(phases):
        key = MessageKey(INBOX, sequence)
        world.messages.put(make_content(key=key))
        world.index.commit(key, MessagePhase.QUEUED, lambda sequence=sequence: (sequence,))  # type: ignore[misc]
        world.index.advance(key, phase, set(MessagePhase))
    return world


def sequences(world: World, request: PageRequest | None = None, **wanted: object) -> list[int]:
    page = world.list_messages(INBOX, world.caller, request or PageRequest(limit=100), **wanted)  # type: ignore[arg-type]
    assert page.total >= len(page.items)
    return [message.content.key.sequence for message in page.items]


@given(PHASES)
def test_exactly_the_visible_messages_are_listed_newest_first(phases: list[MessagePhase]) -> None:
    world = inbox_of(*phases)

    page = world.list_messages(INBOX, world.caller, PageRequest(limit=100))

    visible = [(sequence, phase.status) for sequence, phase in enumerate(phases) if phase.visible]
    assert [(message.content.key.sequence, message.status) for message in page.items] == visible[::-1]
    assert page.total == len(visible)
    assert page.next_after is None


@given(PHASES, st.sampled_from(MessageStatus))
def test_a_status_filter_lists_and_counts_that_status(phases: list[MessagePhase], status: MessageStatus) -> None:
    world = inbox_of(*phases)

    page = world.list_messages(INBOX, world.caller, PageRequest(limit=2), status=status)

    wanted = [sequence for sequence, phase in enumerate(phases) if phase.visible and phase.status is status]
    assert [message.content.key.sequence for message in page.items] == wanted[::-1][:2]
    assert page.total == len(wanted)


@given(PHASES)
def test_every_message_has_one_direction(phases: list[MessagePhase]) -> None:
    world = inbox_of(*phases)

    inbound = sequences(world, direction=Direction.INBOUND)
    outbound = sequences(world, direction=Direction.OUTBOUND)

    assert sorted(inbound + outbound, reverse=True) == sequences(world)
    assert all(phases[sequence] is MessagePhase.RECEIVED for sequence in inbound)


def test_a_status_of_the_other_direction_lists_nothing() -> None:
    world = inbox_of(MessagePhase.RECEIVED, MessagePhase.SENT)

    assert sequences(world, status=MessageStatus.SENT, direction=Direction.INBOUND) == []
    assert sequences(world, status=MessageStatus.RECEIVED, direction=Direction.OUTBOUND) == []


def test_a_claimed_and_a_submitting_message_are_both_sending() -> None:
    assert phases_of(MessageStatus.SENDING, None) == {MessagePhase.CLAIMED, MessagePhase.SUBMITTING}


@given(PHASES, st.integers(1, 5), st.integers(0, 13))
def test_an_offset_skips_that_many_of_the_list(phases: list[MessagePhase], limit: int, offset: int) -> None:
    world = inbox_of(*phases)

    assert sequences(world, PageRequest(limit, offset)) == sequences(world)[offset : offset + limit]


@given(PHASES, st.integers(1, 5), st.lists(st.booleans(), max_size=5))
def test_a_cursor_neither_skips_nor_repeats_while_messages_come(
    phases: list[MessagePhase], limit: int, arrivals: list[bool]
) -> None:
    world = inbox_of(*phases)
    whole = sequences(world)
    coming = iter(range(len(phases), 100))
    seen: list[int] = []
    after: int | None = None
    while True:
        page = world.list_messages(INBOX, world.caller, PageRequest(limit, after=after))
        seen += [message.content.key.sequence for message in page.items]
        if (after := page.next_after) is None:
            break
        if arrivals and arrivals.pop():
            key = MessageKey(INBOX, next(coming))
            world.messages.put(make_content(key=key))
            world.index.commit(key, MessagePhase.QUEUED, lambda key=key: (key.sequence,))  # type: ignore[misc]

    assert seen == whole


def test_the_longest_bodies_are_left_out_of_a_page_that_would_be_too_large() -> None:
    world = inbox_of(MessagePhase.SENT, MessagePhase.SENT, MessagePhase.SENT)
    for sequence, size in enumerate([BODY_BUDGET // 2, BODY_BUDGET - 1_000, 500]):
        content = make_content(key=MessageKey(INBOX, sequence))
        world.messages.put(replace(content, body_text="x" * size))

    items = world.list_messages(INBOX, world.caller, PageRequest()).items

    assert [message.content.body_truncated for message in items] == [False, True, False]
    assert items[1].content.body_text is None
    assert sum(len(message.content.body_text or "") for message in items) <= BODY_BUDGET


def test_bodies_that_fit_are_whole() -> None:
    (message,) = (world := inbox_of(MessagePhase.SENT)).list_messages(INBOX, world.caller, PageRequest()).items

    assert message.content.body_text == "Good morning, Ada.\n"
    assert not message.content.body_truncated


def test_a_message_deleted_since_it_was_listed_is_left_out() -> None:
    world = inbox_of(MessagePhase.SENT, MessagePhase.SENT)
    deleting = Meanwhile("messages.page", lambda: world.delete_message(MessageKey(INBOX, 0), world.caller))

    with world.watching(deleting):
        assert sequences(world) == [1]


def test_the_inbox_of_another_account_a_deleted_an_unknown_and_an_unreachable_one_are_answered_alike() -> None:
    world = inbox_of(MessagePhase.SENT)
    world.inboxes.create(make_inbox(number=8, address="gone@mail.example.com", status=InboxStatus.DELETED))

    answers = set()
    for number, caller in [
        (INBOX, make_caller(account_id=AccountId("acc_another"))),
        (INBOX, make_caller(inbox_numbers=frozenset({99}))),
        (8, world.caller),
        (99, world.caller),
    ]:
        with pytest.raises(NotFound) as refused:
            world.list_messages(number, caller, PageRequest())
        answers.add(answer(refused.value))

    assert len(answers) == 1


def test_a_suspended_inbox_is_still_read() -> None:
    world = World(status=InboxStatus.SUSPENDED)

    assert world.list_messages(INBOX, world.caller, PageRequest()).total == 0


def test_a_message_deleted_while_it_is_listed_is_neither_shown_nor_counted() -> None:
    world = World()
    keys = [world.submitted() for _ in range(3)]
    with world.watching(Meanwhile("messages.page", lambda: world.delete_message(keys[1], world.caller))):
        page = world.list_messages(INBOX, world.caller, PageRequest(limit=100))
    assert [message.content.key for message in page.items] == [keys[2], keys[0]]
    assert page.total == 2
