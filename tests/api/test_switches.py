"""The routes that turn stop switches and discard what they hold."""

from dataclasses import replace

import pytest

from chalicelib.domain.account import SwitchStatus
from chalicelib.domain.errors import Conflict, ErrorCode
from chalicelib.domain.ids import inbox_id
from chalicelib.domain.switch import Switch
from tests.factories.accounts import ACCOUNT_ID, KEY_ID, NOON, make_account, make_caller, make_key
from tests.factories.api_events import ApiClient
from tests.fakes.operations import FakeOperations

DISCARDS = {
    f"/inboxes/{inbox_id(7)}/discard-queued": Switch.of_inbox(7),
    f"/account/api-keys/{KEY_ID}/discard-queued": Switch.of_key(KEY_ID),
    "/account/discard-queued": Switch.of_account(ACCOUNT_ID),
}


def test_a_key_is_suspended_and_shown_so(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers |= {"change_key": make_key(), "turn_key": make_key(status=SwitchStatus.SUSPENDED)}

    answer = api.call("PATCH", f"/account/api-keys/{KEY_ID}", json_body={"status": "suspended"})

    assert (answer.status, answer.json["status"]) == (200, "suspended")
    assert fakes.last("turn_key").positional[:2] == (KEY_ID, SwitchStatus.SUSPENDED)


@pytest.mark.parametrize(
    ("own", "operators", "by"),
    [
        ("active", "active", None),
        ("suspended", "active", "owner"),
        ("active", "suspended", "operator"),
        ("suspended", "suspended", "operator"),
    ],
)
def test_an_account_says_whose_switch_stops_it(
    api: ApiClient, fakes: FakeOperations, own: str, operators: str, by: str | None
) -> None:
    account = replace(make_account(), own_status=SwitchStatus(own), status=SwitchStatus(operators))
    fakes.answers["turn_account"] = account

    answer = api.call("PATCH", "/account", json_body={"status": own})

    assert (answer.status, answer.json["suspendedBy"]) == (200, by)
    assert answer.json["status"] == ("active" if by is None else "suspended")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/account", {}, "status"),
        *[
            (path, body, field)
            for path in ("/account", f"/account/api-keys/{KEY_ID}")
            for body, field in (({"status": "deleted"}, "status"), ({"state": "active"}, "state"))
        ],
    ],
)
def test_a_status_that_is_none_is_named(api: ApiClient, path: str, body: dict[str, str], field: str) -> None:
    answer = api.call("PATCH", path, json_body=body)

    assert answer.status == 400
    assert field in answer.error["details"]


@pytest.mark.parametrize("path", DISCARDS)
def test_a_discard_says_up_to_when_once(api: ApiClient, fakes: FakeOperations, path: str) -> None:
    fakes.answers["discard_queued"] = NOON
    headers = {"idempotency-key": "again"}

    first, second = (api.call("POST", path, headers=headers) for _ in range(2))

    assert (first.status, first.json) == (202, {"acceptedUntil": "2026-11-22T12:00:00.000Z"})
    assert second.json == first.json
    assert fakes.count("discard_queued") == 1
    assert fakes.last("discard_queued").positional[0] == DISCARDS[path]


@pytest.mark.parametrize("path", DISCARDS)
def test_a_discard_while_mail_goes_is_a_conflict(api: ApiClient, fakes: FakeOperations, path: str) -> None:
    fakes.answers["discard_queued"] = Conflict("active", fix="suspend it", code=ErrorCode.NOT_SUSPENDED)

    answer = api.call("POST", path)

    assert (answer.status, answer.error["code"]) == (409, "NOT_SUSPENDED")


@pytest.mark.parametrize(("method", "path"), [("GET", "/inboxes"), ("DELETE", f"/account/api-keys/{KEY_ID}")])
def test_a_suspended_key_is_refused_everywhere(api: ApiClient, fakes: FakeOperations, method: str, path: str) -> None:
    fakes.caller = make_caller(status=SwitchStatus.SUSPENDED)

    answer = api.call(method, path)

    assert (answer.status, answer.error["code"]) == (403, "KEY_SUSPENDED")
    assert "RateLimit-Remaining" in answer.headers


@pytest.mark.parametrize("path", ["/account/api-keys/key_x", "/account/api-keys/key_x/discard-queued"])
def test_a_text_that_is_no_key_id_is_404(api: ApiClient, path: str) -> None:
    method = "POST" if path.endswith("discard-queued") else "PATCH"
    body = None if method == "POST" else {"status": "active"}

    assert api.call(method, path, json_body=body).status == 404
