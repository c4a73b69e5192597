"""Topics and queues: whether what one part tells gets to the next, and what lies about."""

import json
import shlex
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from infra.checkup.deployed import Deployed
from infra.checkup.findings import as_json, fault, note, of_each, well_or
from infra.preflight import Finding
from infra.stack import QUEUES

SUBSCRIBED = {
    "DeliveryNotificationTopic": "DeliveryNotificationQueue",
    "InboundNotificationTopic": "InboundNotificationQueue",
}
OLD_SECONDS = {"WebhookQueue": 1800, "SlowWebhookQueue": 1800}
"""From which age of the oldest record on a queue is not worked off, as its alarm has it; 900 for the others."""
_OLD_SECONDS = 900
_PENDING = "PendingConfirmation"
_FUNCTIONS = {
    "SendQueue": "SendQueueSender",
    "DeliveryNotificationQueue": "DeliveryNotifications",
    "InboundNotificationQueue": "InboundNotifications",
    "WebhookQueue": "WebhookWorker",
    "SlowWebhookQueue": "SlowWebhookWorker",
}


def topics(deployed: Deployed) -> Iterator[Finding]:
    """SES's news reach their queues."""
    faults = of_each(SUBSCRIBED, lambda topic: f"the topic {topic}", partial(_faults_of_topic, deployed))
    yield from well_or(faults, f"{len(SUBSCRIBED)} topics tell their queues")


def _faults_of_topic(deployed: Deployed, topic: str) -> Iterator[Finding]:
    arn, queue = deployed.called(topic), SUBSCRIBED[topic]
    target = _arn(deployed, deployed.called(queue))
    sns = deployed.connect("sns")
    found = [each for each in _subscriptions(sns, arn) if each["Endpoint"] == target]
    dead = _arn(deployed, deployed.called(queue.removesuffix("Queue") + "DeadLetters"))
    redrive = json.dumps({"deadLetterTargetArn": dead})
    subscribe = (
        f"aws sns subscribe --topic-arn {arn} --protocol sqs --notification-endpoint {target} "
        f"--attributes {as_json({'RawMessageDelivery': 'true', 'RedrivePolicy': redrive})}"
    )
    if not found or found[0]["SubscriptionArn"] == _PENDING:
        yield fault(f"the topic {topic} does not tell {queue}: what SES says is lost", subscribe)
        return
    subscription = found[0]["SubscriptionArn"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    put = f"aws sns set-subscription-attributes --subscription-arn {subscription} --attribute-name"
    if attributes.get("RawMessageDelivery") != "true":
        yield fault(
            f"the topic {topic} wraps what it tells {queue}", f"{put} RawMessageDelivery --attribute-value true"
        )
    if not attributes.get("RedrivePolicy"):
        yield fault(
            f"what the topic {topic} cannot deliver to {queue} is lost",
            f"{put} RedrivePolicy --attribute-value {shlex.quote(redrive)}",
        )


def alarm_topic(deployed: Deployed) -> Iterator[Finding]:
    """Somebody is told of alarms."""
    arn = deployed.called("AlarmTopic")
    found = list(_subscriptions(deployed.connect("sns"), arn))
    waiting = [each for each in found if each["SubscriptionArn"] == _PENDING]
    told = ", ".join(each["Endpoint"] for each in found if each not in waiting)
    if not found:
        yield note("nobody is told of alarms", f'{deployed.deploy} ARGS="--alarm-email you@example.com"')
        return
    faults = [
        fault(
            f"{each['Endpoint']} has not confirmed, and is not told of alarms",
            'Follow the link in the mail "AWS Notification - Subscription Confirmation"; another one comes with\n'
            f"aws sns subscribe --topic-arn {arn} --protocol {each['Protocol']} "
            f"--notification-endpoint {each['Endpoint']}",
        )
        for each in waiting
    ]
    yield from well_or(faults, f"told of alarms: {told}")


def queues(deployed: Deployed) -> Iterator[Finding]:
    """Depth, age, dead letters."""
    depths: dict[str, int] = {}
    ages = dict(_ages(deployed))
    faults = of_each(
        QUEUES,
        lambda queue: f"the queue {QUEUES[queue]}",
        lambda queue: _faults_of_queue(deployed, queue, ages, depths),
    )
    shown = ", ".join(f"{name} {depth}" for name, depth in depths.items())
    yield from well_or(faults, f"queues are worked off, no dead letters; records in them: {shown}")


def _faults_of_queue(
    deployed: Deployed, queue: str, ages: Mapping[str, float], depths: dict[str, int]
) -> Iterator[Finding]:
    logical_id = QUEUES[queue]
    attributes = _attributes(deployed, logical_id)
    waiting, under_way = (int(attributes[f"ApproximateNumberOfMessages{what}"]) for what in ("", "NotVisible"))
    depths[queue] = waiting + under_way
    dead_name = logical_id.removesuffix("Queue") + "DeadLetters"
    dead = int(_attributes(deployed, dead_name)["ApproximateNumberOfMessages"])
    if dead:
        yield fault(
            f"{dead} dead letter{'' if dead == 1 else 's'} of {logical_id}: given up after five tries",
            f"Read why in the log of {_FUNCTIONS[logical_id]} (docs/operations.md#alarms), mend it, then\n"
            f"make redrive STACK={deployed.name} QUEUE={queue}",
        )
    if "RedrivePolicy" not in attributes:
        target = _arn(deployed, deployed.called(dead_name))
        policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 5})
        yield fault(
            f"{logical_id} has no dead-letter queue: what fails is tried for ever, then lost",
            f"aws sqs set-queue-attributes --queue-url {deployed.called(logical_id)} "
            f"--attributes {as_json({'RedrivePolicy': policy})}",
        )
    age = ages.get(logical_id, 0)
    if age > OLD_SECONDS.get(logical_id, _OLD_SECONDS):
        yield fault(
            f"the oldest of {depths[queue]} records in {logical_id} waits for {age / 60:.0f} minutes",
            f"Look at the lines about {_FUNCTIONS[logical_id]}: it is switched off, throttled, fails, or is too slow.",
        )


def schedule_letters(deployed: Deployed) -> Iterator[Finding]:
    """Runs of schedules that failed or did not take place."""
    count = int(_attributes(deployed, "ScheduleDeadLetters")["ApproximateNumberOfMessages"])
    url = deployed.called("ScheduleDeadLetters")
    faults = [
        fault(
            f"{count} runs of schedules failed or did not take place; the next ones do their work",
            f"aws sqs receive-message --queue-url {url}\nnames the function: read its log, mend it, then\n"
            f"aws sqs purge-queue --queue-url {url}",
        )
    ]
    yield from well_or(faults if count else [], "no run of a schedule failed")


def _ages(deployed: Deployed) -> Iterator[tuple[str, float]]:
    """Of the oldest record of each queue, in seconds, as CloudWatch last heard."""
    things = {
        logical_id: {"QueueName": deployed.called(logical_id).rpartition("/")[2]}
        for logical_id in QUEUES.values()
        if logical_id in deployed.resources
    }
    found = deployed.measured("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", things, hours=0.25)
    for logical_id, values in found.items():
        if values:
            yield logical_id, values[0]


def _attributes(deployed: Deployed, logical_id: str) -> dict[str, str]:
    answer = deployed.connect("sqs").get_queue_attributes(QueueUrl=deployed.called(logical_id), AttributeNames=["All"])
    attributes: dict[str, str] = answer["Attributes"]
    return attributes


def _subscriptions(sns: Any, topic: str) -> Iterator[Mapping[str, str]]:
    for page in sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic):
        yield from page.get("Subscriptions", [])


def _arn(deployed: Deployed, queue_url: str) -> str:
    """Of a queue by its URL, which ends in account and name."""
    account, name = queue_url.rsplit("/", 2)[-2:]
    partition = deployed.stack["StackId"].split(":")[1]
    return f"arn:{partition}:sqs:{deployed.region}:{account}:{name}"
