"""Creates what infra/resources.yaml defines on the emulated AWS, as often as asked, and tells its names."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from embedded.template import Resolver, Resource, Template, TemplateError

STACK_NAME = "agentsend"
ACCOUNT_ID = "000000000000"

# What needs nothing here, and why. A type in neither list is an error, so that nothing is left out by accident.
IGNORED_TYPES = {
    "AWS::CloudWatch::Alarm": "nothing here measures; dead letters are put back at every start",
    "AWS::CloudWatch::Dashboard": "nothing here measures",
    "AWS::IAM::Role": "the emulator checks no permissions",
    "AWS::Logs::LogGroup": "the log goes to the terminal",
    "AWS::Logs::MetricFilter": "nothing here measures",
    "AWS::S3::BucketPolicy": "the emulator checks no permissions",
    "AWS::SES::EmailIdentity": "the simulator knows the mail domain",
    "AWS::SES::ReceiptRule": "the SMTP door does what the rule says",
    "AWS::SES::ReceiptRuleSet": "the SMTP door does what its rule says",
    "AWS::SNS::TopicPolicy": "the emulator checks no permissions",
    "AWS::SQS::QueuePolicy": "the emulator checks no permissions",
    "AWS::Serverless::Api": "http_gateway serves the app's routes",
    "AWS::Serverless::Function": "http_gateway and event_pump call the functions",
}

_IGNORED_PROPERTIES = {
    "AWS::DynamoDB::Table": {
        "PointInTimeRecoverySpecification",  # a local engine has no backups
        "DeletionProtectionEnabled",  # `make reset` must be able to delete
        "TimeToLiveSpecification",  # set by a call of its own
    },
    "AWS::S3::Bucket": {
        "PublicAccessBlockConfiguration",  # nobody else reaches it
        "BucketEncryption",
        "LifecycleConfiguration",  # ministack expires nothing
    },
    "AWS::SES::ConfigurationSet": {"SuppressionOptions"},  # the simulator suppresses nothing
}


@dataclass(frozen=True, slots=True)
class Created:
    """A resource as others refer to it: its `Ref` and its `GetAtt` attributes."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventDestination:
    """Where SES publishes the events of a configuration set, and which (`send`, `bounce`, `deliveryDelay` …)."""

    configuration_set: str
    topic_arn: str
    event_types: frozenset[str]


@dataclass(frozen=True, slots=True)
class AwsClients:
    """boto3 clients of the services the resources live in."""

    dynamodb: Any
    sqs: Any
    sns: Any
    s3: Any


class Deployment:
    """The template's resources on one region's clients; each is created when it is first referred to."""

    def __init__(self, template: Template, parameters: Mapping[str, str], clients: AwsClients, region: str) -> None:
        self.template = template
        self.event_destinations: list[EventDestination] = []
        self._parameters = parameters
        self._clients = clients
        self._region = region
        self._created: dict[str, Created] = {}
        self._resolver = Resolver(self.ref, self.attribute, self.holds)
        self._creators: dict[str, Callable[[Resource, dict[str, Any]], Created]] = {
            "AWS::DynamoDB::Table": self._create_table,
            "AWS::SQS::Queue": self._create_queue,
            "AWS::SNS::Topic": self._create_topic,
            "AWS::SNS::Subscription": self._create_subscription,
            "AWS::S3::Bucket": self._create_bucket,
            "AWS::SES::ConfigurationSet": self._create_configuration_set,
            "AWS::SES::ConfigurationSetEventDestination": self._create_event_destination,
        }

    def create(self) -> None:
        """Create everything; what is there already is left as it is, or brought to what the template says."""
        for resource in self.template.resources.values():
            if resource.type not in IGNORED_TYPES and (resource.condition is None or self.holds(resource.condition)):
                self._create_once(resource)

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template holds, by the parameters."""
        if condition not in self.template.conditions:
            raise TemplateError(f"{condition} is no condition of the template")
        return bool(self._resolver.resolve(self.template.conditions[condition]))

    def ref(self, name: str) -> Any:
        """What `!Ref name` gives: a parameter's value, a pseudo parameter's, or a resource's name, URL or ARN."""
        if name in self.template.parameters:
            return self._parameter(name)
        pseudo = {"Region": self._region, "AccountId": ACCOUNT_ID, "Partition": "aws", "StackName": STACK_NAME}
        if name.startswith("AWS::") and name[5:] in pseudo:
            return pseudo[name[5:]]
        return self._resource(name).ref

    def attribute(self, logical_id: str, attribute: str) -> str:
        """What `!GetAtt logical_id.attribute` gives."""
        attributes = self._resource(logical_id).attributes
        if attribute not in attributes:
            raise TemplateError(f"{logical_id} has no attribute {attribute} that embedded/resources.py knows")
        return attributes[attribute]

    def substitute(self, text: str) -> str:
        """`!Sub text`: Chalice's decorators name queues like this."""
        return self._resolver.substitute(text)

    def environment(self) -> dict[str, str]:
        """The environment variables every function gets."""
        return {name: str(self._resolver.resolve(value)) for name, value in self.template.environment.items()}

    def _parameter(self, name: str) -> str:
        value = self._parameters.get(name, self.template.parameters[name].get("Default"))
        if value is None:
            raise TemplateError(f"the template's parameter {name} has no default, and embedded/ gives it no value")
        return str(value)

    def _resource(self, logical_id: str) -> Created:
        resource = self.template.resources.get(logical_id)
        if resource is None:
            raise TemplateError(f"{logical_id} is neither a parameter nor a resource of the template")
        if resource.type in IGNORED_TYPES:
            return Created(_physical_name(resource))
        return self._create_once(resource)

    def _create_once(self, resource: Resource) -> Created:
        if resource.logical_id not in self._created:
            create = self._creators.get(resource.type)
            if create is None:
                raise TemplateError(
                    f"{resource.logical_id} is of type {resource.type}, which embedded/resources.py neither creates "
                    "nor lists as one to ignore"
                )
            ignored = _IGNORED_PROPERTIES.get(resource.type, set())
            wanted = {name: value for name, value in resource.properties.items() if name not in ignored}
            self._created[resource.logical_id] = create(resource, self._resolver.resolve(wanted))
        return self._created[resource.logical_id]

    def _create_table(self, resource: Resource, properties: dict[str, Any]) -> Created:
        name = properties.setdefault("TableName", _physical_name(resource))
        dynamodb = self._clients.dynamodb
        try:
            table = dynamodb.describe_table(TableName=name)["Table"]
        except dynamodb.exceptions.ResourceNotFoundException:
            table = dynamodb.create_table(**properties)["TableDescription"]
            dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        _check_same_keys(table, properties)
        expiry = resource.properties.get("TimeToLiveSpecification")
        status = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"]
        if expiry and status == "DISABLED":
            dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
        return Created(name, {"Arn": table["TableArn"]})

    def _create_queue(self, resource: Resource, properties: dict[str, Any]) -> Created:
        name = properties.pop("QueueName", _physical_name(resource))
        attributes = {key: value if isinstance(value, str) else json.dumps(value) for key, value in properties.items()}
        sqs = self._clients.sqs
        try:
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        except sqs.exceptions.QueueDoesNotExist:
            url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        else:
            if attributes:
                sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return Created(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})

    def _create_topic(self, resource: Resource, properties: dict[str, Any]) -> Created:
        name = properties.pop("TopicName", _physical_name(resource))
        arn = self._clients.sns.create_topic(Name=name, Attributes=properties)["TopicArn"]
        return Created(arn, {"TopicArn": arn, "TopicName": name})

    def _create_subscription(self, _resource: Resource, properties: dict[str, Any]) -> Created:
        addressed = {name: properties.pop(name) for name in ("Protocol", "TopicArn", "Endpoint")}
        arn = self._clients.sns.subscribe(**addressed, ReturnSubscriptionArn=True)["SubscriptionArn"]
        for name, value in properties.items():
            text = value if isinstance(value, str) else json.dumps(value)
            self._clients.sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=text)
        return Created(arn)

    def _create_bucket(self, resource: Resource, properties: dict[str, Any]) -> Created:
        name = properties.pop("BucketName", _physical_name(resource).lower())
        if properties:
            raise TemplateError(f"{resource.logical_id}: embedded/resources.py does not know {', '.join(properties)}")
        s3 = self._clients.s3
        try:
            s3.head_bucket(Bucket=name)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            s3.create_bucket(Bucket=name, **_location(self._region))
        return Created(name, {"Arn": f"arn:aws:s3:::{name}"})

    def _create_configuration_set(self, resource: Resource, properties: dict[str, Any]) -> Created:
        return Created(properties.get("Name", _physical_name(resource)))

    def _create_event_destination(self, resource: Resource, properties: dict[str, Any]) -> Created:
        destination = properties["EventDestination"]
        if destination.get("Enabled"):
            self.event_destinations.append(
                EventDestination(
                    configuration_set=properties["ConfigurationSetName"],
                    topic_arn=destination["SnsDestination"]["TopicARN"],
                    event_types=frozenset(destination["MatchingEventTypes"]),
                )
            )
        return Created(_physical_name(resource))


def _physical_name(resource: Resource) -> str:
    """The name CloudFormation would make up, without its random tail: there is one stack a data folder."""
    return f"{STACK_NAME}-{resource.logical_id}"


def _location(region: str) -> dict[str, Any]:
    """S3 refuses a location constraint in us-east-1 and demands one elsewhere (CreateBucket)."""
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _check_same_keys(table: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """A table of an older layout cannot be read; better a sentence than odd errors later."""

    def keys(definition: Mapping[str, Any]) -> Any:
        indexes = definition.get("GlobalSecondaryIndexes") or []
        return _schema(definition), {index["IndexName"]: _schema(index) for index in indexes}

    if keys(table) != keys(wanted):
        raise TemplateError(
            f"the table {table['TableName']} in the data folder has other keys than infra/resources.yaml says; "
            "`make reset` starts with an empty one"
        )


def _schema(definition: Mapping[str, Any]) -> list[tuple[str, str]]:
    return sorted((key["KeyType"], key["AttributeName"]) for key in definition["KeySchema"])
