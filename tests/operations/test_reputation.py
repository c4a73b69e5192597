"""An inbox whose mail comes back is suspended, once, whoever finds out and whoever dies over it."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from chalicelib.domain.delivery import EventType
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import ErrorCode, Forbidden, Unavailable
from chalicelib.domain.event import Event
from chalicelib.domain.ids import MessageKey, inbox_id
from chalicelib.domain.inbox import InboxStatus
from chalicelib.domain.reputation import Reputation
from tests.factories.accounts import ACCOUNT_ID
from tests.fakes.suppression_store import NobodySuppressed
from tests.operations.news import BOUNCED, COMPLAINED, DELIVERED, FAILED_SOFTLY
from tests.operations.refusals import refused
from tests.operations.watched import Crash, Failing, FailingAt, Meanwhile, Recording
from tests.operations.world import INBOX, make_draft, make_event
from tests.operations.world import World as SuppressingWorld
from tests.storage.parallel import at_once


class World(SuppressingWorld):
    """Nobody is suppressed, so that whoever bounced can be written to again."""

    def _make_suppressions(self) -> Any:
        return NobodySuppressed()


ON_THE_BRINK = Reputation(sends=99, bounces=5)  # the next bounce is one too many


def told(world: World) -> list[Event]:
    return [event for event in world.log.events[ACCOUNT_ID] if event.type is EventType.INBOX_SUSPENDED]


def on_the_brink(**changes: object) -> tuple[World, MessageKey]:
    """A world whose hundredth message has gone; of the others as many have bounced as may."""
    world = World(reputation=replace(ON_THE_BRINK, **changes))  # type: ignore[arg-type]
    return world, world.sent()


def activate(world: World) -> None:
    suspended = world.inbox()
    assert world.inboxes.save_settings(suspended, replace(suspended, status=InboxStatus.ACTIVE))


def test_one_bounce_too_many_suspends_the_inbox_and_tells_it() -> None:
    world, key = on_the_brink()
    assert world.inbox().status is InboxStatus.ACTIVE

    world.record_delivery_report(make_event(key, BOUNCED))

    assert world.inbox().status is InboxStatus.SUSPENDED
    (event,) = told(world)
    assert (event.subject, event.created_at) == (inbox_id(INBOX), world.clock())


def test_one_complaint_too_many_suspends_the_inbox() -> None:
    world, key = on_the_brink(bounces=0, sends=999)
    world.record_delivery_report(make_event(key, COMPLAINED))
    assert world.inbox().status is InboxStatus.ACTIVE  # one of a thousand is allowed

    world.record_delivery_report(make_event(world.sent(), COMPLAINED))

    assert world.inbox().status is InboxStatus.SUSPENDED
    assert len(told(world)) == 1


@pytest.mark.parametrize("status", [DELIVERED, FAILED_SOFTLY, DeliveryStatus.FAILED])
def test_only_permanent_bounces_and_complaints_count(status: DeliveryStatus) -> None:
    world, key = on_the_brink()
    world.record_delivery_report(make_event(key, status))
    assert (world.inbox().status, told(world)) == (InboxStatus.ACTIVE, [])


def test_while_the_name_is_good_a_bounce_asks_nothing_more() -> None:
    world, key = on_the_brink(bounces=3)
    recording = Recording()
    with world.watching(recording):
        world.record_delivery_report(make_event(key, BOUNCED))
    assert not any(call.startswith("inboxes.") for call in recording.calls)


def test_before_a_hundred_messages_nothing_is_judged_and_the_hundredth_is() -> None:
    world = World(reputation=Reputation(sends=98, bounces=50))
    world.record_delivery_report(make_event(world.sent(), BOUNCED))
    assert world.inbox().status is InboxStatus.ACTIVE

    world.submit()  # the hundredth is accepted, and the last

    assert world.inbox().status is InboxStatus.SUSPENDED
    assert len(told(world)) == 1
    with pytest.raises(Forbidden):
        world.submit()


def test_a_refused_send_says_how_many_bounced_and_what_to_do() -> None:
    world, key = on_the_brink()
    world.record_delivery_report(make_event(key, BOUNCED))
    world.named.clear()

    error = refused(world, Forbidden, world.submit)

    assert error.code is ErrorCode.INBOX_SUSPENDED
    assert "of 100 messages 6 bounced and 0 were marked as spam" in error.message
    assert "PATCH /inboxes/{id}" in error.fix
    assert len(told(world)) == 1


def test_a_bounce_after_the_suspension_is_counted_and_tells_nothing() -> None:
    world, key = on_the_brink()
    late = world.sent()
    for each in (key, late):
        world.record_delivery_report(make_event(each, BOUNCED))

    assert (world.inbox().bounce_count, world.inbox().reputation.bounces) == (2 + 2, 7)
    assert len(told(world)) == 1


# ------------------------------------------------------------------------------------------- activated again


def test_set_to_active_the_inbox_sends_again_and_is_judged_anew() -> None:
    world, key = on_the_brink()
    world.record_delivery_report(make_event(key, BOUNCED))
    activate(world)

    keys = [world.sent() for _ in range(99)]
    for each in keys[:6]:
        world.record_delivery_report(make_event(each, BOUNCED))
    assert world.inbox().status is InboxStatus.ACTIVE
    world.clock.now += timedelta(seconds=1)
    world.submit()

    assert world.inbox().status is InboxStatus.SUSPENDED
    assert len({event.id for event in told(world)}) == len(told(world)) == 2


def test_late_bounces_of_what_was_sent_before_do_not_count_against_it_again() -> None:
    world, key = on_the_brink()
    late = [world.sent() for _ in range(10)]
    world.record_delivery_report(make_event(key, BOUNCED))
    activate(world)
    for _ in range(100):
        world.submit()

    for each in late:
        world.record_delivery_report(make_event(each, BOUNCED))

    assert world.inbox().status is InboxStatus.ACTIVE
    assert (world.inbox().reputation.bounces, world.inbox().bounce_count) == (0, 2 + 11)


def test_an_inbox_that_is_set_to_active_while_it_is_judged_stays_active() -> None:
    for number in count():
        world, key = on_the_brink()
        world.record_delivery_report(make_event(key, BOUNCED))
        later = world.sent() if world.inbox().status is InboxStatus.ACTIVE else key
        meanwhile = Meanwhile(number, lambda: activate(world))  # noqa: B023
        with world.watching(meanwhile):
            world.record_delivery_report(make_event(later, BOUNCED))
        if not meanwhile.has_happened:
            break
        assert world.inbox().status is InboxStatus.ACTIVE
        world.submit()
    assert number >= 1


# ---------------------------------------------------------------------------------------- deaths, many at once


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("error", [Crash(), Unavailable("no answer")])
def test_whatever_fails_when_news_comes_the_next_that_comes_suspends_and_tells_once(
    error: BaseException,
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    for number in count():
        world, key = on_the_brink()
        failing = FailingAt(number, after_effect, error)
        try:
            with world.watching(failing):
                world.record_delivery_report(make_event(key, BOUNCED))
        except (Crash, Unavailable):
            world.record_delivery_report(make_event(key, BOUNCED))  # it comes again
        assert world.inbox().status is InboxStatus.SUSPENDED
        assert (len(told(world)), world.inbox().reputation.bounces) == (1, 6)
        assert world.inbox().suspension is not None
        if len(failing.calls) <= number:
            break
    assert number >= 5


@pytest.mark.parametrize("error", [Crash(), Unavailable("no answer")])
@pytest.mark.parametrize("call", ["inboxes.suspend", "log.tell", "inboxes.note_told"])
@pytest.mark.parametrize("after_effect", [False, True])
def test_whatever_fails_when_the_hundredth_message_is_accepted_the_next_that_comes_finishes_it(
    error: BaseException,
    call: str,
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    world = World(reputation=Reputation(sends=99, bounces=50))
    with world.watching(Failing(call, [error], after_effect)), pytest.raises(type(error)):
        world.submit()
    assert world.listed() == []

    with suppress(Forbidden):  # it is accepted if the one before is uncounted, and then it is the hundredth itself
        world.submit()

    assert world.inbox().status is InboxStatus.SUSPENDED
    assert len(told(world)) == 1


def test_many_bounces_at_once_suspend_it_once() -> None:
    world = World(reputation=Reputation(sends=84))
    keys = [world.sent() for _ in range(16)]

    at_once([lambda key=key: world.record_delivery_report(make_event(key, BOUNCED)) for key in keys], threads=16)  # type: ignore[misc]

    assert (world.inbox().status, world.inbox().reputation.bounces) == (InboxStatus.SUSPENDED, 16)
    assert len(told(world)) == 1


def test_a_suspended_inbox_still_hears_of_what_it_sent() -> None:
    world, key = on_the_brink()
    other = world.sent(make_draft("bob@example.net"))
    world.record_delivery_report(make_event(key, BOUNCED))

    world.record_delivery_report(make_event(other, DELIVERED, "bob@example.net"))

    assert world.status(other).value == "delivered"
