"""What Lambda gets: small, whole, and run here from the unpacked zip with nothing else installed."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from cfnlint.api import lint
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from chalicelib.domain.own_domain import RecordType
from chalicelib.settings import Settings
from infra.lint import linted
from infra.package import ZIP_LIMIT, Package
from infra.slimming import SERVICES
from infra.stack import CommandFailed

pytestmark = pytest.mark.xdist_group("package")  # one worker, which builds it

# Of what is imported before a function does anything, by whose it is. The app has all doors; a worker only its own, but
# all operations. Our modules are small ones and become more with what the product does; libraries have no reason to.
MOST_OURS = {"app": 370, "worker": 320}
MOST_OTHERS = {"app": 460, "worker": 430}
NEVER_IMPORTED = {"pip", "setuptools", "click", "inquirer", "yaml", "moto", "pytest", "tests", "embedded", "bench"}
_PROBE = """
import importlib, json, sys
sys.path = [sys.argv[1]] + [path for path in sys.path if path and "site-packages" not in path]
module = importlib.import_module(sys.argv[2])
{more}
print(json.dumps({{"file": module.__file__, "modules": sorted(sys.modules)}}))
"""
_CLIENTS = """
import boto3
for service in sys.argv[3].split(","):
    client = boto3.client(service, region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    assert client.meta.endpoint_url.startswith("https://"), service
"""
_CALLS = """
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

bucket = {"Bucket": "mail"}
calls = {
    "dynamodb": [("list_tables", {})],
    "s3": [("list_objects_v2", bucket), ("put_object", bucket | {"Key": "a", "Body": b"b"}),
           ("head_object", bucket | {"Key": "a"})],
    "ses": [("describe_active_receipt_rule_set", {})],
    "sesv2": [("get_account", {})],
    "sqs": [("send_message", {"QueueUrl": "http://127.0.0.1:9/1/queue", "MessageBody": "a"})],
}
assert calls.keys() == set(sys.argv[3].split(","))
for service, all in calls.items():
    client = boto3.client(service, region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x",
        endpoint_url="http://127.0.0.1:9", config=Config(retries={"total_max_attempts": 1}))
    for call, parameters in all:
        try:
            getattr(client, call)(**parameters)
        except EndpointConnectionError:
            continue  # the request was made: nobody listens on the discard port
        raise AssertionError(f"{service} {call} was answered")
"""
_RECORDS = """
import dns.message
from dns.resolver import Resolver

Resolver(configure=False)
lines = ["id 1", "opcode QUERY", "rcode NOERROR", "flags QR", ";QUESTION", "a.example. IN ANY", ";ANSWER"]
values = {"A": "192.0.2.1", "AAAA": "2001:db8::1", "CNAME": "b.example.", "MX": "10 b.example.", "NS": "b.example.",
    "SOA": "b.example. c.example. 1 2 3 4 5", "TXT": '"v=spf1" "-all"'}
lines += [f"a.example. 60 IN {kind} {value}" for kind, value in values.items()]
lines += ["a.example. 60 IN HINFO \\\\# 4 01780179"]  # nobody asks for it, and it harms nobody
wire = dns.message.from_text("\\n".join(lines)).to_wire()
read = [rrset[0].to_text() for rrset in dns.message.from_wire(wire).answer]
assert read == [*values.values(), "\\\\# 4 01780179"], read
"""
_DOCUMENT = """
answer = module.app({"httpMethod": "GET", "requestContext": {"resourcePath": "/openapi.json", "httpMethod": "GET",
    "requestId": "1", "identity": {}}, "headers": {}, "multiValueHeaders": {}, "pathParameters": None,
    "multiValueQueryStringParameters": None, "stageVariables": None, "body": None, "isBase64Encoded": False}, None)
assert answer["statusCode"] == 200, answer
assert "Create an inbox" in answer["body"] or answer["isBase64Encoded"], answer["body"][:200]
"""


@pytest.fixture(scope="module")
def unpacked(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(package.zip) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def template(package: Package) -> Mapping[str, Any]:
    read: Mapping[str, Any] = yaml_parse(package.template.read_text(encoding="utf-8"))
    return read


def run_alone(unpacked: Path, module: str, more: str = "", *arguments: str) -> dict[str, Any]:
    """Import a module of the package in an interpreter without any installed library; what it then has in memory."""
    command = [sys.executable, "-I", "-S", "-B", "-c", _PROBE.format(more=more), str(unpacked), module, *arguments]
    run = subprocess.run(command, env={}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def handlers(template: Mapping[str, Any]) -> dict[str, str]:
    functions = {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    return {name: function["Properties"]["Handler"].rpartition(".")[0] for name, function in functions.items()}


def test_the_zip_is_small_and_has_nothing_of_this_machine(package: Package) -> None:
    with zipfile.ZipFile(package.zip) as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    assert package.size <= ZIP_LIMIT
    assert package.files == len(names)
    assert len(set(names)) == len(names)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert [name for name in names if name.endswith(".py") or "__pycache__" in name] == []
    assert {name.split("/")[0] for name in names} & NEVER_IMPORTED == set()


def test_every_handler_imports_from_the_zip_alone(unpacked: Path, template: Mapping[str, Any]) -> None:
    found = handlers(template)
    assert len(found) >= 7
    for name, module in found.items():
        probe = run_alone(unpacked, module)
        assert probe["file"].startswith(str(unpacked)), name
        assert {each.partition(".")[0] for each in probe["modules"]} & NEVER_IMPORTED == set(), name
        ours = [each for each in probe["modules"] if each.partition(".")[0] in {"app", "chalicelib"}]
        kind = "app" if module == "app" else "worker"
        assert len(ours) <= MOST_OURS[kind], name
        assert len(probe["modules"]) - len(ours) <= MOST_OTHERS[kind], name


def test_clients_are_made_and_the_document_is_written_from_the_zip_alone(unpacked: Path) -> None:
    run_alone(unpacked, "app", _CLIENTS + _DOCUMENT, ",".join(sorted(SERVICES)))


def test_calls_are_made_from_the_zip_alone(unpacked: Path) -> None:
    """Making a client reads half of its model; making a request reads what is left."""
    run_alone(unpacked, "boto3", "import boto3\n" + _CALLS, ",".join(sorted(SERVICES)))


def test_dns_answers_are_read_from_the_zip_alone(unpacked: Path) -> None:
    """Of the classes of records only those are there that somebody asks for; any other record is octets."""
    run_alone(unpacked, "dns", _RECORDS)
    kept = {path.stem for path in unpacked.glob("dns/rdtypes/*/*.pyc")}
    assert {record.value for record in RecordType} <= kept
    assert "HINFO" not in kept


def test_every_service_that_is_called_is_in_the_package() -> None:
    root = Path(__file__).parents[2] / "chalicelib"
    sources = [path.read_text(encoding="utf-8") for path in root.rglob("*.py")]
    named = {
        name for name in boto3.Session().get_available_services() for text in sources if f'client("{name}"' in text
    }
    assert named | {"dynamodb"} == SERVICES
    assert "region" in Settings.__dataclass_fields__


def test_cfn_lint_finds_nothing(package: Package, template: Mapping[str, Any]) -> None:
    assert linted(package) == package

    for resource in template["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = "s3://bucket/deployment.zip"  # as an upload puts it
    session = boto3.Session(region_name="eu-central-1")
    expanded = Translator({}, Parser(), boto_session=session).translate(template, {})
    assert len(expanded["Resources"]) > len(template["Resources"])
    assert [str(found) for found in lint(json.dumps(expanded))] == []


def test_a_template_that_cfn_lint_finds_fault_with_is_not_deployed(package: Package, tmp_path: Path) -> None:
    wrong = tmp_path / "template.yaml"
    wrong.write_text("Resources: {Q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 50000}}}", "utf-8")
    with pytest.raises(CommandFailed, match=r"nothing was changed:\n.*50000"):
        linted(replace(package, template=wrong))
