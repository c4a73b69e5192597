"""Received messages through the API: what is shown of them, and that nothing is shown that is not theirs."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import Authentication, MessageKind, MessageWarning, Verdict, WarningCode
from chalicelib.domain.delivery import EventType, TimelineEntry
from chalicelib.domain.ids import EventId, MessageKey, ThreadKey, inbox_id
from chalicelib.domain.message import BodyUrls, Direction, Message, MessageContent
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.thread import Thread
from chalicelib.domain.thread_summary import ThreadSummary
from tests.factories.accounts import ACCOUNT_ID, NOON
from tests.factories.api_events import ApiClient
from tests.factories.messages import INBOX_NUMBER, make_arrival, make_content
from tests.fakes.operations import IDS, FakeOperations

KEY = MessageKey(INBOX_NUMBER, 0)
MESSAGE_ID = IDS.message_id(KEY)


def received(**changes: Any) -> MessageContent:
    arrival = changes.pop("arrival", {})
    return make_content(
        **{
            "direction": Direction.INBOUND,
            "sender": Mailbox("ada@example.com", "Ada"),
            "to": (Mailbox("team@example.com"),),
            "bcc": (Mailbox("agent@mail.example.com"),),
            "arrival": make_arrival(**arrival),
        }
        | changes
    )


def shown(api: ApiClient, fakes: FakeOperations, content: MessageContent, urls: BodyUrls | None = None) -> Any:
    fakes.answers["get_message"] = Message(content, MessageStatus.RECEIVED, None, urls)
    return api.call("GET", f"/messages/{MESSAGE_ID}").json


def test_a_received_message_shows_every_field_of_the_contract(api: ApiClient, fakes: FakeOperations) -> None:
    content = received(
        cc=(Mailbox("bob@example.net", "Bob"),),
        reply_to=(Mailbox("desk@example.com"),),
        body_html="<p>x</p>",
        in_reply_to="<parent@example.com>",
        references=("<first@example.com>", "<parent@example.com>"),
        arrival={
            "date": datetime(2026, 11, 22, 11, 59, 58, tzinfo=UTC),
            "kind": MessageKind.AUTO_REPLY,
            "authentication": Authentication(Verdict.PASS, Verdict.FAIL, Verdict.PASS, Verdict.GRAY, Verdict.NONE),
            "warnings": (MessageWarning(WarningCode.NEW_PARTICIPANT, "Not known here."),),
            "degraded": "It has 12,345 parts.",
        },
    )

    answer = shown(api, fakes, content)

    at_noon = "2026-11-22T12:00:00.000Z"
    arrived = {"status": "received", "reason": None, "updatedAt": at_noon}
    assert answer == {
        "id": MESSAGE_ID,
        "inboxId": inbox_id(INBOX_NUMBER),
        "threadId": IDS.thread_id(ThreadKey(INBOX_NUMBER, 0)),
        "direction": "inbound",
        "fromAddress": "ada@example.com",
        "fromName": "Ada",
        "toAddresses": ["team@example.com"],
        "ccAddresses": ["bob@example.net"],
        "bccAddresses": ["agent@mail.example.com"],
        "replyTo": ["desk@example.com"],
        "subject": "Hello",
        "bodyText": "Good morning, Ada.\n",
        "bodyHtml": "<p>x</p>",
        "extractedText": "Good morning.",
        "bodyTruncated": False,
        "bodyTextUrl": None,
        "bodyHtmlUrl": None,
        "delivery": "email",
        "status": "received",
        "recipients": [
            {"address": "team@example.com", "name": None, "kind": "to", **arrived},
            {"address": "bob@example.net", "name": "Bob", "kind": "cc", **arrived},
            {"address": "agent@mail.example.com", "name": None, "kind": "bcc", **arrived},
        ],
        "failureReason": None,
        "attachments": [],
        "messageIdHeader": "<1@example.com>",
        "inReplyTo": "<parent@example.com>",
        "references": ["<first@example.com>", "<parent@example.com>"],
        "authentication": {
            "spf": "pass",
            "dkim": "fail",
            "dmarc": "pass",
            "spam": "gray",
            "virus": "none",
            "fromVerified": True,
        },
        "kind": "auto_reply",
        "warnings": [{"code": "new_participant", "message": "Not known here."}],
        "parseStatus": "degraded",
        "parseProblem": "It has 12,345 parts.",
        "dateHeader": "2026-11-22T11:59:58.000Z",
        "metadata": {},
        "createdAt": at_noon,
        "updatedAt": at_noon,
    }


def test_what_a_mail_lacks_is_null(api: ApiClient, fakes: FakeOperations) -> None:
    answer = shown(api, fakes, received(arrival={"date": None, "extracted_text": None}, body_text=None))

    assert (answer["parseStatus"], answer["warnings"]) == ("complete", [])
    assert [answer[name] for name in ("parseProblem", "dateHeader", "extractedText", "inReplyTo")] == [None] * 4


def test_a_mail_without_a_message_id_is_given_one_that_nobody_takes_for_the_senders(
    api: ApiClient, fakes: FakeOperations
) -> None:
    answer = shown(api, fakes, received(arrival={"message_id_header": None}))
    assert answer["messageIdHeader"] == f"<{MESSAGE_ID}@no-message-id.invalid>"


@pytest.mark.parametrize("dmarc", [verdict for verdict in Verdict if verdict is not Verdict.PASS])
def test_only_dmarc_verifies_a_sender(api: ApiClient, fakes: FakeOperations, dmarc: Verdict) -> None:
    verdicts = Authentication(Verdict.PASS, Verdict.PASS, dmarc)
    assert shown(api, fakes, received(arrival={"authentication": verdicts}))["authentication"]["fromVerified"] is False


def test_a_sender_whom_dmarc_need_not_have_judged_is_not_verified(api: ApiClient, fakes: FakeOperations) -> None:
    arrival = {"authentication": Authentication(dmarc=Verdict.PASS), "is_sender_sure": False}
    answer = shown(api, fakes, received(arrival=arrival))
    assert (answer["authentication"]["dmarc"], answer["authentication"]["fromVerified"]) == ("pass", False)


def test_long_bodies_are_read_by_url_and_the_new_words_stay(api: ApiClient, fakes: FakeOperations) -> None:
    answer = shown(api, fakes, received(), BodyUrls("https://blobs.example.com/text", None))

    assert (answer["bodyText"], answer["bodyTextUrl"]) == (None, "https://blobs.example.com/text")
    assert (answer["bodyTruncated"], answer["extractedText"]) == (True, "Good morning.")


def test_a_thread_shows_the_new_words_of_a_received_message(api: ApiClient, fakes: FakeOperations) -> None:
    content = received(body_text="On Monday Bob wrote:\n> Well?\n\nGood morning.")
    thread = Thread(ThreadKey(INBOX_NUMBER, 0), ACCOUNT_ID, "Hello", ("ada@example.com",), 1, NOON)
    fakes.answers["get_thread"] = ThreadSummary(thread, Message(content, MessageStatus.RECEIVED, None))

    answer = api.call("GET", f"/threads/{IDS.thread_id(thread.key)}").json

    assert answer["lastMessage"]["snippet"] == "Good morning."
    assert answer["lastMessage"]["direction"] == "inbound"


def test_its_timeline_says_that_it_was_received(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["list_message_events"] = (
        TimelineEntry(EventId("evt_x"), EventType.RECEIVED, MessageStatus.RECEIVED, NOON),
    )

    (entry,) = api.call("GET", f"/messages/{MESSAGE_ID}/events").json["data"]

    assert (entry["type"], entry["status"], entry["recipient"]) == ("message.received", "received", None)
