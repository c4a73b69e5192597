"""Whatever is asked, the running system answers as its OpenAPI document says, and never with a fault of its own."""

import copy
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode

from app import app
from chalicelib.api.file_upload import FORM
from chalicelib.api.openapi import document
from tests.journeys.system import Journey, RunningSystem, until
from tests.tenants.places import BODIES, operations_in

pytestmark = pytest.mark.xdist_group("journeys")

SEED = int(os.environ.get("FUZZ_SEED", "7"))
SOME = 3  # requests a route
MANY = int(os.environ.get("FUZZ_REQUESTS", "400"))
WANTED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
DOCUMENT = document(app)
OPERATIONS = tuple(operations_in(DOCUMENT))
PATHS: Mapping[str, Mapping[str, Any]] = DOCUMENT["paths"]
ROUTES = [(method.upper(), path) for path, methods in PATHS.items() for method in methods]
# What is deleted is gone for the routes behind, and what it holds with it.
ROUTES.sort(key=lambda route: (route[0] == "DELETE", "thread" in route[1], "inbox" in route[1]))


@dataclass(frozen=True)
class Tenant:
    """An account of its own, so that whatever is done to it disturbs nobody; and real ids."""

    schema: Any
    key: str
    admin: str
    ids: Mapping[str, str]


def schema_of(raw: dict[str, Any]) -> Any:
    """A document to ask by. 413 is a refusal, too (RFC 9110, section 15.5.14): of what is far longer than a field may be."""
    schema = schemathesis.openapi.from_dict(raw)
    refusal = schema.config.checks.negative_data_rejection
    refusal.expected_statuses = [*refusal.expected_statuses, "413"]
    return schema


@pytest.fixture(scope="module")
def tenant(system: RunningSystem) -> Iterator[Tenant]:
    with system.client() as admin:
        made = admin.post("/accounts", json={"name": "Asked anything", "email": "a@example.org"}).json()
        plenty = {"scopes": ["admin"], "rateLimitPerMinute": 1_000_000}
        admin_key = admin.post("/account/api-keys", json=plenty).json()["key"]
        held = admin.post("/accounts", json={"name": "Held", "email": "a@example.org"}).json()["id"]
    with system.client(made["apiKey"]) as client:
        journey = Journey(client)
        message = journey.until_status(journey.send("success@simulator.amazonses.com"), "delivered")
        hook = journey.call("POST", "/webhooks", 201, json={"url": "http://127.0.0.1:9/"})["id"]
        journey.call("POST", f"/webhooks/{hook}/test", 202)
        deliveries = until(
            lambda: journey.call("GET", f"/webhooks/{hook}/deliveries")["data"], lambda found: len(found) > 0
        )
        journey.call("POST", "/suppressions", 201, json={"address": "bob@example.com"})
        ids = {
            "account_id": held,
            "address": "bob@example.com",
            "attachment_id": journey.call("POST", "/attachments", 201, files={"file": ("a.txt", b"a")})["id"],
            "delivery_id": deliveries[0]["id"],
            "domain_id": journey.call("POST", "/domains", 201, json={"domain": "anything.example.org"})["id"],
            "inbox_id": journey.inbox["id"],
            "key_id": journey.call("POST", "/account/api-keys", 201, json={})["id"],
            "message_id": message["id"],
            "thread_id": message["threadId"],
            "webhook_id": hook,
        }
        yield Tenant(
            schema_of(httpx.get(f"{system.api}/openapi.json").json()),
            made["apiKey"],
            admin_key,
            ids,
        )


def ask(tenant: Tenant, system: RunningSystem, method: str, path: str, times: int) -> None:
    """So many requests of what the document allows, and as many of what it forbids; with ids that are there, or any."""
    operation = tenant.schema[path][method]
    key = tenant.admin if path.startswith("/accounts") else tenant.key
    real = {name: text for name, text in tenant.ids.items() if f"{{{name}}}" in path}
    checks = CHECKS.get_by_names(WANTED)
    asked = [operation.as_strategy()]
    if real:
        asked.append(operation.as_strategy(path_parameters=real))
    shape = next((each.shape for each in OPERATIONS if (each.method, each.path) == (method, path)), None)
    if shape is not None:
        asked.append(operation.as_strategy(path_parameters=real or None, body=BODIES[shape]))
    raw = operation.definition.raw
    is_form = FORM in raw.get("requestBody", {}).get("content", {})  # in which everything is text, so a number is none
    if not is_form and ("requestBody" in raw or len(raw["parameters"]) > len(real)):
        asked.append(operation.as_strategy(GenerationMode.NEGATIVE, path_parameters=real or None))

    @seed(SEED)
    @settings(
        max_examples=times,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(asked))
    def each(case: Any) -> None:
        for name in ("authorization", "x-api-key"):  # made up, as the document says how keys are sent
            (case.headers or {}).pop(name, None)
        case.call_and_validate(
            base_url=system.api, headers={"x-api-key": key}, checks=checks, allow_redirects=False, timeout=30
        )

    each()


def test_a_document_that_says_something_else_is_found_out(tenant: Tenant, system: RunningSystem) -> None:
    """Else that nothing is found would prove nothing."""
    untrue = copy.deepcopy(tenant.schema.raw_schema)
    untrue["components"]["schemas"]["AccountWithUsage"]["required"].append("shoeSize")
    doctored = replace(tenant, schema=schema_of(untrue))
    with pytest.raises(FailureGroup, match="shoeSize"):
        ask(doctored, system, "GET", "/account", 1)
    untrue["paths"]["/account"]["get"]["responses"].pop("200")
    with pytest.raises(FailureGroup, match="200"):
        ask(replace(tenant, schema=schema_of(untrue)), system, "GET", "/account", 1)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_what_the_document_says_is_what_is_answered(
    tenant: Tenant, system: RunningSystem, method: str, path: str
) -> None:
    ask(tenant, system, method, path, SOME)


@pytest.mark.long
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_what_the_document_says_is_what_is_answered_however_often(
    tenant: Tenant, system: RunningSystem, method: str, path: str
) -> None:
    ask(tenant, system, method, path, MANY)
