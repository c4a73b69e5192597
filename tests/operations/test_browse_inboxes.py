"""Inboxes of an account: what is listed, in which order, and whose."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import AccountId
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.domain.switch import Switch
from chalicelib.operations.browse_inboxes import ChangeInbox, DeleteInbox, GetInbox, ListInboxes
from chalicelib.operations.ports import PageRequest
from tests.factories.accounts import NOON, make_caller, make_inbox
from tests.fakes.inbox_store import FakeInboxStore
from tests.fakes.switch_store import nothing_held, nothing_woken
from tests.operations.refusals import answer
from tests.operations.watched import Meanwhile, watched

STRANGER = AccountId("acc_another")


def inboxes_numbered(*numbers: int) -> FakeInboxStore:
    """Inboxes of our account, each created a minute after the one before."""
    inboxes = FakeInboxStore()
    for minute, number in enumerate(numbers):
        created_at = NOON + timedelta(minutes=minute)
        inboxes.create(make_inbox(number=number, address=f"agent-{number}@mail.example.com", created_at=created_at))
    return inboxes


def listed(inboxes: FakeInboxStore, bound: frozenset[int] | None = None, **request: int) -> list[int]:
    page = ListInboxes(inboxes)(make_caller(inbox_numbers=bound), PageRequest(**request))
    return [inbox.number for inbox in page.items]


def test_inboxes_are_listed_newest_first() -> None:
    assert listed(inboxes_numbered(5, 9, 1)) == [1, 9, 5]


def test_a_deleted_inbox_is_not_listed_and_not_counted() -> None:
    inboxes = inboxes_numbered(1, 2, 3)
    DeleteInbox(inboxes, nothing_held)(2, make_caller())

    page = ListInboxes(inboxes)(make_caller(), PageRequest())

    assert [inbox.number for inbox in page.items] == [3, 1]
    assert page.total == 2


def test_another_accounts_inboxes_are_not_listed() -> None:
    inboxes = inboxes_numbered(1)
    inboxes.create(make_inbox(number=2, address="other@mail.example.com", account_id=STRANGER))

    assert listed(inboxes) == [1]
    assert listed(inboxes, bound=frozenset({1, 2})) == [1]


def test_a_bound_key_sees_only_its_inboxes_newest_first() -> None:
    inboxes = inboxes_numbered(1, 2, 3, 4)

    page = ListInboxes(inboxes)(make_caller(inbox_numbers=frozenset({4, 1, 3, 99})), PageRequest())

    assert [inbox.number for inbox in page.items] == [4, 3, 1]
    assert page.total == 3
    assert page.next_after is None


def test_a_bound_key_does_not_see_a_deleted_inbox() -> None:
    inboxes = inboxes_numbered(1, 2)
    DeleteInbox(inboxes, nothing_held)(1, make_caller())

    assert listed(inboxes, bound=frozenset({1, 2})) == [2]


@given(count=st.integers(0, 9), limit=st.integers(1, 4), bound=st.booleans())
def test_pages_after_one_another_hold_every_inbox_once(count: int, limit: int, bound: bool) -> None:  # noqa: FBT001
    numbers = list(range(1, count + 1))
    list_inboxes = ListInboxes(inboxes_numbered(*numbers))
    caller = make_caller(inbox_numbers=frozenset(numbers) if bound else None)

    seen: list[int] = []
    after: int | None = None
    for _ in range(count + 1):
        page = list_inboxes(caller, PageRequest(limit=limit, after=after))
        assert page.total == count
        seen += [inbox.number for inbox in page.items]
        if (after := page.next_after) is None:
            break

    assert seen == numbers[::-1]


@given(count=st.integers(0, 9), limit=st.integers(1, 4), offset=st.integers(0, 10), bound=st.booleans())
def test_an_offset_skips_that_many(count: int, limit: int, offset: int, bound: bool) -> None:  # noqa: FBT001
    numbers = list(range(1, count + 1))

    found = listed(inboxes_numbered(*numbers), frozenset(numbers) if bound else None, limit=limit, offset=offset)

    assert found == numbers[::-1][offset : offset + limit]


def test_an_inbox_is_read() -> None:
    assert GetInbox(inboxes_numbered(7))(7, make_caller()).address == "agent-7@mail.example.com"


def test_a_suspended_inbox_is_still_read() -> None:
    inboxes = FakeInboxStore()
    inboxes.create(make_inbox(status=InboxStatus.SUSPENDED))

    assert GetInbox(inboxes)(7, make_caller()).status is InboxStatus.SUSPENDED


@pytest.mark.parametrize("operation", [GetInbox, lambda inboxes: DeleteInbox(inboxes, nothing_held)])
def test_an_unknown_a_foreign_a_deleted_and_an_unreachable_inbox_are_answered_alike(
    operation: Callable[[FakeInboxStore], GetInbox | DeleteInbox],
) -> None:
    inboxes = inboxes_numbered(1, 2)
    DeleteInbox(inboxes, nothing_held)(2, make_caller())
    inboxes.create(make_inbox(number=3, address="other@mail.example.com", account_id=STRANGER))
    whole, bound = make_caller(), make_caller(inbox_numbers=frozenset({9}))

    answers = set()
    for number, caller in [(99, whole), (3, whole), (2, whole), (1, bound)]:
        with pytest.raises(NotFound) as refused:
            operation(inboxes)(number, caller)
        answers.add(answer(refused.value))

    assert len(answers) == 1


def test_a_deleted_inbox_is_gone_for_readers_and_kept_in_the_store() -> None:
    inboxes = inboxes_numbered(1)
    DeleteInbox(inboxes, nothing_held)(1, make_caller())

    with pytest.raises(NotFound):
        GetInbox(inboxes)(1, make_caller())
    kept = inboxes.get(1)
    assert kept is not None
    assert kept.is_deleted


def test_of_two_who_delete_at_once_the_slower_is_told_that_there_is_nothing() -> None:
    inboxes = inboxes_numbered(1)
    faster = Meanwhile("inboxes.delete", lambda: inboxes.delete(make_inbox(number=1)))

    with pytest.raises(NotFound):
        DeleteInbox(watched("inboxes", inboxes, faster), nothing_held)(1, make_caller())

    assert faster.has_happened


# ---------------------------------------------------------------------------------------------- changing


def test_an_inbox_is_changed_and_what_happens_meanwhile_stays() -> None:
    inboxes = inboxes_numbered(7)

    def change(inbox: Inbox) -> Inbox:
        inboxes.reserve(7, inbox.account_id, inbox.sends_day)
        return replace(inbox, display_name="Sales", daily_send_limit=5)

    changed = ChangeInbox(inboxes, nothing_woken)(7, change, make_caller())

    assert (changed.display_name, changed.daily_send_limit, changed.sends_today) == ("Sales", 5, 4)
    assert inboxes.get(7) == changed


def test_a_change_that_meets_another_of_the_status_is_made_to_what_stands_then() -> None:
    inboxes = inboxes_numbered(7)
    seen: list[InboxStatus] = []

    def change(inbox: Inbox) -> Inbox:
        if not seen:
            inboxes.save_settings(inbox, replace(inbox, status=InboxStatus.SUSPENDED))
        seen.append(inbox.status)
        return replace(inbox, daily_send_limit=5)

    changed = ChangeInbox(inboxes, nothing_woken)(7, change, make_caller())

    assert seen == [InboxStatus.ACTIVE, InboxStatus.SUSPENDED]
    assert (changed.status, changed.daily_send_limit) == (InboxStatus.SUSPENDED, 5)


def test_set_to_active_twice_the_reputation_begins_once() -> None:
    inboxes = inboxes_numbered(7)
    woken: list[tuple[Switch, InboxStatus]] = []

    def turned(status: InboxStatus) -> Inbox:
        change = ChangeInbox(inboxes, lambda switch, _: woken.append((switch, inboxes.inboxes[7].status)))
        return change(7, lambda inbox: replace(inbox, status=status), make_caller())

    turned(InboxStatus.SUSPENDED)
    begun = turned(InboxStatus.ACTIVE).reputation
    inboxes.reserve(7, make_caller().account_id, "2026-11-22")
    assert turned(InboxStatus.ACTIVE).reputation == replace(begun, sends=1)
    assert woken == [
        (Switch.of_inbox(7), InboxStatus.SUSPENDED)
    ]  # begun before it is turned, so that no crash forgets it


@pytest.mark.parametrize("number", [8, 9, 10, 99])
def test_an_inbox_that_is_deleted_foreign_out_of_reach_or_unknown_is_not_changed(number: int) -> None:
    inboxes = inboxes_numbered(7, 8, 9)
    inboxes.delete(make_inbox(number=8))
    inboxes.create(make_inbox(number=10, address="other@mail.example.com", account_id=STRANGER))
    caller = make_caller(inbox_numbers=frozenset({7, 8, 10, 99}))
    before = dict(inboxes.inboxes)

    with pytest.raises(NotFound):
        ChangeInbox(inboxes, nothing_woken)(number, lambda inbox: replace(inbox, daily_send_limit=5), caller)

    assert inboxes.inboxes == before
