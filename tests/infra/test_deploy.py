"""`make deploy` and `make teardown` against an emulated account, from the look at it to what stays."""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse

from chalicelib.domain.ids import AccountId
from chalicelib.operations.manage_accounts import FIRST_ACCOUNT
from chalicelib.operations.ports import Page, PageRequest
from embedded.data_folder import PROJECT
from infra import change_set, self_test
from infra.after_deploy import activate, show_first_key
from infra.change_set import ChangeSet, parameters_of, status_of, upload
from infra.deploy import Deploy, Wish, main
from infra.package import Package
from infra.preflight import IDLE_MONTH, MILLION_SENT, Preflight, RuleSets, Weight
from infra.self_test import EXPECTED, KEY_VARIABLE
from infra.stack import CommandFailed
from infra.teardown import Teardown
from tests.infra.full_emulator import REGION, Account, held, running
from tests.infra.simulated_api import KEY, SimulatedApi

pytestmark = pytest.mark.xdist_group("package")  # one worker, which has built it

DOMAIN = "agents.example.com"
STACK = "agentsend-try"
FOREIGN = "somebody-elses"
Template = dict[str, Any]
_NUMBERS = count(111111111111)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("account")) as url:
        yield url


@pytest.fixture
def account(emulator: str, monkeypatch: pytest.MonkeyPatch) -> Account:
    """A new one, with nothing in it."""
    monkeypatch.setattr(change_set, "LOOK_SECONDS", 0.1)
    return Account(emulator, str(next(_NUMBERS)))


@pytest.fixture(scope="module")
def whole(package: Package) -> Template:
    read: Template = yaml_parse(package.template.read_text(encoding="utf-8"))
    return read


@pytest.fixture(name="held")
def what_is_held(whole: Template) -> Template:
    return held(whole)


class Terminal:
    """What was said, and what is answered."""

    def __init__(self, answer: str = "yes") -> None:
        self.lines: list[str] = []
        self.asked: list[str] = []
        self.answer = answer

    def say(self, line: str) -> None:
        self.lines.append(line)

    def ask(self, question: str) -> bool:
        self.asked.append(question)
        return self.answer == "yes"

    def type(self, question: str) -> str:
        self.asked.append(question)
        return self.answer

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def deploy(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Terminal]:
    """Deploy a template; what was said."""
    code = tmp_path / "deployment.zip"
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "app = None\n")

    def first_key(_stack: object, show: Callable[[str], None]) -> bool:
        show(KEY)
        return True

    monkeypatch.setattr("infra.deploy.first_key", first_key)
    monkeypatch.delenv(KEY_VARIABLE, raising=False)

    def run(
        template: Template, terminal: Terminal | None = None, api: SimulatedApi | None = None, **wishes: Any
    ) -> Terminal:
        terminal = terminal or Terminal()
        path = tmp_path / "template.yaml"
        path.write_text(yaml.safe_dump(template), encoding="utf-8")
        wish = replace(
            Wish("try", DOMAIN, {"Delivery": "dry-run", "AlarmEmail": "ops@example.com"}, rule_set=FOREIGN), **wishes
        )
        http = api or SimulatedApi()
        Deploy(wish, account.connect, REGION, terminal.say, terminal.ask, lambda: Package(path, code, 1), http)()
        return terminal

    return run


@pytest.fixture
def theirs(account: Account) -> str:
    """A receipt rule set of somebody else, which is active."""
    ses = account.connect("ses")
    ses.create_receipt_rule_set(RuleSetName=FOREIGN)
    ses.create_receipt_rule(RuleSetName=FOREIGN, Rule={"Name": "theirs", "Recipients": ["else.example.com"]})
    ses.set_active_receipt_rule_set(RuleSetName=FOREIGN)
    return FOREIGN


def rules(account: Account) -> list[str]:
    found = account.connect("ses").describe_receipt_rule_set(RuleSetName=FOREIGN)["Rules"]
    return sorted(rule["Name"] for rule in found)


@pytest.mark.usefixtures("theirs")
def test_a_deployment_shows_its_way_and_ends_with_what_a_person_needs(
    account: Account, deploy: Callable[..., Terminal], held: Template
) -> None:
    terminal = deploy(held)

    assert f"account {account.number}" in terminal.lines[0]
    assert f"into the active receipt rule set {FOREIGN}" in terminal.text
    assert "it will cost about $12 a month" in terminal.text
    assert "to add, 0 to change, 0 to replace, 0 to remove" in terminal.text
    assert terminal.asked == ["Carry this out?"]
    bars = [line for line in terminal.lines if line.startswith("[")]
    assert bars[0].startswith("[....")
    assert ".]" not in bars[-1]
    assert all(f" {name} create_complete" in terminal.text for name in ("MailTable", "MailBucket", "SendQueueSender"))
    assert f"10 inbound-smtp.{REGION}.amazonaws.com" in terminal.text
    assert "API: https://" in terminal.text
    assert f"Admin key, shown this once: {KEY}" in terminal.text
    assert "The self-test is for later, as this deployment is a dry run" in terminal.text
    assert "AGENTSEND_API_KEY=… make doctor STAGE=try ARGS=--self-test" in terminal.text
    assert rules(account) == ["theirs"]

    again = deploy(held)
    assert "the stack is up to date" in again.text
    assert again.asked == []


@pytest.mark.usefixtures("theirs")
def test_a_rule_set_of_somebody_else_stops_it_before_anything_is_changed(
    account: Account, deploy: Callable[..., Terminal], held: Template
) -> None:
    terminal = Terminal()
    with pytest.raises(CommandFailed, match="Nothing was changed"):
        deploy(held, terminal, rule_set=None)

    assert f"Add our rule to it with --rule-set {FOREIGN}" in terminal.text
    assert status_of(account.connect("cloudformation"), STACK) is None
    assert account.connect("s3").list_buckets()["Buckets"] == []
    assert account.connect("ses").describe_active_receipt_rule_set()["Metadata"]["Name"] == FOREIGN


def test_our_own_rule_set_is_made_active_only_where_nobody_elses_is(account: Account) -> None:
    ses = account.connect("ses")
    ses.create_receipt_rule_set(RuleSetName="ours")

    assert activate(ses, RuleSets(None, "ours")) == "receipt rule set ours is active now"
    assert ses.describe_active_receipt_rule_set()["Metadata"]["Name"] == "ours"
    assert activate(ses, RuleSets("ours", "ours")) == "receipt rule set ours is active"
    with pytest.raises(CommandFailed, match="left as it is"):
        activate(ses, RuleSets(FOREIGN, "ours"))


@pytest.mark.usefixtures("theirs")
def test_who_says_no_or_only_looks_has_changed_nothing(
    account: Account, deploy: Callable[..., Terminal], held: Template
) -> None:
    refused = deploy(held, Terminal("no"))
    looked = deploy(held, looks_only=True)

    for terminal in (refused, looked):
        assert terminal.lines[-1] == "the stack was not changed"
        assert "create_complete" not in terminal.text
    assert status_of(account.connect("cloudformation"), STACK) is None
    tables = account.connect("dynamodb").list_tables()["TableNames"]
    assert tables == []


@pytest.mark.usefixtures("theirs")
def test_the_first_failure_is_told_with_its_reason(
    account: Account, deploy: Callable[..., Terminal], held: Template
) -> None:
    held["Resources"]["Broken"] = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 50_000}}
    with pytest.raises(CommandFailed, match=r"First failure:\nBroken: .*VisibilityTimeout"):
        deploy(held)

    assert "ROLLBACK" in str(status_of(account.connect("cloudformation"), STACK))
    del held["Resources"]["Broken"]
    with pytest.raises(CommandFailed, match="make teardown STAGE=try"):
        deploy(held)
    sure = Terminal(STACK)
    Teardown(STACK, account.connect, sure.say, sure.type)()
    assert status_of(account.connect("cloudformation"), STACK) is None


@pytest.mark.usefixtures("theirs")
def test_what_is_not_said_again_stays_as_it_was_deployed(
    account: Account, deploy: Callable[..., Terminal], held: Template
) -> None:
    deploy(held)
    before = parameters_of(account.connect("cloudformation"), STACK)
    assert (before["Delivery"], before["AlarmEmail"], before["ExistingReceiptRuleSet"]) == (
        "dry-run",
        "ops@example.com",
        FOREIGN,
    )
    held["Resources"]["SendDeadLetters"]["Properties"]["MessageRetentionPeriod"] = 1_000_000

    deploy(held, parameters={"LogRetentionDays": "90"}, rule_set=None)

    after = parameters_of(account.connect("cloudformation"), STACK)
    assert after == before | {"LogRetentionDays": "90"}
    with pytest.raises(CommandFailed, match="under another STAGE"):
        deploy(held, domain="else.example.com")


@pytest.mark.usefixtures("theirs")
def test_a_deployment_ends_with_its_self_test_and_is_no_success_when_that_is_none(
    deploy: Callable[..., Terminal], held: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_test, "AGAIN_SECONDS", 0.0)
    real = {"Delivery": "email"}
    terminal = deploy(held, parameters=real)
    assert terminal.text.count("   ok  a mail to ") == len(EXPECTED)

    def known(_stack: object, _show: Callable[[str], None]) -> bool:
        return False

    monkeypatch.setattr("infra.deploy.first_key", known)
    assert "as there is no key in AGENTSEND_API_KEY" in deploy(held, parameters=real).text
    monkeypatch.setenv(KEY_VARIABLE, "ask_wrong")
    with pytest.raises(CommandFailed, match="The deployment is done, but not all of it works"):
        deploy(held, terminal, parameters=real)
    assert "401 UNAUTHORIZED" in terminal.text


@pytest.mark.usefixtures("theirs")
def test_a_table_is_replaced_only_if_that_is_said(
    account: Account, deploy: Callable[..., Terminal], held: Template
) -> None:
    deploy(held)
    name = account.connect("dynamodb").list_tables()["TableNames"][0]
    held["Resources"]["MailTable"]["Properties"]["TableName"] = "another"

    with pytest.raises(CommandFailed, match="MailTable would be replaced"):
        deploy(held)
    assert account.connect("dynamodb").list_tables()["TableNames"] == [name]

    looked = deploy(held, looks_only=True, replaces_data=True)
    assert "replaces MailTable (AWS::DynamoDB::Table)" in looked.text
    assert account.connect("dynamodb").list_tables()["TableNames"] == [name]


@pytest.mark.usefixtures("theirs")
def test_a_teardown_takes_all_but_the_mail_and_leaves_what_is_not_ours(
    account: Account, deploy: Callable[..., Terminal], held: Template
) -> None:
    deploy(held)
    bucket = account.connect("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId="MailBucket")[
        "StackResourceDetail"
    ]["PhysicalResourceId"]
    account.connect("ses").create_receipt_rule(
        RuleSetName=FOREIGN, Rule={"Name": "domains-0000", "Actions": [{"S3Action": {"BucketName": bucket}}]}
    )
    account.connect("s3").put_object(Bucket=bucket, Key="raw/kept", Body=b"mail")

    unsure = Terminal("no")
    Teardown(STACK, account.connect, unsure.say, unsure.type)()
    assert unsure.lines[-1] == "nothing was changed"
    assert rules(account) == ["domains-0000", "theirs"]

    sure = Terminal(STACK)
    Teardown(STACK, account.connect, sure.say, sure.type)()

    assert f"MailBucket stays, with all that is in it: {bucket}" in sure.text
    assert any(line.startswith("MailTable stays") for line in sure.lines)
    assert status_of(account.connect("cloudformation"), STACK) is None
    assert account.connect("sqs").list_queues().get("QueueUrls", []) == []
    assert account.connect("s3").get_object(Bucket=bucket, Key="raw/kept")["Body"].read() == b"mail"
    assert len(account.connect("dynamodb").list_tables()["TableNames"]) == 1
    assert rules(account) == ["theirs"]
    with pytest.raises(CommandFailed, match="There is no stack"):
        Teardown(STACK, account.connect, sure.say, sure.type)()


def test_a_region_that_takes_no_mail_in_stops_it_and_a_new_one_that_does_not_stand_in_our_list(
    account: Account,
) -> None:
    asked: list[str] = []

    def weight(region: str, *, exists: bool) -> Weight:
        def is_there(host: str) -> bool:
            asked.append(host)
            return exists

        findings = Preflight(account.connect, region, None, STACK, exists=is_there)()
        (found,) = [finding for finding in findings if region in finding.what]
        assert exists or "eu-west-1" in found.fix
        return found.weight

    assert weight("eu-south-2", exists=False) is Weight.STOP
    assert weight("eu-south-2", exists=True) is Weight.FINE
    assert set(asked) == {"inbound-smtp.eu-south-2.amazonaws.com"}


@pytest.mark.usefixtures("theirs")
def test_a_domain_that_ses_knows_already_stops_it_unless_it_is_said_whose_it_is(
    account: Account, deploy: Callable[..., Terminal], held: Template
) -> None:
    account.connect("sesv2").create_email_identity(EmailIdentity=DOMAIN)
    terminal = Terminal()
    with pytest.raises(CommandFailed, match="Nothing was changed"):
        deploy(held, terminal, looks_only=True)
    assert f" stop  SES knows {DOMAIN} here already" in terminal.text

    parameters = {"MailIdentity": "existing", "Delivery": "dry-run"}
    assert deploy(held, looks_only=True, parameters=parameters).lines[-1] == "the stack was not changed"


class Died(Exception):
    pass


class Keys:
    """The operations of a deployment, as far as the first key needs them."""

    def __init__(self) -> None:
        self.valid: list[str] = []
        self.keys = self
        self.dies = False

    def page(self, account_id: AccountId, _request: PageRequest) -> Page[str]:
        assert account_id == FIRST_ACCOUNT
        return Page(tuple(self.valid), len(self.valid), None)

    def bootstrap(self, text: str) -> None:
        if self.dies:
            raise Died
        self.valid.append(text)


def test_a_key_is_shown_before_it_is_valid_so_that_none_is_valid_that_nobody_has_seen() -> None:
    deployment: Any = Keys()
    shown: list[str] = []
    deployment.dies = True
    with pytest.raises(Died):
        show_first_key(deployment, shown.append)

    deployment.dies = False
    assert show_first_key(deployment, shown.append)
    assert not show_first_key(deployment, shown.append)

    assert len(set(shown)) == 2
    assert deployment.valid == shown[1:]


def test_the_cost_that_is_told_is_that_of_the_document() -> None:
    document = (PROJECT / "docs" / "cost.md").read_text(encoding="utf-8")
    assert f"| **in all** | **{IDLE_MONTH:.2f}** |" in document
    assert f"| **in all** | **{MILLION_SENT:.2f}** |" in document


def test_a_parameter_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stage", "x", "--domain", DOMAIN, "--parameter", "LogRetentionDays"], lambda _: None) == 2
    assert "write NAME=VALUE" in capsys.readouterr().err


def test_a_stage_or_domain_that_was_forgotten_is_refused_with_what_to_say(capsys: pytest.CaptureFixture[str]) -> None:
    for stage, domain, wanted in (
        ("", DOMAIN, "say STAGE=…"),
        ("x y", DOMAIN, "say STAGE=…"),
        ("x", "", "say DOMAIN=…"),
    ):
        with pytest.raises(SystemExit):
            main(["--stage", stage, "--domain", domain], lambda _: None)
        assert wanted in capsys.readouterr().err


def test_the_code_goes_into_no_bucket_of_another_account(tmp_path: Path) -> None:
    class S3:
        def head_bucket(self, *, Bucket: str, ExpectedBucketOwner: str) -> None:  # noqa: N803 - boto3's names
            assert (Bucket, ExpectedBucketOwner) == ("bucket", "111111111111")
            error: Any = {"Error": {"Code": "403"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
            raise ClientError(error, "HeadBucket")

    with pytest.raises(CommandFailed, match="somebody else's"):
        upload(S3(), "bucket", "111111111111", {"code": tmp_path})


def test_a_change_set_that_loses_data_is_discarded() -> None:
    discarded: list[str] = []

    class CloudFormation:
        def delete_change_set(self, *, StackName: str, ChangeSetName: str) -> None:  # noqa: N803 - boto3's names
            discarded.append(f"{StackName}/{ChangeSetName}")

    changes = (change_set.Change("Remove", "MailBucket", "AWS::S3::Bucket", replaces=False),)
    with pytest.raises(CommandFailed, match="MailBucket would be replaced or removed"):
        ChangeSet(CloudFormation(), "stack", "name", changes).refuse_losses()
    assert discarded == ["stack/name"]
