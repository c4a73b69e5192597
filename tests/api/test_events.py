"""GET /events: what it takes, what it gives, and what it answers to places that are not the caller's."""

import pytest

from chalicelib.api.json_requests import EVENT_TYPES
from chalicelib.domain.delivery import EventType
from chalicelib.domain.errors import NotFound
from chalicelib.domain.event import LogPlace
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.joined_event import JoinedEvent
from chalicelib.operations.read_feed import FeedPage, FeedRequest
from tests.factories.api_events import ApiClient
from tests.factories.events import make_event
from tests.fakes.operations import IDS, FakeOperations

PAGE = FeedPage((JoinedEvent(make_event(3)),), LogPlace(5, 7), 1_000)


def test_a_page_has_its_events_its_cursor_and_when_to_ask_again(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["read_feed"] = PAGE
    answer = api.call("GET", "/events")

    assert (answer.status, answer.json["pollAfterMs"]) == (200, 1_000)
    assert answer.json["data"] == [
        {
            "id": make_event(3).id,
            "event": "message.sent",
            "data": {"messageId": IDS.message_id(MessageKey(7, 3)), "inboxId": "inb_000000000007"},
            "timestamp": 1795348800000,
            "createdAt": "2026-11-22T12:00:00.000Z",
            "deleted": True,
        }
    ]
    api.call("GET", f"/events?after={answer.json['nextCursor']}&limit=5&wait=20&types=message.sent,message.received")
    assert fakes.last("read_feed").positional[0] == FeedRequest(
        LogPlace(5, 7), 5, None, frozenset({EventType.SENT, EventType.RECEIVED}), 20
    )


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "wait=21", "wait=-1", "types=", "types=message.sending"])
def test_what_cannot_be_is_refused(api: ApiClient, fakes: FakeOperations, query: str) -> None:
    fakes.answers["read_feed"] = PAGE
    answer = api.call("GET", f"/events?{query}")
    assert (answer.status, answer.json["error"]["code"]) == (400, "VALIDATION_ERROR")


def test_a_misspelt_type_is_told_the_right_one(api: ApiClient) -> None:
    answer = api.call("GET", "/events?types=message.sent,message.recieved")
    assert "message.received" in str(answer.json["error"]["details"]["types"])


def test_places_that_are_nobodys_or_anothers_get_the_same_bytes(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["read_feed"] = NotFound()
    of_another = IDS.cursor(0, 0, of="events:acc_another")
    wanted = ["after=nonsense", f"after={of_another}", "inboxId=inb_nonsense", "inboxId=inb_000000000007"]

    answers = [api.call("GET", f"/events?{query}") for query in wanted]

    assert {(answer.status, answer.body) for answer in answers} == {(404, answers[0].body)}


def test_types_are_those_that_a_log_has() -> None:
    assert set(EVENT_TYPES) == set(EventType) - {EventType.SENDING, EventType.WEBHOOK_TEST}
