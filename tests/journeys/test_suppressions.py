"""An address that bounced is not written to again until it is taken off the list; what was done is counted."""

import json

import pytest

from tests.journeys.system import Journey, RunningSystem, until

pytestmark = pytest.mark.xdist_group("journeys")

SUCCESS = "success@simulator.amazonses.com"
BOUNCE = "bounce+gone@simulator.amazonses.com"
IN_PATH = "/suppressions/bounce%2Bgone%40simulator.amazonses.com"


def test_an_address_that_bounced_is_refused_left_out_and_written_to_again(
    system: RunningSystem, journey: Journey
) -> None:
    first = journey.until_status(journey.send(BOUNCE), "bounced")
    found = journey.call("GET", IN_PATH)
    assert (found["reason"], found["messageId"]) == ("bounce", first["id"])
    assert found in journey.call("GET", "/suppressions")["data"]

    path = f"/inboxes/{journey.inbox['id']}/messages"
    refused = journey.call("POST", path, 403, json={"to": [BOUNCE.upper()], "subject": "Again"})
    assert refused["error"]["code"] == "RECIPIENT_SUPPRESSED"
    partly = journey.send(SUCCESS, BOUNCE)
    assert [each["status"] for each in partly["recipients"]] == ["queued", "failed"]
    ended = until(
        lambda: journey.message(partly),
        lambda seen: [each["status"] for each in seen["recipients"]] == ["delivered", "failed"],
    )
    assert (ended["status"], ended["recipients"][1]["reason"]["code"]) == ("failed", "suppressed")

    journey.call("DELETE", IN_PATH, 204)
    assert journey.client.get(IN_PATH).status_code == 404
    journey.until_status(journey.send(BOUNCE), "bounced")
    lines = "\n".join(json.dumps({"address": address}) for address in (BOUNCE, "import@example.com", "no address"))
    imported = journey.call(
        "POST", "/suppressions/import", content=lines, headers={"content-type": "application/x-ndjson"}
    )
    assert (imported["added"], imported["already"], [each["line"] for each in imported["invalid"]]) == (1, 1, [3])

    used = until(
        lambda: journey.call("GET", f"/account/usage?inboxId={journey.inbox['id']}")["data"][-1],
        lambda seen: seen["sends"] == 3,
    )
    assert used["recipients"] == 3
    assert journey.call("GET", "/account")["usage"]["today"]["requests"] > 10
