"""Answering what came in, sending it on with its files, and a program that never stops answering."""

import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest

from tests.journeys.system import Journey, RunningSystem, until

pytestmark = pytest.mark.xdist_group("journeys")

SUCCESS = "success@simulator.amazonses.com"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def mail(journey: Journey, number: int, **fields: str) -> bytes:
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = "Carl <carl@example.com>"
    message["To"] = f"{journey.inbox['address']}, Dora <dora@example.org>"
    message["Subject"] = "AW: Re: Lunch?"
    message["Message-ID"] = f"<{number}.{journey.inbox['id']}@example.com>"
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content("At one?\n")
    message.add_alternative('<p>At one? <img src="cid:map@example.com"></p>', subtype="html")
    page = message.get_body(("html",))
    assert page is not None
    page.add_related(PNG, "image", "png", cid="<map@example.com>", filename="map.png", disposition="inline")
    message.add_attachment("1;2\n", subtype="csv", filename="Größen.csv")
    return message.as_bytes()


def received(system: RunningSystem, journey: Journey, number: int = 1, **fields: str) -> dict[str, Any]:
    system.mail_in(mail(journey, number, **fields), journey.inbox["address"])
    page = until(lambda: journey.listed(direction="inbound"), lambda seen: seen["total"] >= number)
    message: dict[str, Any] = page["data"][0]
    return message


def test_a_reply_reaches_the_sender_and_with_reply_all_the_others_in_the_same_thread(
    system: RunningSystem, journey: Journey
) -> None:
    original = received(system, journey)

    answer = journey.call("POST", f"/messages/{original['id']}/reply", 202, json={"bodyText": "Yes."})
    to_all = journey.call(
        "POST", f"/messages/{original['id']}/reply", 202, json={"bodyHtml": "<p>Yes</p>", "replyAll": True}
    )

    assert (answer["toAddresses"], answer["ccAddresses"]) == (["carl@example.com"], [])
    assert (to_all["toAddresses"], to_all["ccAddresses"]) == (["carl@example.com"], ["dora@example.org"])
    assert answer["subject"] == "Re: Lunch?"
    assert answer["threadId"] == to_all["threadId"] == original["threadId"]
    assert answer["inReplyTo"] == to_all["inReplyTo"] == original["messageIdHeader"]
    for message in (answer, to_all):
        journey.until_status(message, "sent")
    thread = journey.call("GET", f"/threads/{original['threadId']}/messages")
    assert [message["id"] for message in thread["data"]] == [original["id"], answer["id"], to_all["id"]]


def test_a_forward_takes_the_files_along_into_a_thread_of_its_own(system: RunningSystem, journey: Journey) -> None:
    original = received(system, journey)
    upload = journey.call("POST", "/attachments", 201, files={"file": ("note.txt", b"Mine", "text/plain")})

    forwarded = journey.call(
        "POST",
        f"/messages/{original['id']}/forward",
        202,
        json={"to": [SUCCESS], "bodyText": "What do you think?", "attachmentIds": [upload["id"]]},
    )

    assert forwarded["subject"] == "Fwd: Re: Lunch?"
    assert forwarded["threadId"] != original["threadId"]
    assert (forwarded["inReplyTo"], forwarded["references"]) == (None, [original["messageIdHeader"]])
    assert [file["filename"] for file in forwarded["attachments"]] == ["note.txt", "map.png", "Größen.csv"]
    delivered = journey.until_status(forwarded, "delivered")
    journey.call("DELETE", f"/messages/{original['id']}", 204)
    raw = journey.client.get(f"/messages/{delivered['id']}/raw").content
    sent = email.message_from_bytes(raw, policy=email.policy.default)
    files = {part.get_filename(): part for part in sent.walk() if part.get_filename()}
    assert files["map.png"].get_content() == PNG
    assert files["map.png"]["Content-ID"] == "<map@example.com>"
    assert files["Größen.csv"].get_content().strip() == "1;2"
    text, html = sent.get_body(("plain",)), sent.get_body(("html",))
    assert text is not None
    assert html is not None
    lines = text.get_content().splitlines()
    assert lines[:4] == [
        "What do you think?",
        "",
        "---------- Forwarded message ---------",
        "From: Carl <carl@example.com>",
    ]
    assert 'src="cid:map@example.com"' in html.get_content()


def test_a_program_that_never_stops_answering_is_stopped(system: RunningSystem, journey: Journey) -> None:
    original = received(system, journey, Auto_Submitted="auto-replied")
    assert original["kind"] == "auto_reply"
    path = f"/messages/{original['id']}/reply"
    for _ in range(20):
        journey.call("POST", path, 202, json={"bodyText": "Thank you."})

    answer = journey.client.post(path, json={"bodyText": "Thank you."})

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "LOOP_SUSPECTED")
    assert 0 < int(answer.headers["Retry-After"]) <= 600
    inbox = journey.call("GET", f"/inboxes/{journey.inbox['id']}")
    assert inbox["sendsToday"] == 20

    received(system, journey, 2)
    journey.call("POST", path, 202, json={"bodyText": "Good to hear from a person."})
