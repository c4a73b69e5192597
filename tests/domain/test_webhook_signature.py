"""The published verifiers of Standard Webhooks accept our signatures and refuse altered ones; so does a plain HMAC."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from chalicelib.domain.webhook import MOST_OLD, ROTATION, WebhookSecret
from chalicelib.domain.webhook_signature import new_secret, plain_signature, signed_headers

EVENT_ID = "evt_0123456789abcdefghjk"
BODY = json.dumps({"id": EVENT_ID, "event": "message.sent", "data": {"subject": "Grüße"}}).encode()


def headers(*valid: str, body: bytes = BODY) -> dict[str, str]:
    return dict(signed_headers(valid, EVENT_ID, datetime.now(UTC), body))


def accepted(secret: str, body: bytes, signed: dict[str, str]) -> bool:
    try:
        Verifier(secret).verify(body, signed)
    except WebhookVerificationError:
        return False
    return True


@given(st.dictionaries(st.text(), st.text()))
def test_the_published_verifier_accepts_whatever_we_sign(document: dict[str, str]) -> None:
    secret, body = new_secret(), json.dumps(document, ensure_ascii=False).encode(errors="replace")

    assert accepted(secret, body, headers(secret, body=body))


def altered(secret: str) -> list[tuple[str, bytes, dict[str, str]]]:
    signed = headers(secret)
    later = str(int(signed["webhook-timestamp"]) + 1)
    flipped = "v1,B" if signed["webhook-signature"].startswith("v1,A") else "v1,A"
    return [
        (secret, BODY + b" ", signed),
        (secret, BODY.replace(b"sent", b"SENT"), signed),
        (secret, BODY, signed | {"webhook-id": "evt_0123456789abcdefghjm"}),
        (secret, BODY, signed | {"webhook-timestamp": later}),
        (secret, BODY, signed | {"webhook-signature": flipped + signed["webhook-signature"][4:]}),
        (secret, BODY, signed | {"webhook-signature": "v1," + signed["X-AgentSend-Signature"]}),
        (new_secret(), BODY, signed),
    ]


def test_the_published_verifier_refuses_what_was_altered() -> None:
    secret = new_secret()

    assert accepted(secret, BODY, headers(secret))
    assert [accepted(*case) for case in altered(secret)] == [False] * 7


def test_both_secrets_verify_while_one_is_being_changed() -> None:
    now = datetime.now(UTC)
    secret = WebhookSecret(new_secret()).rotated(fresh := new_secret(), now)
    old = secret.previous[0].text

    during = headers(*secret.valid(now + ROTATION - timedelta(seconds=1)))
    after = headers(*secret.valid(now + ROTATION))

    assert [accepted(each, BODY, during) for each in (fresh, old)] == [True, True]
    assert [accepted(each, BODY, after) for each in (fresh, old)] == [True, False]
    assert during["X-AgentSend-Signature"] == hmac.new(fresh.encode(), BODY, hashlib.sha256).hexdigest()
    assert during["X-AgentSend-Signature-Previous"] == hmac.new(old.encode(), BODY, hashlib.sha256).hexdigest()
    assert "X-AgentSend-Signature-Previous" not in after
    assert [each.startswith("v1,") for each in during["webhook-signature"].split(" ")] == [True, True]


def test_a_secret_is_at_least_as_long_as_the_specification_asks() -> None:
    secret = new_secret()
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) >= 24
    assert secret != new_secret()


def test_a_second_rotation_within_a_day_breaks_no_receiver_that_knows_the_secret_from_before_or_one_between() -> None:
    now = datetime.now(UTC)
    secret = WebhookSecret(first := new_secret()).rotated(second := new_secret(), now)

    secret = secret.rotated(third := new_secret(), now + timedelta(hours=1))

    during = headers(*secret.valid(now + timedelta(hours=2)))
    assert [accepted(each, BODY, during) for each in (first, second, third)] == [True] * 3
    assert during["X-AgentSend-Signature-Previous"] == plain_signature(first, BODY)
    assert secret.valid(now + ROTATION) == (third, second)
    assert secret.valid(now + ROTATION + timedelta(hours=1)) == (third,)


def test_however_often_a_secret_is_rotated_few_sign_and_the_oldest_is_among_them() -> None:
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    secret = WebhookSecret(first := new_secret())
    for _ in range(9):
        secret = secret.rotated(new_secret(), now)

    assert len(secret.valid(now)) == 1 + MOST_OLD
    assert secret.valid(now)[-1] == first
    assert first not in repr(secret)
