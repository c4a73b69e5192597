"""See whether the records of a deployment's own domain are set, and wait for them: `make dns-check DOMAIN=…`."""

import argparse
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.own_domain import RecordType
from chalicelib.operations.ports.domains import Question
from chalicelib.providers.dns_lookup import DnsLookup
from infra.after_deploy import DnsRecord, dns_records
from infra.stack import CommandFailed, connect

AGAIN_SECONDS = 30.0
MINUTES = 60


class Dns(Protocol):
    """`chalicelib.operations.ports.domains.Dns`."""

    def find(self, questions: Collection[Question]) -> Mapping[Question, tuple[str, ...] | None]: ...


@dataclass(frozen=True, slots=True)
class Missing:
    """A wanted record, and what stands in its place, in words."""

    record: DnsRecord
    found: str


@dataclass(frozen=True)
class DnsCheck:
    """Looks at the wanted records until all are there, but no longer than `seconds`."""

    records: Sequence[DnsRecord]
    dns: Dns
    say: Callable[[str], None]
    seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def __call__(self) -> bool:
        """Whether all were found."""
        ends = self.clock() + self.seconds
        while True:
            missing = self._missing()
            if not missing:
                self.say(f"all {len(self.records)} records are there")
                return True
            left = ends - self.clock()
            if left <= 0:
                return False
            self.say(f"{len(missing)} missing; looking again for {left / 60:.0f} more minutes at most")
            self.sleep(min(AGAIN_SECONDS, left))

    def _missing(self) -> Sequence[Missing]:
        missing = missing_of(self.records, self.dns)
        for each in missing:
            record = each.record
            self.say(f"{record.type} {record.name}: wanted {record.value}, found {each.found}")
        return missing


def missing_of(records: Sequence[DnsRecord], dns: Dns) -> Sequence[Missing]:
    """Those of the records that the zone does not have."""
    questions = [Question(record.name, RecordType(record.type)) for record in records]
    found = dns.find(questions)
    missing = []
    for record, question in zip(records, questions, strict=True):
        values = found[question]
        if values is None or not any(_is_same(record, value) for value in values):
            missing.append(Missing(record, "no answer" if values is None else "; ".join(values) or "nothing"))
    return missing


def _is_same(record: DnsRecord, found: str) -> bool:
    """Names compare without case and final dot. Of a policy only that there is one counts: a stricter one is yours."""
    if record.name.startswith("_dmarc."):
        return found.lower().replace(" ", "").startswith("v=dmarc1;")
    return found.lower().rstrip(".") == record.value.lower().rstrip(".")


def main(
    arguments: Sequence[str] | None = None, connect: Callable[[str], Any] = connect, dns: Dns | None = None
) -> int:
    """The exit code: 0 when every record is there."""
    parser = argparse.ArgumentParser(prog="make dns-check DOMAIN=…", description="Wait for a domain's DNS records.")
    parser.add_argument("--domain", required=True, help="the deployment's own mail domain")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long to wait at most (60; 0: look once)")
    given = parser.parse_args(arguments)
    try:
        client = connect("sesv2")
        records = dns_records(client, given.domain.lower(), client.meta.region_name)
    except (CommandFailed, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    check = DnsCheck(records, dns or DnsLookup(), lambda line: print(line, flush=True), given.minutes * 60)
    if check():
        return 0
    print("Not all records are there. DNS may take a day to show them everywhere; run this again.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
