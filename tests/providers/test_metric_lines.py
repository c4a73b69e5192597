"""Metrics as CloudWatch reads them: the embedded metric format, in as few lines as can be."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.operations.ports.metrics import Metric
from chalicelib.providers.metric_lines import MetricLines


def written(*added: tuple[Metric, float], stack: str = "agentsend-dev") -> list[dict[str, Any]]:
    lines: list[str] = []
    metrics = MetricLines(stack, lines.append)
    for metric, value in added:
        metrics.add(metric, value)
    metrics.flush()
    assert [line for line in lines if "\n" in line] == []
    return [json.loads(line) for line in lines]


def test_all_that_an_invocation_has_counted_is_one_line() -> None:
    (line,) = written((Metric.SENT, 1), (Metric.SENT, 1), (Metric.TIME_TO_SENT, 1.23456), (Metric.TIME_TO_SENT, 2))

    assert line.pop("_aws")["CloudWatchMetrics"] == [
        {
            "Namespace": "AgentSend",
            "Dimensions": [["Stack"]],
            "Metrics": [{"Name": "Sent", "Unit": "Count"}, {"Name": "TimeToSent", "Unit": "Seconds"}],
        }
    ]
    assert line == {"Stack": "agentsend-dev", "Sent": 2, "TimeToSent": [1.235, 2]}


def test_who_has_counted_nothing_writes_nothing() -> None:
    assert written() == []


def test_what_was_written_is_not_written_again() -> None:
    lines: list[str] = []
    metrics = MetricLines("dev", lines.append)
    metrics.add(Metric.SENT)
    metrics.flush()
    metrics.flush()

    assert len(lines) == 1


def test_a_deployment_without_a_name_has_no_dimension() -> None:
    (line,) = written((Metric.SENT, 1), stack="")

    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[]]
    assert "Stack" not in line


@given(st.lists(st.tuples(st.sampled_from(Metric), st.integers(0, 9)), max_size=1000))
def test_no_line_has_more_than_a_hundred_values_of_a_metric_and_none_is_lost(added: list[tuple[Metric, int]]) -> None:
    lines = written(*added)

    for metric in Metric:
        found = [line[metric] for line in lines if metric in line]
        values = [value for each in found for value in (each if isinstance(each, list) else [each])]
        assert all(len(each) <= 100 for each in found if isinstance(each, list))
        assert sum(values) == sum(value for name, value in added if name is metric)
        assert len(values) == (sum(name is metric for name, _ in added) if metric.is_time else len(found))
    for line in lines:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert {each["Name"] for each in directive["Metrics"]} == line.keys() - {"_aws", "Stack"}
