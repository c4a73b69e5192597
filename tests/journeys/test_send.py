"""From one API call to delivered, and every other end a message can come to."""

import email
import email.policy
from typing import Any

import pytest

from tests.journeys.system import Journey, RunningSystem, types, until

pytestmark = pytest.mark.xdist_group("journeys")

SUCCESS = "success@simulator.amazonses.com"
BOUNCE = "bounce@simulator.amazonses.com"
COMPLAINT = "complaint@simulator.amazonses.com"
OUT_OF_OFFICE = "ooto@simulator.amazonses.com"


def test_a_message_goes_from_queued_to_delivered_and_its_timeline_tells_the_way(journey: Journey) -> None:
    accepted = journey.send(f"Ada <{SUCCESS}>", bodyHtml="<p>Hello there</p>", metadata={"order": "7"})
    assert accepted["status"] == "queued"
    assert accepted["toAddresses"] == [SUCCESS]
    assert accepted["delivery"] == "dry-run"

    delivered = journey.until_status(accepted, "delivered")

    assert types(journey.events(accepted)) == ["queued", "sending", "sent", "delivered"]
    assert delivered["recipients"][0]["name"] == "Ada"
    assert delivered["recipients"][0]["status"] == "delivered"
    assert delivered["metadata"] == {"order": "7"}
    assert delivered["failureReason"] is None
    assert delivered["updatedAt"] > delivered["createdAt"]


def test_ses_gives_the_final_message_id_header(journey: Journey) -> None:
    accepted = journey.send(SUCCESS)

    delivered = journey.until_status(accepted, "delivered")

    assert accepted["id"] in accepted["messageIdHeader"]
    assert delivered["messageIdHeader"].endswith("@email.amazonses.com>")


@pytest.mark.parametrize(
    ("address", "status", "timeline"),
    [
        (BOUNCE, "bounced", ["queued", "sending", "sent", "bounced"]),
        (COMPLAINT, "complained", ["queued", "sending", "sent", "delivered", "complained"]),
        ("suppressionlist@simulator.amazonses.com", "bounced", ["queued", "sending", "sent", "bounced"]),
        ("delay+1s@simulator.test", "delivered", ["queued", "sending", "sent", "delayed", "delivered"]),
        ("fail@simulator.test", "failed", ["queued", "sending", "failed"]),
        ("someone@example.com", "sent", ["queued", "sending", "sent"]),
    ],
)
def test_each_simulator_address_comes_to_its_end(
    journey: Journey, address: str, status: str, timeline: list[str]
) -> None:
    accepted = journey.send(address)

    until(lambda: types(journey.events(accepted)), lambda seen: seen == timeline)

    ended = journey.until_status(accepted, status)
    recipient = ended["recipients"][0]
    assert recipient["status"] == status
    if status in ("bounced", "complained", "failed"):
        assert recipient["reason"]["code"]
        assert ended["failureReason"] is None or ended["failureReason"]["code"] == recipient["reason"]["code"]
    else:
        assert recipient["reason"] is None


def test_an_out_of_office_answer_leaves_the_message_delivered_and_stands_in_its_timeline(journey: Journey) -> None:
    accepted = journey.send(OUT_OF_OFFICE)

    events = until(lambda: journey.events(accepted), lambda seen: len(seen) == 5)

    assert types(events)[:4] == ["queued", "sending", "sent", "delivered"]
    assert (events[4]["type"], events[4]["status"]) == ("message.delayed", "delivered")
    assert events[4]["reason"]["code"].startswith("bounce_transient")
    assert journey.message(accepted)["status"] == "delivered"


def test_ses_that_says_not_so_fast_is_asked_again_until_it_takes_the_message(
    system: RunningSystem, journey: Journey
) -> None:
    accepted = journey.send("throttle@simulator.test", subject="Slowly, please")

    journey.until_status(accepted, "delivered", "sent")

    taken = [mail for mail in system.outbox() if b"Slowly, please" in mail]
    assert len(taken) == 1
    waiting = [entry for entry in journey.events(accepted) if entry["reason"]]
    assert [(entry["status"], entry["reason"]["code"]) for entry in waiting] == [("queued", "ses_throttled")]


def test_ses_that_does_not_say_whether_it_took_a_message_has_it_once(system: RunningSystem, journey: Journey) -> None:
    taken = journey.send("lost-answer@simulator.test", subject="Taken in silence")
    lost = journey.send("lost@simulator.test", subject="Lost without a word")
    for message in (taken, lost):
        until(lambda message=message: reasons(journey, message), lambda seen: "ses_no_answer" in seen)  # type: ignore[misc]

    journey.until_status(taken, "delivered")
    assert "ses_resent" not in reasons(journey, taken)
    journey.until_status(journey.send(SUCCESS), "delivered")  # whose news tells that SES's news is not late
    journey.until_status(lost, "delivered")

    assert "ses_resent" in reasons(journey, lost)
    for words in (b"Taken in silence", b"Lost without a word"):
        assert len([mail for mail in system.outbox() if words in mail]) == 1


def reasons(journey: Journey, message: dict[str, Any]) -> list[str]:
    return [entry["reason"]["code"] for entry in journey.events(message) if entry["reason"]]


def test_recipients_with_different_ends_are_told_apart_and_the_worst_shows(journey: Journey) -> None:
    accepted = journey.send(SUCCESS, cc=[BOUNCE], bcc=["delay+1s@simulator.test"])

    def recipients() -> dict[str, str]:
        return {known["address"]: known["status"] for known in journey.message(accepted)["recipients"]}

    until(
        recipients,
        lambda seen: seen == {SUCCESS: "delivered", BOUNCE: "bounced", "delay+1s@simulator.test": "delivered"},
    )
    ended = journey.message(accepted)
    assert ended["status"] == "bounced"
    assert [known["kind"] for known in ended["recipients"]] == ["to", "cc", "bcc"]


def test_a_blind_copied_recipient_is_in_no_header(system: RunningSystem, journey: Journey) -> None:
    accepted = journey.send(SUCCESS, bcc=["success+hidden@simulator.amazonses.com"], subject="Nobody else")

    journey.until_status(accepted, "delivered")

    [mail] = [mail for mail in system.outbox() if b"Nobody else" in mail]
    assert b"hidden" not in mail


def test_the_source_is_byte_for_byte_what_ses_was_handed(system: RunningSystem, journey: Journey) -> None:
    accepted = journey.send(SUCCESS, subject="Grüße aus Köln", bodyText="Ünïcödé\n.\n", bodyHtml="<b>Ü</b>")
    journey.until_status(accepted, "delivered")

    raw = journey.client.get(f"/messages/{accepted['id']}/raw").content

    assert raw in system.outbox()
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert parsed["Subject"] == "Grüße aus Köln"
    assert parsed["To"] == SUCCESS


def test_the_list_shows_each_status_with_its_exact_total(journey: Journey) -> None:
    ends = {SUCCESS: "delivered", BOUNCE: "bounced", COMPLAINT: "complained", "fail@simulator.test": "failed"}
    sent = {address: [journey.send(address) for _ in range(2)] for address in ends}
    for address, status in ends.items():
        for message in sent[address]:
            journey.until_status(message, status)

    for address, status in ends.items():
        page = journey.listed(status=status)
        assert page["total"] == 2
        assert [found["id"] for found in page["data"]] == [message["id"] for message in reversed(sent[address])]
    assert journey.listed()["total"] == 8
    assert journey.listed(status="received") == {"data": [], "total": 0, "nextCursor": None}
    assert journey.listed(direction="outbound")["total"] == 8
    assert journey.listed(direction="inbound")["total"] == 0


def test_offset_and_cursor_walk_the_same_list(journey: Journey) -> None:
    sent = [journey.send(SUCCESS)["id"] for _ in range(7)]

    by_offset = [journey.listed(limit=3, offset=offset)["data"] for offset in (0, 3, 6)]
    by_cursor: list[Any] = []
    cursor: str | None = None
    while True:
        page = journey.listed(limit=3, **({"cursor": cursor} if cursor else {}))
        assert page["total"] == 7
        by_cursor.append(page["data"])
        cursor = page["nextCursor"]
        if cursor is None:
            break

    newest_first = list(reversed(sent))
    assert [message["id"] for page in by_offset for message in page] == newest_first
    assert [message["id"] for page in by_cursor for message in page] == newest_first


def test_a_deleted_message_is_gone_from_everywhere(journey: Journey) -> None:
    kept, deleted = journey.send(SUCCESS), journey.send(SUCCESS)
    journey.until_status(deleted, "delivered")

    journey.call("DELETE", f"/messages/{deleted['id']}", 204)

    journey.call("GET", f"/messages/{deleted['id']}", 404)
    journey.call("DELETE", f"/messages/{deleted['id']}", 404)
    journey.call("GET", f"/threads/{deleted['threadId']}", 404)
    assert [message["id"] for message in journey.listed()["data"]] == [kept["id"]]
    threads = journey.call("GET", f"/inboxes/{journey.inbox['id']}/threads")
    assert threads["total"] == 1


def test_deleting_a_queued_message_prevents_its_sending(system: RunningSystem, journey: Journey) -> None:
    # SES throttles this one at first, so it goes back to the queue and can be caught there.
    waiting = journey.send("throttle@simulator.test", subject="Caught in time")
    until(lambda: types(journey.events(waiting)), lambda seen: "sending" in seen)
    journey.until_status(waiting, "queued")

    journey.call("DELETE", f"/messages/{waiting['id']}", 204)

    later = [journey.send("throttle@simulator.test", subject="Not caught") for _ in range(2)]
    for message in later:
        journey.until_status(message, "sent", "delivered")
    assert not [mail for mail in system.outbox() if b"Caught in time" in mail]


def test_a_reply_joins_its_thread_and_names_its_parent(system: RunningSystem, journey: Journey) -> None:
    first = journey.until_status(journey.send(SUCCESS, subject="A question"), "delivered")

    reply = journey.send(SUCCESS, subject="Re: A question", threadId=first["threadId"])
    reply = journey.until_status(reply, "delivered")

    assert reply["threadId"] == first["threadId"]
    assert reply["inReplyTo"] == first["messageIdHeader"]
    assert reply["references"] == [first["messageIdHeader"]]
    thread = journey.call("GET", f"/threads/{first['threadId']}")
    assert (thread["messageCount"], thread["subject"]) == (2, "A question")
    assert thread["lastMessage"]["id"] == reply["id"]
    messages = journey.call("GET", f"/threads/{first['threadId']}/messages")
    assert [message["id"] for message in messages["data"]] == [first["id"], reply["id"]]
    assert messages["total"] == 2
    [mail] = [mail for mail in system.outbox() if b"Re: A question" in mail]
    assert email.message_from_bytes(mail)["In-Reply-To"] == first["messageIdHeader"]


def test_mails_sent_into_a_thread_in_a_row_name_the_message_ids_that_recipients_saw(journey: Journey) -> None:
    first = journey.send(SUCCESS)
    others = [journey.send(SUCCESS, threadId=first["threadId"]) for _ in range(3)]

    final = [journey.until_status(message, "delivered") for message in (first, *others)]

    headers = [message["messageIdHeader"] for message in final]
    assert [message["inReplyTo"] for message in final] == [None, *headers[:-1]]
    assert [message["references"] for message in final] == [headers[:sent] for sent in range(4)]


def test_the_description_of_the_api_names_the_address_that_serves(journey: Journey) -> None:
    server = journey.call("GET", "/openapi.json")["servers"][0]["url"].removesuffix("/")

    assert journey.call("GET", f"{server}/health")["status"] == "ok"


def test_threads_are_listed_by_their_newest_message(journey: Journey) -> None:
    older, newer = journey.send(SUCCESS), journey.send(SUCCESS)
    path = f"/inboxes/{journey.inbox['id']}/threads"
    assert [thread["id"] for thread in journey.call("GET", path)["data"]] == [newer["threadId"], older["threadId"]]

    reply = journey.send(SUCCESS, threadId=older["threadId"])

    page = journey.call("GET", path)
    assert [thread["id"] for thread in page["data"]] == [older["threadId"], newer["threadId"]]
    assert page["total"] == 2
    journey.call("DELETE", f"/messages/{reply['id']}", 204)
    assert [thread["id"] for thread in journey.call("GET", path)["data"]] == [newer["threadId"], older["threadId"]]


def test_the_same_request_under_one_idempotency_key_sends_one_mail(system: RunningSystem, journey: Journey) -> None:
    path = f"/inboxes/{journey.inbox['id']}/messages"
    draft = {"to": [SUCCESS], "subject": "Only once", "bodyText": "Hello"}
    answers = [journey.client.post(path, json=draft, headers={"Idempotency-Key": "order-7"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true", "true"]
    journey.until_status(answers[0].json(), "delivered")
    assert len([mail for mail in system.outbox() if b"Only once" in mail]) == 1
    assert answers[1].content == answers[0].content
    replay = journey.client.post(path, json=draft, headers={"Idempotency-Key": "order-7"})
    assert replay.content == answers[0].content
    other = journey.client.post(path, json=draft | {"subject": "Another"}, headers={"Idempotency-Key": "order-7"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    journey.call("DELETE", f"/messages/{replay.json()['id']}", 204)
    assert journey.client.post(path, json=draft, headers={"Idempotency-Key": "order-7"}).status_code == 404


def test_two_accounts_see_nothing_of_each_other(system: RunningSystem, journey: Journey) -> None:
    message = journey.send(SUCCESS)
    other = journey.call("POST", "/accounts", 201, json={"name": "Other", "email": "other@example.com"})

    with system.client(other["apiKey"]) as client:
        for path in (
            f"/messages/{message['id']}",
            f"/inboxes/{journey.inbox['id']}",
            f"/inboxes/{journey.inbox['id']}/messages",
            f"/threads/{message['threadId']}",
        ):
            foreign = client.get(path)
            assert foreign.status_code == 404
            assert foreign.json()["error"]["code"] == "NOT_FOUND"
        assert client.get("/inboxes").json()["total"] == 0


def test_a_restart_finds_everything_again_and_sends_what_was_queued(tmp_path: Any) -> None:
    running = RunningSystem.start(tmp_path)
    with running.client() as client:
        journey = Journey(client)
        delivered = journey.until_status(journey.send(SUCCESS), "delivered")
        waiting = journey.send("throttle@simulator.test")
    assert running.stop() == 0

    running = RunningSystem.start(tmp_path)
    try:
        with running.client() as client:
            journey.client = client
            assert journey.message(delivered)["status"] == "delivered"
            journey.until_status(waiting, "sent", "delivered")
            assert journey.listed()["total"] == 2
    finally:
        assert running.stop() == 0
