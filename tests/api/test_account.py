"""The doors of the account, its keys, and further accounts."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.domain.account import DEFAULT_SCOPES, Scope
from chalicelib.domain.errors import Forbidden
from chalicelib.domain.ids import inbox_id
from chalicelib.operations.manage_accounts import CreatedAccount, NewAccount
from chalicelib.operations.manage_keys import CreatedKey, NewKey
from chalicelib.operations.ports import Page, PageRequest
from tests.factories.accounts import ACCOUNT_ID, KEY_ID, NOON, make_account, make_caller, make_key
from tests.factories.api_events import ApiClient
from tests.fakes.operations import FakeOperations

TEXT = "ask_0123456789abcdefghjk" + "z" * 32


@pytest.fixture(autouse=True)
def creating(fakes: FakeOperations) -> None:
    """Creations succeed, under the id they were given."""

    def create_key(new: NewKey, _caller: object) -> CreatedKey:
        return CreatedKey(make_key(id=new.id, name=new.name, scopes=new.scopes, inbox_numbers=new.inbox_numbers), TEXT)

    def create_account(new: NewAccount, _caller: object) -> CreatedAccount:
        return CreatedAccount(replace(make_account(), id=new.id, name=new.name, email=new.email), TEXT)

    fakes.answers |= {"create_key": create_key, "create_account": create_account}


def test_account_shows_every_field_of_the_contract(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["get_account"] = make_account()
    assert api.call("GET", "/account").json == {
        "id": ACCOUNT_ID,
        "name": "Acme",
        "email": "owner@example.com",
        "retentionDays": None,
        "plan": "self-hosted",
        "dailySendLimit": 10_000,
        "sendsToday": 0,
        "isVerified": True,
        "createdAt": "2026-11-22T12:00:00.000Z",
        "status": "active",
        "suspendedBy": None,
        "usage": {
            "today": {"requests": 1, "sends": 0, "recipients": 0, "inbound": 0, "bytesStored": 0},
            "thisMonth": {"requests": 9, "sends": 2, "recipients": 3, "inbound": 4, "bytesStored": 5},
        },
    }


def test_created_key_is_shown_once(api: ApiClient, fakes: FakeOperations) -> None:
    answer = api.call("POST", "/account/api-keys", json_body={"name": "ci"})
    (new, _) = fakes.last("create_key").positional
    assert answer.status == 201
    assert answer.json == {
        "id": new.id,
        "prefix": "ask_01234567",
        "name": "ci",
        "scopes": ["manage", "read", "send"],
        "inboxIds": None,
        "rateLimitPerMinute": None,
        "expiresAt": None,
        "createdAt": "2026-11-22T12:00:00.000Z",
        "message": "Keep this key now; it is not shown again.",
        "key": TEXT,
    }


def test_replay_of_a_created_key_leaves_the_key_out(api: ApiClient, fakes: FakeOperations) -> None:
    headers = {"Idempotency-Key": "one"}
    first = api.call("POST", "/account/api-keys", headers=headers)
    again = api.call("POST", "/account/api-keys", headers=headers)
    assert again.header("idempotent-replayed") == "true"
    assert (first.json["id"], "key" in first.json) == (again.json["id"], True)
    assert "key" not in again.json
    assert TEXT not in again.body
    assert all(TEXT.encode() not in (record.answer or b"") for record in fakes.idempotency.records.values())


def test_retry_after_a_crash_makes_the_named_key_usable(api: ApiClient, fakes: FakeOperations) -> None:
    headers = {"Idempotency-Key": "one"}
    first = api.call("POST", "/account/api-keys", headers=headers)
    ((scope, record),) = fakes.idempotency.records.items()
    fakes.idempotency.records[scope] = replace(record, answer=None)
    fakes.clock.advance(35)
    again = api.call("POST", "/account/api-keys", headers=headers)
    assert (again.json["id"], again.json["key"]) == (first.json["id"], TEXT)
    assert again.header("idempotent-replayed") is None


def test_key_is_created_as_asked(api: ApiClient, fakes: FakeOperations) -> None:
    body = {
        "scopes": ["read", "send"],
        "inboxIds": [inbox_id(7)],
        "expiresAt": "2030-01-31T13:00:00+01:00",
        "rateLimitPerMinute": 20,
    }
    assert api.call("POST", "/account/api-keys", json_body=body).status == 201
    (new, caller) = fakes.last("create_key").positional
    assert (new.scopes, new.inbox_numbers) == ({Scope.READ, Scope.SEND}, {7})
    assert (new.expires_at, new.rate_limit) == (datetime(2030, 1, 31, 12, tzinfo=UTC), 20)
    assert caller == fakes.caller


def test_key_without_wishes_has_the_default_scopes_and_every_inbox(api: ApiClient, fakes: FakeOperations) -> None:
    api.call("POST", "/account/api-keys")
    (new, _) = fakes.last("create_key").positional
    assert (new.scopes, new.inbox_numbers, new.expires_at, new.name) == (DEFAULT_SCOPES, None, None, None)


@pytest.mark.parametrize(
    ("body", "path", "word"),
    [
        ({"scopes": []}, "scopes", "at least 1 entry"),
        ({"scopes": ["read", "write"]}, "scopes[1]", '"write" is not one of read, send, manage, admin'),
        ({"inboxIds": []}, "inboxIds", "at least 1 entry"),
        ({"expiresAt": "tomorrow"}, "expiresAt", "RFC 3339"),
        ({"expiresAt": "2030-01-31T12:00:00"}, "expiresAt", "with its zone"),
        ({"expiresAt": "9999-12-31T23:59:59-23:59"}, "expiresAt", "RFC 3339"),
        ({"expiresAt": 1893456000}, "expiresAt", "RFC 3339"),
        ({"name": "a\tb"}, "name", "a tab"),
    ],
)
def test_wrong_key_wishes_are_named(api: ApiClient, body: dict[str, object], path: str, word: str) -> None:
    answer = api.call("POST", "/account/api-keys", json_body=body)
    assert answer.status == 400
    assert word in answer.error["details"][path][0]


def test_text_that_is_no_inbox_id_is_404(api: ApiClient, fakes: FakeOperations) -> None:
    answer = api.call("POST", "/account/api-keys", json_body={"inboxIds": [inbox_id(7), "inb_u"]})
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
    assert fakes.count("create_key") == 0


def test_keys_are_listed_without_the_keys(api: ApiClient, fakes: FakeOperations) -> None:
    key = make_key(inbox_numbers=frozenset({7}), rate_limit=20, last_used_at=NOON, expires_at=NOON)
    fakes.answers["list_keys"] = Page((key,), 1, None)
    assert api.call("GET", "/account/api-keys?offset=3").json == {
        "data": [
            {
                "id": KEY_ID,
                "keyPrefix": "ask_01234567",
                "name": "ci",
                "status": "active",
                "scopes": ["manage", "read", "send"],
                "inboxIds": [inbox_id(7)],
                "rateLimitPerMinute": 20,
                "lastUsedAt": "2026-11-22T12:00:00.000Z",
                "expiresAt": "2026-11-22T12:00:00.000Z",
                "createdAt": "2026-11-22T12:00:00.000Z",
            }
        ],
        "total": 1,
        "nextCursor": None,
    }
    assert fakes.last("list_keys").positional == (fakes.caller, PageRequest(20, 3))


def test_key_is_deleted(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["delete_key"] = None
    assert api.call("DELETE", f"/account/api-keys/{KEY_ID}").status == 204
    assert fakes.last("delete_key").positional == (KEY_ID, fakes.caller)


def test_admin_creates_an_account_whose_key_is_shown_once(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.caller = make_caller(scopes=frozenset({Scope.ADMIN}))
    body = {"name": "Beta", "email": "owner@beta.example.com"}
    first = api.call("POST", "/accounts", json_body=body, headers={"Idempotency-Key": "one"})
    (new, _) = fakes.last("create_account").positional
    assert first.status == 201
    assert first.json == {"id": new.id, **body, "apiKey": TEXT}
    again = api.call("POST", "/accounts", json_body=body, headers={"Idempotency-Key": "one"})
    assert again.json == {"id": new.id, **body}
    assert fakes.count("create_account") == 1


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, {"name", "email"}),
        ({"name": "", "email": "Ada <ada@example.com>"}, {"name", "email"}),
        ({"name": "Beta", "email": "nobody"}, {"email"}),
    ],
)
def test_account_needs_a_name_and_a_bare_address(
    api: ApiClient, fakes: FakeOperations, body: dict[str, object], paths: set[str]
) -> None:
    fakes.caller = make_caller(scopes=frozenset({Scope.ADMIN}))
    answer = api.call("POST", "/accounts", json_body=body)
    assert (answer.status, answer.error["details"].keys()) == (400, paths)


def test_refusal_of_a_wider_key_is_passed_on(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["create_key"] = Forbidden("no wider than yours", fix="ask for less")
    answer = api.call("POST", "/account/api-keys", json_body={"scopes": ["admin"]}, headers={"Idempotency-Key": "1"})
    assert (answer.status, answer.error["code"]) == (403, "FORBIDDEN_SCOPE")
    assert fakes.idempotency.records == {}
