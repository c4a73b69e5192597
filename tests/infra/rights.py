"""What IAM asks for a call (Service Authorization Reference): seldom an action of the operation's own name."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.chaos.wire import Call

QUEUES = {
    "send": "SendQueue",
    "inbound": "InboundNotificationQueue",
    "webhooks": "WebhookQueue",
    "slow-webhooks": "SlowWebhookQueue",
}

_PARTS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_OBJECTS = {
    "CopyObject": ("GetObject", "PutObject", "ListBucket"),
    # Without ListBucket, what is not there is answered 403.
    "HeadObject": ("GetObject", "ListBucket"),
    "GetObject": ("GetObject", "ListBucket"),
    "ListObjectsV2": ("ListBucket",),
}
_MAIL = {
    "SendEmail": (("SendRawEmail", "identity"), ("SendRawEmail", "SesConfigurationSet")),
    "GetAccount": (("GetAccount", "*"),),
    "CreateEmailIdentity": (("CreateEmailIdentity", "identity"), ("TagResource", "identity")),
}


@dataclass(frozen=True, order=True)
class Right:
    """What a policy grants: an action on a resource, by its logical id; `*` where AWS knows no resource."""

    action: str
    resource: str


def rights_for(call: Call) -> Iterator[Right]:
    """Everything that a role must grant for the call."""
    name = call.operation
    match call.service:
        case "dynamodb" if name == "TransactWriteItems":
            for item in call.parameters["TransactItems"]:
                (part,) = item
                yield Right(f"dynamodb:{_PARTS[part]}", "MailTable")
        case "dynamodb":
            yield Right(f"dynamodb:{name}", "MailTable")
        case "s3":
            yield from (Right(f"s3:{each}", "MailBucket") for each in _OBJECTS.get(name, (name,)))
        case "sqs":
            yield Right("sqs:SendMessage", QUEUES[call.parameters["QueueUrl"].rpartition("/")[2]])
        case "sesv2":
            for action, resource in _MAIL.get(name, ((name, "identity"),)):
                yield Right(f"ses:{action}", resource)
        case "ses":
            yield Right(f"ses:{name}", "*")
        case other:
            raise AssertionError(f"{other} is not known here")
