"""Who tells what: each change once, in one order, after a death at any call, and none that is not one."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import count

import pytest

from chalicelib.domain.delivery import EventType
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.event import Event
from chalicelib.domain.ids import AccountId, MessageKey
from chalicelib.operations.ports import SendNotReached, SendRefused, SendThrottled, Told
from chalicelib.operations.send_reasons import OUTCOME_UNKNOWN
from chalicelib.operations.tell_events import TellEvents
from tests.factories.accounts import ACCOUNT_ID
from tests.factories.events import make_event as make_told
from tests.fakes.event_log import FakeEventLog
from tests.operations.incoming import arrive
from tests.operations.watched import Crash, Failing, FailingAt
from tests.operations.world import ADA, BOB, IDS, World, make_draft, make_event

QUEUED, SENT, DELIVERED = EventType.QUEUED, EventType.SENT, EventType.DELIVERED


def feed(world: World) -> list[Event]:
    return list(world.log.events[ACCOUNT_ID])


def types(world: World) -> list[EventType]:
    return [event.type for event in feed(world)]


def test_what_the_sender_did_is_told_in_one_append() -> None:
    world = World()
    world.sent()

    assert types(world) == [QUEUED, SENT]


def test_the_feed_and_the_timeline_have_the_same_ids() -> None:
    world = World()
    key = world.sent(make_draft(ADA, BOB))
    world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED, ADA))
    world.record_delivery_report(make_event(key, DeliveryStatus.BOUNCED, BOB))

    timeline = {entry.id: entry.type for entry in world.list_events(key, world.caller)}

    told = {event.id: event.type for event in feed(world)}
    assert told == {event_id: type_ for event_id, type_ in timeline.items() if type_ is not EventType.SENDING}
    assert len(told) == 4


@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        (SendRefused(OUTCOME_UNKNOWN), [QUEUED, EventType.FAILED]),
        (SendThrottled(), [QUEUED, SENT]),
        (SendNotReached(), [QUEUED, SENT]),
    ],
)
def test_each_end_is_told(answer: Exception, ends: list[EventType]) -> None:
    world = World()
    world.provider.outcomes = [answer]
    world.submitted()
    world.deliver_next()
    assert types(world)[:1] == [QUEUED]  # at once, also when it has to wait

    world.work()

    assert types(world) == ends


def test_repeated_news_tells_nothing_twice_and_a_late_correction_once() -> None:
    world = World()
    key = world.sent()
    for status in (DeliveryStatus.DELIVERED, DeliveryStatus.BOUNCED, DeliveryStatus.COMPLAINED) * 3:
        world.record_delivery_report(make_event(key, status))

    assert types(world) == [QUEUED, SENT, DELIVERED, EventType.BOUNCED, EventType.COMPLAINED]


def test_news_that_changes_nothing_is_no_event_but_a_delay_is() -> None:
    world = World()
    key = world.sent()
    world.record_delivery_report(make_event(key, DeliveryStatus.COMPLAINED))
    world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED))

    assert types(world) == [QUEUED, SENT, EventType.COMPLAINED]


def test_news_that_overtakes_the_senders_word_does_not_come_before_it() -> None:
    world = World()
    key = world.submitted()
    with world.watching(Failing("log.tell", [Crash()])):
        world.deliver_next()
    world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED, at=world.clock()))
    world.work()

    assert types(world) == [QUEUED, SENT, DELIVERED]


def test_news_of_a_mail_whose_sender_died_at_ses_begins_at_the_beginning() -> None:
    world = World()
    key = world.submitted()
    with world.watching(Failing("provider.send", [Crash()], after_effect=True)):
        world.deliver_next()
    world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED))
    world.work()

    assert types(world) == [QUEUED, DELIVERED]


def test_a_deletion_tells_what_nobody_could_tell_afterwards() -> None:
    world = World()
    key = world.submitted()
    world.delete_message(key, world.caller)
    world.work()

    assert types(world) == [QUEUED]


def test_a_message_that_was_never_committed_is_not_told_of() -> None:
    world = World()
    with world.watching(Failing("index.commit", [Crash()])), pytest.raises(Crash):
        world.submit()
    world.work()

    assert types(world) == []


def story(world: World) -> None:
    """Sent, delivered, complained of; and one that was received. Whatever dies comes again."""
    key = MessageKey(7, 0)
    again(world.work)
    for status in (DeliveryStatus.DELIVERED, DeliveryStatus.COMPLAINED):
        event = make_event(key, status)
        again(partial(world.record_delivery_report, event))
    receipt = arrive(world)
    again(lambda: world.receive_message(receipt))


def again(step: Callable[[], object]) -> None:
    for _ in range(3):
        try:
            step()
        except (Crash, Unavailable):
            continue
        return
    raise AssertionError("it does not come to its end")


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("error", [Crash, partial(Unavailable, "no answer")])
def test_a_death_or_an_error_at_any_call_loses_no_event_and_doubles_none(
    error: Callable[[], BaseException], *, after_effect: bool
) -> None:
    for number in count():
        world = World()
        world.submitted()
        failing = FailingAt(number, after_effect, error())
        with world.watching(failing):
            story(world)
        told = types(world)
        ended = EventType.FAILED if EventType.FAILED in told else SENT  # nobody knows whether SES has it
        assert [told.count(type_) for type_ in (QUEUED, EventType.COMPLAINED, EventType.RECEIVED)] == [1, 1, 1]
        assert told[0] is QUEUED
        assert told.count(ended) >= 1
        assert len(feed(world)) == len(set(feed(world)))
        if len(failing.calls) <= number:
            break
    assert number > 20


def test_only_accounts_with_webhooks_have_their_workers_called() -> None:
    notices: list[tuple[AccountId, Told]] = []

    class Notices:
        def put(self, account_id: AccountId, told: Told) -> None:
            notices.append((account_id, told))

    world, log = World(), FakeEventLog()
    tell = TellEvents(log, IDS, world.clock, Notices())
    tell(ACCOUNT_ID, [make_told(1, at=world.clock())])
    assert notices == []

    version, place = log.raise_webhooks(ACCOUNT_ID)
    for _ in range(2):  # again is harmless, and the notice may have been lost with the first
        tell(ACCOUNT_ID, [make_told(2, at=world.clock())])

    assert [(account, told.webhooks) for account, told in notices] == [(ACCOUNT_ID, version)] * 2
    assert [known.place for _, told in notices for known in told.events] == [place] * 2


def test_what_no_feed_would_show_any_more_is_not_told() -> None:
    world, log = World(), FakeEventLog()
    TellEvents(log, IDS, world.clock)(ACCOUNT_ID, [make_told(1, at=world.clock() - timedelta(days=30))])

    assert log.events[ACCOUNT_ID] == []


def test_news_of_an_old_message_is_looked_for_near_the_end_of_the_log_though_the_process_knows_nothing() -> None:
    world = World()
    key = world.sent()
    world.clock.advance(86_400)
    world.log.tell(ACCOUNT_ID, [make_told(number) for number in range(1_000, 1_100)])
    newest = world.log.newest_chunk(ACCOUNT_ID)

    world.record_delivery_report(make_event(key, DeliveryStatus.BOUNCED))

    assert feed(world)[-1].type is EventType.BOUNCED
    assert IDS.event_place(feed(world)[-1].id)[0] == newest
