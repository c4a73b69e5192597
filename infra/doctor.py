"""Look at a deployment piece by piece, and change nothing: `make doctor STAGE=prod`.

    stack ─▶ SES ─▶ receipt rules ─▶ domains and DNS ─▶ topics, queues ─▶ functions ─▶ table, bucket ─▶ alarms ─▶ API

Each piece is fine, or there is a finding with what to do about it. What may not be looked at is a finding, too.
`--self-test` sends four mails to SES's mailbox simulator besides (infra/self_test.py).
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.providers.dns_lookup import DnsLookup
from chalicelib.settings import SettingsError
from infra.checkup import alarms, api_answers, domains, flow, functions, keeping, receiving, sending, stack_itself
from infra.checkup.deployed import Deployed
from infra.checkup.findings import ASKING_FAILS, Looks, fault, guarded, unreadable, well_or
from infra.checkup.kept import Kept, Reads, kept
from infra.dns_check import Dns
from infra.package import BUILD
from infra.preflight import Finding, Weight
from infra.self_test import KEY_VARIABLE, MINUTES, SelfTest, why_not_yet
from infra.stack import CommandFailed, connect, stack_of, stage


@dataclass(frozen=True)
class Doctor:
    """The pieces in their order. `connect` makes the client of a service, `http` asks the API, `reads` the table."""

    stage: str
    region: str
    connect: Callable[[str], Any]
    dns: Dns
    http: api_answers.Http = api_answers.over_the_network
    reads: Reads = kept
    built: Path = BUILD  # where the package of this checkout lies, if one was built

    def __call__(self) -> Iterator[Finding]:
        """Every finding. Raises CommandFailed when there is no such stack."""
        try:
            deployed = Deployed.read(self.stage, self.region, self.connect)
        except ClientError as error:
            if "does not exist" in error.response["Error"].get("Message", ""):
                raise CommandFailed(
                    f"There is no stack {stack_of(self.stage)} in {self.region}. Check STAGE, and the account and region "
                    "that AWS_PROFILE and AWS_REGION choose."
                ) from error
            yield unreadable(f"the stack {stack_of(self.stage)}", error)
            return
        for what, looks in self._pieces(deployed):
            yield from guarded(what, looks)
        yield from self._kept(deployed)

    def _pieces(self, deployed: Deployed) -> Iterator[tuple[str, Looks]]:
        for what, look in PIECES.items():
            yield what, lambda look=look: look(deployed)  # type: ignore[misc]
            if look == stack_itself.stack:
                yield "the package", lambda: stack_itself.package(deployed, self.built)
            if look == domains.identity:
                yield "the DNS of the domain", lambda: domains.zone(deployed, self.dns)
        yield "the API", lambda: api_answers.api(deployed, self.http)

    def _kept(self, deployed: Deployed) -> Iterator[Finding]:
        """What is known only by the table's items."""
        try:
            found = self.reads(deployed)
        except (*ASKING_FAILS, SettingsError) as error:
            yield unreadable("what the table says of keys and of the domains of accounts", error)
            return
        yield from well_or(_faults_of_keys(found, deployed), "there is an API key")
        yield from guarded("the receipt rules of accounts", lambda: receiving.rules_of_accounts(deployed, found.rules))
        yield from domains.domains_of_accounts(found.domains, self.dns)


PIECES: dict[str, Callable[[Deployed], Iterator[Finding]]] = {
    "the identity": stack_itself.identity,
    "the stack": stack_itself.stack,
    "the SES account": sending.account,
    "the reputation": sending.reputation,
    "the configuration set": sending.configuration_set,
    "the receipt rule set": receiving.rule_set,
    "the receipt rule": receiving.own_rule,
    "the domain in SES": domains.identity,
    "the topics": flow.topics,
    "the alarm topic": flow.alarm_topic,
    "the queues": flow.queues,
    "the dead letters of schedules": flow.schedule_letters,
    "the functions": functions.functions,
    "the errors of functions": functions.runs,
    "the event sources": functions.mappings,
    "the schedules": functions.schedules,
    "the table": keeping.table,
    "the bucket": keeping.bucket,
    "the alarms": alarms.alarms,
}
"""What is asked of AWS, by how it is called when it cannot be looked at."""


def _faults_of_keys(found: Kept, deployed: Deployed) -> Iterator[Finding]:
    if not found.has_key:
        yield fault(
            "there is no API key: nobody can use the API", f"{deployed.deploy} makes the first one, and shows it."
        )


def main(
    arguments: Sequence[str] | None = None,
    connect: Callable[[str], Any] = connect,
    dns: Dns | None = None,
    http: api_answers.Http = api_answers.over_the_network,
    reads: Reads = kept,
) -> int:
    """The exit code: 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="make doctor STAGE=…", description="Look at a deployment, piece by piece.")
    parser.add_argument("--stage", type=stage, required=True, help="names the stack: agentsend-STAGE")
    parser.add_argument(
        "--self-test",
        action="store_true",
        help=f"send four mails to SES's mailbox simulator, too, with the key in {KEY_VARIABLE}",
    )
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, help=f"how long it waits for them at most ({MINUTES})"
    )
    given = parser.parse_args(arguments)
    key = os.environ.get(KEY_VARIABLE)
    if given.self_test and not key:
        print(f"The self-test calls the API: put a key that may send and manage into {KEY_VARIABLE}.", file=sys.stderr)
        return 2
    faults = 0
    try:
        region = connect("sts").meta.region_name
        for finding in Doctor(given.stage, region, connect, dns or DnsLookup(), http, reads)():
            _say(finding.text)
            faults += finding.weight is Weight.FAULT
        if given.self_test and key:
            deployed = Deployed.read(given.stage, region, connect)
            if why := why_not_yet(deployed):
                _say(f"\nThe self-test is for later, as {why}.")
            else:
                faults += SelfTest.of(deployed, key, _say, http, given.minutes)()
    except (CommandFailed, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    _say(f"\n{faults} finding{'' if faults == 1 else 's'}" if faults else "\nnothing is wrong")
    return 1 if faults else 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
