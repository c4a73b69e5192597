"""Every queue of the template has its dead letters, and somebody is told of them and of a queue that stands still."""

from typing import Any

import yaml

from embedded.data_folder import PROJECT
from embedded.template import read_template
from infra.stack import QUEUES

TEMPLATE = read_template(PROJECT / "infra" / "resources.yaml")
CONFIG = yaml.safe_load((PROJECT / ".chalice" / "config.json").read_text(encoding="utf-8"))


def of_type(name: str) -> dict[str, Any]:
    return {
        logical_id: resource.properties
        for logical_id, resource in TEMPLATE.resources.items()
        if resource.type == f"AWS::{name}"
    }


def watched(metric: str) -> set[str]:
    return {
        alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for alarm in of_type("CloudWatch::Alarm").values()
        if alarm["MetricName"] == metric
    }


def test_every_queue_has_dead_letters_and_an_alarm_for_both() -> None:
    queues = {name: queue for name, queue in of_type("SQS::Queue").items() if "RedrivePolicy" in queue}
    dead = {queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] for queue in queues.values()}

    assert queues.keys() | dead == of_type("SQS::Queue").keys()
    assert watched("ApproximateNumberOfMessagesVisible") == dead
    assert watched("ApproximateAgeOfOldestMessage") == queues.keys() == set(QUEUES.values())


def test_every_alarm_goes_to_the_topic() -> None:
    alarms = of_type("CloudWatch::Alarm")
    assert len(alarms) == 14
    assert {alarm["AlarmActions"][0]["Ref"] for alarm in alarms.values()} == {"AlarmTopic"}


def test_no_function_outlives_a_sixth_of_the_time_in_which_its_records_stay_hidden() -> None:
    stage = CONFIG["stages"]["dev"]
    hidden = TEMPLATE.parameters["QueueVisibilitySeconds"]["Default"]
    on_a_schedule = ("housekeeping", "due_webhooks", "due_domains", "erasing")
    workers = {name: each for name, each in stage["lambda_functions"].items() if name not in on_a_schedule}
    assert all(each["lambda_timeout"] * 6 <= hidden for each in workers.values())
