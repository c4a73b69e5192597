"""The event feed: filters, bound keys, cursors that are ids, deleted messages, and waiting."""

from typing import Any

import pytest

from chalicelib.domain.account import Caller
from chalicelib.domain.delivery import EventType
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import AccountId, InvalidId
from chalicelib.operations.join_events import JoinEvents
from chalicelib.operations.read_feed import HELD_AT_ONCE, POLL_LATER, POLL_SOON, FeedPage, FeedRequest, ReadFeed
from tests.factories.accounts import make_caller, make_inbox
from tests.fakes.webhooks import FakeWebhookStore
from tests.operations.world import IDS, INBOX, World, make_event

OTHER_INBOX = 8


class Reader:
    """A world's feed, read at once; time passes only while it waits."""

    def __init__(self, world: World, wait_limit: int = 20) -> None:
        self.now = 0.0
        self.on_sleep: Any = lambda: None
        join = JoinEvents(world.inboxes, FakeWebhookStore(), world.domains, world.messages, world.index)
        self.read = ReadFeed(world.log, world.inboxes, join, IDS, wait_limit, clock=lambda: self.now, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.on_sleep()

    def page(self, caller: Caller, after: Any = None, limit: int = 20, **more: Any) -> FeedPage:
        return self.read(FeedRequest(after, limit, **more), caller)


def two_inboxes() -> World:
    """Two messages sent, one from each inbox."""
    world = World()
    world.inboxes.create(make_inbox(number=OTHER_INBOX, address="other@mail.example.com", next_sequence=0))
    world.submit()
    world.submit(inbox_number=OTHER_INBOX)
    world.work()
    return world


def types(page: FeedPage) -> list[EventType]:
    return [joined.event.type for joined in page.events]


def inboxes(page: FeedPage) -> set[int]:
    return {joined.event.message.inbox_number for joined in page.events if joined.event.message}


@pytest.mark.parametrize("limit", [1, 3, 20])
def test_pages_follow_one_another_until_nothing_is_left(limit: int) -> None:
    world = two_inboxes()
    reader, after, seen = Reader(world), None, list[EventType]()
    for _ in range(10):
        page = reader.page(world.caller, after, limit)
        assert len(page.events) <= limit
        seen += types(page)
        after = page.end

    assert seen == [EventType.QUEUED, EventType.SENT] * 2
    assert page.poll_after_ms == POLL_LATER
    assert reader.page(world.caller).poll_after_ms == POLL_SOON
    assert reader.page(world.caller, limit=1).poll_after_ms == 0


def test_filters_let_through_what_they_name_and_the_cursor_passes_by_the_rest() -> None:
    world = two_inboxes()
    reader = Reader(world)

    assert types(reader.page(world.caller, types=frozenset({EventType.SENT}))) == [EventType.SENT] * 2
    one = reader.page(world.caller, limit=1, types=frozenset({EventType.SENT}), inbox_number=OTHER_INBOX)
    assert (types(one), inboxes(one)) == ([EventType.SENT], {OTHER_INBOX})
    assert reader.page(world.caller, one.end, types=frozenset({EventType.SENT})).events == ()
    none = reader.page(world.caller, types=frozenset({EventType.COMPLAINED}))
    assert none.end == reader.page(world.caller).end


def test_a_key_bound_to_an_inbox_sees_only_what_is_about_it() -> None:
    world = two_inboxes()
    bound = make_caller(inbox_numbers=frozenset({INBOX}))
    reader = Reader(world)

    assert inboxes(reader.page(bound)) == {INBOX}
    with pytest.raises(NotFound):
        reader.page(bound, inbox_number=OTHER_INBOX)
    foreign = next(event for event in world.log.events[bound.account_id] if event.message.inbox_number == OTHER_INBOX)
    with pytest.raises(NotFound):
        reader.read.place_of(foreign.id, bound)


def test_an_event_id_is_a_cursor_for_its_account_and_for_nobody_else() -> None:
    world = two_inboxes()
    reader = Reader(world)
    whole = reader.page(world.caller).events
    stranger = Caller(AccountId("acc_stranger"), world.caller.key)

    place = reader.read.place_of(whole[1].event.id, world.caller)
    assert reader.page(world.caller, place).events == whole[2:]
    with pytest.raises(NotFound):
        reader.read.place_of(whole[1].event.id, stranger)
    with pytest.raises(NotFound):
        reader.read.place_of(IDS.event_id(0, 1), world.caller)
    with pytest.raises(InvalidId):
        reader.read.place_of("evt_nonsense", world.caller)
    assert reader.page(stranger).events == ()


def test_the_event_of_a_deleted_message_remains_without_its_content() -> None:
    world = World()
    key = world.sent()
    world.record_delivery_report(make_event(key, DeliveryStatus.BOUNCED))
    reader = Reader(world)
    [*_, bounced] = reader.page(world.caller).events
    assert bounced.message is not None
    assert bounced.entry is not None
    assert not bounced.is_deleted

    world.delete_message(key, world.caller)

    assert [(joined.event.type, joined.is_deleted) for joined in reader.page(world.caller).events] == [
        (EventType.QUEUED, True),
        (EventType.SENT, True),
        (EventType.BOUNCED, True),
    ]


def test_the_events_of_a_deleted_inbox_stay_as_its_messages_do() -> None:
    world = two_inboxes()
    reader = Reader(world)
    before = reader.page(world.caller).events
    other = world.inboxes.get(OTHER_INBOX)
    assert other is not None
    world.inboxes.delete(other)

    assert reader.page(world.caller).events == before
    with pytest.raises(NotFound):
        reader.page(world.caller, inbox_number=OTHER_INBOX)


def test_waiting_ends_with_the_first_event_or_when_the_time_is_up() -> None:
    world = two_inboxes()
    reader = Reader(world)
    end = reader.page(world.caller).end

    assert reader.page(world.caller, end, wait=20).events == ()
    assert reader.now == pytest.approx(20)

    def somebody_sends() -> None:
        if reader.now >= 25:
            reader.on_sleep = lambda: None
            world.sent()

    reader.on_sleep = somebody_sends
    assert types(reader.page(world.caller, end, wait=20)) == [EventType.QUEUED, EventType.SENT]
    assert 25 <= reader.now <= 26


def test_so_many_requests_are_held_and_one_more_is_answered_at_once() -> None:
    world = World()
    reader = Reader(world)
    for _ in range(HELD_AT_ONCE):
        assert reader.read.held.acquire(blocking=False)

    assert reader.page(world.caller, wait=20).events == ()
    assert reader.now == 0
    reader.read.held.release()
    reader.page(world.caller, wait=20)
    assert reader.now == pytest.approx(20)


def test_no_request_waits_longer_than_the_deployment_allows() -> None:
    world = World()
    reader = Reader(world, wait_limit=0)

    assert reader.page(world.caller, wait=20).events == ()
    assert reader.now == 0
