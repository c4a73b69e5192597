"""GET /openapi.json: complete, consistent, and true."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from chalice.app import Chalice

from chalicelib.api import json_requests, message_requests
from chalicelib.api.errors import STATUS
from chalicelib.api.json_reading import INVALID, RequestShape, read_value
from chalicelib.api.openapi import document
from chalicelib.api.problems import Problems
from chalicelib.api.routes import declared_routes
from chalicelib.domain.errors import ErrorCode
from chalicelib.shapes import attachment_shapes, json_shapes, message_shapes
from tests.factories.api_events import ApiClient, make_event, read_answer

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def openapi(app: Chalice) -> dict[str, Any]:
    return document(app)


def operations_of(openapi: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_route_of_the_app_is_described_and_no_other(app: Chalice, openapi: dict[str, Any]) -> None:
    served = {
        (method, path) for path, methods in app.routes.items() for method in methods if path not in ("/", "/{proxy+}")
    }
    assert {(method, path) for method, path, _ in operations_of(openapi)} == served
    assert ("POST", "/inboxes/{inbox_id}/messages") in served


def test_document_is_served_without_a_key(api: ApiClient, openapi: dict[str, Any]) -> None:
    api.key = None
    answer = api.call("GET", "/openapi.json")
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    assert answer.json == {**openapi, "servers": [{"url": "/api"}]}


def test_server_is_the_root_where_no_stage_stands_before_the_path(app: Chalice) -> None:
    event = make_event("GET", "/openapi.json", resource="/openapi.json")
    event["requestContext"]["path"] = "/openapi.json"
    assert read_answer(app(event, None)).json["servers"] == [{"url": "/"}]


def test_every_reference_leads_somewhere_and_every_schema_is_used(openapi: dict[str, Any]) -> None:
    used = set(references(openapi))
    there = {f"#/components/{kind}/{name}" for kind in ("schemas", "headers") for name in openapi["components"][kind]}
    assert used == there


def test_operation_ids_are_unique(openapi: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations_of(openapi)]
    assert len(names) == len(set(names))


def test_path_variables_are_described_and_have_one_name_per_position(openapi: dict[str, Any]) -> None:
    names: dict[str, set[str]] = {}
    for _, path, operation in operations_of(openapi):
        in_path = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
        assert in_path == re.findall(r"\{(\w+)\}", path)
        for before, name in re.findall(r"(\S*?)/\{(\w+)\}", path):
            names.setdefault(before, set()).add(name)
    assert all(len(each) == 1 for each in names.values())


def test_every_error_status_lists_its_codes(openapi: dict[str, Any]) -> None:
    listed: set[str] = set()
    for _, _, operation in operations_of(openapi):
        for status, response in operation["responses"].items():
            if int(status) < 400:
                continue
            narrowed = response["content"]["application/json"]["schema"]["allOf"][1]
            error = narrowed["properties"]["error"]["properties"]
            assert error["status"]["const"] == int(status)
            assert {STATUS[ErrorCode(code)] for code in error["code"]["enum"]} == {int(status)}
            assert response["description"] == ", ".join(f"`{code}`" for code in error["code"]["enum"])
            listed.update(error["code"]["enum"])
    # A wrong method is an error of no operation.
    assert listed == set(ErrorCode) - {ErrorCode.METHOD_NOT_ALLOWED}
    assert openapi["components"]["schemas"]["ErrorCode"]["enum"] == sorted(ErrorCode)


def test_what_follows_from_a_route_is_described(openapi: dict[str, Any]) -> None:
    for method, path, operation in operations_of(openapi):
        is_open = path in ("/health", "/openapi.json")
        assert (operation.get("security") == []) == is_open
        assert ("401" in operation["responses"]) == (not is_open)
        takes_key = any(each["name"] == "Idempotency-Key" for each in operation["parameters"])
        creates_nothing = path == "/domains/{domain_id}/verify"
        assert takes_key == (method == "POST" and not creates_nothing)
        says_all = path.rpartition("/")[2] in ("rotate-secret", "test", "verify", "discard-queued") or path.endswith(
            "/{delivery_id}/replay"
        )
        assert ("requestBody" in operation) == (method in ("POST", "PUT", "PATCH") and not says_all)
        assert operation["summary"]


def test_bodies_are_required_where_a_field_is(openapi: dict[str, Any]) -> None:
    required = {
        path: operation["requestBody"]["required"]
        for _, path, operation in operations_of(openapi)
        if "requestBody" in operation
    }
    assert required == {
        "/inboxes": False,
        "/inboxes/{inbox_id}": False,
        "/inboxes/{inbox_id}/messages": True,
        "/messages/{message_id}/reply": False,
        "/messages/{message_id}/forward": True,
        "/account": True,
        "/account/api-keys": False,
        "/account/api-keys/{key_id}": False,
        "/accounts": True,
        "/account/retention": True,
        "/accounts/{account_id}": False,
        "/domains": True,
        "/attachments": True,
        "/attachments/uploads": True,
        "/suppressions": True,
        "/suppressions/import": True,
        "/webhooks": True,
        "/webhooks/{webhook_id}": False,
        "/webhooks/{webhook_id}/replay": True,
    }


def test_an_upload_is_a_form_with_one_file(openapi: dict[str, Any]) -> None:
    content = openapi["paths"]["/attachments"]["post"]["requestBody"]["content"]
    assert content.keys() == {"multipart/form-data"}
    assert content["multipart/form-data"]["schema"]["properties"].keys() == {"file"}


def test_a_source_may_be_a_redirect(openapi: dict[str, Any]) -> None:
    responses = openapi["paths"]["/messages/{message_id}/raw"]["get"]["responses"]
    assert "Location" in responses["302"]["headers"]


def test_query_of_the_message_list_is_described(openapi: dict[str, Any]) -> None:
    operation = openapi["paths"]["/inboxes/{inbox_id}/messages"]["get"]
    query = {each["name"]: each["schema"] for each in operation["parameters"] if each["in"] == "query"}
    assert query["limit"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    assert query.keys() == {"limit", "offset", "cursor", "status", "direction"}
    assert query["status"] == {"$ref": "#/components/schemas/MessageStatus"}
    assert len(openapi["components"]["schemas"]["MessageStatus"]["enum"]) == 8


def test_shapes_of_queries_and_suffixes_of_ours_stay_inside(openapi: dict[str, Any]) -> None:
    names = openapi["components"]["schemas"].keys()
    assert {"Message", "Page_Message", "Draft", "Inbox", "Error"} <= names
    assert not [name for name in names if "Json" in name or "Query" in name or name == "NoFields"]
    assert "Json" not in json.dumps(openapi)


def test_declared_success_is_the_first_response(app: Chalice, openapi: dict[str, Any]) -> None:
    for each in declared_routes(app):
        operation = openapi["paths"][each.route.path][each.route.method.lower()]
        successes = [int(status) for status in operation["responses"] if int(status) < 400]
        assert successes[0] == each.route.success.status
        assert successes[1:] == ([302] if each.route.success.may_redirect else [])


def shapes() -> Iterator[type[msgspec.Struct]]:
    for module in (attachment_shapes, json_requests, json_shapes, message_requests, message_shapes):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == module.__name__:
                yield value


def test_every_example_is_accepted_by_the_type_it_stands_on() -> None:
    checked = 0
    for shape in shapes():
        if get_args(shape) or shape.__name__ == "PageJson":
            continue
        described = msgspec.inspect.type_info(shape)
        assert isinstance(described, msgspec.inspect.StructType)
        schema = msgspec.json.schema_components([shape])[1][shape.__name__]
        for field in described.fields:
            for example in examples(schema["properties"][field.encode_name]):
                problems = Problems()
                if issubclass(shape, RequestShape):
                    value: object = [example] if is_list(schema["properties"][field.encode_name]) else example
                    assert read_value(value, field.type, field.encode_name, problems) is not INVALID
                else:
                    msgspec.convert(example, str)
                problems.refuse()
                checked += 1
    assert checked >= 12


def examples(schema: dict[str, Any]) -> list[Any]:
    found = list(schema.get("examples", []))
    for inner in (*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())):
        found += examples(inner)
    return found


def is_list(schema: dict[str, Any]) -> bool:
    return any(choice.get("type") == "array" for choice in (schema, *schema.get("anyOf", ())))
