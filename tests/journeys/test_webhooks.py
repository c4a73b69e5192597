"""Send, bounce, receive: a real receiver is told of each, by a signature it can check, through a kill as well."""

from pathlib import Path

import pytest

from tests.journeys.receiver import Receiver, receiving
from tests.journeys.system import Journey, RunningSystem, until

pytestmark = pytest.mark.xdist_group("journeys")

SUCCESS = "success@simulator.amazonses.com"
BOUNCE = "bounce@simulator.amazonses.com"


def subscribed(journey: Journey, receiver: Receiver) -> str:
    """A webhook for the journey's inbox alone, whose secret the receiver knows; its id."""
    created = journey.client.post("/webhooks", json={"url": receiver.url, "inboxIds": [journey.inbox["id"]]})
    assert created.status_code == 201, created.text
    receiver.secret = created.json()["secret"]
    webhook_id: str = created.json()["id"]
    return webhook_id


def test_a_receiver_hears_of_what_is_sent_of_what_bounces_and_of_what_comes_in(
    system: RunningSystem, journey: Journey
) -> None:
    with receiving() as receiver:
        subscribed(journey, receiver)

        sent = journey.send(SUCCESS)
        bounced = journey.send(BOUNCE)
        system.mail_in(b"From: carl@example.com\r\nSubject: Hi\r\n\r\nHello.\r\n", journey.inbox["address"])

        delivered = ["message.delivered", "message.queued", "message.sent"]
        until(lambda: receiver.types(sent["id"]), lambda seen: seen == delivered)
        refused = ["message.bounced", "message.queued", "message.sent"]
        until(lambda: receiver.types(bounced["id"]), lambda seen: seen == refused)
        until(lambda: "message.received" in [each.event["event"] for each in receiver.received], lambda seen: seen)

        feed = journey.client.get("/events", params={"inboxId": journey.inbox["id"], "limit": 100}).json()["data"]
        came = {each.event["id"] for each in receiver.received}
        assert came == {event["id"] for event in feed}
        assert len(receiver.received) == len(came)  # each once
        assert receiver.problems == []


def test_every_kind_of_event_comes_within_a_second_of_its_change(system: RunningSystem, journey: Journey) -> None:
    """On a busy machine a round may be late. Each round is a try of its own, and a path with a pause in it has none."""
    with receiving() as receiver:
        subscribed(journey, receiver)

        def latest_of_a_round() -> float:
            before = len(receiver.received)
            journey.send(SUCCESS)
            journey.send(BOUNCE)
            system.mail_in(b"From: carl@example.com\r\nSubject: Hi\r\n\r\nHello.\r\n", journey.inbox["address"])
            until(lambda: len(receiver.received) - before, lambda count: count == 7)
            return max(each.after_seconds for each in receiver.received[before:])

        until(latest_of_a_round, lambda seconds: seconds <= 1)
        assert {each.event["event"].removeprefix("message.") for each in receiver.received} == {
            *("queued", "sent", "delivered", "bounced", "received")
        }


def test_what_an_endpoint_refuses_comes_again_and_its_deliveries_show_each_attempt(journey: Journey) -> None:
    with receiving() as receiver:
        webhook_id = subscribed(journey, receiver)
        receiver.answers = [500]

        pinged = journey.client.post(f"/webhooks/{webhook_id}/test")
        assert pinged.status_code == 202
        listed = until(
            lambda: journey.client.get(f"/webhooks/{webhook_id}/deliveries").json()["data"],
            lambda seen: seen[0]["attempts"] != [],
        )
        assert (listed[0]["id"], listed[0]["status"]) == (pinged.json()["id"], "failed")
        assert listed[0]["attempts"][0]["statusCode"] == 500

        replayed = journey.client.post(f"/webhooks/{webhook_id}/deliveries/{listed[0]['id']}/replay")
        assert replayed.status_code == 202
        until(lambda: len(receiver.received), lambda count: count == 1)
        assert receiver.received[0].event["event"] == "webhook.test"


def told(journey: Journey, message_id: str) -> list[str]:
    """What the feed tells of a message."""
    feed = journey.call("GET", "/events", params={"limit": 100})["data"]
    return sorted(event["event"] for event in feed if event["data"].get("messageId") == message_id)


def test_nothing_is_lost_when_everything_is_killed_in_between(tmp_path: Path) -> None:
    running = RunningSystem.start(tmp_path)
    with receiving() as receiver:
        with running.client() as client:
            journey = Journey(client)
            subscribed(journey, receiver)
            receiver.refuses_once = True
            receiver.answers = [500] * 6  # some wait for their retry when the kill comes
            sent = [journey.send(SUCCESS)["id"] for _ in range(5)]
        running.kill()
        receiver.answers = []
        running = RunningSystem.start(tmp_path)
        with running.client() as client:
            journey = Journey(client)
            for message_id in sent:
                # A worker that died behind SES's answer leaves `sent` to SES's news, which the news of delivery may overtake.
                until(
                    lambda message_id=message_id: (told(journey, message_id), receiver.types(message_id)),  # type: ignore[misc]
                    lambda seen: seen[0] == seen[1] and {"message.queued", "message.delivered"} <= set(seen[0]),
                )
        assert receiver.problems == []
    assert running.stop() == 0
