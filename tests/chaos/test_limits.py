"""Limits under 32 clients at once, through the real doors and on the real table, while the clock passes their borders."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from app import app
from chalicelib.domain.ids import inbox_number
from chalicelib.operations.manage_accounts import FIRST_ACCOUNT
from chalicelib.storage.inbox_items import bare_item
from chalicelib.storage.tables import InboxItem
from embedded.thread_safe_app import make_thread_safe
from tests.chaos.acts import BOUNCED, DONE
from tests.chaos.client import Client
from tests.chaos.deployment import API_KEY, Deployment
from tests.factories.api_events import ApiAnswer, ApiClient
from tests.operations.incoming import make_mail
from tests.storage.engines import Engine

CLIENTS, REQUESTS = 32, 64
LIMIT = 10


@dataclass
class Crowd:
    """A deployment with an inbox, and clients that all have begun before the first goes on."""

    deployment: Deployment
    inbox_id: str
    address: str

    def call(self, method: str, url: str, body: object = None, key: str = API_KEY) -> ApiAnswer:
        return ApiClient(app, key).call(method, url, json_body=body)

    def done(self, method: str, url: str, body: object = None) -> Any:
        """The answer to what must succeed."""
        answer = self.call(method, url, body)
        assert answer.status < 300, answer.body
        return answer.json if answer.body else None

    def set_limits(self, inbox: int, account: int) -> None:
        self.done("PATCH", f"/inboxes/{self.inbox_id}", {"dailySendLimit": inbox})
        self.done("PATCH", f"/accounts/{FIRST_ACCOUNT}", {"dailySendLimit": account})

    def sent_today(self) -> tuple[int, int]:
        return self.done("GET", f"/inboxes/{self.inbox_id}")["sendsToday"], self.done("GET", "/account")["sendsToday"]

    def send(self, to: str = DONE) -> ApiAnswer:
        body = {"to": [to], "subject": "Hello", "bodyText": "Hi."}
        return self.call("POST", f"/inboxes/{self.inbox_id}/messages", body)

    def at_once(
        self, request: Callable[[], ApiAnswer], meanwhile: Callable[[], None] = lambda: None
    ) -> list[ApiAnswer]:
        """64 requests by 32 clients; `meanwhile` happens when they are half-way."""
        begin, half_way = Barrier(CLIENTS), REQUESTS // 2

        def client(number: int) -> ApiAnswer:
            if number < CLIENTS:
                begin.wait()
            if number == half_way:
                meanwhile()
            return request()

        with ThreadPoolExecutor(CLIENTS) as clients:
            return list(clients.map(client, range(REQUESTS)))


@pytest.fixture
def crowd(embedded_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    for name, value in embedded_engine.variables.items():
        monkeypatch.setenv(name, value)
    make_thread_safe(app)
    deployment = Deployment(embedded_engine, monkeypatch)
    deployment.operations().bootstrap(API_KEY)
    deployment.wire.is_shared = True
    inbox = deployment.api("POST", "/inboxes", {}).json
    yield Crowd(deployment, inbox["id"], inbox["address"])
    deployment.wire.is_shared = False


def codes(answers: list[ApiAnswer]) -> Counter[object]:
    return Counter(answer.status if answer.status < 300 else answer.error["code"] for answer in answers)


def refused(answers: list[ApiAnswer]) -> list[ApiAnswer]:
    return [answer for answer in answers if answer.status >= 300]


# ------------------------------------------------------------------------------------------ daily limits


@pytest.mark.parametrize(("inbox", "account"), [(10_000, LIMIT), (LIMIT, LIMIT)])
def test_of_64_sends_by_32_clients_exactly_10_are_accepted_each_day(crowd: Crowd, inbox: int, account: int) -> None:
    crowd.set_limits(inbox, account)
    crowd.deployment.clock.now = crowd.deployment.clock().replace(hour=23, minute=59, second=30)

    for seconds_left in (30, 86_400):
        answers = crowd.at_once(crowd.send)
        assert codes(answers) == {202: LIMIT, "DAILY_LIMIT_EXCEEDED": REQUESTS - LIMIT}
        assert {answer.header("retry-after") for answer in refused(answers)} == {str(seconds_left)}
        assert all(answer.error["retryable"] and "midnight UTC" in answer.error["fix"] for answer in refused(answers))
        assert crowd.sent_today() == (LIMIT, LIMIT)
        crowd.deployment.clock.advance(30)
    while crowd.deployment.deliver_next():
        pass
    assert len(crowd.deployment.ses.accepted) == 2 * LIMIT


def test_while_midnight_passes_each_day_gets_its_own_and_no_more(crowd: Crowd) -> None:
    crowd.set_limits(LIMIT, LIMIT)
    crowd.deployment.clock.now = crowd.deployment.clock().replace(hour=23, minute=59, second=59)

    answers = crowd.at_once(crowd.send, meanwhile=lambda: crowd.deployment.clock.advance(1))
    late = crowd.at_once(crowd.send)

    # Whoever asked before midnight had the first day, and what is left of the requests the second, whole.
    assert LIMIT <= codes([*answers, *late])[202] <= 2 * LIMIT
    assert crowd.sent_today() == (LIMIT, LIMIT)


# ------------------------------------------------------------------------------------------- rate limits


def rates(answers: list[ApiAnswer]) -> Mapping[str, list[int]]:
    """What the headers of the answers say, the three of them."""
    return {
        name: sorted(int(answer.header(f"ratelimit-{name}") or -1) for answer in answers)
        for name in ("limit", "remaining", "reset")
    }


def test_of_64_requests_by_32_clients_a_key_makes_as_many_as_it_may_in_each_minute(crowd: Crowd) -> None:
    crowd.deployment.clock.now = crowd.deployment.clock().replace(second=48, microsecond=600_000)
    key = crowd.done("POST", "/account/api-keys", {"rateLimitPerMinute": LIMIT})["key"]

    for reset in (12, 60):
        answers = crowd.at_once(lambda: crowd.call("GET", "/account", key=key))
        assert codes(answers) == {200: LIMIT, "RATE_LIMIT_EXCEEDED": REQUESTS - LIMIT}
        assert rates(answers) == {
            "limit": [LIMIT] * REQUESTS,
            "remaining": [0] * (REQUESTS - LIMIT) + list(range(LIMIT)),
            "reset": [reset] * REQUESTS,
        }
        assert {answer.header("retry-after") for answer in refused(answers)} == {str(reset)}
        assert crowd.call("GET", "/account").status == 200  # another key has a window of its own
        crowd.deployment.clock.advance(11.4)


def test_while_a_minute_passes_each_minute_gets_its_own_and_no_more(crowd: Crowd) -> None:
    crowd.deployment.clock.now = crowd.deployment.clock().replace(second=59, microsecond=0)
    key = crowd.done("POST", "/account/api-keys", {"rateLimitPerMinute": LIMIT})["key"]

    def slowly() -> ApiAnswer:
        time.sleep(random.random() / 100)  # so that some are under way when the minute ends
        return crowd.call("GET", "/account", key=key)

    answers = crowd.at_once(slowly, meanwhile=lambda: crowd.deployment.clock.advance(1))
    answers += crowd.at_once(slowly)

    passed = Counter(answer.header("ratelimit-remaining") for answer in answers if answer.status == 200)
    assert passed == {str(left): 2 for left in range(LIMIT)}


# ---------------------------------------------------------------------------------------------- keys


def test_a_key_is_narrowed_expires_and_is_revoked_at_once(crowd: Crowd) -> None:
    made = crowd.done("POST", "/account/api-keys", {"name": "agent", "inboxIds": [crowd.inbox_id]})
    key, url = made["key"], f"/account/api-keys/{made['id']}"
    others = [each["id"] for each in crowd.done("GET", "/account/api-keys")["data"] if each["id"] != made["id"]]

    seen = crowd.call("GET", "/account/api-keys", key=key).json
    assert ([each["id"] for each in seen["data"]], seen["total"]) == ([made["id"]], 1)
    assert seen["data"][0]["lastUsedAt"] is not None
    unknown = crowd.call("DELETE", "/account/api-keys/key_00000000000000000000", key=key)
    for other in others:
        refusal = crowd.call("DELETE", f"/account/api-keys/{other}", key=key)
        assert (refusal.status, refusal.content) == (404, unknown.content)
    assert crowd.call("POST", "/inboxes", {}, key=key).status == 403

    crowd.done("PATCH", url, {"scopes": ["read"]})
    assert crowd.call("POST", f"/inboxes/{crowd.inbox_id}/messages", {}, key=key).error["code"] == "FORBIDDEN_SCOPE"
    later = crowd.deployment.clock() + timedelta(minutes=5)
    crowd.done("PATCH", url, {"expiresAt": later.isoformat()})
    crowd.deployment.clock.advance(299)
    assert crowd.call("GET", "/account", key=key).status == 200
    crowd.deployment.clock.advance(1)
    assert crowd.call("GET", "/account", key=key).status == 401

    crowd.done("PATCH", url, {"expiresAt": None})
    assert crowd.call("GET", "/account", key=key).status == 200
    crowd.done("DELETE", url)
    assert crowd.call("GET", "/account", key=key).status == 401


# ------------------------------------------------------------------------------------------ reputation


def test_an_inbox_whose_mail_bounces_is_suspended_still_receives_and_is_set_to_active_again(crowd: Crowd) -> None:
    item = bare_item(inbox_number(crowd.inbox_id))
    item.update([InboxItem.period_sends.set(99), InboxItem.bounce_room.set(-1), InboxItem.complaint_room.set(99)])
    client = Client(crowd.deployment)

    assert crowd.send(BOUNCED).status == 202  # the hundredth; with it 6 of 100 will have bounced
    client.arrives("mail", make_mail(message_id="<1@example.com>"), crowd.address)
    client.rest()

    inbox = crowd.done("GET", f"/inboxes/{crowd.inbox_id}")
    events = [each for each in crowd.done("GET", "/events?limit=100")["data"] if each["event"] == "inbox.suspended"]
    assert (inbox["status"], [each["data"]["id"] for each in events]) == ("suspended", [crowd.inbox_id])
    refusal = crowd.send()
    assert (refusal.status, refusal.error["code"]) == (403, "INBOX_SUSPENDED")
    assert "of 100 messages 6 bounced" in refusal.error["message"]
    client.arrives("later", make_mail(message_id="<2@example.com>"), crowd.address)
    client.rest()
    listed = crowd.done("GET", f"/inboxes/{crowd.inbox_id}/messages?direction=inbound")
    assert listed["total"] == 2

    crowd.done("PATCH", f"/inboxes/{crowd.inbox_id}", {"status": "active"})
    assert crowd.send().status == 202
