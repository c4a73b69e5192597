"""The log of events: each once, in one order, whoever writes, repeats, dies or reads meanwhile."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.domain.delivery import EventType
from chalicelib.domain.event import Event, LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId
from chalicelib.operations.ports import EventLog
from chalicelib.storage import keys
from chalicelib.storage.event_codec import pack_event, unpack_event
from chalicelib.storage.event_log import DynamoEventLog
from chalicelib.storage.log_chunks import APPEND_LIMIT, CLOSED_AT, EXPIRES_AFTER, KEPT
from chalicelib.storage.tables import LogChunkItem
from tests.factories.accounts import NOON
from tests.factories.events import make_event
from tests.fakes.clock import FakeClock
from tests.fakes.event_log import FakeEventLog
from tests.fakes.operations import IDS
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.faults import Network
from tests.storage.parallel import at_once

pytestmark = NOT_ON_MOTO

OURS, THEIRS = AccountId("acc_ours"), AccountId("acc_theirs")


def process() -> DynamoEventLog:
    """Another process: it remembers nothing."""
    return DynamoEventLog(FakeClock(NOON), IDS)


@pytest.fixture
def log(*, is_fake: bool) -> EventLog:
    return FakeEventLog() if is_fake else process()


def told(log: EventLog, *numbers: int, account: AccountId = OURS) -> list[Event]:
    """Events of this moment, told each by itself."""
    events = []
    for number in numbers:
        since = log.newest_chunk(account)
        events.append(make_event(number, since))
        log.tell(account, events[-1:])
    return events


def whole(log: EventLog, account: AccountId = OURS) -> list[Event]:
    return [known.event for known in log.read(account, None, 10_000).events]


def grown(chunks: int, start: int = 0) -> None:
    """Others have filled so many chunks."""
    with LogChunkItem.batch_write() as batch:
        for number in range(start, start + chunks):
            packed = [pack_event(make_event(10**6 + 18 * number + each, number)) for each in range(CLOSED_AT)]
            batch.save(LogChunkItem(keys.log_partition(OURS), keys.log_chunk(number), events=packed))


def chunks(account: AccountId = OURS) -> list[LogChunkItem]:
    return list(LogChunkItem.query(keys.log_partition(account), consistent_read=True))


# ------------------------------------------------------------------------------------------ what it promises


def test_events_are_read_in_the_order_in_which_they_were_told(log: EventLog) -> None:
    events = told(log, *range(50))

    assert whole(log) == events
    assert whole(log, THEIRS) == []


def test_a_reader_that_goes_on_from_where_it_ended_sees_each_once(log: EventLog) -> None:
    events = told(log, *range(40))
    seen: list[Event] = []
    page = log.read(OURS, None, 7)
    while page.events:
        assert len(page.events) <= 7
        seen += [known.event for known in page.events]
        page = log.read(OURS, page.end, 7)

    assert seen == events
    assert page.is_newest
    later = told(log, 40)
    assert [known.event for known in log.read(OURS, page.end, 7).events] == later


def test_what_is_told_again_stands_where_it_stood(log: EventLog) -> None:
    events = told(log, *range(30))
    places = log.read(OURS, None, 100).events

    for event, known in zip(events, places, strict=True):
        assert log.tell(OURS, [event]).events == (known,)

    assert whole(log) == events


def test_of_several_events_only_those_that_are_missing_are_written_in_their_order(log: EventLog) -> None:
    events = [make_event(number) for number in range(5)]
    log.tell(OURS, [events[1], events[3]])

    answer = log.tell(OURS, events)

    assert {known.event for known in answer.events} == set(events)
    assert whole(log) == [events[1], events[3], events[0], events[2], events[4]]


def test_more_events_than_one_write_takes_are_all_told(log: EventLog) -> None:
    events = [make_event(number) for number in range(4 * APPEND_LIMIT)]

    assert {known.event for known in log.tell(OURS, events).events} == set(events)
    assert whole(log) == events


def test_an_event_is_found_by_its_id(log: EventLog) -> None:
    events = told(log, *range(40))

    for event, known in zip(events, log.read(OURS, None, 100).events, strict=True):
        assert log.find(OURS, event.id) == known
    assert log.find(OURS, make_event(99).id) is None
    assert log.find(THEIRS, events[0].id) is None


def test_from_when_webhooks_are_raised_every_event_says_so_and_none_before(log: EventLog) -> None:
    assert log.tell(OURS, told(log, *range(CLOSED_AT - 1))).webhooks is None

    version, place = log.raise_webhooks(OURS)

    later = [make_event(number, log.newest_chunk(OURS)) for number in range(100, 150)]
    for event in later:
        answer = log.tell(OURS, [event])
        assert answer.webhooks == version
        assert answer.events[0].place >= place
    raised, _ = log.raise_webhooks(OURS)
    assert raised > version
    assert log.tell(THEIRS, [make_event(0)]).webhooks is None


def test_webhooks_may_come_before_any_event(log: EventLog) -> None:
    version, place = log.raise_webhooks(OURS)

    answer = log.tell(OURS, [make_event(0)])

    assert (answer.webhooks, answer.events[0].place >= place) == (version, True)


# --------------------------------------------------------------------------------------------- the chunks


def test_what_an_event_is_packed_into_gives_it_back() -> None:
    for event in (
        make_event(2**36 - 1, 2**36 - 1),
        make_event(0, type=EventType.INBOX_SUSPENDED, message=None, subject="inb_000000000007"),
        make_event(0, type=EventType.DOMAIN_VERIFIED, message=None, subject=None),
    ):
        assert unpack_event(pack_event(event)) == event
    assert len(pack_event(make_event(1))) == 32


def test_a_chunk_is_never_written_to_once_it_is_closed_and_fits_into_one_write_unit(table: Any) -> None:
    log = process()
    for start in range(0, 140, APPEND_LIMIT):
        log.tell(OURS, [make_event(number) for number in range(start, start + APPEND_LIMIT)])

    sizes = [len(item.events) for item in chunks()]

    assert all(CLOSED_AT <= size <= CLOSED_AT + APPEND_LIMIT - 1 for size in sizes[:-1])
    for item in chunks():
        packed = sum(len(event) + 1 for event in item.events)
        assert len(item.pk) + len(item.sk) + packed + 40 <= 1_024


def test_what_is_closed_expires_and_the_newest_stays_for_numbers_to_go_on_from_it(table: Any) -> None:
    log = process()
    told(log, *range(3 * CLOSED_AT))

    *closed, newest = chunks()

    assert [item.ttl == NOON + EXPIRES_AFTER for item in closed] == [True] * len(closed)
    assert newest.ttl is None


def test_a_telling_that_died_before_the_time_to_live_is_repeated_with_it(network: Network) -> None:
    event = make_event(CLOSED_AT)
    told(process(), *range(CLOSED_AT))
    heard = network.listen()
    process().tell(OURS, [event])
    LogChunkItem(keys.log_partition(OURS), keys.log_chunk(0)).update([LogChunkItem.ttl.remove()])

    process().tell(OURS, [event])

    assert heard.count("UpdateItem") >= 2
    assert chunks()[0].ttl == NOON + EXPIRES_AFTER
    assert len(whole(process())) == CLOSED_AT + 1


def test_events_older_than_thirty_days_are_gone_though_their_chunk_is_not(table: Any) -> None:
    old, new = make_event(1, at=NOON - KEPT), make_event(2)
    log = process()
    log.tell(OURS, [old, new])

    assert whole(log) == [new]
    assert log.find(OURS, old.id) is None


def test_what_has_expired_is_passed_by_and_nothing_is_written_where_it_stood(table: Any) -> None:
    events = told(process(), *range(60))
    before, *_ = chunks()
    before.delete()
    left = [event for event in events if event not in events[: len(before.events)]]
    log = process()

    assert whole(log) == left
    page = log.read(OURS, LogPlace(0, 5), 100)
    assert [known.event for known in page.events] == left
    late = make_event(99, 0)
    log.tell(OURS, [late])
    assert whole(log) == [*left, late]


def test_an_account_that_was_silent_for_long_goes_on_where_it_was(table: Any) -> None:
    told(process(), *range(CLOSED_AT))
    clock = FakeClock(NOON + timedelta(days=90))
    log = DynamoEventLog(clock, IDS)
    event = make_event(99, log.newest_chunk(OURS), clock())

    answer = log.tell(OURS, [event])

    assert answer.events == (LoggedEvent(LogPlace(1, 0), event),)
    assert [known.event for known in log.read(OURS, None, 100).events] == [event]


# ------------------------------------------------------------------------- told long after it happened


NARROW = 4  # chunks


def narrow() -> DynamoEventLog:
    """A process in whose eyes an event is late sooner."""
    return DynamoEventLog(FakeClock(NOON), IDS, window=NARROW)


@pytest.mark.parametrize("behind", [NARROW - 1, NARROW, NARROW + 1, 90])
def test_however_far_behind_an_event_is_told_once_in_a_few_calls_and_found(network: Network, behind: int) -> None:
    grown(behind)
    late = make_event(1, 0)
    heard = network.listen()

    first = narrow().tell(OURS, [late])

    assert len(heard) <= 7, heard
    assert first.fresh == {late.id}
    assert first.events[0].place.chunk == behind
    grown(3 * NARROW, start=behind + 1)
    del heard[:]
    again = narrow().tell(OURS, [late])
    assert (len(again.fresh), again.events) == (0, first.events)
    assert narrow().find(OURS, late.id) == first.events[0]
    assert len(heard) <= 12, heard


def test_one_that_was_told_in_time_is_found_however_far_the_log_has_gone_on(table: Any) -> None:
    [event] = told(narrow(), 1)
    [known] = narrow().read(OURS, None, 1).events
    grown(3 * NARROW, start=1)

    assert narrow().tell(OURS, [event]).events == (known,)


def test_two_that_tell_a_late_one_at_once_tell_it_once(network: Network) -> None:
    grown(NARROW + 5)
    late = make_event(1, 0)
    fresh = make_event(2, NARROW + 5)
    network.before_next("UpdateItem", lambda: narrow().tell(OURS, [fresh, late]))

    narrow().tell(OURS, [late, fresh])

    assert [known.event for known in narrow().read(OURS, LogPlace(NARROW + 5, 0), 9).events] == [fresh, late]


def test_a_move_that_nobody_followed_is_made_anew_when_the_log_has_gone_on(network: Network) -> None:
    grown(NARROW + 1)
    late = make_event(1, 0)
    stuck = narrow()
    assert stuck.move(OURS, late.id, NARROW, NARROW + 1) == NARROW + 1  # its process dies here
    grown(2 * NARROW, start=NARROW + 1)

    [known] = narrow().tell(OURS, [late]).events

    assert known.place.chunk == 3 * NARROW + 1
    assert stuck.move(OURS, late.id, NARROW, NARROW + 1) == 3 * NARROW + 1  # who slept since then is told
    assert narrow().tell(OURS, [late]).events == (known,)


# ------------------------------------------------------------------------------------- what it costs, and faults


def test_alone_an_event_is_one_call_and_a_repeat_in_the_same_process_none(network: Network) -> None:
    log = process()
    told(log, *range(3))
    heard = network.listen()

    event = make_event(4, log.newest_chunk(OURS, 0))
    log.tell(OURS, [event])
    log.tell(OURS, [event])

    assert heard == ["UpdateItem"]


@pytest.mark.parametrize("before", [0, 1, CLOSED_AT - 1, CLOSED_AT])
def test_a_reply_that_is_lost_and_repeated_by_the_sdk_tells_it_once(network: Network, before: int) -> None:
    log = process()
    events = told(log, *range(before))
    network.repeat("UpdateItem")

    events += told(log, 99)

    assert whole(log) == events


@pytest.mark.parametrize("before", [0, 5, CLOSED_AT - 1, CLOSED_AT])
@pytest.mark.parametrize("crowd", [1, CLOSED_AT, 3 * CLOSED_AT])
def test_others_may_fill_any_number_of_chunks_right_before_the_write(network: Network, before: int, crowd: int) -> None:
    log = process()
    told(log, *range(before))
    event = make_event(999, log.newest_chunk(OURS))
    network.before_next("UpdateItem", lambda: told(process(), *range(100, 100 + crowd)))

    log.tell(OURS, [event])
    process().tell(OURS, [event])

    numbers = [known.message.sequence for known in whole(log) if known.message]
    assert sorted(numbers) == [*range(before), *range(100, 100 + crowd), 999]


def test_writers_and_repeaters_side_by_side_tell_each_event_once(table: Any) -> None:
    def write(writer: int) -> None:
        log = process()
        for number in range(12):
            since = log.newest_chunk(OURS)
            event = make_event(100 * writer + number, since)
            at_once([partial(other.tell, OURS, [event]) for other in (log, process())])

    at_once([partial(write, writer) for writer in range(4)])

    numbers = [known.message.sequence for known in whole(process()) if known.message]
    assert sorted(numbers) == sorted(100 * writer + number for writer in range(4) for number in range(12))
