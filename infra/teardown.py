"""Take a deployment down: `make teardown STAGE=prod`. It says first what goes and what stays, and asks.

The table and the bucket stay, with every message in them: a stack never takes them along.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.change_set import KEPT, Event, events_of, follow, status_of
from infra.preflight import rule_sets
from infra.progress import bar
from infra.stack import CommandFailed, connect, stack_of, stage


@dataclass(frozen=True, slots=True)
class Held:
    """What belongs to a stack: resources by logical id, with what AWS calls them."""

    stack_id: str
    names: dict[str, str]

    @property
    def kept(self) -> dict[str, str]:
        return {logical_id: name for logical_id, name in self.names.items() if logical_id in KEPT}


@dataclass(frozen=True)
class Teardown:
    """One stack's end. `connect` makes the client of a service, `say` shows a line, `ask` waits for an answer."""

    stack: str
    connect: Callable[[str], Any]
    say: Callable[[str], None]
    ask: Callable[[str], str]

    def __call__(self) -> None:
        """Raises CommandFailed with the first thing that is wrong; what was done stays done, and it can be run again."""
        held = self._held()
        rules = list(self._rules_of_ours(held))
        self._announce(held, rules)
        if self.ask(f"Type the stack's name to take it down ({self.stack}): ").strip() != self.stack:
            self.say("nothing was changed")
            return
        self._stop_receiving(rules)
        cloudformation = self.connect("cloudformation")
        seen = {event.id for event in events_of(cloudformation, held.stack_id)}
        cloudformation.delete_stack(StackName=self.stack)
        failed = "The stack is not down; when what stops it is mended, run this again."
        follow(cloudformation, held.stack_id, seen, held.names.keys() - held.kept.keys(), self._progress, failed=failed)
        self.say(f"The stack {self.stack} is gone. What stays is listed above.")

    def _held(self) -> Held:
        cloudformation = self.connect("cloudformation")
        if status_of(cloudformation, self.stack) is None:
            raise CommandFailed(
                f"There is no stack {self.stack}. Check STAGE, and the account and region that AWS_PROFILE and "
                "AWS_REGION choose."
            )
        stack_id: str = cloudformation.describe_stacks(StackName=self.stack)["Stacks"][0]["StackId"]
        found = [
            resource
            for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.stack)
            for resource in page["StackResourceSummaries"]
        ]
        return Held(stack_id, {each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in found})

    def _announce(self, held: Held, rules: Sequence[tuple[str, str]]) -> None:
        self.say(
            f"{len(held.names) - len(held.kept)} resources of {self.stack} go: functions, queues, topics, alarms, logs."
        )
        self.say("What waits in the queues goes with them: run it when nothing is under way.")
        if rules:
            self.say(f"{len(rules)} receipt rules go, so no mail comes in any more.")
        for logical_id, name in sorted(held.kept.items()):
            self.say(f"{logical_id} stays, with all that is in it: {name}")
        self.say("SES's identities of the accounts' own domains stay; they cost nothing.")
        self.say("docs/deploying.md says how to delete what stays.")

    def _rules_of_ours(self, held: Held) -> Iterator[tuple[str, str]]:
        """Rule set and name of each receipt rule of the active set that brings mail into our bucket."""
        active = rule_sets(self.connect, self.stack).active
        bucket = held.names.get("MailBucket")
        if active is None or bucket is None:
            return
        for rule in self.connect("ses").describe_receipt_rule_set(RuleSetName=active).get("Rules", []):
            if any(action.get("S3Action", {}).get("BucketName") == bucket for action in rule.get("Actions", [])):
                yield active, rule["Name"]

    def _stop_receiving(self, rules: Sequence[tuple[str, str]]) -> None:
        """An active rule set cannot be deleted, and somebody else's set must not keep rules for a bucket nobody reads."""
        sets, ses = rule_sets(self.connect, self.stack), self.connect("ses")
        for rule_set, name in rules:
            ses.delete_receipt_rule(RuleSetName=rule_set, RuleName=name)
        if sets.ours is not None and sets.active == sets.ours:
            ses.set_active_receipt_rule_set()

    def _progress(self, event: Event, done: int, of: int) -> None:
        self.say(bar(event, done, of))


def main(arguments: Sequence[str] | None = None, connect: Callable[[str], Any] = connect) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="make teardown STAGE=…", description="Take a deployment down.")
    parser.add_argument("--stage", type=stage, required=True, help="names the stack: agentsend-STAGE")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    given = parser.parse_args(arguments)
    stack = stack_of(given.stage)
    try:
        Teardown(stack, connect, _say, (lambda _: stack) if given.yes else input)()
    except (CommandFailed, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
