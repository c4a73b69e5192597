"""One message, its timeline and its source: what is shown, and to whom."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from itertools import count
from typing import Any

import pytest

from chalicelib.domain.delivery import EventType
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import AccountId, MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.get_message import GetMessage
from tests.factories.accounts import NOON, make_caller
from tests.factories.messages import make_content, make_mailbox
from tests.operations.refusals import answer
from tests.operations.watched import Crash, Effect, Failing, watched
from tests.operations.world import ADA, BOB, EVE, INBOX, World, make_draft, make_event

READERS: dict[str, Callable[[World], Callable[..., object]]] = {
    "get": lambda world: world.get_message,
    "events": lambda world: world.list_events,
    "raw": lambda world: world.read_raw,
}


# ----------------------------------------------------------------------------------------------- what is shown


def test_a_message_is_shown_with_its_content_its_status_and_what_is_known_of_its_deliveries() -> None:
    world = World()
    key = world.sent()

    message = world.get_message(key, world.caller)

    assert message.status is MessageStatus.SENT
    assert message.content.subject == "Hello"
    assert message.delivery == world.delivery(key)
    assert message.body_urls is None


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_message_that_shows_a_bounce_says_whose_whenever_the_news_of_it_comes(number: int) -> None:
    world = World()
    key = world.sent()
    calls = count()

    def news_comes_between(_: str, effect: Effect) -> Any:
        if next(calls) == number:
            world.record_delivery_report(make_event(key, DeliveryStatus.BOUNCED))
        return effect()

    get_message = GetMessage(
        watched("messages", world.messages, news_comes_between), watched("index", world.index, news_comes_between)
    )

    message = get_message(key, world.caller)

    assert message.delivery is not None
    shown = [recipient.status for recipient in message.delivery.recipients]
    assert message.status is MessageStatus.SENT or DeliveryStatus.BOUNCED in shown


@pytest.mark.parametrize("phase", [phase for phase in MessagePhase if phase.visible])
def test_every_visible_phase_is_shown_as_its_status(phase: MessagePhase) -> None:
    world = World()
    key = world.submitted()
    world.index.advance(key, phase, set(MessagePhase))

    assert world.get_message(key, world.caller).status is phase.status


def test_bodies_too_long_for_an_answer_are_read_by_url() -> None:
    world = World()
    key = world.submitted()
    world.messages.put(replace(make_content(key=key), body_text="x" * 4_000_001, body_html=None))

    urls = world.get_message(key, world.caller).body_urls

    assert urls is not None
    assert urls.text is not None
    assert urls.html is None


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("phase", [phase for phase in MessagePhase if not phase.visible])
def test_a_message_that_is_not_visible_is_not_found(reader: str, phase: MessagePhase) -> None:
    world = World()
    key = world.submitted()
    world.index.advance(key, phase, set(MessagePhase))

    with pytest.raises(NotFound):
        READERS[reader](world)(key, world.caller)


@pytest.mark.parametrize("reader", READERS)
def test_anothers_message_is_answered_exactly_like_an_unknown_one(reader: str) -> None:
    world = World()
    key = world.sent()
    stranger, bound = make_caller(account_id=AccountId("acc_another")), make_caller(inbox_numbers=frozenset({99}))

    answers = set()
    for wanted, caller in [(key, stranger), (key, bound), (MessageKey(INBOX, 5), world.caller)]:
        with pytest.raises(NotFound) as refused:
            READERS[reader](world)(wanted, caller)
        answers.add(answer(refused.value))

    assert len(answers) == 1


@pytest.mark.parametrize("reader", READERS)
def test_a_key_bound_to_the_inbox_reads_its_messages(reader: str) -> None:
    world = World()
    key = world.sent()

    assert READERS[reader](world)(key, make_caller(inbox_numbers=frozenset({INBOX})))


# ------------------------------------------------------------------------------------------------ the timeline


def test_the_timeline_of_a_queued_message_says_when_it_was_accepted() -> None:
    world = World()
    key = world.submitted()

    (accepted,) = world.list_events(key, world.caller)

    assert (accepted.type, accepted.status, accepted.occurred_at) == (EventType.QUEUED, MessageStatus.QUEUED, NOON)
    assert accepted.recipient is None


def test_the_timeline_is_in_order_of_occurrence_not_of_arrival() -> None:
    world = World()
    key = world.submitted()
    world.clock.advance(1)
    world.work()
    bounced = make_event(key, DeliveryStatus.BOUNCED, ADA, at=NOON + timedelta(hours=2))
    delivered = make_event(key, DeliveryStatus.DELIVERED, ADA, at=NOON + timedelta(seconds=5))
    world.record_delivery_report(bounced)
    world.record_delivery_report(delivered)

    entries = world.list_events(key, world.caller)

    assert [entry.type for entry in entries] == [
        EventType.QUEUED,
        EventType.SENDING,
        EventType.SENT,
        EventType.DELIVERED,
        EventType.BOUNCED,
    ]
    assert [entry.recipient for entry in entries] == [None, None, None, ADA, ADA]


def test_events_have_ids_of_their_own_which_stay_the_same() -> None:
    world = World()
    keys = [world.sent(), world.sent()]

    ids = [entry.id for key in keys for entry in world.list_events(key, world.caller)]

    assert len(set(ids)) == len(ids) == 6
    assert ids == [entry.id for key in keys for entry in world.list_events(key, world.caller)]


# -------------------------------------------------------------------------------------------------- the source


def test_the_source_is_what_ses_was_handed() -> None:
    world = World()
    draft = make_draft(ADA, cc=(make_mailbox(BOB, "Bøb"),), bcc=(make_mailbox(EVE),), body_html="<p>Hei</p>")
    key = world.sent(draft)

    assert world.read_raw(key, world.caller) == world.provider.mails[0].mail


def test_the_source_of_a_reply_is_what_ses_was_handed() -> None:
    world = World()
    world.submitted()
    reply = world.submitted(make_draft(thread=ThreadKey(INBOX, 0)))
    world.work()

    assert [world.read_raw(key, world.caller) for key in (MessageKey(INBOX, 0), reply)] == [
        handed.mail for handed in world.provider.mails
    ]
    source = world.read_raw(reply, world.caller)
    assert isinstance(source, bytes)
    assert message_from_bytes(source)["In-Reply-To"] == "<ses-1@ses.example.com>"


def test_a_message_not_sent_yet_has_a_source_too() -> None:
    world = World()
    key = world.submitted()
    before = world.read_raw(key, world.caller)

    world.work()

    assert before == world.provider.mails[0].mail


# ---------------------------------------------------------------------- what became of a request that died


def test_a_committed_message_is_recovered() -> None:
    world = World()
    key = world.submitted()

    message = world.recover_message(key, world.caller)

    assert message is not None
    assert message == world.get_message(key, world.caller)


@pytest.mark.parametrize("died_at", ["messages.put", "threads.begin", "send_queue.put", "index.commit"])
def test_a_message_that_was_not_committed_is_given_up_for_good(died_at: str) -> None:
    world = World()
    with world.watching(Failing(died_at, [Crash()])), pytest.raises(Crash):
        world.submit()
    (key,) = world.named

    assert world.recover_message(key, world.caller) is None

    assert not world.index.commit(key, MessagePhase.QUEUED, lambda: (key.sequence,))
    world.work()
    assert world.leaves_nothing_behind(key)


def test_a_message_committed_while_it_is_given_up_is_recovered() -> None:
    world = World()
    with world.watching(Failing("index.commit", [Crash()])), pytest.raises(Crash):
        world.submit()
    (key,) = world.named

    def commit_first(call: str, effect: Callable[[], object]) -> object:
        if call == "index.advance":
            world.index.commit(key, MessagePhase.QUEUED, lambda: (key.sequence,))
        return effect()

    with world.watching(commit_first):
        message = world.recover_message(key, world.caller)

    assert message is not None
    assert message.status is MessageStatus.QUEUED
