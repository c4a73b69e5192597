"""Looks at an account before anything is deployed into it, and changes nothing: what is well, what to know, what stops."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

# Where SES takes mail in for sure (AWS General Reference, "Amazon SES endpoints and quotas", email receiving endpoints). The
# list gets longer; another region takes mail in if there is a server for it.
RECEIVING_REGIONS = frozenset(
    {
        "ap-northeast-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-west-1",
        "eu-west-2",
        "us-east-1",
        "us-east-2",
        "us-west-2",
    }
)
# What a deployment does with the deployer's own hands, and what CloudFormation does with them.
ACTIONS = (
    "cloudformation:CreateChangeSet",
    "cloudformation:ExecuteChangeSet",
    "s3:CreateBucket",
    "s3:PutObject",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "iam:CreateRole",
    "iam:PutRolePolicy",
    "iam:PassRole",
    "lambda:CreateFunction",
    "lambda:CreateEventSourceMapping",
    "lambda:AddPermission",
    "lambda:PutFunctionEventInvokeConfig",
    "lambda:GetFunctionConfiguration",
    "dynamodb:CreateTable",
    "dynamodb:UpdateContinuousBackups",
    "dynamodb:UpdateTimeToLive",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "sqs:CreateQueue",
    "sqs:SetQueueAttributes",
    "sns:CreateTopic",
    "sns:Subscribe",
    "apigateway:POST",
    "events:PutRule",
    "events:PutTargets",
    "cloudwatch:PutMetricAlarm",
    "cloudwatch:PutDashboard",
    "logs:CreateLogGroup",
    "logs:PutRetentionPolicy",
    "logs:PutMetricFilter",
    "ses:CreateEmailIdentity",
    "ses:GetEmailIdentity",
    "ses:CreateConfigurationSet",
    "ses:CreateConfigurationSetEventDestination",
    "ses:CreateReceiptRuleSet",
    "ses:CreateReceiptRule",
    "ses:SetActiveReceiptRuleSet",
)


# Dollars; docs/cost.md has them in full, and a test holds that they are the same.
IDLE_MONTH, MILLION_SENT = 12.42, 125.90


class Weight(Enum):
    """What a finding means for the deployment."""

    FINE = "ok"
    NOTE = "note"
    STOP = "stop"  # nothing is deployed
    FAULT = "fault"  # of what is deployed


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `fix` says what to do about it."""

    weight: Weight
    what: str
    fix: str = ""

    @property
    def text(self) -> str:
        """As it is shown: the fix on lines of its own."""
        more = "".join(f"\n       {line}" for line in self.fix.splitlines())
        return f"{self.weight.value:>5}  {self.what}{more}"


@dataclass(frozen=True, slots=True)
class RuleSets:
    """Which receipt rule set of the region is active, and which one is ours; None: there is none."""

    active: str | None
    ours: str | None

    @property
    def is_foreign(self) -> bool:
        return self.active is not None and self.active != self.ours


def is_in_dns(host: str) -> bool:
    """Whether the host has an address."""
    try:
        return bool(socket.getaddrinfo(host, 25, type=socket.SOCK_STREAM))
    except socket.gaierror:
        return False


def takes_mail_in(region: str, exists: Callable[[str], bool] = is_in_dns) -> bool:
    """Whether SES takes mail in there. `exists`: whether there is such a host."""
    return region in RECEIVING_REGIONS or exists(f"inbound-smtp.{region}.amazonaws.com")


@dataclass(frozen=True)
class Preflight:
    """The questions, each over the client it needs. `connect` makes the client of a service."""

    connect: Callable[[str], Any]
    region: str
    rule_set: str | None  # into which our rule is to go; None: one of our own
    stack: str
    new_identity: str = ""  # the domain that the stack is to make known to SES; empty: none
    exists: Callable[[str], bool] = is_in_dns

    def __call__(self) -> Iterator[Finding]:
        """Every finding; one that cannot be looked at is a note, unless nothing at all can."""
        for look in self._looks():
            try:
                yield look()
            except (ClientError, BotoCoreError) as error:
                name = look.__name__.strip("_").replace("_", " ")
                weight = Weight.STOP if look == self._identity else Weight.NOTE
                yield Finding(weight, f"the {name} cannot be looked at: {error}", "Check AWS_PROFILE and AWS_REGION.")

    def _looks(self) -> Iterator[Callable[[], Finding]]:
        yield from (self._identity, self._region, self._rule_sets)
        if self.new_identity:
            yield self._mail_identity
        yield from (self._sandbox, self._permissions, self._cost)

    def _identity(self) -> Finding:
        who = self.connect("sts").get_caller_identity()
        return Finding(Weight.FINE, f"account {who['Account']} as {who['Arn']}")

    def _region(self) -> Finding:
        if takes_mail_in(self.region, self.exists):
            return Finding(Weight.FINE, f"{self.region} takes mail in")
        regions = ", ".join(sorted(RECEIVING_REGIONS))
        return Finding(Weight.STOP, f"SES takes no mail in in {self.region}", f"Deploy to one of {regions}.")

    def _rule_sets(self) -> Finding:
        sets = rule_sets(self.connect, self.stack)
        if self.rule_set is not None:
            if sets.active == self.rule_set:
                return Finding(Weight.FINE, f"our rule goes into the active receipt rule set {self.rule_set}")
            return Finding(
                Weight.STOP,
                f"the receipt rule set {self.rule_set} is not the active one ({sets.active or 'there is none'})",
                "Name the active one with --rule-set, or none.",
            )
        if sets.is_foreign:
            return Finding(
                Weight.STOP,
                f"the receipt rule set {sets.active} is active, and a region has one at a time; it is left as it is",
                f"Add our rule to it with --rule-set {sets.active}.",
            )
        return Finding(Weight.FINE, "no receipt rule set of anybody else is active")

    def _mail_identity(self) -> Finding:
        try:
            self.connect("sesv2").get_email_identity(EmailIdentity=self.new_identity)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NotFoundException":
                raise
            return Finding(Weight.FINE, f"{self.new_identity} is new to SES here")
        return Finding(
            Weight.STOP,
            f"SES knows {self.new_identity} here already, and CloudFormation makes only what is not there",
            "If whoever made it is to go on looking after it: --parameter MailIdentity=existing. If nobody needs it:\n"
            f"aws sesv2 delete-email-identity --email-identity {self.new_identity}",
        )

    def _sandbox(self) -> Finding:
        account = self.connect("sesv2").get_account()
        quota = account["SendQuota"]
        if not account["ProductionAccessEnabled"]:
            return Finding(
                Weight.NOTE,
                f"SES is in its sandbox: {quota['Max24HourSend']:.0f} mails a day, and only to verified addresses",
                "Ask for production access in the SES console; everything else can be tried meanwhile.",
            )
        return Finding(
            Weight.FINE, f"SES sends {quota['MaxSendRate']:g} a second and {quota['Max24HourSend']:,.0f} a day"
        )

    def _cost(self) -> Finding:
        return Finding(
            Weight.NOTE,
            f"it will cost about ${IDLE_MONTH:.0f} a month at rest and ${MILLION_SENT / 1_000:.2f} for a thousand mails sent, "
            "SES included (docs/cost.md)",
        )

    def _permissions(self) -> Finding:
        arn = self.connect("sts").get_caller_identity()["Arn"]
        if ":assumed-role/" in arn:  # the simulator takes the role, not its session
            account, _, role = arn.replace(":sts:", ":iam:").partition(":assumed-role/")
            arn = f"{account}:role/{role.split('/')[0]}"
        if arn.endswith(":root"):
            return Finding(Weight.NOTE, "these are the root user's credentials", "Use a role or a user instead.")
        answer = self.connect("iam").simulate_principal_policy(PolicySourceArn=arn, ActionNames=list(ACTIONS))
        denied = [
            result["EvalActionName"] for result in answer["EvaluationResults"] if result["EvalDecision"] != "allowed"
        ]
        if denied:
            return Finding(Weight.STOP, f"not permitted: {', '.join(denied)}", "Deploy with credentials that may.")
        return Finding(Weight.FINE, "what a deployment does is permitted")


def rule_sets(connect: Callable[[str], Any], stack: str) -> RuleSets:
    """The active receipt rule set, and the stack's own."""
    active = connect("ses").describe_active_receipt_rule_set().get("Metadata", {}).get("Name")
    try:
        found = connect("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId="ReceiptRuleSet")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return RuleSets(active, None)  # no such stack yet, or one whose rule is in somebody else's set
    return RuleSets(active, found["StackResourceDetail"]["PhysicalResourceId"])
