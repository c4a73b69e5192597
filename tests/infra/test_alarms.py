"""Somebody is told of dead letters, of a queue that stands still, of functions that fail, of what SES thinks of us."""

import json
import re
from typing import Any

import yaml

from chalicelib.operations.ports.metrics import Metric
from chalicelib.providers.metric_lines import DIMENSION, NAMESPACE
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
    """Logical ids, out of `Ref` and `Fn::GetAtt`."""
    alarms = [alarm for alarm in of_type("CloudWatch::Alarm").values() if alarm["MetricName"] == metric]
    values = [alarm["Dimensions"][0]["Value"] for alarm in alarms if "Dimensions" in alarm]
    return {value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0] for value in values}


def test_every_queue_has_dead_letters_and_an_alarm_for_both() -> None:
    queues = {name: queue for name, queue in of_type("SQS::Queue").items() if "RedrivePolicy" in queue}
    dead = {queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] for queue in queues.values()}
    dead |= {"ScheduleDeadLetters"}

    assert queues.keys() | dead == of_type("SQS::Queue").keys()
    assert watched("ApproximateNumberOfMessagesVisible") == dead
    assert watched("ApproximateAgeOfOldestMessage") == queues.keys() == set(QUEUES.values())


def test_every_function_has_an_alarm_for_its_errors() -> None:
    assert watched("Errors") == of_type("Serverless::Function").keys()
    assert len(of_type("Serverless::Function")) == 10


def test_ses_is_watched_before_it_reviews_the_account() -> None:
    thresholds = {alarm["MetricName"]: alarm["Threshold"] for alarm in of_type("CloudWatch::Alarm").values()}
    assert thresholds["Reputation.BounceRate"] < 0.05
    assert thresholds["Reputation.ComplaintRate"] < 0.001


def test_the_one_dashboard_shows_every_queue_and_function() -> None:
    ((_, dashboard),) = of_type("CloudWatch::Dashboard").items()
    text = dashboard["DashboardBody"]["Fn::Sub"]
    assert json.loads(text)["widgets"]
    shown = {match.partition(".")[0] for match in re.findall(r"\$\{([^}:]+)\}", text)}
    assert shown == of_type("SQS::Queue").keys() | of_type("Serverless::Function").keys()


def test_every_alarm_goes_to_the_topic() -> None:
    alarms = of_type("CloudWatch::Alarm")
    assert len(alarms) == 28
    assert {alarm["AlarmActions"][0]["Ref"] for alarm in alarms.values()} == {"AlarmTopic"}


def test_no_function_outlives_a_sixth_of_the_time_in_which_its_records_stay_hidden() -> None:
    stage = CONFIG["stages"]["dev"]
    hidden = TEMPLATE.parameters["QueueVisibilitySeconds"]["Default"]
    not_on_a_queue = ("api_handler", "housekeeping", "due_webhooks", "erasing", "due_domains")
    workers = {name: each for name, each in stage["lambda_functions"].items() if name not in not_on_a_queue}
    assert len(workers) == 5
    assert all(each["lambda_timeout"] * 6 <= hidden for each in workers.values())


def test_the_dashboard_shows_every_metric_of_our_own() -> None:
    (dashboard,) = of_type("CloudWatch::Dashboard").values()
    widgets = json.loads(dashboard["DashboardBody"]["Fn::Sub"])["widgets"]
    ours = [each for widget in widgets for each in widget["properties"]["metrics"] if each[0] == NAMESPACE]

    assert {name for _, name, *_ in ours} == set(Metric)
    assert all(each[2:4] == [DIMENSION, "${AWS::StackName}"] for each in ours)
    assert TEMPLATE.environment["STACK_NAME"] == {"Ref": "AWS::StackName"}


def test_functions_log_json_and_lambda_says_nothing_of_each_invocation() -> None:
    for name, function in of_type("Serverless::Function").items():
        logging = function["LoggingConfig"]
        levels = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "WARN"}
        assert levels.items() <= logging.items(), name
        assert logging["LogGroup"]["Ref"] in of_type("Logs::LogGroup"), name


def test_requests_and_functions_are_traced() -> None:
    assert CONFIG["xray"] is True
    assert of_type("Serverless::Api")["RestAPI"]["TracingEnabled"] is True


def test_the_document_says_what_each_alarm_means() -> None:
    document = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    alarms = {name for name in of_type("CloudWatch::Alarm") if not name.endswith("QueueAgeAlarm")}
    assert [name for name in sorted(alarms) if f"`{name}`" not in document] == []
    assert "`…QueueAgeAlarm`" in document
