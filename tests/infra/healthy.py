"""A deployment in the emulated account that nothing is wrong with, and whose answers can be changed for a while."""

import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from chalicelib.operations.ports.domains import Question
from infra.after_deploy import DnsRecord, dns_records
from infra.checkup.api_answers import Answer
from infra.checkup.deployed import Deployed
from infra.checkup.keeping import LIFECYCLE_RULES, TTL
from infra.checkup.kept import Kept
from infra.deploy import Deploy, Wish
from infra.doctor import Doctor
from infra.package import Package
from infra.preflight import Finding, Weight
from tests.infra.full_emulator import REGION, Account

DOMAIN, STAGE, STACK, FOREIGN = "agents.example.com", "sound", "agentsend-sound", "somebody-elses"
NOT_HANDED_ON = {
    "point-in-time recovery is off": "its CloudFormation makes a table without recovery",
    "its time to live is off": "its CloudFormation makes a table without a time to live",
    "keeps for ever": "its CloudFormation makes a bucket without a lifecycle",
    "our receipt rule is not there": "its CloudFormation knows no receipt rules",
    "has not found the DKIM records": "its SES looks for none",
}
"""What the doctor finds of a fresh deployment there, and why: the emulator's CloudFormation or SES does not do that much."""
Change = Callable[..., Any]


@dataclass
class World:
    """An account; `changed` has what answers in place of a method of a client, given the method itself."""

    account: Account
    changed: dict[tuple[str, str], Change] = field(default_factory=dict)

    def connect(self, service: str) -> Any:
        return _Client(self, service)

    @contextmanager
    def answering(self, service: str, method: str, change: Change) -> Iterator[None]:
        self.changed[service, method] = change
        try:
            yield
        finally:
            del self.changed[service, method]


class _Client:
    def __init__(self, world: World, service: str) -> None:
        self._world, self._service = world, service

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._world.account.connect(self._service), name)
        change = self._world.changed.get((self._service, name))
        return real if change is None else lambda *args, **more: change(real, *args, **more)


class Zone:
    """Has all records, but those that are taken out by name."""

    def __init__(self, records: Collection[DnsRecord]) -> None:
        self.records = {(record.name, record.type): record.value for record in records}
        self.silent = False

    def find(self, questions: Collection[Question]) -> Mapping[Question, tuple[str, ...] | None]:
        return {each: self._found(each) for each in questions}

    def _found(self, question: Question) -> tuple[str, ...] | None:
        value = self.records.get((question.name, question.type.value))
        if self.silent:
            return None
        return () if value is None else (value,)


def stranger(_method: str, _url: str, _headers: Mapping[str, str], _body: object = None) -> Answer:
    """What the API answers to whoever has no key."""
    return Answer(401, {"error": {"code": "UNAUTHORIZED", "requestId": "r"}})


@dataclass
class Sound:
    """The deployment, and what the doctor makes of it."""

    world: World
    zone: Zone
    kept: Kept = field(default_factory=lambda: Kept({}, (), has_key=True))
    http: Any = stranger
    built: Path = Path("nothing was built")

    @cached_property
    def deployed(self) -> Deployed:
        """Read once: what is broken keeps its name."""
        return Deployed.read(STAGE, REGION, self.world.account.connect)

    def client(self, service: str) -> Any:
        return self.world.account.connect(service)

    def called(self, logical_id: str) -> str:
        return self.deployed.called(logical_id)

    def doctor(self) -> Doctor:
        return Doctor(STAGE, REGION, self.world.connect, self.zone, self.http, lambda _: self.kept, self.built)

    def findings(self) -> list[Finding]:
        return list(self.doctor()())

    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings() if finding.weight is Weight.FAULT]

    def mend(self) -> None:
        """Everything in `NOT_HANDED_ON`."""
        table, bucket = self.called("MailTable"), self.called("MailBucket")
        dynamodb = self.client("dynamodb")
        dynamodb.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL})
        self.client("s3").put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": LIFECYCLE_RULES}
        )
        self.client("ses").create_receipt_rule(RuleSetName=FOREIGN, Rule=self.rule())
        self.world.changed["sesv2", "get_email_identity"] = signed

    def rule(self, **changed: Any) -> dict[str, Any]:
        action = {
            "BucketName": self.called("MailBucket"),
            "ObjectKeyPrefix": "inbound/",
            "TopicArn": self.called("InboundNotificationTopic"),
        }
        rule = {"Name": "agentsend", "Enabled": True, "ScanEnabled": True, "TlsPolicy": "Optional"}
        return {**rule, "Recipients": [DOMAIN], "Actions": [{"S3Action": action}], **changed}


def signed(real: Change, **asked: Any) -> Any:
    """An identity as SES shows it once its records are found."""
    dkim = {"Status": "SUCCESS", "SigningEnabled": True, "Tokens": ["one", "two", "three"]}
    known = real(**asked)
    return {
        **known,
        "DkimAttributes": dkim,
        "MailFromAttributes": {**known["MailFromAttributes"], "MailFromDomainStatus": "SUCCESS"},
    }


def deploy(account: Account, template: Mapping[str, Any], folder: Path) -> Sound:
    """Deploy it as `make deploy` does, into somebody else's rule set; the first key is nobody's."""
    ses = account.connect("ses")
    ses.create_receipt_rule_set(RuleSetName=FOREIGN)
    ses.set_active_receipt_rule_set(RuleSetName=FOREIGN)
    code, path = folder / "deployment.zip", folder / "template.yaml"
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "app = None\n")
    path.write_text(yaml.safe_dump(template), encoding="utf-8")
    wish = Wish(STAGE, DOMAIN, {"AlarmEmail": "ops@example.com"}, rule_set=FOREIGN)
    Deploy(wish, account.connect, REGION, lambda _: None, lambda _: True, lambda: Package(path, code, 1))()
    world = World(account)
    with world.answering("sesv2", "get_email_identity", signed):
        return Sound(world, Zone(dns_records(world.connect("sesv2"), DOMAIN, REGION)))
