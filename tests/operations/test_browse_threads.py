"""Threads: the list by newest message, one thread, and its messages in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import AccountId, MessageKey, ThreadKey
from chalicelib.operations.ports import PageRequest
from tests.factories.accounts import make_caller
from tests.operations.refusals import answer
from tests.operations.watched import Crash, Failing, FailingAt, Meanwhile, Recording
from tests.operations.world import INBOX, World, make_draft

FIRST, SECOND = ThreadKey(INBOX, 0), ThreadKey(INBOX, 1)


def two_threads() -> World:
    """Thread 0 has the messages 0 and 2, thread 1 the message 1."""
    world = World()
    world.submit(make_draft(subject="Lunch"))
    world.submit(make_draft(subject="Dinner"))
    world.submit(make_draft(subject="Re: Lunch", thread=FIRST))
    return world


def threads(world: World, request: PageRequest | None = None) -> list[int]:
    page = world.list_threads(INBOX, world.caller, request or PageRequest())
    return [summary.thread.key.first_sequence for summary in page.items]


def members(world: World, thread: ThreadKey = FIRST, request: PageRequest | None = None) -> list[int]:
    page = world.list_thread_messages(thread, world.caller, request or PageRequest())
    return [message.content.key.sequence for message in page.items]


def test_threads_are_listed_by_their_newest_message() -> None:
    world = two_threads()
    assert threads(world) == [0, 1]

    world.submit(make_draft(thread=SECOND))

    assert threads(world) == [1, 0]


def test_a_listed_thread_shows_its_first_subject_and_its_newest_message() -> None:
    lunch, dinner = two_threads().list_threads(INBOX, make_caller(), PageRequest()).items

    assert (lunch.thread.subject, lunch.thread.message_count) == ("Lunch", 2)
    assert lunch.last_message.content.subject == "Re: Lunch"
    assert (dinner.thread.subject, dinner.thread.message_count) == ("Dinner", 1)


def test_one_thread_is_shown_as_in_the_list() -> None:
    world = two_threads()

    listed = world.list_threads(INBOX, world.caller, PageRequest()).items

    assert [world.get_thread(thread, world.caller) for thread in (FIRST, SECOND)] == list(listed)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(1, 4), st.integers(0, 5))
def test_threads_are_paged_by_offset_and_counted_exactly(answered: list[int], limit: int, offset: int) -> None:
    world = World()
    newest: dict[int, int] = {}
    for number, wish in enumerate(answered):
        known = sorted(newest)
        thread = known[wish] if wish < len(known) else number
        world.submit(make_draft(thread=ThreadKey(INBOX, thread) if thread in newest else None))
        newest[thread] = number
    expected = sorted(newest, key=lambda thread: newest[thread], reverse=True)

    page = world.list_threads(INBOX, world.caller, PageRequest(limit, offset))

    assert [summary.thread.key.first_sequence for summary in page.items] == expected[offset : offset + limit]
    assert page.total == len(expected)


def test_a_cursor_goes_on_where_the_page_ended() -> None:
    world = World()
    for _ in range(5):
        world.submit()

    first = world.list_threads(INBOX, world.caller, PageRequest(limit=2))

    assert threads(world, PageRequest(limit=2)) == [4, 3]
    assert threads(world, PageRequest(limit=2, after=first.next_after)) == [2, 1]


def test_the_messages_of_a_thread_are_listed_oldest_first() -> None:
    assert members(two_threads()) == [0, 2]


@given(st.integers(1, 8), st.integers(1, 4), st.integers(0, 9))
def test_the_messages_of_a_thread_are_paged(length: int, limit: int, offset: int) -> None:
    world = World()
    for number in range(length):
        world.submit(make_draft(thread=FIRST if number else None))
    whole = list(range(length))

    page = world.list_thread_messages(FIRST, world.caller, PageRequest(limit, offset))
    seen: list[int] = []
    after: int | None = None
    while True:
        part = world.list_thread_messages(FIRST, world.caller, PageRequest(limit, after=after))
        seen += [message.content.key.sequence for message in part.items]
        if (after := part.next_after) is None:
            break

    assert [message.content.key.sequence for message in page.items] == whole[offset : offset + limit]
    assert page.total == length
    assert seen == whole


def test_a_message_that_joined_but_was_never_committed_is_not_seen() -> None:
    world = two_threads()
    with world.watching(Failing("index.commit", [Crash()])), pytest.raises(Crash):
        world.submit(make_draft(thread=FIRST))

    assert members(world) == [0, 2]
    assert world.list_thread_messages(FIRST, world.caller, PageRequest()).total == 2
    assert world.get_thread(FIRST, world.caller).thread.message_count == 2
    assert world.get_thread(FIRST, world.caller).last_message.content.key == MessageKey(INBOX, 2)


def test_a_deleted_message_is_not_in_its_thread() -> None:
    world = two_threads()
    world.delete_message(MessageKey(INBOX, 0), world.caller)

    assert members(world) == [2]
    assert world.get_thread(FIRST, world.caller).thread.message_count == 1


def test_a_thread_deleted_since_it_was_listed_is_left_out() -> None:
    world = two_threads()
    deleting = Meanwhile("messages.page", lambda: world.delete_message(MessageKey(INBOX, 1), world.caller))

    with world.watching(deleting):
        assert threads(world) == [0]


def test_a_thread_whose_first_message_was_never_committed_is_not_found() -> None:
    world = World()
    with world.watching(Failing("index.commit", [Crash()])), pytest.raises(Crash):
        world.submit()

    for read in (world.get_thread, lambda thread, caller: world.list_thread_messages(thread, caller, PageRequest())):
        with pytest.raises(NotFound):
            read(FIRST, world.caller)


def test_anothers_thread_is_answered_exactly_like_an_unknown_one() -> None:
    world = two_threads()
    stranger, bound = make_caller(account_id=AccountId("acc_another")), make_caller(inbox_numbers=frozenset({99}))

    answers = set()
    for thread, caller in [(FIRST, stranger), (FIRST, bound), (ThreadKey(INBOX, 9), world.caller)]:
        with pytest.raises(NotFound) as one:
            world.get_thread(thread, caller)
        with pytest.raises(NotFound) as its_messages:
            world.list_thread_messages(thread, caller, PageRequest())
        answers |= {answer(one.value), answer(its_messages.value)}

    assert len(answers) == 1


def test_the_threads_of_anothers_inbox_are_not_found() -> None:
    world = two_threads()

    with pytest.raises(NotFound):
        world.list_threads(INBOX, make_caller(account_id=AccountId("acc_another")), PageRequest())


# ------------------------------------------------------------------------------------------- long threads


def long_thread(length: int = 12) -> World:
    """A thread whose older messages are in runs, as the store keeps them once there are many."""
    world = World()
    for number in range(length):
        world.submit(make_draft(thread=FIRST if number else None))
    world.threads.settle(FIRST, {0, 1, 2, 3})
    world.threads.settle(FIRST, {4, 5, 7})  # 6 was late
    return world


@given(st.integers(1, 5), st.integers(0, 13))
def test_the_messages_of_a_long_thread_are_paged(limit: int, offset: int) -> None:
    world = long_thread()
    whole = list(range(12))

    page = world.list_thread_messages(FIRST, world.caller, PageRequest(limit, offset))
    rest = world.list_thread_messages(FIRST, world.caller, PageRequest(limit, after=offset))

    assert [message.content.key.sequence for message in page.items] == whole[offset : offset + limit]
    assert [message.content.key.sequence for message in rest.items] == whole[offset + 1 : offset + 1 + limit]
    assert page.total == rest.total == 12


def test_a_page_reads_only_the_runs_it_touches() -> None:
    world = long_thread()
    for request, reads in [(PageRequest(2), 1), (PageRequest(2, 9), 0), (PageRequest(2, after=8), 0)]:
        watch = Recording()
        with world.watching(watch):
            world.list_thread_messages(FIRST, world.caller, request)

        assert watch.calls.count("threads.settled_members") == reads
        assert [watch.calls.count(once) for once in ("threads.get", "index.phases", "messages.page")] == [1, 1, 1]


def test_a_long_thread_whose_recent_messages_were_all_deleted_shows_its_newest() -> None:
    world = long_thread()
    for sequence in (6, 8, 9, 10, 11):
        world.delete_message(MessageKey(INBOX, sequence), world.caller)

    shown = world.get_thread(FIRST, world.caller)
    assert (shown.thread.message_count, shown.last_message.content.key.sequence) == (7, 7)
    assert members(world) == [0, 1, 2, 3, 4, 5, 7]

    world.submit(make_draft(thread=FIRST))
    assert members(world) == [0, 1, 2, 3, 4, 5, 7, 12]
    assert threads(world) == [0]


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
def test_an_old_message_whose_deletion_died_is_counted_while_it_is_visible_and_no_longer(
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    old = MessageKey(INBOX, 2)
    for number in range(5):
        world = long_thread()
        with world.watching(FailingAt(number, after_effect)), pytest.raises(Crash):
            world.delete_message(old, world.caller)

        expected = 12 if world.phase(old).visible else 11
        assert world.list_thread_messages(FIRST, world.caller, PageRequest(3)).total == expected
        assert world.get_thread(FIRST, world.caller).thread.message_count == expected
        assert len(members(world)) == expected


def test_a_list_counts_the_messages_that_can_be_read() -> None:
    world = World()
    first = world.submitted()
    thread = world.get_message(first, world.caller).content.thread
    with world.watching(Failing("index.commit", [Crash()])), pytest.raises(Crash):
        world.submit(make_draft(thread=thread))

    [listed] = world.list_threads(INBOX, world.caller, PageRequest()).items

    assert listed.thread.message_count == world.get_thread(thread, world.caller).thread.message_count == 1


def test_a_thread_deleted_while_it_is_listed_is_neither_shown_nor_counted() -> None:
    world = two_threads()
    deleting = Meanwhile("messages.page", lambda: world.delete_message(MessageKey(INBOX, 1), world.caller))
    with world.watching(deleting):
        page = world.list_threads(INBOX, world.caller, PageRequest())
    assert ([summary.thread.key for summary in page.items], page.total) == ([FIRST], 1)
