"""The zone file and its name server, and SES's domains and receipt rules, through the very providers that AWS gets."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.domain.domain_records import DkimState, Identity
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.own_domain import RecordType
from chalicelib.operations.ports.domains import IdentityRefused, Question
from chalicelib.providers.dns_lookup import DnsLookup
from chalicelib.providers.receipt_rules import SesReceiptRules, make_receipt_client
from chalicelib.providers.ses_identities import SesIdentities as Provider
from chalicelib.providers.ses_identities import make_identity_client
from embedded.dns_server import DnsServer
from embedded.listening import address_of
from embedded.resources import EventDestination
from embedded.ses_identities import LOOKED_FOR_SECONDS, SesIdentities
from embedded.ses_journal import SesJournal
from embedded.ses_simulator import SesSimulator, start_ses_api
from embedded.zone import Zone, ZoneError

NAME = "example.com"
TXT, CNAME, MX = RecordType.TXT, RecordType.CNAME, RecordType.MX


@dataclass
class Ses:
    """A simulated SES behind its HTTP API, and the zone that it looks at."""

    zone_file: Path
    zone: Zone
    domains: SesIdentities
    clock: list[float]
    records: list[dict[str, Any]] = field(default_factory=list)

    def set(self, type_: str, name: str, value: str, **more: Any) -> None:
        self.records.append({"type": type_, "name": name, "value": value, **more})
        self.write(json.dumps(self.records))

    def set_dkim(self, identity: Identity) -> None:
        for token in identity.tokens:
            self.set("CNAME", f"{token}._domainkey.{identity.name}", f"{token}.{identity.key_zone}")

    def write(self, text: str) -> None:
        self.zone_file.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ses]:
    folder, clock = tmp_path_factory.mktemp("ses"), [0.0]
    zone = Zone(folder / "zone.json")
    domains = SesIdentities(folder / "domains.json", zone, "us-east-1", lambda: clock[0])
    journal = SesJournal(folder / "journal.sqlite", folder)
    destination = EventDestination("set", "arn:topic", frozenset({"send"}))
    simulator = SesSimulator(journal, [destination], publish=lambda *_: None, region="us-east-1", identities=domains)
    listener = socket.create_server(("127.0.0.1", 0))
    server = start_ses_api(simulator, listener, domains)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        for name, value in {
            "AWS_ENDPOINT_URL_SESV2": f"http://{address_of(listener)}",
            "AWS_ENDPOINT_URL_SES": f"http://{address_of(listener)}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        yield Ses(zone.path, zone, domains, clock)
    server.stop()
    journal.close()


@pytest.fixture
def ses(running: Ses) -> Ses:
    """As it is at first: without a domain, without a record."""
    running.domains.file.unlink(missing_ok=True)
    running.zone_file.unlink(missing_ok=True)
    running.zone.create()
    running.records.clear()
    running.clock[0] = 1_700_000_000.0
    return running


# ---------------------------------------------------------------------------------------------------- identities


@pytest.fixture(scope="module")
def client(running: Ses) -> Any:
    assert running.zone_file  # its environment is the client's
    return make_identity_client()


@pytest.fixture
def provider(ses: Ses, client: Any) -> Provider:
    assert ses.records == []
    return Provider(client, "this deployment")


def test_an_identity_is_made_once_read_and_deleted(provider: Provider) -> None:
    assert provider.get(NAME) is None

    created = provider.create(NAME)
    provider.set_mail_from(NAME, f"agentsend.{NAME}")

    assert (created.dkim, len(set(created.tokens)), created.is_ours) == (DkimState.PENDING, 3, True)
    known = provider.get(NAME)
    assert known is not None
    assert (known.tokens, known.mail_from, known.is_ours) == (created.tokens, f"agentsend.{NAME}", True)
    assert provider.create(NAME) == known
    provider.delete(NAME)
    provider.delete(NAME)
    assert provider.get(NAME) is None
    with pytest.raises(Unavailable):
        provider.set_mail_from(NAME, f"agentsend.{NAME}")


def test_what_another_deployment_has_made_is_known_as_such(ses: Ses, provider: Provider) -> None:
    ses.domains.create(NAME, {"agentsend": "another deployment"})

    assert not provider.create(NAME).is_ours


def test_a_name_that_ses_does_not_take_is_refused_with_a_reason(provider: Provider) -> None:
    with pytest.raises(IdentityRefused):
        provider.create("localhost")


def test_an_error_of_ses_is_temporary(ses: Ses, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_name: str) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(ses.domains, "describe", broken)
    with pytest.raises(Unavailable):
        provider.get(NAME)


def test_dkim_follows_the_zone_and_forgives_for_72_hours(ses: Ses, provider: Provider) -> None:
    identity = provider.create(NAME)

    def state() -> DkimState:
        known = provider.get(NAME)
        assert known is not None
        return known.dkim

    assert state() is DkimState.PENDING
    ses.clock[0] += LOOKED_FOR_SECONDS + 1
    assert state() is DkimState.FAILED
    ses.set_dkim(identity)
    assert state() is DkimState.SUCCESS
    ses.write("[]")
    assert state() is DkimState.TEMPORARY_FAILURE
    ses.clock[0] += LOOKED_FOR_SECONDS + 1
    assert state() is DkimState.FAILED


def test_mail_of_a_domain_that_is_known_and_not_verified_is_refused(ses: Ses, provider: Provider, client: Any) -> None:
    def send(sender: str) -> None:
        client.send_email(
            FromEmailAddress=sender,
            Destination={"ToAddresses": ["ada@example.org"]},
            Content={"Raw": {"Data": b"Subject: Hi\r\n\r\nHello\r\n"}},
        )

    identity = provider.create(NAME)
    send("agent@agents.test")
    with pytest.raises(ClientError, match="not verified"):
        send(f"Sales <sales@{NAME}>")
    ses.set_dkim(identity)
    send(f"Sales <sales@{NAME}>")


# ------------------------------------------------------------------------------------------------- receipt rules


@pytest.fixture(scope="module")
def receipt_client(running: Ses) -> Any:
    assert running.zone_file  # its environment is the client's
    return make_receipt_client()


@pytest.fixture
def rules(ses: Ses, receipt_client: Any) -> SesReceiptRules:
    assert ses.records == []
    return SesReceiptRules(receipt_client, "rules", "bucket", "arn:aws:sns:us-east-1:0:topic", lambda _s: None)


def test_a_rule_takes_mail_for_its_domains_and_for_no_other(ses: Ses, rules: SesReceiptRules) -> None:
    rules.put(0, {"a.com", "b.com"})
    rules.put(1, {f"example{number}.com" for number in range(100)})
    assert ses.domains.rule("domains-0000") == ["a.com", "b.com"]
    assert ses.domains.takes_mail_for("example99.com")

    rules.put(0, {"b.com", "c.com"})
    assert not ses.domains.takes_mail_for("a.com")
    assert ses.domains.takes_mail_for("c.com")


def test_a_rule_without_domains_is_deleted_for_it_would_take_all_mail(ses: Ses, rules: SesReceiptRules) -> None:
    rules.put(0, {"a.com"})
    rules.put(0, set())
    rules.put(0, set())

    assert ses.domains.rule("domains-0000") is None
    rules.put(0, {"b.com"})
    assert ses.domains.rule("domains-0000") == ["b.com"]


def test_more_domains_than_a_rule_may_have_are_refused(ses: Ses, rules: SesReceiptRules) -> None:
    with pytest.raises(Unavailable):
        rules.put(0, {f"example{number}.com" for number in range(101)})
    assert ses.domains.rule("domains-0000") is None


class _Scripted:
    """A SES client that refuses what it is told to, then does it."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)
        self.rules: list[dict[str, Any]] = []

    def update_receipt_rule(self, **call: Any) -> None:
        if self.codes:
            raise ClientError({"Error": {"Code": self.codes.pop(0), "Message": "no"}}, "UpdateReceiptRule")
        self.rules.append(call)


def test_more_than_one_call_a_second_is_waited_for() -> None:
    client, slept = _Scripted("Throttling", "Throttling"), list[float]()
    SesReceiptRules(client, "rules", "bucket", "topic", slept.append).put(3, {"a.com"})

    assert all(seconds > 1 for seconds in slept)
    assert len(slept) == 2
    (call,) = client.rules
    assert call["RuleSetName"] == "rules"
    assert call["Rule"]["Recipients"] == ["a.com"]
    assert call["Rule"]["Enabled"] is True
    assert call["Rule"]["ScanEnabled"] is True
    # A mail to recipients of two rules is stored twice: each announcement needs a mail of its own.
    assert call["Rule"]["Actions"] == [
        {"S3Action": {"BucketName": "bucket", "ObjectKeyPrefix": "inbound/domains-0003/", "TopicArn": "topic"}}
    ]


@pytest.mark.parametrize("codes", [["Throttling"] * 3, ["InvalidS3Configuration"], ["RuleSetDoesNotExist"]])
def test_a_rule_that_cannot_be_changed_now_is_tried_again_later(codes: list[str]) -> None:
    client = _Scripted(*codes)
    with pytest.raises(Unavailable):
        SesReceiptRules(client, "rules", "bucket", "topic", lambda _s: None).put(0, {"a.com"})
    assert client.rules == []


# ----------------------------------------------------------------------------------------------------------- DNS


@pytest.fixture
def dns(ses: Ses) -> Iterator[DnsLookup]:
    server = DnsServer(ses.zone)
    server.start()
    yield DnsLookup([server.address], seconds=2)
    server.stop()


def test_records_are_found_as_they_were_written(ses: Ses, dns: DnsLookup) -> None:
    ses.set("TXT", f"_agentsend.{NAME}", "agentsend-verification=abc")
    ses.set("txt", f"_agentsend.{NAME.upper()}.", 'quoted "words" \\ and ü; ' + "x" * 600)
    ses.set("CNAME", f"a._domainkey.{NAME}", "a.dkim.amazonses.com", found=None, status="missing", purpose="dkim")
    ses.set("MX", NAME, "inbound-smtp.us-east-1.amazonaws.com", priority=5)
    ses.set("MX", NAME, "mail.example.com.", priority=None)
    wanted = [
        Question(f"_agentsend.{NAME}", TXT),
        Question(f"a._domainkey.{NAME}", CNAME),
        Question(NAME, MX),
        Question(NAME, TXT),
        Question(f"nothing.{NAME}", TXT),
    ]

    found = dns.find(wanted)

    first, second = sorted(found[wanted[0]] or ())
    assert first == "agentsend-verification=abc"
    assert second.startswith('quoted "words" \\ and \\xc3\\xbc; xxx')
    assert found[wanted[1]] == ("a.dkim.amazonses.com",)
    assert sorted(found[wanted[2]] or ()) == ["10 mail.example.com", "5 inbound-smtp.us-east-1.amazonaws.com"]
    assert found[wanted[3]] == found[wanted[4]] == ()


@pytest.mark.parametrize(
    "text",
    ["{", "{}", "[1]", '[{"type": "TXT"}]', '[{"type": "A", "name": "a.com", "value": "127.0.0.1"}]', '["x"]'],
)
def test_a_zone_that_cannot_be_read_is_no_answer_and_not_an_empty_one(ses: Ses, dns: DnsLookup, text: str) -> None:
    ses.write(text)

    assert dns.find([Question(NAME, TXT)]) == {Question(NAME, TXT): None}
    with pytest.raises(ZoneError):
        ses.zone.find(NAME, "TXT")
    ses.write("[]")
    assert dns.find([Question(NAME, TXT)]) == {Question(NAME, TXT): ()}


def test_the_lists_of_several_domains_may_stand_one_after_the_other(ses: Ses, dns: DnsLookup) -> None:
    lists = [[{"type": "TXT", "name": name, "value": name}] for name in ("a.com", "b.com")]
    ses.write(json.dumps(lists))

    assert dns.find([Question("b.com", TXT)]) == {Question("b.com", TXT): ("b.com",)}


def test_a_zone_without_a_file_is_empty(ses: Ses) -> None:
    ses.zone_file.unlink()

    assert ses.zone.find(NAME, "TXT") == []
    ses.zone.create()
    assert ses.zone_file.read_text() == "[]\n"


def test_a_server_that_says_nothing_costs_no_more_than_the_time_for_it() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        host, port = silent.getsockname()
        questions = [Question(f"{number}.{NAME}", TXT) for number in range(8)]

        assert DnsLookup([f"{host}:{port}"], seconds=0.2).find(questions) == dict.fromkeys(questions)


def test_garbage_on_the_servers_port_harms_nobody(ses: Ses, dns: DnsLookup) -> None:
    ses.set("TXT", NAME, "here")
    host, _, port = next(iter(dns.servers)).rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(5):
            stranger.sendto(b"\x00garbage", (host, int(port)))

    assert dns.find([Question(NAME, TXT)]) == {Question(NAME, TXT): ("here",)}
