"""Every scope against every route; what is revoked, expired or suspended is refused on each, and nothing is done."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.tenants.places import Operation
from tests.tenants.test_matrix import OPERATIONS
from tests.tenants.world import Asked, TenantWorld

pytestmark = pytest.mark.xdist_group("tenants")

CLOSED = [operation for operation in OPERATIONS if operation.scopes]
SCOPES = ("read", "send", "manage", "admin")


def test_two_routes_are_open_and_all_others_name_their_scope() -> None:
    assert {operation.path for operation in OPERATIONS if not operation.scopes} == {"/health", "/openapi.json"}
    assert all(operation.scopes <= set(SCOPES) for operation in CLOSED)
    for operation in CLOSED:
        assert operation.method != "GET" or operation.scopes & {"read", "admin"}, operation


@pytest.mark.parametrize("operation", CLOSED, ids=str)
def test_a_key_that_lacks_the_scope_is_refused_and_does_nothing(steady: TenantWorld, operation: Operation) -> None:
    for scope in (scope for scope in SCOPES if scope not in operation.scopes | {"admin"}):
        for ids in (steady.mine.ids["one"], steady.theirs.ids["one"]):
            answer = steady.ask(scope, operation.asked(ids))
            assert (answer.status, answer.error["code"]) == (403, "FORBIDDEN_SCOPE"), scope


@pytest.mark.parametrize("operation", CLOSED, ids=str)
def test_a_key_with_the_scope_and_no_other_is_let_through(world: TenantWorld, operation: Operation) -> None:
    ids = world.mine.ids["one"] | ({"account": world.theirs.account_id} if operation.scopes == {"admin"} else {})
    allowed = sorted(operation.scopes | {"admin"})
    for scope in allowed[-1:] if operation.method == "DELETE" else allowed:  # what is deleted is gone
        answer = world.ask(scope, operation.asked(ids))
        assert answer.status not in (401, 403), (scope, answer.body)


@pytest.mark.parametrize("reason", ["revoked", "expired", "suspended", "unknown", "another's secret"])
def test_a_key_that_ended_is_refused_on_every_route_and_does_nothing(world: TenantWorld, reason: str) -> None:
    mine = world.mine
    made = mine.api("POST", "/account/api-keys", {"expiresAt": "2027-01-01T00:00:00Z"}).json
    key, other = made["key"], mine.api("POST", "/account/api-keys", {}).json["key"]
    assert world.ask(key, Asked("GET", "/account")).status == 200
    expected = (401, "UNAUTHORIZED")
    match reason:
        case "revoked":
            assert mine.api("DELETE", f"/account/api-keys/{made['id']}").status == 204
        case "expired":
            world.deployment.clock.now += timedelta(days=60)
        case "suspended":
            assert mine.api("PATCH", f"/account/api-keys/{made['id']}", {"status": "suspended"}).status == 200
            expected = (403, "KEY_SUSPENDED")
        case "unknown":
            key = key[:-1] + ("0" if key[-1] != "0" else "1")
        case _:
            key = key[:24] + other[24:]
    world.deployment.rest()
    before = world.everything()

    for operation in CLOSED:
        answer = world.ask(key, operation.asked(mine.ids["one"]))
        assert (answer.status, answer.error["code"]) == expected, operation
    assert world.everything() == before


def test_what_a_bound_key_makes_and_changes_stays_within_its_inboxes(world: TenantWorld) -> None:
    """Every body that names inboxes refuses one within reach beside one that is not."""
    one, two = world.mine.ids["one"]["inbox"], world.mine.ids["two"]["inbox"]
    for operation in CLOSED:
        if operation.shape and "inboxIds" in operation.schemas[operation.shape]["properties"]:
            asked = operation.asked(world.mine.ids["one"])
            beside = replace(asked, json_body=asked.json_body | {"inboxIds": [one, two]})
            before = world.everything()
            assert world.ask("bound", beside).status == 404, operation
            assert world.everything() == before
            within = replace(asked, json_body=asked.json_body | {"inboxIds": [one]})
            assert world.ask("bound", within).status < 300, operation
