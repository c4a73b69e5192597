"""The contract of InboxStore (operations/ports)."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import AccountId
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.domain.reputation import Reputation, Suspension
from chalicelib.operations.ports import Heard, InboxStore, PageRequest, Reservation
from chalicelib.storage import keys
from chalicelib.storage.inbox_store import DynamoInboxStore
from chalicelib.storage.tables import InboxItem
from tests.factories.accounts import ACCOUNT_ID, NOON, make_inbox
from tests.fakes.inbox_store import FakeInboxStore
from tests.storage.faults import Network
from tests.storage.parallel import at_once

STRANGER = AccountId("acc_another")
A_PERSON = Heard(NOON, automatic=False, from_outside=True)
YESTERDAY, TODAY, TOMORROW = "2026-11-21", "2026-11-22", "2026-11-23"


@pytest.fixture
def inboxes(*, is_fake: bool) -> InboxStore:
    return FakeInboxStore() if is_fake else DynamoInboxStore()


def numbered(number: int, **changes: object) -> Inbox:
    return make_inbox(number=number, address=f"agent-{number}@mail.example.com", **changes)


def listed(inboxes: InboxStore, **request: int) -> list[int]:
    return [inbox.number for inbox in inboxes.page(ACCOUNT_ID, PageRequest(**request)).items]


def reserved(inboxes: InboxStore, day: str = TODAY) -> Reservation:
    reservation = inboxes.reserve(7, ACCOUNT_ID, day)
    assert isinstance(reservation, Reservation)
    return reservation


# ---------------------------------------------------------------------------------------------- creating


def test_an_inbox_is_read_back_as_it_was_created(inboxes: InboxStore) -> None:
    inbox = make_inbox(number=2**56 - 1, display_name=None)
    assert inboxes.create(inbox)
    assert inboxes.get(inbox.number) == inbox
    assert inboxes.get(8) is None


def test_creating_the_same_inbox_again_is_harmless(inboxes: InboxStore) -> None:
    assert inboxes.create(make_inbox())
    reserved(inboxes)
    assert inboxes.create(make_inbox())
    assert inboxes.page(ACCOUNT_ID, PageRequest()).total == 1
    assert reserved(inboxes).sequence == make_inbox().next_sequence + 1


@pytest.mark.parametrize(
    "other", [make_inbox(number=8), make_inbox(number=8, account_id=STRANGER), make_inbox(account_id=STRANGER)]
)
def test_an_address_is_given_out_once(inboxes: InboxStore, other: Inbox) -> None:
    inboxes.create(make_inbox())
    assert not inboxes.create(other)
    assert inboxes.get(7) == make_inbox()
    assert inboxes.get(8) is None
    assert inboxes.page(other.account_id, PageRequest()).total == (other.account_id == ACCOUNT_ID)


def test_a_number_that_is_taken_claims_no_address(inboxes: InboxStore) -> None:
    inboxes.create(make_inbox())
    assert not inboxes.create(make_inbox(address="other@mail.example.com"))
    assert inboxes.create(make_inbox(number=8, address="other@mail.example.com"))


def test_of_many_who_want_an_address_at_once_one_gets_it(inboxes: InboxStore) -> None:
    contenders = [make_inbox(number=number) for number in range(1, 17)]
    won = at_once([lambda inbox=inbox: inboxes.create(inbox) for inbox in contenders])  # type: ignore[misc]
    assert Counter(won) == {True: 1, False: 15}
    assert listed(inboxes) == [contenders[won.index(True)].number]


def test_inboxes_created_at_once_are_all_listed(inboxes: InboxStore) -> None:
    wanted = [numbered(number) for number in range(1, 13)]
    assert all(at_once([lambda inbox=inbox: inboxes.create(inbox) for inbox in wanted]))  # type: ignore[misc]
    page = inboxes.page(ACCOUNT_ID, PageRequest(limit=100))
    assert sorted(inbox.number for inbox in page.items) == list(range(1, 13))
    assert page.total == 12


# -------------------------------------------------------------------------------------------- reserving


def test_a_reservation_gives_out_the_next_number_and_counts_the_send(inboxes: InboxStore) -> None:
    inboxes.create(make_inbox(next_sequence=41, sends_today=3, total_sent=40))
    reservation = reserved(inboxes)
    assert reservation.sequence == 41
    assert reservation.inbox == make_inbox(
        next_sequence=42, sends_today=4, total_sent=41, reputation=Reputation(sends=1)
    )
    assert inboxes.get(7) == reservation.inbox


def test_the_limit_of_the_day_stops_sends_until_the_next_day(inboxes: InboxStore) -> None:
    inboxes.create(make_inbox(daily_send_limit=2, sends_today=1, next_sequence=0))
    reserved(inboxes)
    refused = inboxes.reserve(7, ACCOUNT_ID, TODAY)
    assert isinstance(refused, Inbox)
    assert (refused.sends_today, refused.next_sequence) == (2, 1)
    assert inboxes.get(7) == refused
    tomorrow = reserved(inboxes, TOMORROW).inbox
    assert (tomorrow.sends_day, tomorrow.sends_today, tomorrow.next_sequence) == (TOMORROW, 1, 2)


def test_a_limit_of_nothing_holds_on_a_new_day_too(inboxes: InboxStore) -> None:
    inboxes.create(make_inbox(daily_send_limit=0, sends_today=0))
    for day in (TODAY, TOMORROW):
        assert isinstance(inboxes.reserve(7, ACCOUNT_ID, day), Inbox)


def test_a_request_from_before_midnight_counts_on_the_day_others_have_begun(inboxes: InboxStore) -> None:
    inboxes.create(make_inbox(daily_send_limit=2, sends_day=TODAY, sends_today=1))
    late = reserved(inboxes, YESTERDAY).inbox
    assert (late.sends_day, late.sends_today) == (TODAY, 2)
    assert isinstance(inboxes.reserve(7, ACCOUNT_ID, YESTERDAY), Inbox)


@pytest.mark.parametrize("status", [InboxStatus.SUSPENDED, InboxStatus.DELETED])
@pytest.mark.parametrize("day", [TODAY, TOMORROW])
def test_an_inbox_that_is_not_active_is_returned_as_it_stands(
    inboxes: InboxStore, status: InboxStatus, day: str
) -> None:
    inbox = make_inbox(status=status)
    inboxes.create(inbox)
    assert inboxes.reserve(7, ACCOUNT_ID, day) == inbox
    assert inboxes.get(7) == inbox


def test_a_send_given_back_is_not_counted_and_its_number_is_not_given_out_again(inboxes: InboxStore) -> None:
    inboxes.create(make_inbox())
    first = reserved(inboxes)
    inboxes.give_back(first.inbox)
    inbox = inboxes.get(7)
    assert inbox is not None
    assert (inbox.sends_today, inbox.total_sent) == (make_inbox().sends_today, make_inbox().total_sent)
    assert reserved(inboxes).sequence == first.sequence + 1


def test_a_send_given_back_after_midnight_leaves_the_new_day_alone(inboxes: InboxStore) -> None:
    inboxes.create(make_inbox())
    first = reserved(inboxes)
    reserved(inboxes, TOMORROW)
    inboxes.give_back(first.inbox)
    inbox = inboxes.get(7)
    assert inbox is not None
    assert (inbox.sends_day, inbox.sends_today, inbox.total_sent) == (TOMORROW, 1, make_inbox().total_sent + 1)


@pytest.mark.parametrize("day", [TODAY, TOMORROW])
@pytest.mark.parametrize(
    ("reputation", "sends"),
    [
        (Reputation(sends=99, bounces=99, complaints=99), True),
        (Reputation(sends=100, bounces=5), True),
        (Reputation(sends=100, bounces=6), False),
        (Reputation(sends=119, bounces=6), False),
        (Reputation(sends=120, bounces=6), True),
        (Reputation(sends=1_000, complaints=1), True),
        (Reputation(sends=1_000, complaints=2), False),
    ],
)
def test_an_inbox_whose_mail_comes_back_does_not_send(
    inboxes: InboxStore, day: str, reputation: Reputation, *, sends: bool
) -> None:
    inbox = make_inbox(reputation=reputation)
    inboxes.create(inbox)
    outcome = inboxes.reserve(7, ACCOUNT_ID, day)
    assert isinstance(outcome, Reservation) is sends
    assert sends or outcome == inbox


def test_nothing_is_reserved_in_no_inbox_or_anothers(inboxes: InboxStore) -> None:
    assert inboxes.reserve(7, ACCOUNT_ID, TODAY) is None
    inboxes.create(make_inbox())
    assert inboxes.reserve(7, STRANGER, TODAY) is None
    assert inboxes.get(7) == make_inbox()


@pytest.mark.parametrize("day", [TODAY, TOMORROW])
def test_of_64_sends_at_once_the_limit_lets_exactly_10_pass(inboxes: InboxStore, day: str) -> None:
    inboxes.create(make_inbox(daily_send_limit=10, sends_today=0, next_sequence=0))
    outcomes = at_once([lambda: inboxes.reserve(7, ACCOUNT_ID, day)] * 64)
    passed = [outcome.sequence for outcome in outcomes if isinstance(outcome, Reservation)]
    assert sorted(passed) == list(range(10))
    assert sum(isinstance(outcome, Inbox) for outcome in outcomes) == 54


def test_a_send_takes_one_call_and_the_first_of_a_day_two(network: Network) -> None:
    inboxes = DynamoInboxStore()
    inboxes.create(make_inbox())
    calls = network.listen()
    reserved(inboxes)
    assert calls == ["UpdateItem"]
    reserved(inboxes, TOMORROW)
    assert calls == ["UpdateItem"] * 3


def test_at_midnight_the_loser_of_the_race_counts_on_the_winners_day(network: Network) -> None:
    inboxes = DynamoInboxStore()
    inboxes.create(make_inbox(next_sequence=0))

    def lose_the_race() -> None:
        network.before_next("UpdateItem", lambda: reserved(inboxes, TOMORROW))

    network.before_next("UpdateItem", lose_the_race)
    last = reserved(inboxes, TOMORROW)
    assert last.inbox.sends_today == 2
    assert last.sequence == 1


# ------------------------------------------------------------------------------- settings, suspension


def test_a_send_given_back_does_not_count_for_the_reputation(inboxes: InboxStore) -> None:
    inboxes.create(make_inbox(reputation=Reputation(sends=3, bounces=1)))
    inboxes.give_back(reserved(inboxes).inbox)
    inbox = inboxes.get(7)
    assert inbox is not None
    assert inbox.reputation == Reputation(sends=3, bounces=1)


@pytest.mark.parametrize("changes", [{"display_name": "Other"}, {"display_name": None}, {"daily_send_limit": 5}, {}])
def test_settings_are_changed_and_what_happens_meanwhile_stays(inboxes: InboxStore, changes: dict[str, Any]) -> None:
    before = make_inbox()
    inboxes.create(before)
    meanwhile = reserved(inboxes).inbox

    assert inboxes.save_settings(before, replace(before, **changes)) is not None
    assert inboxes.get(7) == replace(meanwhile, **changes)


def test_settings_of_an_inbox_whose_status_changed_meanwhile_are_refused(inboxes: InboxStore) -> None:
    inboxes.create(make_inbox())
    inboxes.delete(make_inbox())
    assert inboxes.save_settings(make_inbox(), make_inbox(status=InboxStatus.SUSPENDED)) is None
    stranger = make_inbox(account_id=STRANGER, status=InboxStatus.DELETED)
    assert inboxes.save_settings(stranger, replace(stranger, daily_send_limit=5)) is None
    assert inboxes.get(7) == make_inbox(status=InboxStatus.DELETED)


def test_set_to_active_an_inbox_begins_anew(inboxes: InboxStore) -> None:
    bad = make_inbox(reputation=Reputation(sends=100, bounces=6))
    inboxes.create(bad)
    suspended = inboxes.suspend(7, Suspension(NOON, 5))
    assert suspended == replace(bad, status=InboxStatus.SUSPENDED, suspension=Suspension(NOON, 5))

    active = inboxes.save_settings(suspended, replace(suspended, status=InboxStatus.ACTIVE))

    assert active == replace(bad, reputation=Reputation(since_sequence=bad.next_sequence))
    assert inboxes.get(7) == active
    assert reserved(inboxes).inbox.reputation == Reputation(sends=1, since_sequence=bad.next_sequence)


def test_only_an_active_inbox_with_a_bad_name_is_suspended_and_only_once(inboxes: InboxStore) -> None:
    good = make_inbox(reputation=Reputation(sends=100, bounces=5))
    inboxes.create(good)
    assert inboxes.suspend(7, Suspension(NOON, 5)) == good
    assert inboxes.suspend(8, Suspension(NOON, 5)) is None

    inboxes.create(numbered(9, reputation=Reputation(sends=100, complaints=1)))
    first = at_once([lambda number=number: inboxes.suspend(9, Suspension(NOON, number)) for number in range(8)])  # type: ignore[misc]

    assert len({inbox.suspension for inbox in first if inbox}) == 1
    assert first[0] == inboxes.get(9)


def test_that_a_suspension_was_told_is_noted_of_that_one_alone(inboxes: InboxStore) -> None:
    inboxes.create(make_inbox(reputation=Reputation(sends=100, bounces=6)))
    suspended = inboxes.suspend(7, Suspension(NOON, 5))
    assert suspended is not None
    inboxes.note_told(replace(suspended, suspension=Suspension(NOON + timedelta(days=1), 5)))
    inboxes.note_told(make_inbox())
    assert inboxes.get(7) == suspended
    inboxes.note_told(suspended)
    assert inboxes.get(7) == replace(suspended, suspension=Suspension(NOON, 5, is_told=True))
    active = inboxes.save_settings(suspended, replace(suspended, status=InboxStatus.ACTIVE))
    inboxes.note_told(suspended)
    assert inboxes.get(7) == active


# ------------------------------------------------------------------------------------ listing, deleting


def test_inboxes_are_listed_newest_first_a_part_at_a_time(inboxes: InboxStore) -> None:
    for number in (5, 9, 1, 7, 3):
        inboxes.create(numbered(number))
    assert listed(inboxes) == [3, 7, 1, 9, 5]
    assert listed(inboxes, limit=2, offset=1) == [7, 1]
    first = inboxes.page(ACCOUNT_ID, PageRequest(limit=2))
    inboxes.create(numbered(11))
    second = inboxes.page(ACCOUNT_ID, PageRequest(limit=2, after=first.next_after))
    third = inboxes.page(ACCOUNT_ID, PageRequest(limit=2, after=second.next_after))
    assert [inbox.number for page in (first, second, third) for inbox in page.items] == [3, 7, 1, 9, 5]
    assert (first.total, second.total, third.next_after) == (5, 6, None)


def test_an_account_without_inboxes_has_an_empty_list(inboxes: InboxStore) -> None:
    inboxes.create(make_inbox(account_id=STRANGER))
    page = inboxes.page(ACCOUNT_ID, PageRequest())
    assert (page.items, page.total, page.next_after) == ((), 0, None)


def test_a_deleted_inbox_is_found_but_not_listed_and_keeps_its_address(inboxes: InboxStore) -> None:
    inboxes.create(numbered(1))
    inboxes.create(numbered(2))
    assert inboxes.delete(numbered(1))
    assert inboxes.get(1) == numbered(1, status=InboxStatus.DELETED)
    page = inboxes.page(ACCOUNT_ID, PageRequest())
    assert ([inbox.number for inbox in page.items], page.total) == ([2], 1)
    assert not inboxes.create(replace(numbered(3), address=numbered(1).address))


def test_only_an_inbox_that_is_there_can_be_deleted(inboxes: InboxStore) -> None:
    assert not inboxes.delete(make_inbox())
    inboxes.create(make_inbox())
    assert not inboxes.delete(make_inbox(account_id=STRANGER))
    assert inboxes.delete(make_inbox())
    assert not inboxes.delete(make_inbox())
    assert inboxes.page(ACCOUNT_ID, PageRequest()).total == 0


def test_of_many_who_delete_an_inbox_at_once_one_did_it(inboxes: InboxStore) -> None:
    inboxes.create(make_inbox(next_sequence=0, sends_today=0))
    deleted = at_once([lambda: inboxes.delete(make_inbox())] * 8)
    assert Counter(deleted) == {True: 1, False: 7}


# ------------------------------------------------------------------------------------------ lost replies


@pytest.mark.parametrize("operation", ["UpdateItem", "TransactWriteItems"])
def test_a_creation_whose_reply_was_lost_can_be_repeated(network: Network, operation: str) -> None:
    inboxes = DynamoInboxStore()
    inboxes.create(numbered(1))
    network.lose_reply(operation)
    with pytest.raises(Unavailable):
        inboxes.create(numbered(2))
    assert inboxes.create(numbered(2))
    inboxes.create(numbered(3))
    page = inboxes.page(ACCOUNT_ID, PageRequest())
    assert [inbox.number for inbox in page.items] == [3, 2, 1]
    assert page.total == 3


def test_a_creation_that_the_sdk_repeats_is_one_creation(network: Network) -> None:
    inboxes = DynamoInboxStore()
    network.repeat("TransactWriteItems")
    assert inboxes.create(numbered(1))
    assert listed(inboxes) == [1]


def test_a_lost_reply_to_a_reservation_leaves_a_gap_and_never_gives_a_number_twice(network: Network) -> None:
    inboxes = DynamoInboxStore()
    inboxes.create(make_inbox(next_sequence=0, sends_today=0))
    network.lose_reply("UpdateItem")
    with pytest.raises(Unavailable):
        inboxes.reserve(7, ACCOUNT_ID, TODAY)
    assert reserved(inboxes).sequence == 1


def test_asking_for_a_taken_address_uses_up_no_place_in_the_list(network: Network) -> None:
    inboxes = DynamoInboxStore()
    inboxes.create(make_inbox())
    calls = network.listen()
    assert not inboxes.create(make_inbox(number=8))
    assert "UpdateItem" not in calls


def test_the_second_bucket_of_a_list_is_made_when_its_first_inbox_comes(network: Network) -> None:
    inboxes = DynamoInboxStore()
    network.client.put_item(
        TableName=InboxItem.Meta.table_name,
        Item={
            "pk": {"S": keys.account_partition(ACCOUNT_ID)},
            "sk": {"S": keys.list_counter("inboxes")},
            "ns": {"N": "479"},
        },
    )
    for number in (1, 2, 3):
        inboxes.create(numbered(number))
    assert listed(inboxes) == [3, 2, 1]
    assert listed(inboxes, offset=1, limit=1) == [2]


# --------------------------------------------------------------------------------------------- receiving


@pytest.mark.parametrize("status", [InboxStatus.ACTIVE, InboxStatus.SUSPENDED])
def test_a_received_mail_takes_the_next_number_and_counts_against_no_limit(
    inboxes: InboxStore, status: InboxStatus
) -> None:
    inboxes.create(make_inbox(status=status, daily_send_limit=0))

    outcomes = [inboxes.reserve_received(7, A_PERSON) for _ in range(2)]

    assert [outcome.sequence for outcome in outcomes if outcome] == [41, 42]
    assert inboxes.get(7) == make_inbox(status=status, daily_send_limit=0, next_sequence=43, heard_at=A_PERSON.at)


@pytest.mark.parametrize(
    ("heard", "noted"),
    [
        (Heard(NOON, automatic=True, from_outside=True), {"automatic_at": NOON}),
        (Heard(NOON, automatic=True, from_outside=False), {"automatic_at": NOON}),
        (Heard(NOON, automatic=False, from_outside=True), {"heard_at": NOON}),
        (Heard(NOON, automatic=False, from_outside=False), {"automatic_at": NOON}),
    ],
)
def test_an_inbox_notes_when_it_heard_a_program_and_when_a_person_outside(
    inboxes: InboxStore, heard: Heard, noted: dict[str, object]
) -> None:
    inboxes.create(make_inbox())
    inboxes.reserve_received(7, heard)
    assert inboxes.get(7) == make_inbox(next_sequence=42, **noted)


@pytest.mark.parametrize("automatic", [True, False])
def test_a_mail_that_was_late_does_not_bring_an_older_time(inboxes: InboxStore, *, automatic: bool) -> None:
    inboxes.create(make_inbox())
    for minutes in (0, -5, 5, 3):
        heard = Heard(NOON + timedelta(minutes=minutes), automatic=automatic, from_outside=True)
        assert inboxes.reserve_received(7, heard) is not None
    found = inboxes.get(7)
    assert found is not None
    assert (found.automatic_at if automatic else found.heard_at) == NOON + timedelta(minutes=5)
    assert found.next_sequence == 45


def test_a_deleted_or_unknown_inbox_receives_nothing(inboxes: InboxStore) -> None:
    inboxes.create(make_inbox())
    inboxes.delete(make_inbox())

    assert inboxes.reserve_received(7, A_PERSON) is None
    assert inboxes.reserve_received(8, A_PERSON) is None


def test_numbers_of_mail_in_and_out_are_all_different(inboxes: InboxStore) -> None:
    inboxes.create(make_inbox())

    def receive() -> int:
        outcome = inboxes.reserve_received(7, A_PERSON)
        assert outcome is not None
        return outcome.sequence

    numbers = at_once([receive, lambda: reserved(inboxes).sequence] * 6)

    assert sorted(numbers) == list(range(41, 53))


def test_the_owners_of_addresses_are_found_together_deleted_inboxes_among_them(inboxes: InboxStore) -> None:
    inboxes.create(numbered(1))
    inboxes.create(numbered(2))
    inboxes.delete(numbered(2))

    found = inboxes.owners([f"agent-{number}@mail.example.com" for number in range(150)])

    assert found == {"agent-1@mail.example.com": 1, "agent-2@mail.example.com": 2}
    assert inboxes.owners([]) == {}
