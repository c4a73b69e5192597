"""Ways to break a sound deployment, each a context after which it is as before."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from botocore.exceptions import ClientError

from tests.infra.healthy import DOMAIN, FOREIGN, Sound

Breaks = AbstractContextManager[None]
Way = Callable[[Sound], Breaks]


def changed(service: str, method: str, change: Callable[[Any], Any]) -> Way:
    """AWS answers otherwise."""

    def breaks(sound: Sound) -> Breaks:
        return sound.world.answering(service, method, lambda real, *args, **more: change(real(*args, **more)))

    return breaks


def account(**other: Any) -> Way:
    return changed("sesv2", "get_account", lambda known: {**known, **other})


def measured(metric: str, *values: float) -> Way:
    """CloudWatch has these values of the metric, the newest first, of whatever is asked for first."""

    def breaks(sound: Sound) -> Breaks:
        def answer(_real: Any, **asked: Any) -> Any:
            (names,) = {query["MetricStat"]["Metric"]["MetricName"] for query in asked["MetricDataQueries"]}
            found = list(values) if names == metric else []
            first, *others = [query["Id"] for query in asked["MetricDataQueries"]]
            return {
                "MetricDataResults": [{"Id": first, "Values": found}, *({"Id": id_, "Values": []} for id_ in others)]
            }

        return sound.world.answering("cloudwatch", "get_metric_data", answer)

    return breaks


def refused(service: str, method: str, operation: str, code: str = "AccessDeniedException") -> Way:
    def breaks(sound: Sound) -> Breaks:
        def answer(*_: Any, **__: Any) -> Any:
            raise ClientError({"Error": {"Code": code, "Message": "not authorized"}}, operation)

        return sound.world.answering(service, method, answer)

    return breaks


@contextmanager
def done(do: Callable[[], Any], undo: Callable[[], Any]) -> Iterator[None]:
    do()
    try:
        yield
    finally:
        undo()


def suppressing(sound: Sound) -> Breaks:
    name, client = sound.called("SesConfigurationSet"), sound.client("sesv2")
    put = client.put_configuration_set_suppression_options
    return done(
        lambda: put(ConfigurationSetName=name, SuppressedReasons=["BOUNCE"]),
        lambda: put(ConfigurationSetName=name, SuppressedReasons=[]),
    )


def sending_off(sound: Sound) -> Breaks:
    name, put = sound.called("SesConfigurationSet"), sound.client("sesv2").put_configuration_set_sending_options
    return done(
        lambda: put(ConfigurationSetName=name, SendingEnabled=False),
        lambda: put(ConfigurationSetName=name, SendingEnabled=True),
    )


def destination(**other: Any) -> Way:
    def change(known: Any) -> Any:
        return {"EventDestinations": [{**known["EventDestinations"][0], **other}]}

    return changed("sesv2", "get_configuration_set_event_destinations", change)


def another_rule_set(sound: Sound) -> Breaks:
    ses = sound.client("ses")
    ses.create_receipt_rule_set(RuleSetName="newer")
    return done(
        lambda: ses.set_active_receipt_rule_set(RuleSetName="newer"),
        lambda: (
            ses.set_active_receipt_rule_set(RuleSetName=FOREIGN),
            ses.delete_receipt_rule_set(RuleSetName="newer"),
        ),
    )


def no_rule_set(sound: Sound) -> Breaks:
    ses = sound.client("ses")
    return done(ses.set_active_receipt_rule_set, lambda: ses.set_active_receipt_rule_set(RuleSetName=FOREIGN))


def rule(**other: Any) -> Way:
    def breaks(sound: Sound) -> Breaks:
        ses = sound.client("ses")

        def put(rule: dict[str, Any]) -> None:
            ses.delete_receipt_rule(RuleSetName=FOREIGN, RuleName=rule["Name"])
            ses.create_receipt_rule(RuleSetName=FOREIGN, Rule=rule)

        return done(lambda: put(sound.rule(**other)), lambda: put(sound.rule()))

    return breaks


def stopped_by(*recipients: str, is_on: bool = True, stands_last: bool = False) -> Way:
    """Somebody else's rule, which ends the rule set, stands before ours; nobody named: it is for all mail."""
    rule_ = {
        "Name": "stops",
        "Enabled": is_on,
        "Recipients": [*recipients],
        "Actions": [{"StopAction": {"Scope": "RuleSet"}}],
    }

    def change(known: Any) -> Any:
        rules = [*known["Rules"], rule_] if stands_last else [rule_, *known["Rules"]]
        return {**known, "Rules": rules}

    return changed("ses", "describe_receipt_rule_set", change)


def identity(part: str, **other: Any) -> Way:
    def breaks(sound: Sound) -> Breaks:
        known = sound.world.connect("sesv2").get_email_identity(EmailIdentity=DOMAIN)
        answer = {**known, part: {**known[part], **other}}
        before = sound.world.changed["sesv2", "get_email_identity"]
        return done(
            lambda: sound.world.changed.update({("sesv2", "get_email_identity"): lambda _real, **_: answer}),
            lambda: sound.world.changed.update({("sesv2", "get_email_identity"): before}),
        )

    return breaks


def record_gone(sound: Sound) -> Breaks:
    key = (DOMAIN, "MX")
    value = sound.zone.records[key]
    return done(lambda: sound.zone.records.pop(key), lambda: sound.zone.records.update({key: value}))


def stack_is(status: str) -> Way:
    return changed(
        "cloudformation",
        "describe_stacks",
        lambda known: {"Stacks": [{**known["Stacks"][0], "StackStatus": status}]},
    )


def subscription(**other: Any) -> Way:
    return changed(
        "sns",
        "get_subscription_attributes",
        lambda known: {"Attributes": {**known["Attributes"], **other}},
    )


def subscribers(*found: dict[str, str]) -> Way:
    """Of every topic."""

    class Pages:
        def paginate(self, **_: str) -> list[dict[str, Any]]:
            return [{"Subscriptions": list(found)}]

    return lambda sound: sound.world.answering("sns", "get_paginator", lambda _real, _name: Pages())


def dead_letter(queue: str) -> Way:
    def breaks(sound: Sound) -> Breaks:
        sqs, url = sound.client("sqs"), sound.called(queue)
        return done(lambda: sqs.send_message(QueueUrl=url, MessageBody="dead"), lambda: sqs.purge_queue(QueueUrl=url))

    return breaks


def switched_off(sound: Sound) -> Breaks:
    client, name = sound.client("lambda"), sound.called("Erasing")
    return done(
        lambda: client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0),
        lambda: client.delete_function_concurrency(FunctionName=name),
    )


def mapping_off(sound: Sound) -> Breaks:
    put = sound.client("lambda").update_event_source_mapping
    uuid = sound.called("SendQueueSenderSendQueueSenderSqsEventSource")
    return done(lambda: put(UUID=uuid, Enabled=False), lambda: put(UUID=uuid, Enabled=True))


def schedule_off(sound: Sound) -> Breaks:
    client, name = sound.client("events"), sound.called("ErasingErasingEvent")
    return done(lambda: client.disable_rule(Name=name), lambda: client.enable_rule(Name=name))


def alarm_rings(sound: Sound) -> Breaks:
    put, name = sound.client("cloudwatch").set_alarm_state, sound.called("HousekeepingAlarm")
    return done(
        lambda: put(AlarmName=name, StateValue="ALARM", StateReason="three errors"),
        lambda: put(AlarmName=name, StateValue="OK", StateReason="none"),
    )


def unprotected(sound: Sound) -> Breaks:
    put, name = sound.client("dynamodb").update_table, sound.called("MailTable")
    return done(
        lambda: put(TableName=name, DeletionProtectionEnabled=False),
        lambda: put(TableName=name, DeletionProtectionEnabled=True),
    )


def unrecoverable(sound: Sound) -> Breaks:
    put, name = sound.client("dynamodb").update_continuous_backups, sound.called("MailTable")
    on, off = ({"PointInTimeRecoveryEnabled": each} for each in (True, False))
    return done(
        lambda: put(TableName=name, PointInTimeRecoverySpecification=off),
        lambda: put(TableName=name, PointInTimeRecoverySpecification=on),
    )


def public(sound: Sound) -> Breaks:
    s3, name = sound.client("s3"), sound.called("MailBucket")
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    return done(
        lambda: s3.delete_public_access_block(Bucket=name),
        lambda: s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block),
    )


def dropping_mail(known: Any) -> Any:
    rule = {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": "inbound/"}, "Expiration": {"Days": 1}}
    return {"Rules": [*known["Rules"], rule]}


def in_zone(records: dict[tuple[str, str], str]) -> Way:
    """Records of somebody else's domain besides."""

    def breaks(sound: Sound) -> Breaks:
        before = dict(sound.zone.records)

        def undo() -> None:
            sound.zone.records = before

        return done(lambda: sound.zone.records.update(records), undo)

    return breaks


def rules_of_accounts(*names: str) -> Way:
    """The first rule for domains of accounts is for these."""

    def breaks(sound: Sound) -> Breaks:
        ses = sound.client("ses")
        rule_ = sound.rule(Name="domains-0000", Recipients=list(names))
        return done(
            lambda: ses.create_receipt_rule(RuleSetName=FOREIGN, Rule=rule_),
            lambda: ses.delete_receipt_rule(RuleSetName=FOREIGN, RuleName="domains-0000"),
        )

    return breaks


def unverified(sound: Sound) -> Breaks:
    answer = {"VerifiedForSendingStatus": False, "DkimAttributes": {"Status": "PENDING"}}
    before = sound.world.changed["sesv2", "get_email_identity"]
    return done(
        lambda: sound.world.changed.update({("sesv2", "get_email_identity"): lambda _real, **_: answer}),
        lambda: sound.world.changed.update({("sesv2", "get_email_identity"): before}),
    )


def of_erasing(**other: Any) -> Way:
    """What Lambda says of this function."""
    return changed(
        "lambda",
        "get_function_configuration",
        lambda known: {**known, **(other if "-Erasing-" in known["FunctionName"] else {})},
    )


def none_of_erasing(known: Any) -> Any:
    return {"Targets": [target for target in known["Targets"] if "-Erasing-" not in target["Arn"]]}


def alarm_is_silent(sound: Sound) -> Breaks:
    client, name = sound.client("cloudwatch"), sound.called("HousekeepingAlarm")
    return done(
        lambda: client.disable_alarm_actions(AlarmNames=[name]),
        lambda: client.enable_alarm_actions(AlarmNames=[name]),
    )


def drifted(known: Any) -> Any:
    return {"Stacks": [{**known["Stacks"][0], "DriftInformation": {"StackDriftStatus": "DRIFTED"}}]}
