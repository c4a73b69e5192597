"""What an account used: counted once whoever dies or meets, day by day, and shown up to now."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest

from chalicelib.domain.delivery import EventType
from chalicelib.domain.errors import NotFound
from chalicelib.domain.event import Event, LogPlace
from chalicelib.domain.ids import AccountId, EventId, KeyId, MessageKey, encode
from chalicelib.domain.suppression import Suppression, SuppressionReason
from chalicelib.domain.usage import Usage
from chalicelib.operations.count_usage import (
    EVENTS_AT_ONCE,
    ROUND_PATIENCE,
    CountEverybody,
    CountUsage,
    KeepRequestsOfKey,
)
from chalicelib.operations.ports import LogPage
from chalicelib.operations.ports.usage import ADDED_DAYS, UsageMark
from chalicelib.operations.show_usage import ShowUsage, ShowUsageOfNow, UsageFigures, UsageRange
from tests.factories.accounts import ACCOUNT_ID, NOON, make_account, make_inbox
from tests.factories.messages import make_mailbox
from tests.fakes.account_store import FakeAccountStore
from tests.fakes.event_log import FakeEventLog
from tests.fakes.usage_store import FakeUsageStore
from tests.operations.incoming import arrive, make_mail
from tests.operations.watched import Crash, Effect, FailingAt, Meanwhile, Watch, unwatched, watched
from tests.operations.world import ADA, BOB, EVE, INBOX, World, enclosing, make_draft

TODAY = NOON.date()
YESTERDAY, BEFORE = TODAY - timedelta(days=1), TODAY - timedelta(days=2)
KEY, OTHER_KEY = KeyId("key_one"), KeyId("key_two")


class Office:
    """A world whose usage is counted and shown."""

    def __init__(self) -> None:
        self.world = World()
        self.usage = FakeUsageStore()
        self.watch: Watch = unwatched
        self.count = CountUsage(
            self._watched("log", self.world.log),
            self._watched("messages", self.world.messages),
            self._watched("usage", self.usage),
            self.world.clock,
        )
        figures = UsageFigures(self.count, self.usage, self.world.clock)
        self.show = ShowUsage(figures, self.world.inboxes, self.world.clock)
        self.show_now = ShowUsageOfNow(figures, self.world.clock)

    def _watched(self, name: str, port: Any) -> Any:
        def call(called: str, effect: Effect) -> Any:
            return self.watch(called, effect)

        return watched(name, port, call)

    def counted(self, inbox_number: int | None = None) -> dict[date, Usage]:
        return dict(self.usage.days(ACCOUNT_ID, date.min, date.max, inbox_number))

    def tell_many(self, inboxes: int, each: int = 1) -> None:
        """Queued events of messages that are deleted already, in the order of their inboxes."""
        for number in range(inboxes * each):
            event = Event(
                EventId("evt_" + encode(number + 1, 20)),
                EventType.QUEUED,
                NOON,
                MessageKey(100 + number // each, number),
            )
            self.world.log.tell(ACCOUNT_ID, [event])


@pytest.fixture
def office() -> Office:
    return Office()


def test_what_is_sent_and_received_counts_with_its_recipients_and_bytes(office: Office) -> None:
    world = office.world
    world.sent(make_draft(ADA, BOB, bcc=(make_mailbox(EVE),), body_text="x" * 100, body_html="é"))
    mail = make_mail(EVE)
    world.receive_message(arrive(world, mail))

    office.count(ACCOUNT_ID, NOON)

    assert office.counted()[TODAY] == Usage(sends=1, recipients=3, inbound=1, bytes_stored=102 + len(mail))
    assert office.counted(INBOX) == office.counted()


def test_counting_again_adds_only_what_is_new(office: Office) -> None:
    for expected in (1, 2, 3):
        office.world.sent()
        for _ in range(3):
            office.count(ACCOUNT_ID, NOON)
        assert office.counted()[TODAY].sends == expected


def test_a_day_is_that_of_the_acceptance_in_utc(office: Office) -> None:
    office.world.clock.now = NOON.replace(hour=23, minute=59, second=59)
    office.world.submitted()
    office.world.clock.advance(2)
    office.world.submitted()
    office.world.work()
    office.count(ACCOUNT_ID, office.world.clock())
    assert {day: used.sends for day, used in office.counted().items()} == {TODAY: 1, TODAY + timedelta(days=1): 1}


def test_a_message_deleted_before_it_is_counted_counts_without_recipients_and_bytes(office: Office) -> None:
    key = office.world.sent()
    office.world.delete_message(key, office.world.caller)
    office.count(ACCOUNT_ID, NOON)
    assert office.counted()[TODAY] == Usage(sends=1)


def test_files_and_recipients_who_are_not_suppressed_count(office: Office) -> None:
    world = office.world
    file = world.file()
    world.suppressions.add(Suppression(ACCOUNT_ID, BOB, SuppressionReason.MANUAL, NOON))
    key = world.submitted(enclosing(file, to=(make_mailbox(ADA), make_mailbox(BOB)), body_text="12345"))
    world.work()
    office.count(ACCOUNT_ID, NOON)
    size = world.messages.contents[key].attachments[0].size
    assert office.counted()[TODAY] == Usage(sends=1, recipients=1, bytes_stored=5 + size)


@pytest.mark.parametrize(("inboxes", "each"), [(ADDED_DAYS * 2 + 7, 1), (3, EVENTS_AT_ONCE), (1, 1)])
def test_any_number_of_inboxes_and_events_is_counted_once(office: Office, inboxes: int, each: int) -> None:
    office.tell_many(inboxes, each)
    assert office.count(ACCOUNT_ID, NOON + timedelta(seconds=1)) == NOON
    assert office.counted()[TODAY].sends == inboxes * each
    assert all(office.counted(100 + number)[TODAY].sends == each for number in range(inboxes))


def test_out_of_time_it_says_how_far_it_came_and_goes_on_from_there(office: Office) -> None:
    office.tell_many(ADDED_DAYS * 2 + 7)
    assert office.count(ACCOUNT_ID, NOON) == NOON
    assert office.counted()[TODAY].sends == ADDED_DAYS
    office.count(ACCOUNT_ID, NOON + timedelta(seconds=1))
    assert office.counted()[TODAY].sends == ADDED_DAYS * 2 + 7


def everywhere(after_effect: bool) -> Iterator[tuple[Office, FailingAt]]:  # noqa: FBT001 - a table's column
    for number in count():
        office = Office()
        office.tell_many(ADDED_DAYS + 3)
        failing = FailingAt(number, after_effect)
        office.watch = failing
        try:
            office.count(ACCOUNT_ID, NOON + timedelta(seconds=1))
        except Crash:
            yield office, failing
        else:
            return


@pytest.mark.parametrize("after_effect", [False, True])
def test_wherever_it_dies_the_next_counts_the_rest_and_nothing_twice(after_effect: bool) -> None:  # noqa: FBT001
    deaths = 0
    for office, _ in everywhere(after_effect):
        deaths += 1
        office.watch = unwatched
        office.count(ACCOUNT_ID, NOON + timedelta(seconds=1))
        assert office.counted()[TODAY].sends == ADDED_DAYS + 3
    assert deaths >= 5


def test_two_who_count_at_once_count_once_wherever_they_meet() -> None:
    for number in count():
        office = Office()
        office.tell_many(ADDED_DAYS + 3)
        rival = CountUsage(office.world.log, office.world.messages, office.usage, office.world.clock)
        meanwhile = Meanwhile(number, partial(rival, ACCOUNT_ID, NOON + timedelta(seconds=1)))
        office.watch = meanwhile
        office.count(ACCOUNT_ID, NOON + timedelta(seconds=1))
        assert office.counted()[TODAY].sends == ADDED_DAYS + 3
        if not meanwhile.has_happened:
            return


def test_what_is_too_old_to_be_read_is_passed_over(office: Office) -> None:
    class OldLog(FakeEventLog):
        def read(self, account_id: AccountId, after: LogPlace | None, limit: int) -> LogPage:
            if after is None:
                return LogPage((), LogPlace(9, 0), is_newest=False)
            assert after == LogPlace(9, 0)
            return LogPage((), after, is_newest=True)

    count_old = CountUsage(OldLog(), office.world.messages, office.usage, office.world.clock)
    for _ in range(2):
        assert count_old(ACCOUNT_ID, NOON + timedelta(hours=1)) == NOON
    assert office.usage.mark(ACCOUNT_ID) == UsageMark(LogPlace(9, 0), 1)


# ------------------------------------------------------------------------------------------------ showing


def test_the_days_that_are_asked_for_are_all_there_oldest_first(office: Office) -> None:
    office.world.sent()
    office.usage.keys[ACCOUNT_ID] = {KEY: {TODAY: 3, YESTERDAY: 2}, OTHER_KEY: {TODAY: 4}}
    shown = office.show(UsageRange(BEFORE, TODAY), office.world.caller)
    assert [day for day, _ in shown.days] == [BEFORE, YESTERDAY, TODAY]
    assert [used.requests for _, used in shown.days] == [0, 2, 7]
    assert [used.sends for _, used in shown.days] == [0, 0, 1]
    assert shown.counted_until == NOON


def test_without_dates_it_is_the_last_thirty_days(office: Office) -> None:
    days = [day for day, _ in office.show(UsageRange(), office.world.caller).days]
    assert (len(days), days[-1]) == (30, TODAY)


def test_an_inbox_has_its_own_figures_and_no_requests(office: Office) -> None:
    office.world.inboxes.create(make_inbox(number=8, address="second@mail.example.com"))
    office.world.sent()
    office.usage.keys[ACCOUNT_ID] = {KEY: {TODAY: 3}}
    for number, sends in ((INBOX, 1), (8, 0)):
        (_, used), *_ = office.show(UsageRange(TODAY, TODAY, number), office.world.caller).days
        assert (used.sends, used.requests) == (sends, 0)


def test_another_accounts_inbox_is_not_found(office: Office) -> None:
    office.world.inboxes.create(make_inbox(number=9, address="x@mail.example.com", account_id=AccountId("acc_other")))
    for number in (9, 10):
        with pytest.raises(NotFound):
            office.show(UsageRange(inbox_number=number), office.world.caller)


def test_today_and_this_month(office: Office) -> None:
    office.world.sent()
    first = TODAY.replace(day=1)
    office.usage.keys[ACCOUNT_ID] = {KEY: {TODAY: 3, first: 2, first - timedelta(days=1): 50}}
    now = office.show_now(office.world.caller)
    assert (now.today.requests, now.this_month.requests) == (3, 5)
    assert (now.today.sends, now.this_month.sends) == (1, 1)


# ------------------------------------------------------------------------------------------- housekeeping


def test_housekeeping_counts_every_account_and_takes_days_that_are_over_from_the_keys() -> None:
    office = Office()
    accounts = FakeAccountStore()
    for number in range(25):
        accounts.create(replace(make_account(), id=AccountId(f"acc_{number}")))
    accounts.create(make_account())
    office.world.sent()
    office.usage.keys[ACCOUNT_ID] = {KEY: {TODAY: 1, YESTERDAY: 2, BEFORE: 4}}
    round_ = CountEverybody(accounts, office.usage, office.count)

    after = None
    for _ in range(2):
        after = round_.step(after, NOON).after
    assert after is None

    assert office.counted() == {TODAY: office.counted()[TODAY], BEFORE: Usage(requests=4)}
    assert office.counted()[TODAY].sends == 1
    assert office.usage.keys[ACCOUNT_ID] == {KEY: {TODAY: 1, YESTERDAY: 2}}
    assert timedelta(0) < ROUND_PATIENCE < timedelta(minutes=1)


def test_an_account_that_cannot_be_counted_does_not_keep_the_others() -> None:
    office = Office()
    accounts = FakeAccountStore()
    accounts.create(replace(make_account(), id=AccountId("acc_bad")))
    accounts.create(make_account())
    office.world.sent()

    def fail_once(call: str, effect: Effect) -> object:
        office.watch = unwatched
        raise RuntimeError(call)

    office.watch = fail_once
    CountEverybody(accounts, office.usage, office.count).step(None, NOON)
    CountEverybody(accounts, office.usage, office.count).step(None, NOON)
    assert office.counted()[TODAY].sends == 1


def test_a_key_that_is_deleted_leaves_its_counts(office: Office) -> None:
    office.usage.keys[ACCOUNT_ID] = {KEY: {TODAY: 3, YESTERDAY: 2}, OTHER_KEY: {TODAY: 4}}
    KeepRequestsOfKey(office.usage)(ACCOUNT_ID, KEY)
    assert office.usage.keys[ACCOUNT_ID] == {KEY: {}, OTHER_KEY: {TODAY: 4}}
    assert office.counted() == {TODAY: Usage(requests=3), YESTERDAY: Usage(requests=2)}
