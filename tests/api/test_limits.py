"""The doors that change inboxes, keys and accounts, and what a key that is bound to inboxes is refused."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.domain.account import Scope, SwitchStatus
from chalicelib.domain.ids import inbox_id
from chalicelib.domain.inbox import InboxStatus
from chalicelib.operations.ports import AccountSettings, Page, PageRequest
from tests.factories.accounts import ACCOUNT_ID, KEY_ID, NOON, make_account, make_caller, make_inbox, make_key
from tests.factories.api_events import ApiClient
from tests.fakes.operations import FakeOperations

INBOX = f"/inboxes/{inbox_id(7)}"
KEY = f"/account/api-keys/{KEY_ID}"
ACCOUNT = f"/accounts/{ACCOUNT_ID}"
FULL_KEY = make_key(expires_at=NOON, rate_limit=20)


@pytest.fixture(autouse=True)
def changing(fakes: FakeOperations) -> None:
    """Changes succeed; the caller may do everything."""
    fakes.caller = make_caller(scopes=frozenset({Scope.ADMIN}))
    fakes.answers |= {
        "change_inbox": lambda _number, change, _caller: change(make_inbox()),
        "change_key": lambda _key_id, change, _caller: change(FULL_KEY),
        "change_account": make_account(status=SwitchStatus.SUSPENDED, sends_day="2026-11-22", sends_today=3),
    }


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        ({}, {}),
        ({"displayName": "Sales"}, {"display_name": "Sales"}),
        ({"displayName": None}, {"display_name": None}),
        ({"dailySendLimit": 0}, {"daily_send_limit": 0}),
        ({"status": "suspended"}, {"status": InboxStatus.SUSPENDED}),
        ({"status": "active", "dailySendLimit": 5}, {"status": InboxStatus.ACTIVE, "daily_send_limit": 5}),
    ],
)
def test_an_inbox_is_changed_in_what_the_body_names(
    api: ApiClient, fakes: FakeOperations, body: dict[str, object], changes: dict[str, Any]
) -> None:
    answer = api.call("PATCH", INBOX, json_body=body)

    number, change, caller = fakes.last("change_inbox").positional
    assert (number, caller) == (7, fakes.caller)
    assert change(make_inbox()) == replace(make_inbox(), **changes)
    assert (answer.status, answer.json["id"]) == (200, inbox_id(7))
    assert body.items() <= answer.json.items()


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        ({}, {}),
        ({"name": "other", "scopes": ["read", "read"]}, {"name": "other", "scopes": frozenset({Scope.READ})}),
        ({"name": None, "expiresAt": None}, {"name": None, "expires_at": None}),
        ({"expiresAt": "2030-01-31T13:00:00+01:00"}, {"expires_at": datetime(2030, 1, 31, 12, tzinfo=UTC)}),
        ({"rateLimitPerMinute": 1}, {"rate_limit": 1}),
        ({"rateLimitPerMinute": None}, {"rate_limit": None}),
    ],
)
def test_a_key_is_changed_in_what_the_body_names(
    api: ApiClient, fakes: FakeOperations, body: dict[str, object], changes: dict[str, Any]
) -> None:
    answer = api.call("PATCH", KEY, json_body=body)

    key_id, change, caller = fakes.last("change_key").positional
    assert (key_id, caller) == (KEY_ID, fakes.caller)
    assert change(FULL_KEY) == replace(FULL_KEY, **changes)
    assert (answer.status, answer.json["id"], "key" in answer.json) == (200, KEY_ID, False)


@pytest.mark.parametrize(
    ("body", "settings"),
    [
        ({}, AccountSettings()),
        ({"plan": "pro"}, AccountSettings(plan="pro")),
        ({"dailySendLimit": 0}, AccountSettings(daily_send_limit=0)),
        ({"status": "suspended"}, AccountSettings(status=SwitchStatus.SUSPENDED)),
    ],
)
def test_an_account_is_changed_in_what_the_body_names(
    api: ApiClient, fakes: FakeOperations, body: dict[str, object], settings: AccountSettings
) -> None:
    answer = api.call("PATCH", ACCOUNT, json_body=body)

    assert fakes.last("change_account").positional == (ACCOUNT_ID, settings, fakes.caller)
    assert answer.json["status"] == "suspended"


@pytest.mark.parametrize(
    ("url", "body", "path", "word"),
    [
        (INBOX, {"status": "deleted"}, "status", "DELETE"),
        (INBOX, {"status": None}, "status", "one of active, suspended"),
        (INBOX, {"dailySendLimit": -1}, "dailySendLimit", "at least 0"),
        (INBOX, {"dailySendLimit": None}, "dailySendLimit", "not null"),
        (INBOX, {"dailySendLimit": "5"}, "dailySendLimit", "whole number"),
        (INBOX, {"dailySendLimit": 1.5}, "dailySendLimit", "a whole number, not 1.5"),
        (INBOX, {"dailySendLimit": 10**9 + 1}, "dailySendLimit", "at most"),
        (INBOX, {"displayName": ""}, "displayName", "at least 1"),
        (INBOX, {"display_name": "x"}, "display_name", "displayName"),
        (INBOX, {"address": "other"}, "address", "no such field"),
        (KEY, {"scopes": []}, "scopes", "at least 1"),
        (KEY, {"scopes": None}, "scopes", "array"),
        (KEY, {"inboxIds": None}, "inboxIds", "no such field"),
        (KEY, {"rateLimitPerMinute": 0}, "rateLimitPerMinute", "at least 1"),
        (KEY, {"expiresAt": "soon"}, "expiresAt", "RFC 3339"),
        (KEY, {"status": "suspended", "name": None}, "status", "request of its own"),
        (ACCOUNT, {"plan": None}, "plan", "not null"),
        (ACCOUNT, {"status": "deleted"}, "status", "active, suspended"),
        (ACCOUNT, {"email": "x@example.com"}, "email", "no such field"),
    ],
)
def test_wrong_changes_are_named(api: ApiClient, url: str, body: dict[str, object], path: str, word: str) -> None:
    answer = api.call("PATCH", url, json_body=body)
    assert answer.status == 400
    assert word in answer.error["details"][path][0]


@pytest.mark.parametrize("url", ["/inboxes/inb_u", "/account/api-keys/key_u", "/accounts/acc_u", "/accounts/" + KEY_ID])
def test_text_that_is_no_id_is_404(api: ApiClient, fakes: FakeOperations, url: str) -> None:
    assert api.call("PATCH", url, json_body={}).error["code"] == "NOT_FOUND"
    assert fakes.calls == []


def test_accounts_are_listed_with_what_they_sent_today(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["list_accounts"] = Page((make_account(sends_day="2026-11-22", sends_today=3),), 7, 41)
    answer = api.call("GET", "/accounts?limit=1")
    assert fakes.last("list_accounts").positional == (fakes.caller, PageRequest(1, 0))
    (account,) = answer.json["data"]
    assert (account["id"], account["sendsToday"], answer.json["total"]) == (ACCOUNT_ID, 3, 7)

    api.call("GET", f"/accounts?cursor={answer.json['nextCursor']}")
    assert fakes.last("list_accounts").positional == (fakes.caller, PageRequest(20, after=41))


@pytest.mark.parametrize(
    ("method", "url", "scopes"),
    [
        ("POST", "/inboxes", {Scope.MANAGE}),
        ("GET", "/accounts", {Scope.ADMIN}),
        ("POST", "/accounts", {Scope.ADMIN}),
        ("PATCH", ACCOUNT, {Scope.ADMIN}),
    ],
)
def test_a_bound_key_is_refused_what_concerns_the_whole_account(
    api: ApiClient, fakes: FakeOperations, method: str, url: str, scopes: set[Scope]
) -> None:
    fakes.caller = make_caller(scopes=frozenset(scopes), inbox_numbers=frozenset({7}))
    answer = api.call(method, url, json_body=None if method == "GET" else {})
    assert (answer.status, answer.error["code"]) == (403, "FORBIDDEN_SCOPE")
    assert "bound" in answer.error["message"]
    assert answer.header("ratelimit-remaining") == "99"
    assert fakes.calls == []
