"""A deployment as it is looked at: its stack's resources, parameters and outputs, and the clients that ask about them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.stack import stack_of

PERIOD_SECONDS = 300  # of what is read from CloudWatch


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the stack: `name` is what its own service calls it, a name, a URL or an ARN."""

    logical_id: str
    type: str
    name: str


class NotInStack(Exception):
    """The stack has no resource of this logical id."""


@dataclass(frozen=True)
class Deployed:
    """A stage that was deployed. `connect` makes the client of a service."""

    stage: str
    region: str
    connect: Callable[[str], Any]
    stack: Mapping[str, Any]  # as CloudFormation describes it
    resources: Mapping[str, Resource]  # by their logical ids
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]

    @classmethod
    def read(cls, stage: str, region: str, connect: Callable[[str], Any]) -> "Deployed":
        """Raises ClientError, also when there is no such stack."""
        cloudformation = connect("cloudformation")
        stack = cloudformation.describe_stacks(StackName=stack_of(stage))["Stacks"][0]
        found = [
            Resource(each["LogicalResourceId"], each["ResourceType"], each.get("PhysicalResourceId", ""))
            for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_of(stage))
            for each in page["StackResourceSummaries"]
            if each.get("ResourceStatus") != "DELETE_COMPLETE"
        ]
        return cls(
            stage,
            region,
            connect,
            stack,
            {resource.logical_id: resource for resource in found},
            {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])},
            {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])},
        )

    @property
    def name(self) -> str:
        return stack_of(self.stage)

    @property
    def domain(self) -> str:
        return self.parameters.get("MailDomain", "")

    @property
    def sends_for_real(self) -> bool:
        return self.parameters.get("Delivery") != "dry-run"

    @property
    def deploy(self) -> str:
        """The command that brings it up to date."""
        return f"make deploy STAGE={self.stage} DOMAIN={self.domain}"

    def called(self, logical_id: str) -> str:
        """What a resource's own service calls it. Raises NotInStack."""
        if logical_id not in self.resources:
            raise NotInStack(logical_id)
        return self.resources[logical_id].name

    def of_type(self, type_: str) -> Sequence[Resource]:
        """In the order of their logical ids."""
        return sorted(
            (resource for resource in self.resources.values() if resource.type == type_),
            key=lambda each: each.logical_id,
        )

    def measured(
        self, namespace: str, metric: str, stat: str, things: Mapping[str, Mapping[str, str]], *, hours: float = 1
    ) -> dict[str, list[float]]:
        """A metric's values of the last hours by thing, newest first, one for every five minutes that has one.

        `things` has the dimensions by which CloudWatch knows each.
        """
        names, now = list(things), datetime.now(UTC)
        queries = [
            {"Id": f"m{number}", "MetricStat": {"Metric": metric_, "Period": PERIOD_SECONDS, "Stat": stat}}
            for number, name in enumerate(names)
            for metric_ in [_metric(namespace, metric, things[name])]
        ]
        answer = self.connect("cloudwatch").get_metric_data(
            MetricDataQueries=queries,
            StartTime=now - timedelta(hours=hours),
            EndTime=now,
            ScanBy="TimestampDescending",
        )
        return {names[int(each["Id"][1:])]: each.get("Values", []) for each in answer["MetricDataResults"]}


def _metric(namespace: str, metric: str, dimensions: Mapping[str, str]) -> dict[str, Any]:
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    return {"Namespace": namespace, "MetricName": metric, "Dimensions": named}
