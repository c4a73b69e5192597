"""The app as API Gateway is told about it, and as Lambda runs it."""

import subprocess
import sys

import pytest
from chalice.app import Chalice
from chalice.deploy.swagger import CFNSwaggerGenerator
from chalice.deploy.validate import validate_route_content_types, validate_routes

from chalicelib.api.fallback import METHODS


def test_packaged_api_names_the_greedy_path_and_the_root_with_every_method(app: Chalice) -> None:
    paths = CFNSwaggerGenerator().generate_swagger(app)["paths"]
    for path in ("/", "/{proxy+}"):
        assert paths[path].keys() == {method.lower() for method in METHODS}
        assert all(entry["x-amazon-apigateway-integration"]["type"] == "aws_proxy" for entry in paths[path].values())


def test_routes_pass_the_checks_of_packaging(app: Chalice) -> None:
    validate_routes(app.routes)
    validate_route_content_types(app.routes, app.api.binary_types)
    assert len(app.routes) > 10


def test_every_body_comes_to_the_app_as_it_was_sent(app: Chalice) -> None:
    document = CFNSwaggerGenerator().generate_swagger(app)
    assert document["x-amazon-apigateway-binary-media-types"] == ["*/*"]


@pytest.mark.parametrize("name", ["send_queue_sender", "delivery_notifications"])
def test_every_event_handler_is_registered(app: Chalice, name: str) -> None:
    assert name in app.handler_map


def test_app_imports_without_settings_and_without_what_cold_starts_cannot_afford() -> None:
    unwanted = ["pydantic", "jsonschema", "email_validator", "difflib", "python_multipart"]
    program = f"import sys, app; print([name for name in {unwanted} if name in sys.modules])"
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={}, check=False)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout.strip() == "[]"
