import json
from dataclasses import replace
from typing import Any

import pytest

from embedded.data_folder import PROJECT
from embedded.resources import IGNORED_TYPES, Deployment
from embedded.template import Resource, Template, TemplateError, read_template
from tests.embedded.conftest import REGION, RunningAws

PARAMETERS = {"MailDomain": "agents.test", "QueueVisibilitySeconds": "7"}


@pytest.fixture(scope="module")
def template() -> Template:
    return read_template(PROJECT / "infra" / "resources.yaml")


@pytest.fixture(scope="module")
def deployment(running_aws: RunningAws, template: Template) -> Deployment:
    deployment = Deployment(template, PARAMETERS, running_aws.clients(), REGION)
    deployment.create()
    return deployment


def queue_attributes(aws: RunningAws, url: str) -> dict[str, str]:
    answer = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    attributes: dict[str, str] = answer["Attributes"]
    return attributes


def test_every_function_variable_gets_a_value(deployment: Deployment, template: Template) -> None:
    environment = deployment.environment()
    assert environment.keys() == template.environment.keys()
    assert environment["MAIL_DOMAIN"] == "agents.test"
    assert environment["SES_CONFIGURATION_SET"] == "agentsend-SesConfigurationSet"
    assert environment["RATE_LIMIT_PER_MINUTE"] == "100"  # the template's own default


def test_queues_get_their_time_out_and_their_dead_letter_queue(running_aws: RunningAws, deployment: Deployment) -> None:
    attributes = queue_attributes(running_aws, deployment.ref("SendQueue"))
    redrive = json.loads(attributes["RedrivePolicy"])
    assert attributes["VisibilityTimeout"] == "7"
    assert redrive == {"deadLetterTargetArn": deployment.attribute("SendDeadLetters", "Arn"), "maxReceiveCount": 5}


def test_the_topic_hands_messages_to_the_queue_as_they_are(running_aws: RunningAws, deployment: Deployment) -> None:
    topic = deployment.ref("DeliveryNotificationTopic")
    running_aws.client("sns").publish(TopicArn=topic, Message='{"eventType": "Send"}')
    answer = running_aws.client("sqs").receive_message(
        QueueUrl=deployment.ref("DeliveryNotificationQueue"), WaitTimeSeconds=5
    )
    assert [message["Body"] for message in answer["Messages"]] == ['{"eventType": "Send"}']


def test_the_table_has_its_keys_and_forgets_by_ttl(running_aws: RunningAws, deployment: Deployment) -> None:
    dynamodb = running_aws.client("dynamodb")
    name = deployment.ref("MailTable")
    keys = {key["AttributeName"] for key in dynamodb.describe_table(TableName=name)["Table"]["KeySchema"]}
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert keys == {"pk", "sk"}
    assert (expiry["TimeToLiveStatus"], expiry["AttributeName"]) == ("ENABLED", "ttl")


def test_events_of_the_configuration_set_go_to_the_topic(deployment: Deployment) -> None:
    (destination,) = deployment.event_destinations
    assert destination.configuration_set == deployment.ref("SesConfigurationSet")
    assert destination.topic_arn == deployment.ref("DeliveryNotificationTopic")
    assert {"send", "delivery", "bounce", "complaint", "deliveryDelay"} <= destination.event_types


def test_names_in_decorators_resolve_to_the_created_queues(running_aws: RunningAws, deployment: Deployment) -> None:
    name = deployment.substitute("${SendQueue.QueueName}")
    assert running_aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"] == deployment.ref("SendQueue")


def test_creating_again_keeps_what_is_there_and_brings_queues_up_to_date(
    running_aws: RunningAws, template: Template, deployment: Deployment
) -> None:
    running_aws.client("s3").put_object(Bucket=deployment.ref("MailBucket"), Key="kept", Body=b"kept")
    again = Deployment(template, PARAMETERS | {"QueueVisibilitySeconds": "9"}, running_aws.clients(), REGION)
    again.create()
    kept = running_aws.client("s3").get_object(Bucket=again.ref("MailBucket"), Key="kept")
    assert kept["Body"].read() == b"kept"
    assert again.environment() == deployment.environment()
    assert queue_attributes(running_aws, again.ref("SendQueue"))["VisibilityTimeout"] == "9"
    subscriptions = running_aws.client("sns").list_subscriptions_by_topic(
        TopicArn=again.ref("DeliveryNotificationTopic")
    )
    assert len(subscriptions["Subscriptions"]) == 1
    deployment.create()


def with_resource(template: Template, resource: Resource) -> Template:
    return replace(template, resources={**template.resources, resource.logical_id: resource})


@pytest.mark.parametrize(
    ("kind", "properties", "named"),
    [
        ("AWS::Kinesis::Stream", {}, "AWS::Kinesis::Stream"),
        ("AWS::SQS::Queue", {"DelaySeconds": {"Ref": "Nowhere"}}, "Nowhere"),
        ("AWS::SQS::Queue", {"DelaySeconds": {"Fn::GetAtt": ["SendQueue", "Colour"]}}, "Colour"),
        ("AWS::S3::Bucket", {"ReplicationConfiguration": {}}, "ReplicationConfiguration"),
    ],
)
def test_what_is_not_known_is_an_error_that_names_it(
    running_aws: RunningAws, template: Template, kind: str, properties: dict[str, Any], named: str
) -> None:
    odd = with_resource(template, Resource("Odd", kind, properties))
    with pytest.raises(TemplateError, match=named):
        Deployment(odd, PARAMETERS, running_aws.clients(), REGION).create()


def test_a_parameter_without_a_value_is_named(running_aws: RunningAws, template: Template) -> None:
    with pytest.raises(TemplateError, match="MailDomain"):
        Deployment(template, {}, running_aws.clients(), REGION).ref("MailDomain")


def test_a_table_with_other_keys_is_refused_with_the_way_out(
    running_aws: RunningAws, template: Template, deployment: Deployment
) -> None:
    deployment.create()
    properties = {
        **template.resources["MailTable"].properties,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    }
    changed = with_resource(template, Resource("MailTable", "AWS::DynamoDB::Table", properties))
    with pytest.raises(TemplateError, match="make reset"):
        Deployment(changed, PARAMETERS, running_aws.clients(), REGION).create()


def test_no_type_is_ignored_that_the_template_does_not_have(template: Template) -> None:
    assert {resource.type for resource in template.resources.values()} >= IGNORED_TYPES.keys()


def test_what_stands_on_a_condition_is_there_while_the_condition_holds(
    running_aws: RunningAws, template: Template
) -> None:
    topics = running_aws.client("sns")
    conditional = with_resource(template, Resource("Sometimes", "AWS::SNS::Topic", {}, condition="AlarmsGoByMail"))

    def create(alarm_email: str) -> bool:
        parameters = PARAMETERS | {"AlarmEmail": alarm_email}
        without_mail = {name: each for name, each in conditional.resources.items() if name != "AlarmMail"}
        Deployment(replace(conditional, resources=without_mail), parameters, running_aws.clients(), REGION).create()
        return any(each["TopicArn"].endswith("-Sometimes") for each in topics.list_topics()["Topics"])

    assert (create(""), create("ops@example.com")) == (False, True)


def test_our_rules_go_into_a_rule_set_of_somebody_else_when_it_is_named(
    running_aws: RunningAws, template: Template
) -> None:
    def rule_set(**parameters: str) -> str:
        deployment = Deployment(template, PARAMETERS | parameters, running_aws.clients(), REGION)
        return deployment.environment()["RECEIPT_RULE_SET"]

    assert rule_set() == "agentsend-ReceiptRuleSet"
    assert rule_set(ExistingReceiptRuleSet="theirs") == "theirs"
