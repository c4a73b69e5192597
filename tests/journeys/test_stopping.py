"""One call stops all mail, also what is queued; it is released or discarded later."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.journeys.system import Journey, RunningSystem, until

pytestmark = pytest.mark.xdist_group("journeys")

MANY = 12
TO = "success@simulator.amazonses.com"
SWITCHES: Mapping[str, tuple[str, str]] = {
    "inbox": ("/inboxes/{inbox}", "INBOX_SUSPENDED"),
    "key": ("/account/api-keys/{key}", "KEY_SUSPENDED"),
    "account": ("/account", "ACCOUNT_SUSPENDED"),
}


def _ended(journey: Journey, messages: list[dict[str, Any]]) -> list[str]:
    """How each has ended, when none moves any more."""

    def look() -> list[str]:
        return [journey.message(message)["status"] for message in messages]

    return until(look, lambda seen: set(seen) <= {"delivered", "failed"})


@pytest.mark.parametrize("switch", SWITCHES)
def test_what_is_stopped_sends_nothing_and_what_it_holds_is_released_or_discarded(
    system: RunningSystem, switch: str
) -> None:
    with system.client() as operator:
        made = operator.post("/accounts", json={"name": "Stopped", "email": "a@example.org"}).json()
    with system.client(made["apiKey"]) as owner:
        journey = Journey(owner)
        agent_key = journey.call("POST", "/account/api-keys", 201, json={"scopes": ["send", "read"]})
        path, code = SWITCHES[switch]
        path = path.format(inbox=journey.inbox["id"], key=agent_key["id"])
        outbox = f"/inboxes/{journey.inbox['id']}/messages"
        draft = {"to": [TO], "subject": "Stop", "bodyText": "Hi."}
        with system.client(agent_key["key"]) as agent:
            for then in ("released", "discarded"):
                sent = [agent.post(outbox, json=draft).json() for _ in range(MANY)]
                assert journey.call("PATCH", path, json={"status": "suspended"})["status"] == "suspended"
                refused = agent.post(outbox, json=draft)
                assert (refused.status_code, refused.json()["error"]["code"]) == (403, code)
                if then == "discarded":
                    journey.call("POST", f"{path}/discard-queued", 202)
                    statuses = _ended(journey, sent)
                    failed = [message for message, status in zip(sent, statuses, strict=True) if status == "failed"]
                    reasons = [journey.message(message)["failureReason"]["code"] for message in failed]
                    assert set(reasons) <= {"discarded"}
                journey.call("PATCH", path, json={"status": "active"})
                early = journey.call("POST", f"{path}/discard-queued", 409)
                assert early["error"]["code"] == "NOT_SUSPENDED"
                if then == "released":
                    assert set(_ended(journey, sent)) == {"delivered"}
            last = agent.post(outbox, json=draft)
            assert last.status_code == 202
            assert _ended(journey, [last.json()]) == ["delivered"]
