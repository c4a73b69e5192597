"""A CloudFormation change set: made, looked at, carried out, and watched until it is over."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.stack import CommandFailed

# They hold what cannot be made again. CloudFormation would put an empty one in their place.
KEPT = frozenset({"MailTable", "MailBucket"})
LOOK_SECONDS = 3.0
_NO_STACK_YET = (None, "REVIEW_IN_PROGRESS")
_NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of one resource: `action` is Add, Modify or Remove."""

    action: str
    logical_id: str
    type: str
    replaces: bool

    @property
    def loses_data(self) -> bool:
        return self.logical_id in KEPT and (self.replaces or self.action == "Remove")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a stack's history."""

    id: str
    at: datetime
    logical_id: str
    status: str
    reason: str

    @property
    def is_failure(self) -> bool:
        return self.status.endswith("_FAILED")

    @property
    def is_done(self) -> bool:
        return self.status.endswith("_COMPLETE")


@dataclass(frozen=True)
class ChangeSet:
    """The difference between a stack and a template."""

    cloudformation: Any
    stack: str
    name: str
    changes: Sequence[Change]
    is_first: bool = False  # there was no stack before

    @classmethod
    def make(
        cls,
        cloudformation: Any,
        stack: str,
        template_url: str,
        parameters: Mapping[str, str],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> "ChangeSet | None":
        """None: there is nothing to change. A parameter that is not named keeps the stack's value. Raises CommandFailed."""
        name = f"deploy-{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
        is_first = status_of(cloudformation, stack) in _NO_STACK_YET
        declared = cloudformation.get_template_summary(TemplateURL=template_url)["Parameters"]
        kept = parameters_of(cloudformation, stack)
        values = {key: value for key, value in kept.items() if key in {each["ParameterKey"] for each in declared}}
        values |= parameters
        cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=name,
            ChangeSetType="CREATE" if is_first else "UPDATE",
            TemplateURL=template_url,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
        )
        while True:
            found = cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)
            if found["Status"] == "CREATE_COMPLETE":
                return cls(cloudformation, stack, name, tuple(_changes(cloudformation, stack, name)), is_first)
            if found["Status"] == "FAILED":
                reason = found.get("StatusReason", "")
                cls(cloudformation, stack, name, (), is_first).discard()
                if any(words in reason for words in _NOTHING_TO_DO):
                    return None
                raise CommandFailed(f"CloudFormation refuses the template: {reason}")
            sleep(LOOK_SECONDS)

    def counts(self) -> dict[str, int]:
        """How many resources are added, changed, replaced and removed."""
        return {
            "add": sum(change.action == "Add" for change in self.changes),
            "change": sum(change.action == "Modify" and not change.replaces for change in self.changes),
            "replace": sum(change.replaces for change in self.changes),
            "remove": sum(change.action == "Remove" for change in self.changes),
        }

    def refuse_losses(self) -> None:
        """Raises CommandFailed when the table or the bucket would be another one, and discards the change set."""
        losses = [change for change in self.changes if change.loses_data]
        if losses:
            self.discard()
            names = " and ".join(change.logical_id for change in losses)
            raise CommandFailed(
                f"{names} would be replaced or removed: the deployment would go on with an empty one.\n"
                "The old one is kept in any case. If that is what you want, say --replace-data."
            )

    def discard(self) -> None:
        """A first one has made a stack of nothing, which goes with it."""
        self.cloudformation.delete_change_set(StackName=self.stack, ChangeSetName=self.name)
        if self.is_first:
            self.cloudformation.delete_stack(StackName=self.stack)

    def carry_out(
        self, progress: Callable[[Event, int, int], None], *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Execute it and wait; `progress` gets every event with how many resources are done, of how many.

        Raises CommandFailed with the first failure, which is the cause of all the others.
        """
        seen = {event.id for event in events_of(self.cloudformation, self.stack)}
        self.cloudformation.execute_change_set(StackName=self.stack, ChangeSetName=self.name)
        concerned = {one.logical_id for one in self.changes}
        failed = "The deployment failed, and CloudFormation puts back what it can."
        follow(self.cloudformation, self.stack, seen, concerned, progress, failed=failed, sleep=sleep)


def follow(
    cloudformation: Any,
    stack: str,
    seen: set[str],
    concerned: set[str],
    progress: Callable[[Event, int, int], None],
    *,
    failed: str,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until the stack rests, telling of each new event. Raises CommandFailed: `failed`, and the first failure."""
    done: set[str] = set()
    failure: Event | None = None
    while True:
        status = status_of(cloudformation, stack)
        for event in events_of(cloudformation, stack):
            if event.id in seen:
                continue
            seen.add(event.id)
            if event.is_done and event.logical_id in concerned:
                done.add(event.logical_id)
            if event.is_failure and failure is None and "cancelled" not in event.reason:
                failure = event
            progress(event, len(done), len(concerned))
        if status is None or not status.endswith("_IN_PROGRESS"):
            break
        sleep(LOOK_SECONDS)
    if failure is not None or (status is not None and ("ROLLBACK" in status or status.endswith("_FAILED"))):
        what = f"{failure.logical_id}: {failure.reason}" if failure else f"the stack is {status}"
        raise CommandFailed(f"{failed} First failure:\n{what}")


def status_of(cloudformation: Any, stack: str) -> str | None:
    """The stack's status; None: there is no such stack."""
    try:
        found: str = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return None if found == "DELETE_COMPLETE" else found


def parameters_of(cloudformation: Any, stack: str) -> dict[str, str]:
    """What the stack was deployed with, by name; nothing when there is no such stack."""
    if status_of(cloudformation, stack) in _NO_STACK_YET:
        return {}
    found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    return {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}


def outputs_of(cloudformation: Any, stack: str) -> dict[str, str]:
    """What the template gives out, by name."""
    found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def events_of(cloudformation: Any, stack: str) -> Iterator[Event]:
    """The stack's history, oldest first; nothing when there is no such stack."""
    try:
        pages = list(cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack))
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return
        raise
    found = [event for page in pages for event in page["StackEvents"]]
    for event in found[::-1]:  # it is answered newest first
        yield Event(
            event["EventId"],
            event["Timestamp"],
            event["LogicalResourceId"],
            event["ResourceStatus"],
            event.get("ResourceStatusReason", ""),
        )


def upload(s3: Any, bucket: str, account: str, files: Mapping[str, Path]) -> None:
    """Put files under their names into the bucket for deployments, which is made private when it is not there.

    The name can be guessed: a bucket of another account, who could exchange the code, is refused.
    """
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise CommandFailed(f"The bucket {bucket} is somebody else's, or not permitted.") from error
        region = s3.meta.region_name
        where: Any = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **where)
        s3.put_public_access_block(
            Bucket=bucket,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
        )
    for name, path in files.items():
        s3.upload_file(str(path), bucket, name, ExtraArgs={"ExpectedBucketOwner": account})


def _changes(cloudformation: Any, stack: str, name: str) -> Iterator[Change]:
    for page in cloudformation.get_paginator("describe_change_set").paginate(StackName=stack, ChangeSetName=name):
        for change in page["Changes"]:
            resource = change["ResourceChange"]
            replaces = resource.get("Replacement") in ("True", "Conditional") and resource["Action"] == "Modify"
            yield Change(resource["Action"], resource["LogicalResourceId"], resource["ResourceType"], replaces)
