"""Put the whole system into an AWS account: `make deploy STAGE=prod DOMAIN=agents.example.com`.

    look at the account ─▶ build, lint ─▶ upload ─▶ change set ─▶ carry out ─▶ rule set, DNS, first key ─▶ self-test

Nothing is changed before the look and the change set have been shown; run again, it brings the stack up to date.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.address import AddressError, parse_mailbox
from infra.after_deploy import activate, dns_records, first_key, table_of
from infra.change_set import ChangeSet, Event, outputs_of, parameters_of, status_of, upload
from infra.checkup.api_answers import Http, over_the_network
from infra.checkup.deployed import Deployed
from infra.lint import linted
from infra.package import BUILD, Package, build, from_registry
from infra.preflight import Preflight, RuleSets, Weight, rule_sets
from infra.progress import bar
from infra.self_test import KEY_VARIABLE, MINUTES, SelfTest, later, why_not_yet
from infra.stack import CommandFailed, Stack, connect, stack_of, stage

_NEVER_MADE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
ZIP, TEMPLATE = "deployment.zip", "template.yaml"


@dataclass(frozen=True)
class Wish:
    """What the person who deploys has said."""

    stage: str
    domain: str
    parameters: dict[str, str] = field(default_factory=dict)
    rule_set: str | None = None
    replaces_data: bool = False
    looks_only: bool = False
    asks: bool = True

    @property
    def stack(self) -> str:
        return stack_of(self.stage)


@dataclass(frozen=True)
class Deploy:
    """One deployment. `connect` makes the client of a service, `say` shows a line, `ask` waits for yes or no."""

    wish: Wish
    connect: Callable[[str], Any]
    region: str
    say: Callable[[str], None]
    ask: Callable[[str], bool]
    package: Callable[[], Package]
    http: Http | None = None  # how the self-test asks the API; None: there is none

    def __call__(self) -> None:
        """Raises CommandFailed with the first thing that is wrong."""
        rule_set = self._rule_set()
        self._look(rule_set)
        package = self.package()
        self.say(f"package: {package.size:,} bytes, {package.files} files")
        changes = self._change_set(package, rule_set)
        if changes is None:
            self.say("the stack is up to date")
        elif not self._is_wanted(changes):
            return
        else:
            changes.carry_out(self._progress)
            self.say("")
        if not self.wish.looks_only:
            self._finish(rule_set)

    def _rule_set(self) -> str | None:
        """That of somebody else into which our rule goes, now or since an earlier deployment; None: one of our own."""
        status = status_of(self.connect("cloudformation"), self.wish.stack)
        if status in _NEVER_MADE:
            raise CommandFailed(
                f"An earlier deployment has failed, and the stack {self.wish.stack} is {status}: nothing can be put into it.\n"
                f"Take it away with make teardown STAGE={self.wish.stage}, then deploy again."
            )
        known = parameters_of(self.connect("cloudformation"), self.wish.stack)
        domain = known.get("MailDomain", self.wish.domain)
        if domain != self.wish.domain:
            raise CommandFailed(
                f"The stack {self.wish.stack} serves {domain}, and its inboxes have addresses there. "
                f"Deploy {self.wish.domain} under another STAGE."
            )
        return self.wish.rule_set or known.get("ExistingReceiptRuleSet") or None

    def _new_identity(self) -> str:
        """The domain that SES is to get to know; empty: it does, from an earlier deployment or from somebody else."""
        if parameters_of(self.connect("cloudformation"), self.wish.stack):
            return ""
        return "" if self.wish.parameters.get("MailIdentity") == "existing" else self.wish.domain

    def _look(self, rule_set: str | None) -> None:
        stops = 0
        for finding in Preflight(self.connect, self.region, rule_set, self.wish.stack, self._new_identity())():
            self.say(finding.text)
            stops += finding.weight is Weight.STOP
        if stops:
            raise CommandFailed("Nothing was changed: see the lines marked stop.")

    def _change_set(self, package: Package, rule_set: str | None) -> ChangeSet | None:
        account = self.connect("sts").get_caller_identity()["Account"]
        bucket = f"agentsend-deploy-{account}-{self.region}"
        text = package.template.read_text(encoding="utf-8")
        digest = package.digest
        zip_name, template_name = f"{digest}/{ZIP}", f"{digest}/{TEMPLATE}"
        uploaded = package.template.with_name("uploaded.yaml")
        uploaded.write_text(text.replace(f"./{ZIP}", f"s3://{bucket}/{zip_name}"), encoding="utf-8")
        upload(self.connect("s3"), bucket, account, {zip_name: package.zip, template_name: uploaded})
        host = self.connect("s3").meta.endpoint_url.removesuffix("/")
        parameters = {"MailDomain": self.wish.domain, **self.wish.parameters}
        if rule_set:
            parameters["ExistingReceiptRuleSet"] = rule_set
        return ChangeSet.make(
            self.connect("cloudformation"), self.wish.stack, f"{host}/{bucket}/{template_name}", parameters
        )

    def _is_wanted(self, changes: ChangeSet) -> bool:
        if not self.wish.replaces_data:
            changes.refuse_losses()
        counts = ", ".join(f"{count} to {what}" for what, count in changes.counts().items())
        self.say(f"stack {self.wish.stack}: {counts}")
        for change in changes.changes:
            if change.replaces or change.action == "Remove":
                self.say(f"  {'replaces' if change.replaces else 'removes'} {change.logical_id} ({change.type})")
        if self.wish.looks_only:
            changes.discard()
            self.say("the stack was not changed")
            return False
        if self.wish.asks and not self.ask("Carry this out?"):
            changes.discard()
            self.say("the stack was not changed")
            return False
        return True

    def _progress(self, event: Event, done: int, of: int) -> None:
        self.say(bar(event, done, of))

    def _finish(self, rule_set: str | None) -> None:
        stack = Stack(self.wish.stack, self.connect("cloudformation"), self.connect("lambda"))
        if rule_set is None:
            sets: RuleSets = rule_sets(self.connect, self.wish.stack)
            self.say(activate(self.connect("ses"), sets))
        self.say("\nSet these records where the domain's DNS is kept:\n")
        self.say(table_of(dns_records(self.connect("sesv2"), self.wish.domain, self.region)))
        self.say(f"\nAPI: {outputs_of(self.connect('cloudformation'), self.wish.stack)['EndpointURL']}")
        keys: list[str] = []

        def show(key: str) -> None:
            keys.append(key)
            self.say(f"Admin key, shown this once: {key}")

        if not first_key(stack, show):
            self.say("The first admin key was shown by an earlier deployment.")
        self._try_out(keys[0] if keys else os.environ.get(KEY_VARIABLE))
        self.say(f"\nNow set the records; this waits for them: make dns-check DOMAIN={self.wish.domain}")

    def _try_out(self, key: str | None) -> None:
        """The self-test, when there is a key and SES sends for the domain; else how to run it later."""
        if self.http is None:
            return
        deployed = Deployed.read(self.wish.stage, self.region, self.connect)
        why = why_not_yet(deployed) or (None if key else f"there is no key in {KEY_VARIABLE}")
        if why is not None or key is None:
            self.say(f"\nThe self-test is for later, as {why}:\n{later(deployed)}")
        elif SelfTest.of(deployed, key, self.say, self.http, MINUTES)():
            raise CommandFailed("The deployment is done, but not all of it works: see the lines marked fault.")


def arguments_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make deploy STAGE=… DOMAIN=…",
        description="Put the system into the AWS account and region that AWS_PROFILE and AWS_REGION choose.",
    )
    parser.add_argument("--stage", type=stage, required=True, help="names the stack: agentsend-STAGE")
    parser.add_argument(
        "--domain", type=_domain, required=True, help="where inboxes without a domain of their own live"
    )
    parser.add_argument("--alarm-email", help="who is told of alarms")
    parser.add_argument(
        "--dry-run", action="store_true", help="hand no mail to SES; --parameter Delivery=email ends it"
    )
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other parameter of infra/resources.yaml, as often as wanted",
    )
    parser.add_argument("--rule-set", help="put our receipt rule into this active rule set of somebody else")
    parser.add_argument("--replace-data", action="store_true", help="let table or bucket be replaced by an empty one")
    parser.add_argument("--look-only", action="store_true", help="show what would be done, and do nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask before it is carried out")
    return parser.parse_args(arguments)


def _domain(text: str) -> str:
    """In small letters."""
    try:
        return parse_mailbox(f"a@{text}", allow_test_domains=True).domain
    except AddressError as error:
        raise argparse.ArgumentTypeError(f"say DOMAIN=…; {text!r} is no domain: {error}") from error


def main(arguments: Sequence[str] | None = None, connect: Callable[[str], Any] = connect) -> int:
    """The exit code."""
    given = arguments_of(arguments)
    parameters = {}  # what is not named stays as it was deployed
    if given.dry_run:
        parameters["Delivery"] = "dry-run"
    if given.alarm_email is not None:
        parameters["AlarmEmail"] = given.alarm_email
    for each in given.parameter:
        name, equals, value = each.partition("=")
        if not (name and equals):
            print(f"--parameter {each}: write NAME=VALUE.", file=sys.stderr)
            return 2
        parameters[name] = value
    wish = Wish(
        given.stage,
        given.domain,
        parameters,
        given.rule_set,
        replaces_data=given.replace_data,
        looks_only=given.look_only,
        asks=not given.yes,
    )
    try:
        region = connect("sts").meta.region_name
        deploy = Deploy(
            wish, connect, region, _say, _ask, lambda: linted(build(BUILD, from_registry)), over_the_network
        )
        deploy()
    except (CommandFailed, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        if status := _status(connect, wish.stack):
            print(f"The stack is {status}.", file=sys.stderr)
        return 1
    return 0


def _status(connect: Callable[[str], Any], stack: str) -> str | None:
    try:
        return status_of(connect("cloudformation"), stack)
    except (BotoCoreError, ClientError):
        return None  # what is wrong has been said


def _say(line: str) -> None:
    print(line, flush=True)


def _ask(question: str) -> bool:
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


if __name__ == "__main__":
    sys.exit(main())
