"""What is left out of the rehearsal is what the emulator cannot hold or do: an entry that is no longer needed fails here."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse

from infra.package import Package
from tests.infra.full_emulator import (
    ASKED_INSTEAD,
    LOG,
    NOT_DONE,
    NOT_HELD,
    NUMBERS,
    OWN_SETTINGS,
    REGION,
    Account,
    held,
    running,
)

pytestmark = pytest.mark.xdist_group("package")

HERE, ELSEWHERE = "us@here.example.com", "you@example.org"
MAIL = b"Subject: Hello\r\n\r\nHello.\r\n"
TRUSTS_US = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}},
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}},
    ],
}
FUNCTION_OF_A_QUEUE: dict[str, Any] = {
    "Parameters": {"AtOnce": {"Type": "Number", "Default": 2}},
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": TRUSTS_US,
                "Policies": [
                    {
                        "PolicyName": "all",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
                        },
                    }
                ],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.12",
                "Handler": "index.handle",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": "def handle(event, context):\n    return None\n"},
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                "FunctionName": {"Ref": "Function"},
                "ScalingConfig": {"MaximumConcurrency": {"Ref": "AtOnce"}},
            },
        },
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("left_out")


@pytest.fixture(scope="module")
def account(folder: Path) -> Iterator[Account]:
    with running(folder, checks_rights=True) as url:
        yield Account(url, "000000000000")


@pytest.fixture(scope="module")
def whole(package: Package) -> dict[str, Any]:
    read: dict[str, Any] = yaml_parse(package.template.read_text(encoding="utf-8"))
    return read


@pytest.mark.parametrize("type_", NOT_HELD)
def test_a_type_that_is_left_out_is_refused(type_: str, account: Account, whole: dict[str, Any]) -> None:
    assert type_ in {resource["Type"] for resource in whole["Resources"].values()}
    template = {"Resources": {"It": {"Type": type_, "Properties": {"RuleSetName": "x", "Rule": {"Name": "x"}}}}}
    with pytest.raises(ClientError, match="Unrecognized resource types"):
        account.connect("cloudformation").create_stack(StackName="one", TemplateBody=json.dumps(template))


def test_nothing_is_left_out_but_what_is_named(whole: dict[str, Any]) -> None:
    left = held(whole)["Resources"]
    assert {whole["Resources"][name]["Type"] for name in whole["Resources"].keys() - left.keys()} == set(NOT_HELD)
    assert {name for name in NUMBERS if json.dumps({"Ref": name}) in json.dumps(left)} == set()
    for right in ASKED_INSTEAD:
        assert json.dumps(right) in json.dumps(whole)


def test_a_parameter_that_is_filled_in_would_stop_the_queues_as_text(account: Account, folder: Path) -> None:
    cloudformation, sqs = account.connect("cloudformation"), account.connect("sqs")
    cloudformation.create_stack(
        StackName="numbers", TemplateBody=json.dumps(FUNCTION_OF_A_QUEUE), Capabilities=["CAPABILITY_IAM"]
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="numbers", WaiterConfig={"Delay": 1})
    resource = cloudformation.describe_stack_resource(StackName="numbers", LogicalResourceId="Queue")
    queue = resource["StackResourceDetail"]["PhysicalResourceId"]
    sqs.send_message(QueueUrl=queue, MessageBody="one")

    def is_worked_off() -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return set(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"].values()) == {"0"}

    def is_broken() -> bool:
        return "SQS poller error" in (folder / LOG).read_text(encoding="utf-8")

    ends = time.monotonic() + 240
    while not (is_broken() or is_worked_off()) and time.monotonic() < ends:
        time.sleep(0.5)
    assert is_broken()
    cloudformation.delete_stack(StackName="numbers")


@pytest.mark.parametrize("right", ASKED_INSTEAD)
def test_a_right_that_is_given_in_another_way_would_not_do_as_it_is(right: str, account: Account) -> None:
    queue = account.connect("sqs").create_queue(QueueName="rights")["QueueUrl"]
    calls: dict[str, tuple[str, Callable[[Any], object]]] = {
        "ses:SendRawEmail": ("sesv2", send),
        "sqs:SendMessage": (
            "sqs",
            lambda sqs: sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "1", "MessageBody": "one"}]),
        ),
    }
    service, call = calls[right]
    with pytest.raises(ClientError, match="not authorized to perform"):
        call(with_right(account, right, service))


def with_right(account: Account, right: str, service: str) -> Any:
    """A client that may do this and nothing else."""
    iam, name = account.connect("iam"), right.replace(":", "-")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUSTS_US))["Role"]["Arn"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": right, "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="it", PolicyDocument=json.dumps(policy))
    keys = account.connect("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.client(  # type: ignore[call-overload]  # boto3's types want names spelled out
        service,
        endpoint_url=account.url,
        region_name=REGION,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def send(sesv2: Any, to: str = ELSEWHERE, **more: str) -> None:
    sesv2.send_email(FromEmailAddress=HERE, Destination={"ToAddresses": [to]}, Content={"Raw": {"Data": MAIL}}, **more)


@pytest.mark.parametrize("name", NOT_DONE)
def test_what_the_emulator_is_said_not_to_do_it_does_not(name: str, account: Account) -> None:
    account.connect("ses").verify_email_identity(EmailAddress=HERE)
    account.connect("ses").verify_domain_identity(Domain="here.example.com")
    {
        "SES's events": tells_nobody,
        "SES's receiving": delivers_nowhere,
        "own domains": knows_no_mail_from,
    }[name](account)


def tells_nobody(account: Account) -> None:
    sns, sqs, sesv2 = (account.connect(name) for name in ("sns", "sqs", "sesv2"))
    topic, queue = sns.create_topic(Name="events")["TopicArn"], sqs.create_queue(QueueName="events")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{account.number}:events")
    sesv2.create_configuration_set(ConfigurationSetName="events")
    sesv2.create_configuration_set_event_destination(
        ConfigurationSetName="events",
        EventDestinationName="topic",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": ["SEND", "DELIVERY"],
            "SnsDestination": {"TopicArn": topic},
        },
    )
    send(sesv2, ConfigurationSetName="events")
    assert "Messages" not in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)


def delivers_nowhere(account: Account) -> None:
    ses, s3 = account.connect("ses"), account.connect("s3")
    s3.create_bucket(Bucket="received")
    ses.create_receipt_rule_set(RuleSetName="rules")
    rule = {"Name": "all", "Enabled": True, "Actions": [{"S3Action": {"BucketName": "received"}}]}
    ses.create_receipt_rule(RuleSetName="rules", Rule=rule)
    ses.set_active_receipt_rule_set(RuleSetName="rules")
    send(account.connect("sesv2"), HERE)
    assert "Contents" not in s3.list_objects_v2(Bucket="received")


def knows_no_mail_from(account: Account) -> None:
    with pytest.raises(ClientError, match="NotFoundException"):
        account.connect("sesv2").put_email_identity_mail_from_attributes(
            EmailIdentity="here.example.com", MailFromDomain="mail.here.example.com"
        )


def test_settings_of_the_rehearsal_are_no_settings_of_a_deployment(whole: dict[str, Any]) -> None:
    for resource in whole["Resources"].values():
        known = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
        assert known.keys() & OWN_SETTINGS.keys() == set()
    assert whole["Globals"]["Function"]["Environment"]["Variables"].keys() & OWN_SETTINGS.keys() == set()
