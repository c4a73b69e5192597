"""From the SMTP door into an inbox, between inboxes, and through a kill at the worst moment."""

import smtplib
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.system import Journey, RunningSystem, types, until

pytestmark = pytest.mark.xdist_group("journeys")

RAW = (
    b"From: Carl <carl@example.com>\r\nTo: Somebody <somebody@example.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Message-ID: <1@example.com>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0100\r\n\r\nHello, agent\r\n.\r\nbare\nline feed, 8 bit \xe9\xff\r\n"
)


def received(journey: Journey, count: int = 1) -> list[dict[str, Any]]:
    """The messages that came in, newest first, once there are so many."""
    page = until(lambda: journey.listed(direction="inbound"), lambda seen: seen["total"] >= count)
    assert page["total"] == count
    found: list[dict[str, Any]] = page["data"]
    return found


def without_trace(raw: bytes) -> bytes:
    assert raw.startswith(b"Return-Path: <carl@example.com>\r\nReceived: from ")
    return raw.partition(b"+0000 (UTC)\r\n")[2]


def test_a_mail_by_smtp_becomes_a_message_with_its_source_as_it_came(system: RunningSystem, journey: Journey) -> None:
    address = journey.inbox["address"]

    assert system.mail_in(RAW, address.replace("@", "+orders@")) == {}

    [message] = received(journey)
    assert (message["status"], message["subject"]) == ("received", "Grüße")
    assert (message["fromAddress"], message["fromName"]) == ("carl@example.com", "Carl")
    assert message["bodyText"].startswith("Hello, agent\n.\n")
    assert message["messageIdHeader"] == "<1@example.com>"
    raw = journey.client.get(f"/messages/{message['id']}/raw").content
    assert without_trace(raw) == RAW


def test_a_test_mail_says_which_verdicts_it_came_with(system: RunningSystem, journey: Journey) -> None:
    system.mail_in(b"X-Embedded-Verdicts: dmarc=pass; virus=fail\r\n" + RAW, journey.inbox["address"])

    [message] = received(journey)
    checks = message["authentication"]
    assert (checks["dmarc"], checks["virus"], checks["spf"]) == ("pass", "fail", "none")


def test_one_mail_to_two_inboxes_is_a_message_in_each_and_an_unknown_one_is_refused(
    system: RunningSystem, journey: Journey
) -> None:
    with system.client() as client:
        other = Journey(client)
        nobody = f"nobody@{system.mail_domain}"
        refused = system.mail_in(RAW, journey.inbox["address"], nobody, other.inbox["address"])

        assert {address: code for address, (code, _) in refused.items()} == {nobody: 550}
        [mine], [theirs] = received(journey), received(other)
        assert mine["id"] != theirs["id"]
        seen = journey.client.get(f"/messages/{mine['id']}/raw").content
        assert other.inbox["address"].encode() not in seen


def test_mail_to_a_deleted_inbox_is_refused(system: RunningSystem, journey: Journey) -> None:
    journey.call("DELETE", f"/inboxes/{journey.inbox['id']}", 204)

    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        system.mail_in(RAW, journey.inbox["address"])

    assert [code for code, _ in refused.value.recipients.values()] == [550]


def test_a_message_to_an_inbox_of_the_deployment_arrives_there_and_is_delivered(
    system: RunningSystem, journey: Journey
) -> None:
    with system.client() as client:
        other = Journey(client)
        sent = journey.send(f"Other <{other.inbox['address']}>", subject="Between us", bodyText="Hello there")

        [arrived] = received(other)

        sent = journey.until_status(sent, "delivered")
        assert types(journey.events(sent)) == ["queued", "sending", "sent", "delivered"]
        assert (arrived["subject"], arrived["fromAddress"]) == ("Between us", journey.inbox["address"])
        assert arrived["messageIdHeader"] == sent["messageIdHeader"]
        assert arrived["authentication"]["fromVerified"] is True

        answer = other.send(journey.inbox["address"], subject="Re: Between us", threadId=arrived["threadId"])

        [back] = received(journey)
        assert back["threadId"] == sent["threadId"]
        assert other.until_status(answer, "delivered")["threadId"] == arrived["threadId"]


def test_a_message_to_an_address_here_that_nobody_has_bounces(system: RunningSystem, journey: Journey) -> None:
    bounced = journey.until_status(journey.send(f"nobody@{system.mail_domain}"), "bounced")

    assert "5.1.1" in bounced["recipients"][0]["reason"]["diagnostic"]


def test_the_person_at_the_simulator_answers_in_the_thread(journey: Journey) -> None:
    sent = journey.send("reply+sounds-good@simulator.test", subject="Friday?")

    [answer] = received(journey)

    assert answer["threadId"] == sent["threadId"]
    assert (answer["subject"], answer["extractedText"]) == ("Re: Friday?", "sounds good")
    assert answer["inReplyTo"] == journey.until_status(sent, "delivered")["messageIdHeader"]
    assert answer["warnings"] == []


def test_mail_answered_with_250_survives_a_kill_of_everything_at_that_moment(tmp_path: Path) -> None:
    running = RunningSystem.start(tmp_path)
    with running.client() as client:
        journey = Journey(client)
        for number in range(5):
            mail = RAW.replace(b"<1@", b"<%d@" % number)
            assert running.mail_in(mail, journey.inbox["address"]) == {}
    running.kill()

    running = RunningSystem.start(tmp_path)
    try:
        with running.client() as client:
            journey.client = client
            messages = received(journey, 5)
            headers = {message["messageIdHeader"] for message in messages}
            assert headers == {f"<{number}@example.com>" for number in range(5)}
            for message in messages:
                raw = client.get(f"/messages/{message['id']}/raw").content
                assert without_trace(raw).partition(b"Date:")[2] == RAW.partition(b"Date:")[2]
    finally:
        assert running.stop() == 0


def test_an_answer_that_is_due_when_everything_is_killed_comes_once_after_the_restart(tmp_path: Path) -> None:
    running = RunningSystem.start(tmp_path)
    with running.client() as client:
        journey = Journey(client)
        sent = journey.send("reply+later@simulator.test")
        until(running.outbox, lambda mails: len(mails) == 1)
    running.kill()

    running = RunningSystem.start(tmp_path)
    try:
        with running.client() as client:
            journey.client = client
            journey.until_status(sent, "delivered")
            [answer] = received(journey)
            assert answer["extractedText"] == "later"
    finally:
        assert running.stop() == 0

    running = RunningSystem.start(tmp_path)
    try:
        with running.client() as client:
            journey.client = client
            journey.until_status(journey.send("success@simulator.amazonses.com"), "delivered")
            assert journey.listed(direction="inbound")["total"] == 1
    finally:
        assert running.stop() == 0
