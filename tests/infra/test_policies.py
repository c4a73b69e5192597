"""The role of each function permits what its code calls, and nothing else: both are written down, and compared."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.settings import settings
from embedded.data_folder import PROJECT
from embedded.template import read_template
from tests.infra.bit_of_everything import recorded
from tests.infra.recorded_calls import A_PERSON
from tests.infra.rights import Right
from tests.storage.engines import Engine
from tests.storage.small_buckets import SMALL, resize

TEMPLATE = read_template(PROJECT / "infra" / "resources.yaml")
ROLES = {
    f"{'ApiHandler' if name == 'APIHandler' else name}Role": name
    for name, resource in TEMPLATE.resources.items()
    if resource.type == "AWS::Serverless::Function"
}
# What Lambda does in the name of a function: write its log and its traces, take from its queue, put a failed run away.
OF_LAMBDA = (
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
)
SOURCES = {
    "SendQueueSender": "SendQueue",
    "DeliveryNotifications": "DeliveryNotificationQueue",
    "InboundNotifications": "InboundNotificationQueue",
    "WebhookWorker": "WebhookQueue",
    "SlowWebhookWorker": "SlowWebhookQueue",
}
ON_SCHEDULE = ("DueWebhooks", "Erasing", "DueDomains", "Housekeeping")


def granted(role: str) -> Iterator[Right]:
    """A role's statements, one right each."""
    (policy,) = TEMPLATE.resources[role].properties["Policies"]
    for statement in policy["PolicyDocument"]["Statement"]:
        assert statement["Effect"] == "Allow"
        for action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                yield Right(action, resource_named(resource))


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def resource_named(resource: Any) -> str:
    if resource == "*":
        return "*"
    if "Fn::GetAtt" in resource:
        name: str = resource["Fn::GetAtt"][0]
        return name
    text = resource["Fn::Sub"]
    known = {
        "${MailBucket.Arn}/*": "MailBucket",
        "identity/*": "identity",
        "${SesConfigurationSet}": "SesConfigurationSet",
    }
    (found,) = (name for end, name in known.items() if text.endswith(end))
    return found


def is_of_lambda(right: Right) -> bool:
    return right.action in OF_LAMBDA or right.resource == "ScheduleDeadLetters"


@pytest.fixture
def calls(
    embedded_engine: Engine,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, set[Right]]:
    try:
        with pytest.MonkeyPatch.context() as monkeypatch:
            resize(monkeypatch, SMALL)
            for name, value in embedded_engine.variables.items():
                monkeypatch.setenv(name, value)
            return recorded(embedded_engine, monkeypatch, tmp_path_factory.mktemp("calls"))
    finally:
        settings.cache_clear()


def test_a_role_has_what_its_function_calls_and_nothing_else(calls: dict[str, set[Right]]) -> None:
    """One test, because the walk takes long and workers of the test run share nothing."""
    assert calls.keys() - {A_PERSON} == set(ROLES.values())
    problems = []
    for role, function in ROLES.items():
        own = {right for right in granted(role) if not is_of_lambda(right)}
        problems += [f"{function} calls and {role} does not permit: {right}" for right in sorted(calls[function] - own)]
        problems += [f"{role} permits and {function} never calls: {right}" for right in sorted(own - calls[function])]
    assert problems == []


@pytest.mark.parametrize("role", ROLES)
def test_what_lambda_does_in_a_functions_name_is_permitted_on_its_own_things_alone(role: str) -> None:
    function = ROLES[role]
    by_lambda = {right for right in granted(role) if is_of_lambda(right)}
    log = f"{'ApiHandler' if function == 'APIHandler' else function}LogGroup"
    wanted = {Right(action, log) for action in OF_LAMBDA[:2]} | {Right(action, "*") for action in OF_LAMBDA[2:4]}
    if function in SOURCES:
        wanted |= {Right(action, SOURCES[function]) for action in OF_LAMBDA[4:]}
    if function in ON_SCHEDULE:
        wanted |= {Right("sqs:SendMessage", "ScheduleDeadLetters")}
    assert by_lambda == wanted


def test_there_is_no_star_where_aws_allows_better() -> None:
    """The Service Authorization Reference lists no resource type for these."""
    stars = {right.action for role in ROLES for right in granted(role) if right.resource == "*"}
    assert stars == {
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
        "ses:GetAccount",
        "ses:CreateReceiptRule",
        "ses:UpdateReceiptRule",
        "ses:DeleteReceiptRule",
    }
    assert not [right.action for role in ROLES for right in granted(role) if "*" in right.action]
