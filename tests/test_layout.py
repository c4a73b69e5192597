"""Holds the import rules of docs/architecture.md, read from the source of every module."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PORTS = "chalicelib.operations.ports"

# What each part of chalicelib may import of it, besides itself. `ports` stands for operations/ports alone: the
# contract that stores and providers fill in (docs/decisions/0001-ports-are-shared.md).
KNOWS: Mapping[str, frozenset[str]] = {
    "domain": frozenset(),
    "settings": frozenset({"domain"}),
    "mime": frozenset({"domain"}),
    "operations": frozenset({"domain", "mime"}),
    "storage": frozenset({"domain", "ports"}),
    "providers": frozenset({"domain", "ports"}),
    # What the API answers with and what webhooks carry is one JSON; the worker of webhooks must not import the API.
    "shapes": frozenset({"domain", "operations", "ports"}),
    "wiring": frozenset({"domain", "mime", "operations", "ports", "storage", "providers", "settings", "shapes"}),
    # mime: the API refuses a header field name at once, by the very rule of the composer.
    "api": frozenset({"domain", "mime", "operations", "ports", "settings", "shapes", "wiring"}),
    # providers: their parsers read what lies in a queue record.
    "events": frozenset({"domain", "operations", "ports", "providers", "wiring"}),
    "app": frozenset({"api", "events"}),
}
# Which parts may import a library.
KNOWN_TO: Mapping[str, frozenset[str]] = {
    "chalice": frozenset({"app", "api", "events"}),
    "boto3": frozenset({"storage", "providers", "wiring"}),
    "botocore": frozenset({"storage", "providers", "wiring"}),
    "pynamodb": frozenset({"storage"}),
    "embedded": frozenset(),
    "ministack": frozenset(),
    "moto": frozenset(),
    "tests": frozenset(),
    "bench": frozenset(),
}


@cache
def shipped() -> Mapping[str, ast.Module]:
    """Every module that Lambda gets, by its dotted name."""
    return {
        module_name(path): ast.parse(path.read_text(encoding="utf-8"))
        for path in (ROOT / "app.py", *sorted((ROOT / "chalicelib").rglob("*.py")))
    }


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    """(module, name taken from it) of every import, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield from ((node.module, alias.name) for alias in node.names)


def targets(tree: ast.Module) -> set[str]:
    """The modules that an import runs: for `from package import module` the module."""
    return {
        f"{module}.{name}" if name and f"{module}.{name}" in shipped() else module for module, name in imported(tree)
    }


def part_of(module: str) -> str:
    """The folder (or single file) of chalicelib that a module belongs to."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first == "chalicelib" and rest else first


@pytest.mark.parametrize("module", sorted(shipped()))
def test_a_module_imports_only_what_its_part_may_know(module: str) -> None:
    part = part_of(module)
    for target in targets(shipped()[module]):
        if target.partition(".")[0] not in ("chalicelib", "app"):
            continue
        known = "ports" if (target + ".").startswith(PORTS + ".") else part_of(target)
        assert part_of(target) == part or known in KNOWS.get(part, frozenset()), f"{module} imports {target}"


@pytest.mark.parametrize("module", sorted(shipped()))
def test_a_module_imports_only_the_libraries_its_part_may_know(module: str) -> None:
    for target in targets(shipped()[module]):
        library = target.partition(".")[0]
        assert part_of(module) in KNOWN_TO.get(library, {part_of(module)}), f"{module} imports {target}"


@pytest.mark.parametrize("module", sorted(set(shipped()) - {"chalicelib"}))
def test_every_part_has_its_rules(module: str) -> None:
    assert part_of(module) in KNOWS


@pytest.mark.parametrize("module", sorted(shipped()))
def test_every_module_says_what_it_holds(module: str) -> None:
    assert ast.get_docstring(shipped()[module])


@pytest.mark.parametrize("module", sorted(set(shipped()) - {"chalicelib.settings"}))
def test_only_the_settings_read_the_environment(module: str) -> None:
    for node in ast.walk(shipped()[module]):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        assert name not in ("environ", "environb", "getenv"), f"{module} reads the environment"
        if isinstance(node, ast.alias):
            assert node.name not in ("environ", "environb", "getenv"), f"{module} reads the environment"


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {module: targets(tree) & shipped().keys() for module, tree in shipped().items()}

    assert circle(graph) is None


def circle(graph: Mapping[str, set[str]]) -> list[str] | None:
    """The first circle of imports that is found, by depth-first search."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str] | None:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return None
        for target in sorted(graph[module]):
            if found := visit(target, [*path, module]):
                return found
        done.add(module)
        return None

    return next((found for module in sorted(graph) if (found := visit(module, []))), None)


def test_a_circle_would_be_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


# ------------------------------------------------------------------------------------- each Lambda function alone

EVENT_MODULES = sorted(
    module
    for module in shipped()
    if part_of(module) == "events" and module.rpartition(".")[2] not in ("events", "door")
)

# What Lambda does with a handler string, in an interpreter that has no settings; then what it would have found. An empty
# batch needs none; a schedule's function has work to do each time, and ends where it asks for the first of them.
_PROBE = """
import importlib, json, sys
from chalice import Chalice
from chalice.app import ScheduledEventConfig
module = importlib.import_module(sys.argv[1])
probe = Chalice("probe")
probe.register_blueprint(module.door.blueprint)
answers = {}
for source in probe.event_sources:
    module_name, _, function = source.handler_string.rpartition(".")
    handler = getattr(sys.modules[module_name], function)
    if not isinstance(source, ScheduledEventConfig):
        answers[source.handler_string] = handler({"Records": []}, None)
        continue
    names = ("version", "account", "region", "detail", "detail-type", "source", "time", "id", "resources")
    try:
        handler(dict.fromkeys(names), None)
    except Exception as error:
        answers[source.handler_string] = type(error).__name__
print(json.dumps({"answers": answers, "modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module", params=EVENT_MODULES)
def alone(request: pytest.FixtureRequest) -> tuple[str, dict[str, object], list[str]]:
    """An event module imported and called in a fresh interpreter: its name, its answers, the modules in memory."""
    # The path of this interpreter's libraries and nothing else: no settings, no region, no credentials.
    run = subprocess.run(
        [sys.executable, "-c", _PROBE, request.param], cwd=ROOT, env={}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    return request.param, found["answers"], found["modules"]


def test_there_are_event_modules_to_look_at() -> None:
    assert {"chalicelib.events.send_queue", "chalicelib.events.delivery_notifications"} <= set(EVENT_MODULES)


def test_an_event_module_imports_neither_the_app_nor_the_api(alone: tuple[str, dict[str, object], list[str]]) -> None:
    _, _, modules = alone
    assert "app" not in modules
    assert [name for name in modules if name.startswith("chalicelib.api")] == []


def test_a_handler_runs_where_lambda_looks_for_it(alone: tuple[str, dict[str, object], list[str]]) -> None:
    module, answers, _ = alone
    assert answers
    for handler, answer in answers.items():
        assert handler.rpartition(".")[0] == module
        is_schedule = module.endswith((".housekeeping", ".due_domains", ".due_webhooks", ".erasing"))
        assert answer == ("RunFailed" if is_schedule else {"batchItemFailures": []})
