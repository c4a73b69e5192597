"""What a webhook carries: the message as the API shows it, never a blind copy, never more than 256 KB."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from chalicelib.domain.delivery import EventType, MessageDelivery, Reason
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import EventId
from chalicelib.domain.joined_event import JoinedEvent
from chalicelib.domain.message import Message
from chalicelib.domain.message_status import MessageStatus
from chalicelib.shapes.event_shapes import BODY_LIMIT, event_as_json, event_body
from chalicelib.shapes.message_shapes import message_as_json
from tests.factories.accounts import make_inbox
from tests.factories.deliveries import make_report
from tests.factories.messages import make_content, make_mailbox
from tests.factories.webhooks import SECRET, make_logged, make_webhook
from tests.fakes.operations import IDS

ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.com"
TO, CC, BCC = make_mailbox(ADA), make_mailbox(BOB), make_mailbox(EVE)


def bounced_at(address: str, **content: object) -> JoinedEvent:
    """The event of a bounce, joined with its message."""
    said = make_content(to=(TO,), cc=(CC,), bcc=(BCC,), **content)
    report = make_report(DeliveryStatus.BOUNCED, address, message=said.key, type=EventType.BOUNCED)
    report = replace(report, reason=Reason("bounce_permanent_general", "There is no such mailbox."))
    delivery, _ = MessageDelivery.begin((ADA, BOB, EVE), said.created_at).apply(report)
    event = make_logged(0, EventType.BOUNCED, id=delivery.timeline[-1].id, message=said.key).event
    return JoinedEvent(event, Message(said, MessageStatus.BOUNCED, delivery))


def body(joined: JoinedEvent) -> dict[str, Any]:
    read: dict[str, Any] = msgspec.json.decode(event_body(joined, IDS))
    return read


def test_the_data_of_a_message_is_its_object_and_the_flat_keys_beside_it() -> None:
    joined = bounced_at(ADA)
    assert joined.message is not None

    told = body(joined)

    shown = msgspec.json.decode(msgspec.json.encode(message_as_json(joined.message, IDS)))
    assert told["id"] == joined.event.id
    assert (told["event"], told["deleted"]) == ("message.bounced", False)
    assert (told["timestamp"], told["createdAt"]) == (1795348800000, "2026-11-22T12:00:00.000Z")
    data = told["data"]
    assert {name: data[name] for name in shown if name in data and name != "recipients"} == {
        name: value for name, value in shown.items() if name not in ("recipients", "bccAddresses")
    }
    assert data["messageId"] == data["id"] == shown["id"]
    assert (data["from"], data["to"]) == (shown["fromAddress"], [ADA])
    assert data["recipient"] == ADA
    assert data["reason"]["code"] == "bounce_permanent_general"


def test_a_blind_copy_is_named_nowhere() -> None:
    assert EVE.encode() not in event_body(bounced_at(ADA), IDS)


def test_a_blind_copied_address_stands_in_one_place_when_the_change_is_about_it() -> None:
    told = body(bounced_at(EVE))

    assert told["data"].pop("recipient") == EVE
    assert EVE not in str(told)


def test_the_longest_bodies_are_left_out_until_an_event_fits() -> None:
    joined = bounced_at(ADA, body_text="short", body_html="<p>" + "é" * BODY_LIMIT)

    told = event_body(joined, IDS)

    data = msgspec.json.decode(told)["data"]
    assert len(told) <= BODY_LIMIT
    assert (data["bodyText"], data["bodyHtml"], data["bodyTruncated"]) == ("short", None, True)


def test_an_event_of_a_deleted_message_has_its_ids_and_nothing_else_of_it() -> None:
    logged = make_logged(3)

    told = body(JoinedEvent(logged.event))

    key = logged.event.message
    assert key is not None
    assert told["deleted"] is True
    assert told["data"] == {"messageId": IDS.message_id(key), "inboxId": "inb_000000000007"}


@pytest.mark.parametrize("subject", [make_webhook(), make_inbox()])
def test_other_events_carry_what_they_are_about_without_any_secret(subject: Any) -> None:
    event = replace(make_logged(0, EventType.WEBHOOK_DISABLED).event, message=None, subject="some id")

    told = event_body(JoinedEvent(event, subject=subject), IDS)

    assert b"createdAt" in told
    assert SECRET.encode() not in told


def test_the_event_that_begins_a_message_is_about_all_of_it() -> None:
    joined = bounced_at(ADA)
    begun = replace(joined, event=replace(joined.event, id=EventId("evt_of_the_beginning")))

    shown = event_as_json(begun, IDS)

    assert (shown.data.recipient, shown.data.reason) == (None, None)
