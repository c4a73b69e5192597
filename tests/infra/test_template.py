"""What the template promises beyond being valid: nothing is lost between services, data stays, the API has one shape."""

import json
from collections import defaultdict
from typing import Any

import msgspec
import pytest

from app import app
from chalicelib.api.errors import STATUS, ErrorJson
from chalicelib.domain.errors import ErrorCode
from embedded.data_folder import PROJECT
from embedded.gateway_errors import ANSWER_TOO_LARGE, FUNCTION_FAILED, REQUEST_TOO_LARGE
from embedded.template import read_template
from infra.every_method import ANY, take_every_method
from tests.factories.api_events import make_event

TEMPLATE = read_template(PROJECT / "infra" / "resources.yaml")
ON_SCHEDULE = ("DueWebhooks", "Erasing", "DueDomains", "Housekeeping")


def of_type(name: str) -> dict[str, Any]:
    return {
        logical_id: resource.properties
        for logical_id, resource in TEMPLATE.resources.items()
        if resource.type == f"AWS::{name}"
    }


def gateway_answers() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = of_type("Serverless::Api")["RestAPI"]["DefinitionBody"][
        "x-amazon-apigateway-gateway-responses"
    ]
    return found


# ------------------------------------------------------------------------------------------- nothing is lost, data stays


def test_what_a_topic_cannot_deliver_goes_to_dead_letters_that_it_may_write_to() -> None:
    writable = {
        arn["Fn::GetAtt"][0]
        for policy in of_type("SQS::QueuePolicy").values()
        for arn in as_list(policy["PolicyDocument"]["Statement"][0]["Resource"])
    }
    subscriptions = [each for each in of_type("SNS::Subscription").values() if each["Protocol"] == "sqs"]
    assert len(subscriptions) == 2
    for subscription in subscriptions:
        assert subscription["Endpoint"]["Fn::GetAtt"][0] in writable
        assert subscription["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] in writable


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("name", ON_SCHEDULE)
def test_a_run_of_a_schedule_that_fails_or_does_not_take_place_is_a_dead_letter(name: str) -> None:
    function = of_type("Serverless::Function")[name]
    target = {"Fn::GetAtt": ["ScheduleDeadLetters", "Arn"]}
    (event,) = function["Events"].values()
    assert event["Properties"]["DeadLetterConfig"] == {"Arn": target}
    assert function["EventInvokeConfig"]["DestinationConfig"]["OnFailure"] == {"Type": "SQS", "Destination": target}


def test_every_function_runs_on_a_queue_on_a_schedule_or_for_the_api() -> None:
    on_queues = {
        "SendQueueSender",
        "DeliveryNotifications",
        "InboundNotifications",
        "WebhookWorker",
        "SlowWebhookWorker",
    }
    assert of_type("Serverless::Function").keys() == {"APIHandler", *ON_SCHEDULE, *on_queues}
    assert all(TEMPLATE.reports_batch_item_failures(name) for name in on_queues)


def test_so_many_batches_are_sent_at_once_and_no_more() -> None:
    (event,) = of_type("Serverless::Function")["SendQueueSender"]["Events"].values()
    assert event["Properties"]["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "SenderConcurrency"}}


def test_table_and_bucket_outlive_their_stack() -> None:
    text = (PROJECT / "infra" / "resources.yaml").read_text(encoding="utf-8")
    assert text.count("DeletionPolicy: Retain") == text.count("UpdateReplacePolicy: Retain") == 2
    table = of_type("DynamoDB::Table")["MailTable"]
    assert table["DeletionProtectionEnabled"]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_no_address_is_suppressed_behind_our_back() -> None:
    assert of_type("SES::ConfigurationSet")["SesConfigurationSet"]["SuppressionOptions"] == {"SuppressedReasons": []}


def test_mail_comes_in_for_the_deployments_own_domain_alone() -> None:
    (rule,) = of_type("SES::ReceiptRule").values()
    assert rule["Rule"]["Recipients"] == [{"Ref": "MailDomain"}]


def test_every_parameter_says_what_it_is() -> None:
    assert [name for name, each in TEMPLATE.parameters.items() if len(each.get("Description", "")) < 20] == []


# ------------------------------------------------------------------------------------------------------------ the API


@pytest.mark.parametrize("name", gateway_answers())
def test_what_the_gateway_answers_by_itself_has_the_shape_of_every_error(name: str) -> None:
    answer = gateway_answers()[name]
    text = answer["responseTemplates"]["application/json"].replace("$context.error.messageString", '"Why."')
    error = msgspec.json.decode(text, type=ErrorJson).error
    assert str(error.status) == answer["statusCode"]
    assert STATUS[error.code] == error.status or (error.code, error.status // 100) == (ErrorCode.INTERNAL_ERROR, 5)
    assert msgspec.json.decode(msgspec.json.encode(ErrorJson(error))) == json.loads(text)
    assert answer["responseParameters"]["gatewayresponse.header.x-request-id"] == "context.requestId"


@pytest.mark.parametrize(
    ("name", "embedded"),
    [
        ("REQUEST_TOO_LARGE", REQUEST_TOO_LARGE),
        ("DEFAULT_5XX", FUNCTION_FAILED),
        ("DEFAULT_5XX", ANSWER_TOO_LARGE),
    ],
)
def test_the_embedded_gateway_answers_with_the_same_code(name: str, embedded: Any) -> None:
    answer = json.loads(gateway_answers()[name]["responseTemplates"]["application/json"])["error"]
    assert (answer["code"], answer["status"]) == (embedded.code, embedded.status)


def test_every_path_takes_every_method() -> None:
    integration = {"uri": "ours"}
    paths = {"/a": {"get": {"x-amazon-apigateway-integration": integration, "summary": "kept"}}}
    template = {"Resources": {"RestAPI": {"Properties": {"DefinitionBody": {"paths": paths}}}}}

    take_every_method(template)

    assert paths["/a"]["get"]["summary"] == "kept"
    assert paths["/a"][ANY]["x-amazon-apigateway-integration"] == integration


def test_a_method_that_a_path_does_not_have_is_answered_in_our_shape() -> None:
    answer = app(make_event("DELETE", "/inboxes", resource="/inboxes"), None)
    error = json.loads(answer["body"])["error"]
    assert (answer["statusCode"], error["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert "POST" in error["fix"]


def test_at_each_place_of_a_path_stands_one_variable() -> None:
    """API Gateway takes no second name for it: "a sibling of this resource already has a variable path part"."""
    names = defaultdict(set)
    for path in app.routes:
        parts = path.strip("/").split("/")
        for place, part in enumerate(parts):
            if part.startswith("{") and not part.endswith("+}"):
                names[tuple(parts[:place])].add(part)
    assert len(names) > 5
    assert {place: found for place, found in names.items() if len(found) > 1} == {}
