"""What Lambda hands a function for messages from a queue, and which of them the function's answer calls failed."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]


def sqs_event(messages: Sequence[Message], queue_arn: str, region: str) -> dict[str, Any]:
    """The event of an SQS event source (Lambda guide: Example Amazon SQS message event)."""
    return {"Records": [_record(message, queue_arn, region) for message in messages]}


def _record(message: Message, queue_arn: str, region: str) -> dict[str, Any]:
    attributes = {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()}
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": attributes,
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    attribute: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode("ascii")
    return attribute


def failed_message_ids(answer: Any, message_ids: frozenset[str]) -> frozenset[str]:
    """Whom a function with ReportBatchItemFailures calls failed; all of them when its answer makes no sense.

    Lambda guide: Implementing partial batch responses, "Success and failure conditions".
    """
    if answer is None or answer == {}:
        return frozenset()
    try:
        failures = answer["batchItemFailures"] or []
        failed = frozenset(failure["itemIdentifier"] for failure in failures)
    except (KeyError, TypeError):
        return message_ids
    if not failed <= message_ids:
        return message_ids
    return failed
