"""The system as it was deployed into the emulated account: by its API, and by what AWS does to it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import yaml
from samtranslator.yaml_helper import yaml_parse

from chalicelib.domain.arrival import Authentication, Verdict
from embedded.data_folder import PROJECT
from embedded.mail_bucket import MailBucket
from embedded.ses_inbound import Envelope, SesInbound, derived_ses_message_id
from embedded.ses_notices import ReceiptRule
from infra.package import Package
from infra.stack import stack_of
from tests.infra.full_emulator import OWN_SETTINGS, REGION, Account, held, running

STAGE, DOMAIN, RULES = "rehearsal", "agents.example.com", "active"
STACK = stack_of(STAGE)
PATIENCE_SECONDS = 240  # of a machine that is busy with other things
LOOK_SECONDS = 1.5  # a key has a hundred requests a minute
ON_SCHEDULE = ("DueWebhooks", "Erasing", "DueDomains", "Housekeeping")

Say = Callable[[str], None]


@dataclass
class DeployedSystem:
    """What a journey has at hand. `names` are AWS's names of the resources, by logical id."""

    account: Account
    url: str
    key: str
    names: dict[str, str]
    say: Say

    def api(self, method: str, path: str, body: object = None, *, once: str = "", status: int | None = None) -> Any:
        """Ask the API through the emulated API Gateway; the JSON of its answer."""
        headers = {"x-api-key": self.key} | ({"Idempotency-Key": once} if once else {})
        answer = httpx.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=PATIENCE_SECONDS)
        right = answer.status_code < 400 if status is None else answer.status_code == status
        assert right, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def publish(self, topic_arn: str, message: str) -> None:
        self.account.connect("sns").publish(TopicArn=topic_arn, Message=message)

    def arrive(self, raw: bytes, seed: str, sender: str, *recipients: str) -> None:
        """What SES does with a mail for us: the object, then the notice. The same seed is the same mail."""
        bucket, topic = self.names["MailBucket"], self.names["InboundNotificationTopic"]
        inbound = SesInbound(
            MailBucket(self.account.connect("s3"), bucket), self.publish, ReceiptRule(bucket, topic, REGION)
        )
        envelope = Envelope(sender, recipients, "mail.example.net (mail.example.net [192.0.2.1])")
        inbound.take(derived_ses_message_id(seed), envelope, raw, Authentication(dmarc=Verdict.PASS))

    def ses_message_id(self, known: set[str]) -> str:
        """What SES called the one mail that is not among those known: by this its events are found."""
        items = self.account.connect("dynamodb").scan(TableName=self.names["MailTable"], ConsistentRead=True)["Items"]
        (found,) = {item["pk"]["S"][2:] for item in items if item["pk"]["S"].startswith("S#")} - known
        return str(found)

    def objects(self, prefix: str = "") -> set[str]:
        answer = self.account.connect("s3").list_objects_v2(Bucket=self.names["MailBucket"], Prefix=prefix)
        return {each["Key"] for each in answer.get("Contents", [])}

    def letters(self, queue: str) -> list[str]:
        """What lies in a dead-letter queue; it stays there."""
        answer = self.account.connect("sqs").receive_message(
            QueueUrl=self.names[queue], VisibilityTimeout=0, MaxNumberOfMessages=10
        )
        return [letter["Body"] for letter in answer.get("Messages", [])]

    def log(self, function: str) -> list[str]:
        """The lines of a function's log group."""
        pages = self.account.connect("logs").get_paginator("filter_log_events")
        group = f"/agentsend/{STACK}/{function}"
        return [event["message"] for page in pages.paginate(logGroupName=group) for event in page["events"]]

    def runs(self, function: str) -> int:
        """How many runs of a function are over."""
        return sum(line.startswith("REPORT ") for line in self.log(function))

    def set(self, function: str, **changes: str) -> None:
        """Change settings of a function, which begins anew with them."""
        functions, name = self.account.connect("lambda"), self.names[function]
        known = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": known | changes})


def until(look: Callable[[], Any], satisfied: Callable[[Any], object]) -> Any:
    """What is seen once it is as it should be."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not satisfied(seen := look()):
        assert time.monotonic() < ends, f"still not so after {PATIENCE_SECONDS} seconds: {seen}"
        time.sleep(LOOK_SECONDS)
    return seen


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def deployed(package: Package, folder: Path, say: Say) -> Iterator[DeployedSystem]:
    """Deploy it into an emulator of its own, which ends with it."""
    template = folder / "template.yaml"
    template.write_text(yaml.safe_dump(held(yaml_parse(package.template.read_text(encoding="utf-8")))), "utf-8")
    with running(folder, checks_rights=True) as url:
        account = Account(url, "000000000000")
        key = _deploy(account, template, package.zip, say)
        names = _names(account)
        system = DeployedSystem(account, f"{url}/restapis/{names['RestAPI']}/api/_user_request_", key, names, say)
        _refuses_this_machine(system)
        for function in ("APIHandler", "WebhookWorker", "SlowWebhookWorker"):
            system.set(function, **dict.fromkeys(OWN_SETTINGS, "yes"))
        yield system


def _deploy(account: Account, template: Path, code: Path, say: Say) -> str:
    """The first admin key."""
    ses = account.connect("ses")
    ses.create_receipt_rule_set(RuleSetName=RULES)
    ses.set_active_receipt_rule_set(RuleSetName=RULES)
    command = [sys.executable, "-m", "tests.infra.deploy_held", str(template), str(code), STAGE, DOMAIN, RULES]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    lines: list[str] = []
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        env=kept | account.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            say(line.rstrip())
            lines.append(line.rstrip())
    assert run.returncode == 0, "\n".join(lines)
    (key,) = [line.partition(": ")[2] for line in lines if line.startswith("Admin key")]
    return key


def _names(account: Account) -> dict[str, str]:
    pages = account.connect("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
    return {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for page in pages
        for each in page["StackResourceSummaries"]
    }


def _refuses_this_machine(system: DeployedSystem) -> None:
    """As deployed, no webhook calls the machine it runs on; else the setting would not be needed."""
    system.api("POST", "/webhooks", {"url": "http://127.0.0.1:9/"}, status=400)


def schedule_event(system: DeployedSystem, rule: str) -> str:
    """What EventBridge hands to a function (EventBridge guide, "Events from AWS services": scheduled events)."""
    return json.dumps(
        {
            "version": "0",
            "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": system.account.number,
            "time": now().isoformat(timespec="seconds"),
            "region": REGION,
            "resources": [rule],
            "detail": {},
        }
    )
