"""The doors of suppressions: every field, addresses in paths, imports line by line, and nothing of another account's."""

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.api.json_lines import JSON_LINES, LINES_LIMIT
from chalicelib.domain.account import Scope
from chalicelib.domain.ids import AccountId, MessageKey
from chalicelib.domain.suppression import Suppression, SuppressionReason
from chalicelib.operations.manage_suppressions import (
    AddSuppression,
    GetSuppression,
    ImportSuppressions,
    ListSuppressions,
    RemoveSuppression,
)
from tests.factories.accounts import NOON, make_caller
from tests.factories.api_events import ApiAnswer, ApiClient
from tests.fakes.operations import IDS, FakeOperations
from tests.fakes.suppression_store import FakeSuppressionStore

ADA, BOB = "ada@example.com", "bob@example.net"
ADA_ADDED = {"address": ADA, "reason": "manual", "messageId": None, "createdAt": "2026-11-22T12:00:00.000Z"}


@pytest.fixture
def store(fakes: FakeOperations) -> FakeSuppressionStore:
    """Real operations over a fake store behind the doors."""
    store = FakeSuppressionStore()
    fakes.answers |= {
        "add_suppression": AddSuppression(store, fakes.clock),
        "import_suppressions": ImportSuppressions(store, fakes.clock),
        "list_suppressions": ListSuppressions(store),
        "get_suppression": GetSuppression(store),
        "remove_suppression": RemoveSuppression(store),
    }
    return store


def use_key(fakes: FakeOperations, *scopes: Scope, **changes: Any) -> None:
    fakes.caller = make_caller(scopes=frozenset(scopes or Scope), **changes)


def imported(api: ApiClient, body: str | bytes, media_type: str = JSON_LINES, **headers: str) -> ApiAnswer:
    return api.call("POST", "/suppressions/import", body=body, headers={"content-type": media_type, **headers})


# ----------------------------------------------------------------------------------------------- one by one


@pytest.mark.usefixtures("store")
def test_an_address_is_added_shown_listed_and_taken_off(api: ApiClient) -> None:
    added = api.call("POST", "/suppressions", json_body={"address": "Ada@Example.com"})
    assert (added.status, added.json) == (201, ADA_ADDED)
    assert api.call("GET", f"/suppressions/{ADA}").json == ADA_ADDED
    assert api.call("GET", "/suppressions").json == {"data": [ADA_ADDED], "total": 1, "nextCursor": None}
    assert api.call("DELETE", "/suppressions/ADA%40example.com").status == 204
    assert api.call("DELETE", f"/suppressions/{ADA}").status == 404
    assert api.call("GET", f"/suppressions/{ADA}").status == 404


@pytest.mark.usefixtures("store")
def test_the_same_address_again_is_harmless_and_answers_what_stands(api: ApiClient) -> None:
    first = api.call("POST", "/suppressions", json_body={"address": ADA, "reason": "unsubscribe"})
    again = api.call("POST", "/suppressions", json_body={"address": ADA, "reason": "bounce"})
    assert (again.status, again.json) == (201, first.json)
    assert again.json["reason"] == "unsubscribe"


def test_what_a_bounce_added_names_its_message(api: ApiClient, store: FakeSuppressionStore) -> None:
    key = MessageKey(7, 3)
    store.add(Suppression(make_caller().account_id, BOB, SuppressionReason.BOUNCE, NOON, key))
    shown = api.call("GET", f"/suppressions/{BOB}").json
    assert (shown["reason"], shown["messageId"]) == ("bounce", IDS.message_id(key))


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("address", "in_path"),
    [
        ("ana+news@example.com", "ana%2Bnews%40example.com"),
        ("ana+news@example.com", "ana+news@example.com"),
        ("ana%41@example.com", "ana%2541%40example.com"),
        ("ana@xn--bcher-kva.example", "ana@b%C3%BCcher.example"),
        ("o'hara/x=y@example.com", "o%27hara%2Fx%3Dy%40example.com"),
    ],
)
def test_an_address_in_a_path_is_decoded_once_and_a_plus_is_a_plus(api: ApiClient, address: str, in_path: str) -> None:
    assert api.call("POST", "/suppressions", json_body={"address": address}).status == 201
    assert api.call("GET", f"/suppressions/{in_path}").json["address"] == address
    assert api.call("DELETE", f"/suppressions/{in_path}").status == 204


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    "text", ["nobody@example.com", "not-an-address", "Ana%20%3Cada@example.com%3E", "%FF@example.com"]
)
def test_what_is_no_address_of_the_list_is_answered_like_any_that_is_not_there(api: ApiClient, text: str) -> None:
    api.call("POST", "/suppressions", json_body={"address": ADA})
    for method in ("GET", "DELETE"):
        answer = api.call(method, f"/suppressions/{text}")
        assert (answer.status, answer.body) == (404, api.call(method, "/suppressions/absent@example.com").body)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "address"),
        ({"address": "ana@example"}, "no dot after the @"),
        ({"address": "Ana <ana@example.com>"}, "leave the name out"),
        ({"address": ADA, "reason": "boredom"}, "reason"),
        ({"address": ADA, "why": "x"}, "why"),
        ({"address": "bounce@simulator.amazonses.com"}, "never suppressed"),
    ],
)
def test_a_wrong_body_is_told_what_is_wrong(
    api: ApiClient, store: FakeSuppressionStore, body: dict[str, object], says: str
) -> None:
    answer = api.call("POST", "/suppressions", json_body=body)
    assert answer.status == 400
    assert says in json.dumps(answer.error["details"])
    assert store.lists == {}


def test_pages_go_on_where_they_ended(api: ApiClient, store: FakeSuppressionStore) -> None:
    for number in range(5):
        api.call("POST", "/suppressions", json_body={"address": f"reader-{number}@example.com"})
    first = api.call("GET", "/suppressions?limit=2").json
    second = api.call("GET", f"/suppressions?limit=2&cursor={first['nextCursor']}").json
    last = api.call("GET", "/suppressions?limit=2&offset=4").json
    shown = [each["address"] for page in (first, second, last) for each in page["data"]]
    assert shown == [f"reader-{number}@example.com" for number in reversed(range(5))]
    assert [page["total"] for page in (first, second, last)] == [5, 5, 5]
    assert last["nextCursor"] is None


# ------------------------------------------------------------------------------------------ line by line


def test_an_import_says_of_every_line_what_became_of_it(api: ApiClient, store: FakeSuppressionStore) -> None:
    api.call("POST", "/suppressions", json_body={"address": BOB})
    lines = [
        json.dumps({"address": ADA, "reason": "bounce"}),
        "",
        json.dumps({"address": "ana@example"}),
        json.dumps({"address": BOB}),
        "{oops",
        json.dumps({"address": ADA.upper()}),
        json.dumps({"address": "x@example.org", "reason": "spam", "note": 1}),
        '["x@example.org"]',
        json.dumps({"address": "complaint@simulator.amazonses.com"}),
        json.dumps({"address": "eve@example.org"}),
    ]
    answer = imported(api, "﻿" + "\r\n".join(lines))

    assert answer.status == 200
    assert {name: answer.json[name] for name in ("added", "already")} == {"added": 2, "already": 2}
    said = {each["line"]: each["message"] for each in answer.json["invalid"]}
    assert set(said) == {3, 5, 7, 8, 9}
    assert "no dot after the @" in said[3]
    assert "is not JSON" in said[5]
    assert "reason" in said[7]
    assert "note" in said[7]
    assert "must be a JSON object, not an array" in said[8]
    assert "never suppressed" in said[9]
    assert store.names(make_caller().account_id) == {ADA, BOB, "eve@example.org"}
    assert store.find(make_caller().account_id, [ADA])[ADA].reason is SuppressionReason.BOUNCE


@pytest.mark.usefixtures("store")
def test_an_import_again_adds_nothing_and_under_the_same_key_answers_as_at_first(api: ApiClient) -> None:
    body = json.dumps({"address": ADA})
    first = imported(api, body, **{"idempotency-key": "one"})
    assert first.json == {"added": 1, "already": 0, "invalid": []}
    again = imported(api, body, **{"idempotency-key": "one"})
    assert (again.json, again.header("idempotent-replayed")) == (first.json, "true")
    assert imported(api, body).json == {"added": 0, "already": 1, "invalid": []}
    assert imported(api, body + " ", **{"idempotency-key": "one"}).status == 409


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        ("", JSON_LINES, 400),
        (" \n\n", JSON_LINES, 400),
        ("{}", "application/json", 415),
        ("{}", "", 415),
        ("{}\n" * (LINES_LIMIT + 1), JSON_LINES, 413),
    ],
)
def test_a_body_that_cannot_be_imported_is_refused_whole(
    api: ApiClient, store: FakeSuppressionStore, body: str, media_type: str, status: int
) -> None:
    answer = imported(api, body, media_type)
    assert answer.status == status
    assert answer.error["fix"]
    assert store.lists == {}


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("media_type", ["application/x-ndjson; charset=utf-8", "application/jsonl", "Text/Plain"])
def test_json_lines_come_under_several_names(api: ApiClient, media_type: str) -> None:
    assert imported(api, json.dumps({"address": ADA}).encode(), media_type).json["added"] == 1


# ----------------------------------------------------------------------------------------------- who may


@pytest.mark.parametrize(
    ("scope", "may"),
    [
        (Scope.READ, {"list", "get"}),
        (Scope.SEND, {"get"}),
        (Scope.MANAGE, {"add", "import", "remove"}),
        (Scope.ADMIN, {"list", "get", "add", "import", "remove"}),
    ],
)
def test_each_scope_does_its_own(
    api: ApiClient, fakes: FakeOperations, store: FakeSuppressionStore, scope: Scope, may: set[str]
) -> None:
    store.add(Suppression(make_caller().account_id, ADA, SuppressionReason.MANUAL, NOON))
    use_key(fakes, scope)
    assert _allowed(api) == may


def _allowed(api: ApiClient) -> set[str]:
    answers = {
        "list": api.call("GET", "/suppressions"),
        "get": api.call("GET", f"/suppressions/{ADA}"),
        "add": api.call("POST", "/suppressions", json_body={"address": ADA}),
        "import": imported(api, json.dumps({"address": ADA})),
        "remove": api.call("DELETE", f"/suppressions/{ADA}"),
    }
    assert {answer.status for answer in answers.values()} <= {200, 201, 204, 403}
    assert {answer.error["code"] for answer in answers.values() if answer.status == 403} <= {"FORBIDDEN_SCOPE"}
    return {name for name, answer in answers.items() if answer.status != 403}


def test_a_key_bound_to_inboxes_may_look_for_an_address_and_no_more(
    api: ApiClient, fakes: FakeOperations, store: FakeSuppressionStore
) -> None:
    store.add(Suppression(make_caller().account_id, ADA, SuppressionReason.MANUAL, NOON))
    use_key(fakes, inbox_numbers=frozenset({7}))
    assert _allowed(api) == {"get"}


def test_another_accounts_list_is_out_of_reach(
    api: ApiClient, fakes: FakeOperations, store: FakeSuppressionStore
) -> None:
    for address in (ADA, BOB):
        store.add(Suppression(AccountId("acc_other"), address, SuppressionReason.MANUAL, NOON))
    assert api.call("GET", "/suppressions").json["total"] == 0
    for method in ("GET", "DELETE"):
        absent = api.call(method, "/suppressions/absent@example.com")
        assert api.call(method, f"/suppressions/{ADA}").body == absent.body
    fakes.caller = replace(fakes.caller, account_id=AccountId("acc_other"))
    cursor = api.call("GET", "/suppressions?limit=1").json["nextCursor"]
    fakes.caller = make_caller()
    assert api.call("GET", f"/suppressions?cursor={cursor}").status == 404
