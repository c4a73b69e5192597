"""The three stop switches over HTTP. What they hold while mail waits: tests/operations/test_stop_switches.py."""

from collections.abc import Mapping

import pytest

from tests.journeys.system import Journey, RunningSystem

pytestmark = pytest.mark.xdist_group("journeys")

SWITCHES: Mapping[str, tuple[str, str]] = {
    "inbox": ("/inboxes/{inbox}", "INBOX_SUSPENDED"),
    "key": ("/account/api-keys/{key}", "KEY_SUSPENDED"),
    "account": ("/account", "ACCOUNT_SUSPENDED"),
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_stops_sending_discards_only_while_it_is_stopped_and_lets_mail_go_again(
    system: RunningSystem, switch: str
) -> None:
    with system.client() as operator:
        made = operator.post("/accounts", json={"name": "Stopped", "email": "a@example.org"}).json()
    with system.client(made["apiKey"]) as owner:
        journey = Journey(owner)
        agent_key = journey.call("POST", "/account/api-keys", 201, json={"scopes": ["send"]})
        path, code = SWITCHES[switch]
        path = path.format(inbox=journey.inbox["id"], key=agent_key["id"])
        outbox = f"/inboxes/{journey.inbox['id']}/messages"
        draft = {"to": ["success@simulator.amazonses.com"], "subject": "Stop", "bodyText": "Hi."}
        with system.client(agent_key["key"]) as agent:
            early = journey.call("POST", f"{path}/discard-queued", 409)
            assert early["error"]["code"] == "NOT_SUSPENDED"
            for _ in range(2):  # turning it twice is harmless
                assert journey.call("PATCH", path, json={"status": "suspended"})["status"] == "suspended"
            refused = agent.post(outbox, json=draft)
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, code)
            assert journey.listed()["total"] == 0
            assert journey.call("POST", f"{path}/discard-queued", 202).keys() == {"acceptedUntil"}

            assert journey.call("PATCH", path, json={"status": "active"})["status"] == "active"
            accepted = agent.post(outbox, json=draft)
            assert accepted.status_code == 202
            assert journey.until_status(accepted.json(), "delivered", "failed")["status"] == "delivered"
