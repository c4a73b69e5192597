"""The event feed as an agent without a public address follows it, over a kill of everything."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.system import Journey, RunningSystem, until
from tests.journeys.test_send import BOUNCE, SUCCESS

pytestmark = pytest.mark.xdist_group("journeys")

MAIL = b"From: carl@example.com\r\nSubject: Hello\r\nMessage-ID: <1@example.com>\r\n\r\nHello\r\n"


class Follower:
    """Reads on from its last cursor, holding the answer until something comes."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.events: list[dict[str, Any]] = []
        self.cursor: str | None = None

    def until(self, *types: str) -> list[dict[str, Any]]:
        """The events that came until the last of these types, in any order, was among them."""
        came: list[dict[str, Any]] = []

        def look() -> set[str]:
            query: dict[str, Any] = {"wait": 2, "inboxId": self.journey.inbox["id"]}
            page = self.journey.call("GET", "/events", params=query | ({"after": self.cursor} if self.cursor else {}))
            came.extend(page["data"])
            self.cursor = page["nextCursor"]
            return {event["event"].removeprefix("message.") for event in came}

        until(look, lambda seen: seen >= set(types))
        self.events += came
        return came


def test_send_bounce_and_receive_are_told_once_over_a_kill_of_everything(tmp_path: Path) -> None:
    running = RunningSystem.start(tmp_path)
    with running.client() as client:
        journey = Journey(client)
        follower = Follower(journey)
        first = journey.send(SUCCESS)
        came = follower.until("queued", "sent", "delivered")
        assert [event["event"] for event in came] == ["message.queued", "message.sent", "message.delivered"]
        assert {event["data"]["messageId"] for event in came} == {first["id"]}
        bounced = journey.send(BOUNCE)
        running.kill()

    running = RunningSystem.start(tmp_path)
    with running.client() as client:
        follower.journey.client = client
        last = follower.until("queued", "sent", "bounced")[-1]
        assert (last["data"]["recipient"], last["data"]["id"]) == (BOUNCE, bounced["id"])
        assert running.mail_in(MAIL, journey.inbox["address"]) == {}
        [received] = follower.until("received")
        assert received["data"]["subject"] == "Hello"
        assert follower.journey.call("GET", "/events", params={"after": follower.cursor})["data"] == []
        page = journey.call("GET", "/events", params={"limit": 100})
        timelines = [entry["id"] for message in (first, bounced) for entry in journey.events(message)]
        journey.call("DELETE", f"/messages/{first['id']}", 204)
        after = journey.call("GET", "/events", params={"limit": 100})["data"]
    assert running.stop() == 0
    assert [event["id"] for event in page["data"]] == [event["id"] for event in follower.events]
    told = [event["id"] for event in follower.events]
    assert len(told) == len(set(told)) == 7
    assert set(told) - set(timelines) == {received["id"]}
    assert [event["deleted"] for event in after] == [
        event["data"]["messageId"] == first["id"] for event in follower.events
    ]


def test_a_request_that_waits_is_held_until_something_comes_or_its_time_is_over(
    system: RunningSystem, journey: Journey
) -> None:
    query = {"inboxId": journey.inbox["id"], "wait": 1}
    began = time.monotonic()
    nothing = journey.call("GET", "/events", params=query)
    assert time.monotonic() - began >= 1
    assert nothing["data"] == []

    with ThreadPoolExecutor(1) as waiting:
        query |= {"wait": 20, "after": nothing["nextCursor"]}
        held = waiting.submit(journey.call, "GET", "/events", params=query)
        system.mail_in(MAIL, journey.inbox["address"])
        assert [event["event"] for event in held.result()["data"]] == ["message.received"]


def test_an_id_of_another_account_or_none_at_all_gets_the_same_answer(journey: Journey) -> None:
    journey.send(SUCCESS)
    [event, *_] = until(lambda: journey.call("GET", "/events")["data"], bool)
    cursor = journey.call("GET", "/events")["nextCursor"]
    stranger = journey.call("POST", "/accounts", 201, json={"name": "Other", "email": "other@example.com"})
    headers = {"x-api-key": stranger["apiKey"]}
    unknown = {"after": "evt_00000000000000000000"}
    queries = [
        unknown,
        {"after": event["id"]},
        {"after": cursor},
        {"after": "nonsense"},
        {"inboxId": journey.inbox["id"]},
    ]

    answers = [journey.client.get("/events", params=query, headers=headers) for query in queries]

    assert {answer.status_code for answer in answers} == {404}
    bodies = [answer.json()["error"] | {"requestId": ""} for answer in answers]
    assert all(body == bodies[0] for body in bodies)
    assert journey.client.get("/events", headers=headers).json()["data"] == []
    assert journey.client.get("/events", params={"types": "message.snet"}).status_code == 400
