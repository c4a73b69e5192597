"""Whose account it is, how the stack stands, and which package is deployed."""

import re
from collections.abc import Iterator
from pathlib import Path

from infra.checkup.deployed import Deployed
from infra.checkup.findings import fault, note
from infra.package import Package
from infra.preflight import Finding, Weight, takes_mail_in

_PACKAGE = re.compile(r"s3://[^\s\"']+/([0-9a-f]{16})/deployment\.zip")


def identity(deployed: Deployed) -> Iterator[Finding]:
    who = deployed.connect("sts").get_caller_identity()
    yield Finding(Weight.FINE, f"account {who['Account']} as {who['Arn']}, {deployed.region}")
    if not takes_mail_in(deployed.region):
        yield fault(
            f"SES takes no mail in in {deployed.region}", "Deploy to a region where it does: docs/deploying.md."
        )


def stack(deployed: Deployed) -> Iterator[Finding]:
    status, name = deployed.stack["StackStatus"], deployed.name
    changed = deployed.stack.get("LastUpdatedTime") or deployed.stack["CreationTime"]
    if status.endswith("_IN_PROGRESS"):
        yield note(f"the stack {name} is being changed right now ({status}): what follows may be half done")
    elif status.endswith("_FAILED"):
        yield fault(f"the stack {name} is {status}", _fix(deployed, status))
    elif "ROLLBACK" in status:
        yield fault(
            f"the last change of the stack {name} failed and was taken back ({status})",
            f"{deployed.deploy} tries it again, and says what fails first.",
        )
    else:
        yield Finding(Weight.FINE, f"the stack {name} is {status}, last changed {changed:%Y-%m-%d %H:%M} UTC")
    if deployed.stack.get("DriftInformation", {}).get("StackDriftStatus") == "DRIFTED":
        yield fault(
            f"the stack {name} was changed by hand when CloudFormation last looked",
            f"aws cloudformation describe-stack-resource-drifts --stack-name {name}\nshows where; put it back as it was.",
        )


def package(deployed: Deployed, built: Path) -> Iterator[Finding]:
    """Which package it is, and whether the one in `built` is another, if there is one."""
    body = deployed.connect("cloudformation").get_template(StackName=deployed.name, TemplateStage="Original")
    found = _PACKAGE.search(str(body["TemplateBody"]))
    if found is None:
        yield note("which package is deployed cannot be told: it was not deployed with make deploy")
        return
    yield Finding(Weight.FINE, f"package {found[1]} is deployed")
    template, archive = built / "template.yaml", built / "deployment.zip"
    if template.exists() and archive.exists():
        digest = Package(template, archive, 0).digest
        if digest != found[1]:
            yield note(
                f"the package last built here is another one ({digest})",
                f"{deployed.deploy} shows what would change, and asks.",
            )


def _fix(deployed: Deployed, status: str) -> str:
    if status == "UPDATE_ROLLBACK_FAILED":
        return f"aws cloudformation continue-update-rollback --stack-name {deployed.name}"
    return f"make teardown STAGE={deployed.stage} takes it away; table and bucket stay. Then deploy again."
