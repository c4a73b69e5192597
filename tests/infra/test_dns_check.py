"""`make dns-check`: what is missing is named with what was found instead, and waiting ends at the time that was said."""

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from chalicelib.operations.ports.domains import Question
from infra import dns_check
from infra.after_deploy import DnsRecord
from infra.dns_check import AGAIN_SECONDS, DnsCheck

CNAME = DnsRecord("CNAME", "a._domainkey.example.com", "a.dkim.amazonses.com", "sending")
MX = DnsRecord("MX", "example.com", "10 inbound-smtp.eu-west-1.amazonaws.com", "receiving")
DMARC = DnsRecord("TXT", "_dmarc.example.com", "v=DMARC1; p=quarantine", "trust")
ALL = {
    CNAME.name: ("A.DKIM.amazonses.com.",),
    MX.name: ("20 elsewhere.example.net", "10 inbound-smtp.eu-west-1.amazonaws.com."),
    DMARC.name: ("v=DMARC1; p=reject",),
}


class Zone:
    """Answers by name; the n-th look by the n-th zone, the last one for good."""

    def __init__(self, *zones: Mapping[str, tuple[str, ...] | None]) -> None:
        self.zones = zones
        self.looks = 0

    def find(self, questions: Collection[Question]) -> Mapping[Question, tuple[str, ...] | None]:
        zone = self.zones[min(self.looks, len(self.zones) - 1)]
        self.looks += 1
        return {question: zone.get(question.name, ()) for question in questions}


class Waiting:
    def __init__(self) -> None:
        self.now = 0.0
        self.lines: list[str] = []

    def check(self, zone: Zone, seconds: float) -> bool:
        def sleep(seconds: float) -> None:
            self.now += seconds

        return DnsCheck([CNAME, MX, DMARC], zone, self.lines.append, seconds, lambda: self.now, sleep)()


def test_records_that_are_there_are_found_whatever_their_case_dots_and_neighbours() -> None:
    waiting = Waiting()
    assert waiting.check(Zone(ALL), 0)
    assert waiting.lines == ["all 3 records are there"]


def test_it_waits_until_they_are_there() -> None:
    waiting, zone = Waiting(), Zone({}, {MX.name: None, CNAME.name: ("else.example.net",)}, ALL)

    assert waiting.check(zone, 3600)

    assert (zone.looks, waiting.now) == (3, 2 * AGAIN_SECONDS)
    assert "CNAME a._domainkey.example.com: wanted a.dkim.amazonses.com, found nothing" in waiting.lines
    assert "CNAME a._domainkey.example.com: wanted a.dkim.amazonses.com, found else.example.net" in waiting.lines
    assert f"MX example.com: wanted {MX.value}, found no answer" in waiting.lines


def test_it_waits_no_longer_than_was_said() -> None:
    waiting, zone = Waiting(), Zone({})

    assert not waiting.check(zone, 70)

    assert waiting.now == 70
    assert zone.looks == 4


@pytest.mark.parametrize("zone", [Zone({}), Zone({"_dmarc.example.com": ("v=DMARC1; p=none",)})])
def test_the_command_fails_while_something_is_missing(zone: Zone, capsys: pytest.CaptureFixture[str]) -> None:
    class Ses:
        class meta:  # noqa: N801 - boto3's name
            region_name = "eu-west-1"

        def get_email_identity(self, *, EmailIdentity: str) -> Any:  # noqa: N803 - boto3's name
            return {"DkimAttributes": {"Tokens": ["a"]}, "MailFromAttributes": {"MailFromDomain": f"x.{EmailIdentity}"}}

    assert dns_check.main(["--domain", "Example.com", "--minutes", "0"], lambda _: Ses(), zone) == 1

    said = capsys.readouterr()
    assert "wanted 10 inbound-smtp.eu-west-1.amazonaws.com" in said.out
    assert "TXT x.example.com: wanted v=spf1 include:amazonses.com ~all" in said.out
    assert "run this again" in said.err
