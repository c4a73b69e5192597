"""The doors of webhooks: each field of the contract, secrets shown once, and nothing of another account's."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from chalicelib.domain.account import Scope
from chalicelib.domain.ids import AccountId, inbox_id
from chalicelib.domain.public_address import Address
from chalicelib.domain.webhook import WebhookId
from chalicelib.domain.webhook_delivery import ATTEMPTS_KEPT, Attempt, WebhookDelivery
from chalicelib.operations.manage_webhooks import CheckWish, CreateWebhook, GetWebhook, UpdateWebhook
from chalicelib.providers.webhook_client import HttpsWebhookClient
from tests.factories.accounts import make_caller, make_inbox
from tests.factories.api_events import ApiClient
from tests.factories.webhooks import make_logged
from tests.fakes.operations import FakeOperations
from tests.operations.webhook_world import WebhookWorld

URL = "https://hooks.example.com/mail"


def resolver(host: str, _port: int) -> Sequence[Address]:
    return [ip_address("10.0.0.1" if host.startswith("inside") else "93.184.216.34")]


@pytest.fixture
def world(fakes: FakeOperations) -> WebhookWorld:
    """Real operations over fake stores behind the doors."""
    world = WebhookWorld()
    world.inboxes.create(make_inbox(number=8, address="second@mail.example.com"))
    check = CheckWish(world.inboxes, HttpsWebhookClient(resolver=resolver))
    update = UpdateWebhook(world.webhooks, world.deliveries, world.slow_queue, check, world.log, world.clock)
    fakes.answers |= {
        "create_webhook": CreateWebhook(world.webhooks, check, world.log, world.clock),
        "list_webhooks": world.list_webhooks,
        "get_webhook": GetWebhook(world.webhooks),
        "update_webhook": update,
        "delete_webhook": world.delete_webhook,
        "rotate_webhook_secret": world.rotate_secret,
        "ping_webhook": world.ping_webhook,
        "list_deliveries": world.list_deliveries,
        "replay_delivery": world.replay_delivery,
        "replay_range": world.replay_range,
    }
    return world


def create(api: ApiClient, **more: Any) -> dict[str, Any]:
    answer = api.call("POST", "/webhooks", json_body={"url": URL, **more})
    assert answer.status == 201, answer.body
    created: dict[str, Any] = answer.json
    return created


@pytest.mark.usefixtures("world")
def test_a_webhook_shows_every_field_of_the_contract_and_its_secret_once(api: ApiClient) -> None:
    created = create(api, description="Ours", events=["message.bounced"], inboxIds=[inbox_id(7)])

    secret = created.pop("secret")
    assert secret.startswith("whsec_")
    assert created == {
        "id": created["id"],
        "url": URL,
        "description": "Ours",
        "events": ["message.bounced"],
        "inboxIds": [inbox_id(7)],
        "isActive": True,
        "disabledReason": None,
        "createdAt": "2026-11-22T12:00:00.000Z",
        "updatedAt": "2026-11-22T12:00:00.000Z",
    }
    assert api.call("GET", f"/webhooks/{created['id']}").json == created
    assert api.call("GET", "/webhooks").json == {"data": [created], "total": 1, "nextCursor": None}


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://hooks.example.com/", "must begin with https://"),
        ("https://hooks.example.com:8080/", "must use port 443 or 8443"),
        ("https://me:word@hooks.example.com/", "user name or password"),
        ("https://127.0.0.1/", "not an address of the public internet"),
        ("https://2130706433/", "has a number for a host"),
        ("https://inside.example.com/", "leads to 10.0.0.1"),
        ("ftp://hooks.example.com/", "must begin with https://"),
        ("hooks", "has no host"),
    ],
)
def test_a_url_that_is_not_public_is_refused_with_its_reason(api: ApiClient, url: str, says: str) -> None:
    answer = api.call("POST", "/webhooks", json_body={"url": url})
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert says in answer.error["details"]["url"][0]


@pytest.mark.usefixtures("world")
def test_an_unknown_event_and_one_that_is_not_sent_are_refused(api: ApiClient) -> None:
    answer = api.call("POST", "/webhooks", json_body={"url": URL, "events": ["message.opened", "message.sending"]})
    assert answer.status == 400
    assert set(answer.error["details"]) == {"events[0]", "events[1]"}


@pytest.mark.usefixtures("world")
def test_a_change_keeps_what_it_leaves_out(api: ApiClient) -> None:
    created = create(api, description="Ours", events=["message.bounced"], inboxIds=[inbox_id(7)])

    changed = api.call("PUT", f"/webhooks/{created['id']}", json_body={"events": None, "isActive": False})

    assert changed.status == 200
    assert changed.json == {
        **{name: value for name, value in created.items() if name != "secret"},
        "events": None,
        "isActive": False,
    }


def test_a_replayed_creation_leaves_the_secret_out(api: ApiClient, world: WebhookWorld) -> None:
    keyed = {"Idempotency-Key": "once"}
    first = api.call("POST", "/webhooks", json_body={"url": URL}, headers=keyed)
    again = api.call("POST", "/webhooks", json_body={"url": URL}, headers=keyed)

    assert "secret" in first.json
    assert again.json == {name: value for name, value in first.json.items() if name != "secret"}
    assert again.header("Idempotent-Replayed") == "true"
    assert len(world.webhooks.webhooks) == 1


def test_a_rotated_secret_is_shown_once_and_both_sign_for_a_day(api: ApiClient, world: WebhookWorld) -> None:
    created = create(api)

    rotated = api.call("POST", f"/webhooks/{created['id']}/rotate-secret", headers={"Idempotency-Key": "r"})
    again = api.call("POST", f"/webhooks/{created['id']}/rotate-secret", headers={"Idempotency-Key": "r"})

    (stored,) = world.webhooks.webhooks.values()
    assert rotated.json["secret"] not in (None, created["secret"])
    assert "secret" not in again.json
    assert stored.secret.valid(world.clock()) == (rotated.json["secret"], created["secret"])
    assert stored.secret.valid(world.clock() + timedelta(hours=24)) == (rotated.json["secret"],)


def test_deliveries_with_long_answers_come_in_pages_that_lambda_can_carry(api: ApiClient, world: WebhookWorld) -> None:
    created = create(api)
    attempt = Attempt(world.clock(), 15_000, 500, "\x01" * 1_024)
    for number in range(100):
        made = WebhookDelivery(WebhookId(created["id"]), make_logged(number), attempts=(attempt,) * ATTEMPTS_KEPT)
        world.deliveries.save(made, world.clock())

    path = f"/webhooks/{created['id']}/deliveries?limit=100"
    answers = [api.call("GET", path)]
    while cursor := answers[-1].json["nextCursor"]:
        answers.append(api.call("GET", f"{path}&cursor={cursor}"))

    assert len(answers) > 1
    assert all(len(json.dumps(answer.body)) <= 6_000_000 for answer in answers)
    seen = [each["id"] for answer in answers for each in answer.json["data"]]
    assert len(seen) == len(set(seen)) == 100


def test_deliveries_tests_and_replays(api: ApiClient, world: WebhookWorld) -> None:
    created = create(api)
    for _ in range(3):
        world.happen()
    pinged = api.call("POST", f"/webhooks/{created['id']}/test")
    world.run(timedelta(minutes=1))

    assert pinged.status == 202
    listed = api.call("GET", f"/webhooks/{created['id']}/deliveries?limit=3").json
    assert len(listed["data"]) == 3
    rest = api.call("GET", f"/webhooks/{created['id']}/deliveries?cursor={listed['nextCursor']}").json
    deliveries = [*listed["data"], *rest["data"]]
    assert rest["nextCursor"] is None
    assert [each["event"] for each in deliveries] == ["webhook.test", *["message.sent"] * 3]
    assert {each["status"] for each in deliveries} == {"delivered"}
    assert deliveries[0]["attempts"][0]["statusCode"] == 200
    assert deliveries[0]["attempts"][0]["answer"] == "ok"

    replayed = api.call("POST", f"/webhooks/{created['id']}/deliveries/{deliveries[1]['id']}/replay")
    assert (replayed.status, replayed.json["status"]) == (202, "pending")
    everything = api.call("POST", f"/webhooks/{created['id']}/replay", json_body={"since": "2026-11-22T11:00:00Z"})
    assert (everything.status, everything.json["until"]) == (202, "2026-11-22T12:01:00.000Z")
    backwards = {"since": "2026-11-22T11:00:00Z", "until": "2026-11-22T10:00:00Z"}
    assert api.call("POST", f"/webhooks/{created['id']}/replay", json_body=backwards).status == 400


def test_nothing_of_another_accounts_webhook_is_there(
    api: ApiClient, fakes: FakeOperations, world: WebhookWorld
) -> None:
    created = create(api)
    world.happen()
    world.run(timedelta(minutes=1))
    (delivery,) = api.call("GET", f"/webhooks/{created['id']}/deliveries").json["data"]
    other = create(api)
    fakes.caller = replace(fakes.caller, account_id=AccountId("acc_another0000000000000"))
    unknown = api.call("GET", "/webhooks/wh_00000000000000000000").error

    calls: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("PUT", "", {"isActive": False}),
        ("DELETE", "", None),
        ("POST", "/rotate-secret", None),
        ("POST", "/test", None),
        ("GET", "/deliveries", None),
        ("POST", f"/deliveries/{delivery['id']}/replay", None),
        ("POST", "/replay", {"since": "2026-11-22T11:00:00Z"}),
    ]
    for method, path, body in calls:
        answer = api.call(method, f"/webhooks/{created['id']}{path}", json_body=body)
        assert answer.status == 404, (method, path)
        assert answer.error["message"] == unknown["message"]
    # A delivery's id is sealed for its webhook: with another it is none.
    fakes.caller = make_caller()
    assert api.call("POST", f"/webhooks/{other['id']}/deliveries/{delivery['id']}/replay").status == 404


def test_a_key_bound_to_an_inbox_sees_and_makes_only_webhooks_of_it(
    api: ApiClient, fakes: FakeOperations, world: WebhookWorld
) -> None:
    every, eight = create(api), create(api, inboxIds=[inbox_id(8)])
    caller = make_caller()
    fakes.caller = replace(caller, key=replace(caller.key, inbox_numbers=frozenset({7})))

    mine = create(api)
    assert mine["inboxIds"] == [inbox_id(7)]
    assert [each["id"] for each in api.call("GET", "/webhooks").json["data"]] == [mine["id"]]
    assert {api.call("GET", f"/webhooks/{each['id']}").status for each in (every, eight)} == {404}
    assert api.call("POST", "/webhooks", json_body={"url": URL, "inboxIds": [inbox_id(8)]}).status == 404
    widened = api.call("PUT", f"/webhooks/{mine['id']}", json_body={"inboxIds": None})
    assert widened.json["inboxIds"] == [inbox_id(7)]
    assert len(world.webhooks.webhooks) == 3


@pytest.mark.usefixtures("world")
def test_changing_webhooks_takes_a_key_that_may_manage(api: ApiClient, fakes: FakeOperations) -> None:
    caller = make_caller()
    fakes.caller = replace(caller, key=replace(caller.key, scopes=frozenset({Scope.READ, Scope.SEND})))

    assert api.call("POST", "/webhooks", json_body={"url": URL}).status == 403
    assert api.call("GET", "/webhooks").status == 200


@pytest.mark.usefixtures("world")
def test_a_deleted_webhook_is_gone(api: ApiClient) -> None:
    created = create(api)
    assert api.call("DELETE", f"/webhooks/{created['id']}").status == 204
    assert api.call("GET", f"/webhooks/{created['id']}").status == 404
    assert api.call("GET", "/webhooks").json["total"] == 0
