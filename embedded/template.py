"""Reads infra/resources.yaml: a CloudFormation template with its short tags, and what its functions resolve to."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from embedded.errors import CannotRun

_SUBSTITUTION = re.compile(r"\$\{(!?)([^}]*)\}")


class TemplateError(CannotRun):
    """The template asks for something that embedded/ does not know; the message names it."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One entry under `Resources`, its properties not yet resolved."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    condition: str | None = None  # it is there only while this condition holds


@dataclass(frozen=True, slots=True)
class Template:
    """The parts of a template that matter on one machine."""

    parameters: Mapping[str, Mapping[str, Any]]
    environment: Mapping[str, Any]  # `Globals.Function.Environment.Variables`
    resources: Mapping[str, Resource]
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def variables_of_parameters(self) -> list[tuple[str, str]]:
        """The environment variables that hand on a parameter as it is, each with the parameter's name."""
        return [
            (variable, value["Ref"])
            for variable, value in self.environment.items()
            if isinstance(value, dict) and value.get("Ref") in self.parameters
        ]

    def reports_batch_item_failures(self, function_id: str) -> bool:
        """Whether the function's event source deletes only what its answer does not name (`FunctionResponseTypes`)."""
        function = self.resources.get(function_id)
        events = function.properties.get("Events", {}) if function else {}
        return any(
            "ReportBatchItemFailures" in event.get("Properties", {}).get("FunctionResponseTypes", [])
            for event in events.values()
        )


_SAFE_LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader  # ten times as fast in C


class _CloudFormationLoader(_SAFE_LOADER):  # type: ignore[misc]  # a base that is chosen
    """Safe YAML whose short tags become the long form: `!Ref X` is {"Ref": "X"}, `!Sub X` is {"Fn::Sub": "X"}."""


def _short_tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {"Ref" if suffix == "Ref" else f"Fn::{suffix}": value}


_CloudFormationLoader.add_multi_constructor("!", _short_tag)


def read_template(path: Path) -> Template:
    """The template in this file."""
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=_CloudFormationLoader)  # noqa: S506 - a SafeLoader
    function = document.get("Globals", {}).get("Function", {})
    return Template(
        parameters=document.get("Parameters", {}),
        environment=function.get("Environment", {}).get("Variables", {}),
        resources={
            logical_id: Resource(
                logical_id, definition.get("Type", ""), definition.get("Properties", {}), definition.get("Condition")
            )
            for logical_id, definition in document.get("Resources", {}).items()
        },
        conditions=document.get("Conditions", {}),
    )


@dataclass(frozen=True, slots=True)
class Resolver:
    """Replaces intrinsic functions by values. `ref` and `attribute` know the resources, `holds` the conditions."""

    ref: Callable[[str], Any]
    attribute: Callable[[str, str], str]
    holds: Callable[[str], bool]

    def resolve(self, value: Any) -> Any:
        """The value with every function in it replaced; raises `TemplateError` on one that is not known here."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            function, argument = next(iter(value.items()))
            if function == "Ref" or str(function).startswith("Fn::"):
                return self._call(function, argument)
        return {key: self.resolve(item) for key, item in value.items()}

    def _call(self, function: str, argument: Any) -> Any:
        match function:
            case "Ref":
                return self.ref(argument)
            case "Fn::GetAtt":
                return self.attribute(*argument)
            case "Fn::Sub":
                return self._substitute_with_variables(argument)
            case "Fn::If":
                condition, then, otherwise = argument
                return self.resolve(then if self.holds(condition) else otherwise)
            case _:
                return self._call_test(function, self.resolve(argument))

    @staticmethod
    def _call_test(function: str, arguments: list[Any]) -> bool:
        """A function that only conditions have."""
        match function:
            case "Fn::Equals":
                return bool(arguments[0] == arguments[1])
            case "Fn::Not":
                return not arguments[0]
            case _:
                raise TemplateError(f"{function} is not known to embedded/template.py")

    def substitute(self, text: str, variables: Mapping[str, Any] | None = None) -> str:
        """`Fn::Sub`: `${Resource}`, `${Resource.Attribute}` and `${Variable}` replaced, `${!Literal}` unwrapped."""

        def replacement(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if variables and name in variables:
                return str(variables[name])
            if "." in name:
                logical_id, attribute = name.split(".", 1)
                return self.attribute(logical_id, attribute)
            return str(self.ref(name))

        return _SUBSTITUTION.sub(replacement, text)

    def _substitute_with_variables(self, argument: Any) -> str:
        if isinstance(argument, str):
            return self.substitute(argument)
        text, variables = argument
        return self.substitute(text, self.resolve(variables))
