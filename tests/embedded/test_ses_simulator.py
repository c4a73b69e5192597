import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from embedded.listening import address_of
from embedded.resources import EventDestination
from embedded.ses_journal import SesJournal
from embedded.ses_simulator import SesSimulator, start_ses_api

ALL_TYPES = frozenset({"send", "delivery", "bounce", "complaint", "deliveryDelay", "reject", "renderingFailure"})
DESTINATION = EventDestination("set", "arn:topic", ALL_TYPES)
RAW = b"From: Demo <demo@agents.test>\r\nTo: header@example.com\r\nSubject: Hi\r\n\r\nText\r\n"


@dataclass
class Topic:
    """Remembers what was published; fails as often as it is told to."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    failures: int = 0

    def __call__(self, topic_arn: str, message: str) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the topic is not there")
        assert topic_arn == "arn:topic"
        self.messages.append(json.loads(message))

    def kinds(self) -> list[str]:
        return [message["eventType"] for message in self.messages]


@dataclass
class Clock:
    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Ses:
    """A simulator behind its HTTP API, with a clock that stands still until it is moved."""

    simulator: SesSimulator
    client: Any
    topic: Topic
    clock: Clock
    outbox: Path

    def send(self, *to: str, **arguments: Any) -> str:
        call = {
            "Content": {"Raw": {"Data": RAW}},
            "ConfigurationSetName": "set",
            "FromEmailAddress": "demo@agents.test",
        }
        answer = self.client.send_email(**(call | {"Destination": {"ToAddresses": list(to)}} | arguments))
        ses_message_id: str = answer["MessageId"]
        return ses_message_id

    def after(self, seconds: float) -> list[str]:
        self.clock.now += seconds
        self.simulator.publish_due()
        return self.topic.kinds()


@pytest.fixture
def ses(tmp_path: Path) -> Iterator[Ses]:
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    journal = SesJournal(tmp_path / "journal.sqlite", outbox)
    topic, clock = Topic(), Clock()
    simulator = SesSimulator(journal, [DESTINATION], publish=topic, region="us-east-1", clock=clock)
    listener = socket.create_server(("127.0.0.1", 0))
    server = start_ses_api(simulator, listener)
    client = boto3.session.Session().client(
        "sesv2",
        endpoint_url=f"http://{address_of(listener)}",
        region_name="us-east-1",
        aws_access_key_id="embedded",
        aws_secret_access_key="embedded",
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield Ses(simulator, client, topic, clock, outbox)
    client.close()
    server.stop()
    journal.close()


@pytest.mark.parametrize(
    ("address", "kinds"),
    [
        ("success@simulator.amazonses.com", ["Send", "Delivery"]),
        ("bounce+7@simulator.amazonses.com", ["Send", "Bounce"]),
        ("suppressionlist@simulator.amazonses.com", ["Send", "Bounce"]),
        ("complaint@simulator.amazonses.com", ["Send", "Delivery", "Complaint"]),
        ("ooto@simulator.amazonses.com", ["Send", "Delivery", "Bounce"]),
        ("delay+5s@simulator.test", ["Send", "DeliveryDelay", "Delivery"]),
        ("ada@example.com", ["Send"]),
    ],
)
def test_each_address_is_followed_by_its_events_in_order(ses: Ses, address: str, kinds: list[str]) -> None:
    ses_message_id = ses.send(address)
    assert ses.after(0) == ["Send"]
    assert ses.after(60) == kinds
    assert {message["mail"]["messageId"] for message in ses.topic.messages} == {ses_message_id}


@pytest.mark.parametrize(("address", "kinds"), [("lost", []), ("lost-answer", ["Send", "Delivery"])])
def test_an_internal_error_tells_nobody_whether_the_mail_was_taken(ses: Ses, address: str, kinds: list[str]) -> None:
    with pytest.raises(ClientError) as raised:
        ses.send(f"{address}@simulator.test")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert ses.after(60) == kinds
    assert ses.send(f"{address}@simulator.test")
    assert ses.after(60) == [*kinds, "Send", "Delivery"]


def test_events_wait_for_their_time(ses: Ses) -> None:
    ses.send("delay+5s@simulator.test")
    assert ses.after(1) == ["Send", "DeliveryDelay"]
    assert ses.after(4) == ["Send", "DeliveryDelay"]
    assert ses.after(1) == ["Send", "DeliveryDelay", "Delivery"]


def test_every_recipient_has_an_end_of_their_own(ses: Ses) -> None:
    ses.send(
        "success@simulator.amazonses.com",
        Destination={
            "ToAddresses": ["success@simulator.amazonses.com"],
            "CcAddresses": ["Bo <bounce@simulator.amazonses.com>"],
            "BccAddresses": ["ada@example.com"],
        },
    )
    assert ses.after(60) == ["Send", "Delivery", "Bounce"]
    _, delivery, bounce = ses.topic.messages
    assert delivery["delivery"]["recipients"] == ["success@simulator.amazonses.com"]
    assert [one["emailAddress"] for one in bounce["bounce"]["bouncedRecipients"]] == ["bounce@simulator.amazonses.com"]
    assert len(delivery["mail"]["destination"]) == 3


def test_the_mail_is_kept_as_it_came_under_a_name_with_its_tags(ses: Ses) -> None:
    ses.send("ada@example.com", EmailTags=[{"Name": "message", "Value": "msg_7"}])
    (file,) = ses.outbox.iterdir()
    assert file.read_bytes() == RAW
    assert "msg_7" in file.name
    ses.after(0)
    tags = ses.topic.messages[0]["mail"]["tags"]
    assert tags["message"] == ["msg_7"]
    assert tags["ses:configuration-set"] == ["set"]


def error_of(ses: Ses, *to: str, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        ses.send(*to, **arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_fail_is_refused_and_leaves_no_trace(ses: Ses) -> None:
    assert error_of(ses, "ada@example.com", "fail@simulator.test") == ("MessageRejected", 400)
    assert ses.after(60) == []
    assert list(ses.outbox.iterdir()) == []


def test_a_throttled_mail_passes_after_its_tries_and_another_has_tries_of_its_own(ses: Ses) -> None:
    def tagged(name: str) -> dict[str, Any]:
        return {"EmailTags": [{"Name": "message", "Value": name}]}

    throttled = ("TooManyRequestsException", 429)
    assert error_of(ses, "throttle@simulator.test", **tagged("msg_1")) == throttled
    assert error_of(ses, "throttle@simulator.test", **tagged("msg_1")) == throttled
    assert error_of(ses, "throttle@simulator.test", **tagged("msg_2")) == throttled
    ses.send("throttle@simulator.test", **tagged("msg_1"))
    assert ses.after(60) == ["Send", "Delivery"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"ConfigurationSetName": "nowhere"}, ("NotFoundException", 404)),
        ({"Destination": {"ToAddresses": [f"a{n}@example.com" for n in range(51)]}}, ("BadRequestException", 400)),
        ({"Content": {"Raw": {"Data": b"Subject: nobody\r\n\r\n"}}, "Destination": {}}, ("BadRequestException", 400)),
        ({"Content": {"Simple": {"Subject": {"Data": "x"}, "Body": {}}}}, ("BadRequestException", 400)),
    ],
)
def test_what_ses_refuses_is_refused_by_its_name(ses: Ses, arguments: dict[str, Any], error: tuple[str, int]) -> None:
    assert error_of(ses, "ada@example.com", **arguments) == error


def test_without_a_destination_the_header_names_the_recipients(ses: Ses) -> None:
    ses.send(Destination={})
    ses.after(0)
    assert ses.topic.messages[0]["mail"]["destination"] == ["header@example.com"]


def test_without_a_configuration_set_no_events_are_published(ses: Ses) -> None:
    ses.client.send_email(
        Content={"Raw": {"Data": RAW}}, Destination={"ToAddresses": ["success@simulator.amazonses.com"]}
    )
    assert ses.after(60) == []


def test_an_event_the_topic_did_not_take_is_published_later_and_none_before_it(ses: Ses) -> None:
    ses.send("success@simulator.amazonses.com")
    ses.topic.failures = 1
    with pytest.raises(ConnectionError):
        ses.after(60)
    assert ses.after(0) == ["Send", "Delivery"]


def test_the_account_may_send_and_other_calls_are_refused_by_name(ses: Ses) -> None:
    assert ses.client.get_account()["SendingEnabled"] is True
    with pytest.raises(ClientError, match="does not know POST /v2/email/list-identities"):
        ses.client.list_email_identities()
