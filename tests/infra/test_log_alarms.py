"""Lines of the log that somebody is told of: the code writes them, the template's filters find them, an alarm follows."""

import json
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from fnmatch import fnmatchcase

import pytest

from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.operations.ports import SendNotReached, SendPaused
from embedded.data_folder import PROJECT
from embedded.json_lines import JsonLines
from embedded.template import read_template
from tests.operations.unanswered import ambiguous, overdue
from tests.operations.world import World, make_event

TEMPLATE = read_template(PROJECT / "infra" / "resources.yaml")
FILTERS = {
    logical_id: resource.properties
    for logical_id, resource in TEMPLATE.resources.items()
    if resource.type == "AWS::Logs::MetricFilter"
}
NAMESPACE = {"Fn::Sub": "AgentSend/${AWS::StackName}"}
# The one form of filter that is used (CloudWatch Logs guide, "Filter pattern syntax"): a property of the line, a string in
# which * stands for anything.
PATTERN = re.compile(r'\{ \$\.(\w+) = "([\w *:]+)" \}')


def finds(pattern: str, line: str) -> bool:
    known = PATTERN.fullmatch(pattern)
    assert known is not None, pattern
    return fnmatchcase(json.loads(line)[known[1]], known[2])


def paused() -> None:
    world = World()
    world.submitted()
    world.provider.outcomes = [SendPaused()]
    world.deliver_next()


def not_reached() -> None:
    world = World()
    world.submitted()
    world.provider.outcomes = [SendNotReached()]
    world.deliver_next()


def outcome_unknown() -> None:
    world, _ = ambiguous()
    world.clock.advance(timedelta(days=1).total_seconds())
    world.work()


def sent_twice() -> None:
    world, key = overdue(taken=True)
    world.work()
    world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED, ses_message_id="ses-1"))


WRITTEN = {
    "SesPaused": paused,
    "SesNotReached": not_reached,
    "OutcomeUnknown": outcome_unknown,
    "SentTwice": sent_twice,
}


@pytest.mark.parametrize(("metric", "happens"), WRITTEN.items())
def test_the_line_that_the_code_writes_is_found_by_its_filter_alone(
    metric: str, happens: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "chalicelib")
    happens()

    lines = [JsonLines().format(record) for record in caplog.records]
    found = {
        name for name, properties in FILTERS.items() if any(finds(properties["FilterPattern"], line) for line in lines)
    }
    assert found == {f"{metric}Lines"}
    assert sum(finds(FILTERS[f"{metric}Lines"]["FilterPattern"], line) for line in lines) == 1


def test_each_filter_has_an_alarm_for_its_metric_and_reads_the_log_of_the_function_that_writes_it() -> None:
    alarms = [each.properties for each in TEMPLATE.resources.values() if each.type == "AWS::CloudWatch::Alarm"]
    watched = {alarm["MetricName"] for alarm in alarms if alarm["Namespace"] == NAMESPACE}
    assert watched == WRITTEN.keys() == {name.removesuffix("Lines") for name in FILTERS}
    for name, properties in FILTERS.items():
        (made,) = properties["MetricTransformations"]
        assert made == {
            "MetricNamespace": NAMESPACE,
            "MetricName": name.removesuffix("Lines"),
            "MetricValue": "1",
        }
        function = "DeliveryNotifications" if name == "SentTwiceLines" else "SendQueueSender"
        assert properties["LogGroupName"] == {"Ref": f"{function}LogGroup"}
