"""The published verifier in JavaScript agrees with our signatures in both directions; its answers are recorded.

Where node is, it is asked anew. Where it is not, its recorded answers hold for as long as we sign the same bytes in the same way.
"""

import base64
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.webhook_signature import signed_headers, standard_signature

TESTS = Path(__file__).parents[1]
SAMPLES = TESTS / "samples" / "webhook_signatures"
JAVASCRIPT = TESTS.parent / ".embedded" / "tools" / "standardwebhooks" / "node_modules" / "standardwebhooks"
RECORDED = json.loads((SAMPLES / "javascript.json").read_text(encoding="utf-8"))

NOW = datetime(2026, 11, 23, 9, 0, 0, 700_000, tzinfo=UTC)
AT = int(NOW.timestamp())
EVENT_ID = "evt_0123456789abcdefghjk"
SECRET, OLDER, LONGEST = (
    "whsec_" + base64.b64encode(bytes(range(first, first + length))).decode()
    for first, length in [(0, 24), (100, 24), (190, 64)]
)
BODIES = [
    '{"id":"evt_0123456789abcdefghjk","event":"message.sent","data":{"subject":"Grüße"}}',
    "{}",
    '"a.b.c"',
    '{"bodyText":"line\\r\\nline\\u0000\\u2028","emoji":"👩‍🚀 𝒳"}',
    f'"{"é" * 700}"',
]
ACCEPTED = [True] * 7 + [False] * 8


def asked() -> dict[str, list[dict[str, Any]]]:
    """What we make of secrets, ids, times and bodies, and what somebody could make of it."""
    secrets = (SECRET, OLDER, LONGEST)
    signed = [
        {"secret": secret, "id": EVENT_ID, "timestamp": AT, "body": body} for secret in secrets for body in BODIES
    ]
    verified = [(SECRET, body, headers(body, SECRET)) for body in BODIES]
    verified += [(each, BODIES[0], headers(BODIES[0], SECRET, OLDER)) for each in (SECRET, OLDER)] + altered()
    return {
        "signed": signed,
        "verified": [{"secret": secret, "body": body, "headers": each, "at": AT} for secret, body, each in verified],
    }


def headers(body: str, *valid: str) -> dict[str, str]:
    return dict(signed_headers(valid, EVENT_ID, NOW, body.encode()))


def altered() -> list[tuple[str, str, dict[str, str]]]:
    body, signed = BODIES[0], headers(BODIES[0], SECRET)
    flipped = "v1,B" if signed["webhook-signature"].startswith("v1,A") else "v1,A"
    return [
        (SECRET, body + " ", signed),
        (SECRET, body.replace("sent", "SENT"), signed),
        (SECRET, body, signed | {"webhook-id": "evt_0123456789abcdefghjm"}),
        (SECRET, body, signed | {"webhook-timestamp": str(AT + 1)}),
        (SECRET, body, headers(body, SECRET) | {"webhook-signature": flipped + signed["webhook-signature"][4:]}),
        (SECRET, body, signed | {"webhook-signature": "v1," + signed["X-AgentSend-Signature"]}),
        (OLDER, body, signed),
        (SECRET, body, dict(signed_headers([SECRET], EVENT_ID, datetime.fromtimestamp(AT - 301, UTC), body.encode()))),
    ]


def test_what_it_signs_is_what_we_sign() -> None:
    ours = [
        standard_signature(each["secret"], each["id"], each["timestamp"], each["body"].encode())
        for each in RECORDED["asked"]["signed"]
    ]
    assert ours == RECORDED["answers"]["signed"]
    assert len(set(ours)) == 3 * len(BODIES)


def test_it_has_accepted_what_we_sign_and_refused_what_was_altered_of_it() -> None:
    assert asked() == RECORDED["asked"]
    assert RECORDED["answers"]["verified"] == ACCEPTED


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not here; what it said is recorded")
@pytest.mark.skipif(not JAVASCRIPT.exists(), reason="`make verifiers` fetches the JavaScript verifier; it is recorded")
def test_asked_anew_it_says_what_is_recorded() -> None:
    run = subprocess.run(
        ["node", str(SAMPLES / "ask.js"), str(JAVASCRIPT)],
        input=json.dumps(asked()),
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(run.stdout) == RECORDED["answers"]
