from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.data_folder import PROJECT
from embedded.template import Resolver, TemplateError, read_template

TEMPLATE = """
Parameters:
  Seconds: {Type: Number, Default: 360}
Globals:
  Function:
    Environment:
      Variables: {QUEUE_URL: !Ref Queue, SECONDS: !Ref Seconds, FIXED: "1"}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5}}
  Worker:
    Type: AWS::Serverless::Function
    Properties: {Events: {Source: {Properties: {FunctionResponseTypes: [ReportBatchItemFailures]}}}}
  Other:
    Type: AWS::Serverless::Function
    Properties: {Events: {Source: {Properties: {}}}}
  Texts:
    Type: AWS::SNS::Topic
    Properties: {Name: !Sub "${Queue.QueueName}-x", List: !Join ["", [a, b]]}
"""


@pytest.fixture
def resolver() -> Resolver:
    return Resolver(
        lambda name: f"ref:{name}", lambda name, attribute: f"att:{name}.{attribute}", lambda name: name == "True"
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "resources.yaml"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


def test_short_tags_become_the_long_form(path: Path) -> None:
    resources = read_template(path).resources
    assert resources["Queue"].properties["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["Dead", "Arn"]}
    assert resources["Texts"].properties["Name"] == {"Fn::Sub": "${Queue.QueueName}-x"}


def test_variables_that_hand_on_a_parameter_are_told_from_those_that_name_a_resource(path: Path) -> None:
    assert read_template(path).variables_of_parameters() == [("SECONDS", "Seconds")]


def test_partial_batch_answers_are_read_from_the_function_that_has_them(path: Path) -> None:
    template = read_template(path)
    assert template.reports_batch_item_failures("Worker")
    assert not template.reports_batch_item_failures("Other")
    assert not template.reports_batch_item_failures("NoSuchFunction")


def test_every_function_of_the_deployment_that_reads_a_queue_reports_batch_item_failures() -> None:
    template = read_template(PROJECT / "infra" / "resources.yaml")
    functions = [name for name, resource in template.resources.items() if resource.type.endswith("::Function")]
    assert {"SendQueueSender", "DeliveryNotifications"} <= set(functions)
    assert all(template.reports_batch_item_failures(name) for name in ("SendQueueSender", "DeliveryNotifications"))


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ({"Ref": "Queue"}, "ref:Queue"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "att:Queue.Arn"),
        ({"Fn::Sub": "${A}-${B.Arn}-${!C}"}, "ref:A-att:B.Arn-${C}"),
        ({"Fn::Sub": ["${Mine}/${A}", {"Mine": {"Ref": "B"}}]}, "ref:B/ref:A"),
        ({"deep": [{"Ref": "A"}, 1, True]}, {"deep": ["ref:A", 1, True]}),
        ("plain ${A}", "plain ${A}"),
    ],
)
def test_functions_are_replaced_by_what_they_name(resolver: Resolver, value: Any, resolved: Any) -> None:
    assert resolver.resolve(value) == resolved


def test_an_unknown_function_is_an_error_that_names_it(resolver: Resolver, path: Path) -> None:
    with pytest.raises(TemplateError, match="Fn::Join"):
        resolver.resolve(read_template(path).resources["Texts"].properties)


@given(st.text(alphabet=st.characters(exclude_characters="$")))
def test_text_without_a_reference_is_left_as_it_is(text: str) -> None:
    resolver = Resolver(lambda _name: "x", lambda _name, _attribute: "y", lambda _name: False)
    assert resolver.substitute(text) == text


def test_a_resource_keeps_the_condition_on_which_it_is_there(path: Path) -> None:
    path.write_text("Resources:\n  One: {Type: A, Condition: Maybe}\n  Two: {Type: A}\n", encoding="utf-8")
    resources = read_template(path).resources
    assert {name: each.condition for name, each in resources.items()} == {"One": "Maybe", "Two": None}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"Fn::If": ["True", {"Ref": "A"}, {"Ref": "B"}]}, "ref:A"),
        ({"Fn::If": ["False", {"Ref": "A"}, {"Ref": "B"}]}, "ref:B"),
        ({"Fn::Equals": [{"Ref": "A"}, "ref:A"]}, True),
        ({"Fn::Not": [{"Fn::Equals": ["a", "a"]}]}, False),
    ],
)
def test_conditions_decide(resolver: Resolver, value: Any, found: object) -> None:
    assert resolver.resolve(value) == found
